"""Every answer of the HTML face has an id: in its header, on pages that report a failure, and in the log.

The API has the same of its own, on its short road (apps/api/middleware.py).
"""

import logging
import uuid
from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase

log = logging.getLogger(__name__)


class RequestIdMiddleware:
    """Puts `id` on the request and X-Request-ID on the answer; logs both ends of what was refused or failed."""

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        request.id = uuid.uuid4()
        response = self.get_response(request)
        response["X-Request-ID"] = str(request.id)
        if response.status_code >= 400:
            level = logging.ERROR if response.status_code >= 500 else logging.WARNING
            log.log(level, "request %s: %s %s: %d", request.id, request.method, _page(request), response.status_code)
        return response


def _page(request: Any) -> str:
    """The name of the page where there is one: an address may hold the key of an invitation."""
    match = getattr(request, "resolver_match", None)
    return str(match.view_name) if match else "unknown page"

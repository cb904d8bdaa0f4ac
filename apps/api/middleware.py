"""The API's own short road: no session, no CSRF, no messages, no language cookie on its way.

Addresses of the API are resolved and answered here; everything else goes on to the browser's middleware.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import resolve
from django.utils import translation
from django.utils.cache import patch_vary_headers

from . import errors

PREFIXES = ("/api/", "/auth/realms/", "/ingest/")


class ApiMiddleware:
    """Answers everything under PREFIXES, failures included, with the headers all answers share."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        request.COOKIES = {}  # a browser's language cookie is not part of what answers vary on
        with translation.override(translation.get_language_from_request(request)):
            return _finish(request, _answer(request))


def _answer(request: HttpRequest) -> HttpResponseBase:
    # A redirect would let clients send their secret in clear first, again and again.
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return errors.problem(request, "https_required")
    try:
        request.get_host()  # refuses hosts that are not served here
        match = resolve(request.path_info)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
    except Exception as error:  # noqa: BLE001  (the last line of defence: every failure becomes a problem body)
        return errors.of_exception(request, error)
    return response


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response["X-Request-ID"] = str(errors.request_id(request))
    response.setdefault("Cache-Control", "private")
    response.setdefault("X-Content-Type-Options", "nosniff")
    if isinstance(response, HttpResponse) and response.status_code not in (204, 304):
        response.setdefault("Content-Length", str(len(response.content)))
    patch_vary_headers(response, ("Authorization", "Accept-Language", "Accept-Encoding"))
    return response

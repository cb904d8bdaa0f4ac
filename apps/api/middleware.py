"""The API's own short road: no session, no CSRF, no messages, no language cookie on its way.

Addresses of the API are resolved and answered here; everything else goes on to the browser's middleware.
"""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.urls import resolve
from django.utils import translation

from . import answers, errors

PREFIXES = ("/api/", "/auth/realms/", "/ingest/")


class ApiMiddleware:
    """Answers everything under PREFIXES, failures included, with the headers all answers share."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.gzip = GZipMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        request.COOKIES = {}  # a browser's language cookie is not part of what answers vary on
        with translation.override(translation.get_language_from_request(request)):
            response = _finish(_answer(request))
        if answers.may_be_gzip(request):
            return self.gzip.process_response(request, response)
        return response


def _answer(request: HttpRequest) -> HttpResponseBase:
    # A redirect would let clients send their secret in clear first, again and again.
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return errors.problem(request, "https_required")
    try:
        request.get_host()  # refuses hosts that are not served here
        match = _resolve(request.path_info)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    except Exception as error:  # noqa: BLE001  (the last line of defence: every failure becomes a problem body)
        return errors.of_exception(request, error)
    return response


_resolve = lru_cache(1024)(resolve)  # programs ask for the same addresses again and again


def _finish(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Cache-Control", "private")
    response.headers["Vary"] = "Authorization, Accept-Language, Accept-Encoding"
    if isinstance(response, HttpResponse) and response.status_code not in (204, 304):
        response.headers.setdefault("Content-Length", str(len(response.content)))
    return response

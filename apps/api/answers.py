"""JSON answers with their ETags: 304 where the client has it already, and HEAD like GET but for the body."""

import hashlib
from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.request import MediaType
from django.http.response import HttpResponseBase

METHODS = ("GET", "HEAD", "OPTIONS")  # the API writes nothing


def tagged(request: HttpRequest, version: bytes, render: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """What `render` makes, with an ETag for `version`; 304 and nothing made where the client has it already."""
    etag = f'"{version.hex()}"'
    known = [tag.strip().removeprefix("W/") for tag in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in known or known == ["*"]:
        response = _bare(304)
    else:
        response = render()
        response["Content-Type"] = "application/json"
    if isinstance(response, StreamingHttpResponse) and request.method == "HEAD":
        response.streaming_content = ()  # the server drops bodies of HEAD, but would have them made first
    response["ETag"] = f"W/{etag}" if "Content-Encoding" in response.headers else etag
    return response


def may_be_json(request: HttpRequest) -> bool:
    """Whether the client reads JSON."""
    return _holds_json(request.META.get("HTTP_ACCEPT", "*/*"))


@lru_cache(256)
def _holds_json(accept: str) -> bool:
    return any(MediaType(part).match("application/json") for part in accept.split(",") if part.strip())


def may_be_gzip(request: HttpRequest) -> bool:
    """Whether the client reads compressed answers."""
    return "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")


def whole(request: HttpRequest, body: bytes) -> HttpResponseBase:
    """JSON that is there already; its ETag is its digest."""
    return tagged(request, hashlib.blake2b(body, digest_size=16).digest(), lambda: HttpResponse(body))


def options() -> HttpResponseBase:
    """The answer to OPTIONS: nothing but headers, whatever the address names."""
    return _bare(204)


def _bare(status: int) -> HttpResponseBase:
    response = HttpResponse(status=status)
    del response["Content-Type"]
    return response

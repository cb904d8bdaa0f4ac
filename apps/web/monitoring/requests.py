"""The outermost middleware: every request has an id, one line in the log, and is counted, whoever answers it.

The id is in the header X-Request-ID of the answer, on pages and in problem bodies that report a failure, and in every
line of the log that is written meanwhile. It costs 9 µs, and 20 more for the line:
docs/decisions/0013-logs-and-metrics.md.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.http.response import HttpResponseBase

from apps.monitoring import counters, logs
from apps.packages import networks

HEADER = "X-Request-ID"
FACES = (("/api/", "api"), ("/ingest/", "ingest"), ("/auth/realms/", "token"), (settings.STATIC_URL, "static"))
CREDENTIALS = {"api": "token", "token": "client_secret", "ingest": "logger_key"}  # what a 401 refused
log = logging.getLogger("helioport.access")


class RequestMiddleware:
    """Puts `id` on the request, and knows of every answer."""

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        began = time.perf_counter()
        request.id = _given(request.META) or uuid.uuid4()
        logs.about.set(partial(known, request))
        response = self.get_response(request)
        response.headers[HEADER] = str(request.id)
        if response.streaming and "Content-Length" not in response.headers:
            _count_pieces(response, partial(_answered, request, response, began))
        else:
            _answered(request, response, began, _size(response), whole=True)
        return response


@request_finished.connect
def over(**_more: Any) -> None:
    """Nothing is going on here until the next request. Later than our middleware: Django logs when it is through."""
    logs.about.set(dict)


def _given(meta: Mapping[str, Any]) -> uuid.UUID | None:
    """The id that a proxy of ours gave the request, if it is one. Others could make two requests look like one."""
    given = meta.get("HTTP_X_REQUEST_ID")
    if not given or not _is_ours(meta.get("REMOTE_ADDR"), tuple(settings.TRUSTED_PROXIES)):
        return None
    try:
        return uuid.UUID(given)
    except ValueError:
        return None


@lru_cache(1024)
def _is_ours(address: str | None, proxies: tuple[str, ...]) -> bool:
    return bool(proxies) and networks.allows(proxies, address)


def known(request: Any) -> dict[str, object]:
    """What every line says of the request. Touches no database: who it is may not be known yet, or not be asked."""
    found: dict[str, object] = {"request_id": str(request.id)}
    if (access := getattr(request, "access", None)) is not None:  # of a page of a portal, or of a call
        found |= {"portal": access.portal_slug, "client": access.client, "user": access.user and str(access.user)}
    elif (user := getattr(request, "_cached_user", None)) is not None:
        found["user"] = str(user.pk)
    if (key := getattr(request, "logger_key", None)) is not None:
        found |= {"portal": key.plant.portal.slug, "logger_key": key.login}
    return {name: value for name, value in found.items() if value is not None}


# --- When it is answered ---------------------------------------------------------------------------------------------


def _answered(request: Any, response: HttpResponseBase, began: float, size: int, *, whole: bool) -> None:
    seconds = time.perf_counter() - began
    status = response.status_code if whole else 500
    face = next((face for prefix, face in FACES if request.path_info.startswith(prefix)), "web")
    counters.request(face, status, seconds)
    if status == 401 and face in CREDENTIALS:
        counters.refused_credentials(CREDENTIALS[face])
    if settings.ACCESS_LOG or status >= 400:
        # The pattern of the address and not the address, which may hold the key of an invitation.
        fields = {"face": face, "method": request.method, "route": logs.route_of(request)}
        fields |= {"status": response.status_code, "ms": round(seconds * 1000, 2), "bytes": size}
        logs.write(log, _level(status), "request", **fields, **({} if whole else {"cut": True}))


def _level(status: int) -> int:
    return logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO


def _size(response: Any) -> int:
    return int(response.headers["Content-Length"]) if response.streaming else len(response.content)


def _count_pieces(response: Any, done: Callable[..., None]) -> None:
    """Have a streamed answer tell its size when it ends, or when the client leaves."""
    pieces = _counted(response.streaming_content, done)
    next(pieces)
    response.streaming_content = pieces


def _counted(pieces: Iterable[bytes], done: Callable[..., None]) -> Iterator[bytes]:
    size, whole = 0, True
    try:
        yield b""  # taken at once: closing a generator that never began would run nothing of it
        for piece in pieces:
            size += len(piece)
            yield piece
    except Exception:
        whole = False
        raise
    finally:
        done(size, whole=whole)

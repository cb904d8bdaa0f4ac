"""Every failure of the API as RFC 9457 problem details; `code` is stable English, title and detail are translated."""

import logging
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from apps.ingest.refusals import Refusal, storage_is_full
from apps.packages.problems import KINDS, Text
from apps.packages.quota import QuotaUnavailable

log = logging.getLogger(__name__)

RETRY_AFTER = "5"  # seconds until the database may be back


class InvalidParameters(exceptions.APIException):
    """400 that names each parameter: `errors` maps parameter names to messages."""

    status_code = HTTPStatus.BAD_REQUEST

    def __init__(self, errors: Mapping[str, Text]) -> None:
        super().__init__(code="invalid_parameter")
        self.errors = [{"parameter": name, "message": str(message)} for name, message in errors.items()]


class PackageRequired(exceptions.APIException):
    """403 that names the function and the package that has it (None: no package of this API has it)."""

    status_code = HTTPStatus.FORBIDDEN

    def __init__(self, function: str, required: str | None) -> None:
        super().__init__(code="package_required")
        self.function, self.required = function, required


class QuotaExceeded(exceptions.APIException):
    """429 with the violated windows and the seconds until a call can pass again."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, violated: list[str], retry_after: int) -> None:
        super().__init__(code="quota_exceeded")
        self.violated, self.retry_after = violated, retry_after


def problem(request: HttpRequest, code: str, **members: Any) -> HttpResponse:
    """The answer for a problem of that kind; further members are added to the body.

    `instance` names the occurrence, not the address: a foreign and an unknown id must not be told apart.
    """
    kind = KINDS[code]
    body = {
        "type": f"urn:helioport:problem:{kind.code}",
        "title": str(kind.title),
        "status": kind.status.value,
        "detail": str(kind.detail),
        "instance": f"urn:uuid:{request_id(request)}",
        "code": kind.code,
        "errors": [],
        **members,
        "requestId": str(request_id(request)),
    }
    return HttpResponse(orjson.dumps(body), status=kind.status, content_type="application/problem+json")


def request_id(request: HttpRequest) -> uuid.UUID:
    """The id of this request, made when first asked for."""
    made: uuid.UUID | None = getattr(request, "id", None)
    if made is None:
        made = request.id = uuid.uuid4()  # type: ignore[attr-defined]
    return made


_CODES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((exceptions.AuthenticationFailed, exceptions.NotAuthenticated), "invalid_token"),
    ((exceptions.MethodNotAllowed,), "method_not_allowed"),
    ((exceptions.NotAcceptable,), "not_acceptable"),
    ((exceptions.UnsupportedMediaType,), "unsupported_media_type"),
    ((RequestDataTooBig,), "too_large"),
    ((Http404, exceptions.NotFound, PermissionDenied, exceptions.PermissionDenied), "not_found"),
    ((SuspiciousOperation, exceptions.ParseError), "bad_request"),
)


def of_exception(request: HttpRequest, error: Exception) -> HttpResponse:
    """The problem that an exception means; what nobody expected is logged and answered without internals."""
    match error:
        case InvalidParameters():
            return problem(request, "invalid_parameter", errors=error.errors)
        case PackageRequired():
            return problem(request, "package_required", function=error.function, requiredPackage=error.required)
        case Refusal():
            response = problem(request, error.code, **error.members)
            for name, value in error.headers.items():
                response[name] = value
            return response
        case QuotaExceeded():
            response = problem(request, "quota_exceeded", violatedPolicies=error.violated)
            response["Retry-After"] = str(error.retry_after)
            return response
        case QuotaUnavailable():
            log.error("request %s: the quota cannot be counted: %s", request_id(request), error.__cause__)
            response = problem(request, "quota_unavailable")
            response["Retry-After"] = str(error.retry_after)
            return response
        case OperationalError() | InterfaceError() | OSError() if code := _passing(request, error):
            return _later(request, code, error)
    return _by_kind(request, error)


def _by_kind(request: HttpRequest, error: Exception) -> HttpResponse:
    code = next((code for kinds, code in _CODES if isinstance(error, kinds)), "internal_error")
    response = problem(request, code)
    if code == "invalid_token":
        response["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    if code == "internal_error":
        log.error("request %s failed", request_id(request), exc_info=error)
    return response


def _passing(request: HttpRequest, error: Exception) -> str | None:
    """The problem, if it is one of the database or of a full disk: then it passes."""
    if isinstance(error, OSError):
        return "storage_full" if storage_is_full(error) else None
    sends = request.method in ("POST", "PUT")  # a call that reads only could not be counted
    return "storage_full" if sends and storage_is_full(error) else "unavailable"


def _later(request: HttpRequest, code: str, error: Exception) -> HttpResponse:
    """A failure of the database or a disk, which passes."""
    log.error("request %s: %s: %s", request_id(request), code, error)
    response = problem(request, code)
    response["Retry-After"] = RETRY_AFTER
    return response

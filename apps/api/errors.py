"""Every failure of the API as RFC 9457 problem details; `code` is stable English, title and detail are translated."""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response

from apps.packages.quota import QuotaUnavailable

log = logging.getLogger(__name__)

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, stable code and title."""

    status: HTTPStatus
    code: str
    title: Text
    detail: Text


KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            HTTPStatus.BAD_REQUEST,
            "invalid_parameter",
            _("Invalid parameter"),
            _("At least one parameter of the request cannot be used; see “errors”."),
        ),
        Kind(HTTPStatus.BAD_REQUEST, "bad_request", _("Bad request"), _("The request cannot be understood.")),
        Kind(
            HTTPStatus.UNAUTHORIZED,
            "invalid_token",
            _("No valid access token"),
            _("Send a valid token as “Authorization: Bearer …”; get a new one from the token endpoint."),
        ),
        Kind(
            HTTPStatus.FORBIDDEN,
            "package_required",
            _("Not part of your package"),
            _("The package of this API subscription does not include this function."),
        ),
        Kind(HTTPStatus.FORBIDDEN, "https_required", _("HTTPS required"), _("Call this address with https.")),
        Kind(
            HTTPStatus.NOT_FOUND,
            "not_found",
            _("Not found"),
            _("It does not exist, or it is not visible to this API client."),
        ),
        Kind(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            _("Method not allowed"),
            _("This address answers the methods named in the Allow header only."),
        ),
        Kind(
            HTTPStatus.NOT_ACCEPTABLE,
            "not_acceptable",
            _("Not acceptable"),
            _("This address answers with application/json only."),
        ),
        Kind(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_large",
            _("Request too large"),
            _("The body of the request is larger than this address accepts."),
        ),
        Kind(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            _("Unsupported media type"),
            _("This address does not read bodies of that type."),
        ),
        Kind(
            HTTPStatus.TOO_MANY_REQUESTS,
            "quota_exceeded",
            _("Quota exceeded"),
            _("The calls of this subscription are used up for now; Retry-After says when to go on."),
        ),
        Kind(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "quota_unavailable",
            _("Quota cannot be counted"),
            _("The counters of the quota cannot be reached; Retry-After says when to try again."),
        ),
        Kind(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal_error",
            _("Internal error"),
            _("Something went wrong here. Tell the operator the request id."),
        ),
    )
}


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


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | HttpResponse:
    """The exception handler of the REST framework."""
    request = context["request"]._request
    return of_exception(request, error)


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
        case QuotaExceeded():
            response = problem(request, "quota_exceeded", violatedPolicies=error.violated)
            response["Retry-After"] = str(error.retry_after)
            return response
        case QuotaUnavailable():
            log.error("request %s: the quota cannot be counted: %s", request_id(request), error.__cause__)
            response = problem(request, "quota_unavailable")
            response["Retry-After"] = str(error.retry_after)
            return response
    code = next((code for kinds, code in _CODES if isinstance(error, kinds)), "internal_error")
    response = problem(request, code)
    if code == "invalid_token":
        response["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    if code == "internal_error":
        log.error("request %s failed", request_id(request), exc_info=error)
    return response

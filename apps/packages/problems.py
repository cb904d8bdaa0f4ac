"""What can go wrong with a call: status, stable code and words. The API answers so, the documentation lists it.

`code` never changes; title and detail are translated.
"""

from dataclasses import dataclass
from http import HTTPStatus

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
            HTTPStatus.BAD_REQUEST,
            "invalid_delivery",
            _("Delivery cannot be read"),
            _("Nothing of the delivery was kept; see “errors”."),
        ),
        Kind(
            HTTPStatus.UNAUTHORIZED,
            "invalid_logger_key",
            _("No valid logger key"),
            _("Send the key of the plant’s logger as “Authorization: Bearer …”; a manager of the portal makes keys."),
        ),
        Kind(
            HTTPStatus.CONFLICT,
            "idempotency_conflict",
            _("Idempotency key used before"),
            _("The same Idempotency-Key came with another body before. A new delivery needs a new key."),
        ),
        Kind(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_deliveries",
            _("Too many deliveries"),
            _("This logger delivers too often. Collect readings and send them together; Retry-After says when."),
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
            HTTPStatus.SERVICE_UNAVAILABLE,
            "unavailable",
            _("Not available"),
            _("The database cannot be reached at the moment; Retry-After says when to try again."),
        ),
        Kind(
            HTTPStatus.INSUFFICIENT_STORAGE,
            "storage_full",
            _("Storage full"),
            _("Nothing was kept, because there is no room for it at the moment; send it again after Retry-After."),
        ),
        Kind(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal_error",
            _("Internal error"),
            _("Something went wrong here. Tell the operator the request id."),
        ),
    )
}

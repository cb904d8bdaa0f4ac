"""What loggers and scripts deliver by HTTP, under /ingest/v1/{portal}/; answered on the API's short road.

    POST readings                 JSON (see readings.py), or logger files as multipart/form-data
    POST or PUT files/{name}      one logger file as the body
    GET  receipts/{id}            what became of a delivery

202 with a receipt means: it is in the database. Bodies may be gzip. docs/push.md is for those who write a client.
"""

import binascii
import zlib
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
from django.contrib.auth.decorators import login_not_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from apps.accounts import statements
from apps.accounts.keys import well_formed

from . import keys, readings, uploads
from .filenames import BadName, checked
from .models import LoggerKey, Upload
from .refusals import Refusal

MOST_BYTES = 20_000_000  # of a body, packed and unpacked
MOST_FILES = 100  # in one request
PER_MINUTE = 120  # deliveries with one key
_IDEMPOTENCY = 255  # characters
MISTYPED = gettext_lazy("This is no logger key: a sign is wrong or missing. Copy the whole key again.")

View = Callable[..., HttpResponse]


def _for_loggers(*methods: str) -> Callable[[View], View]:
    """A view that gets the living key of a plant of the portal instead of the portal's name."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @login_not_required
        def answer(request: HttpRequest, portal: str, **more: Any) -> HttpResponse:
            key = _key(request)
            if key.plant.portal.slug != portal:
                raise Http404
            request.logger_key = key  # type: ignore[attr-defined]  # for the log
            if request.method not in methods:
                return HttpResponse(status=405, headers={"Allow": ", ".join(methods)})
            return view(request, key, **more)

        return answer

    return decorate


def _key(request: HttpRequest) -> LoggerKey:
    """The key of the request: its secret as a bearer token, or login and secret as basic authentication."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    login, secret = None, rest.strip()
    if scheme.lower() == "basic":
        login, secret = _basic(secret)
    key = keys.verify(secret, login) if secret and scheme.lower() in ("bearer", "basic") else None
    if key is None:
        typed = {} if not secret or well_formed(secret, keys.PREFIX) else {"detail": str(MISTYPED)}
        headers = {"WWW-Authenticate": 'Bearer realm="ingest", Basic realm="ingest"'}
        raise Refusal("invalid_logger_key", headers=headers, **typed)
    return key


def _basic(encoded: str) -> tuple[str, str]:
    try:
        login, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return login, secret


# --- Views ---------------------------------------------------------------------------------------------------------


@_for_loggers("POST")
def post_readings(request: HttpRequest, key: LoggerKey) -> HttpResponse:
    """A batch of readings, or logger files as a form."""
    _count(key)
    if request.content_type == "multipart/form-data":
        return _receipts([_file(request, key, str(file.name), file.read()) for file in _form_files(request)])
    if request.content_type != "application/json":
        raise Refusal("unsupported_media_type")
    try:
        upload = uploads.receive_readings(key, _body(request), idempotency_key=_idempotency_key(request))
    except readings.BadBatch as error:
        raise Refusal.of_field("invalid_delivery", error.field, str(error)) from None
    except uploads.Conflict:
        raise Refusal("idempotency_conflict") from None
    return _receipts([upload])


@_for_loggers("POST", "PUT")
def put_file(request: HttpRequest, key: LoggerKey, name: str) -> HttpResponse:
    """One logger file as the body."""
    _count(key)
    return _receipts([_file(request, key, name, _body(request))])


@_for_loggers("GET", "HEAD")
def receipt(request: HttpRequest, key: LoggerKey, upload_id: UUID) -> HttpResponse:
    """What became of a delivery of this plant."""
    found = Upload.objects.filter(plant=key.plant_id, pk=upload_id).defer("body").first()
    if found is None:
        raise Http404
    return HttpResponse(orjson.dumps(_told(found)), content_type="application/json")


urlpatterns = [
    path("readings", post_readings, name="ingest-readings"),
    path("files/<str:name>", put_file, name="ingest-file"),
    path("receipts/<uuid:upload_id>", receipt, name="ingest-receipt"),
]


# --- What was sent -------------------------------------------------------------------------------------------------


def _file(request: HttpRequest, key: LoggerKey, name: str, body: bytes) -> Upload:
    try:
        known_name = checked(name)
        # Several files of one form have one header: the name makes a key for each.
        header = _idempotency_key(request)
        own = f"{header} {known_name}"[:_IDEMPOTENCY] if header else ""
        return uploads.receive_file(key, known_name, body, idempotency_key=own)
    except BadName as error:
        raise Refusal.of_field("invalid_delivery", "name", str(error)) from None
    except uploads.Conflict:
        raise Refusal("idempotency_conflict") from None


def _form_files(request: HttpRequest) -> list[UploadedFile]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise Refusal("too_large")
    found = [file for name in request.FILES for file in request.FILES.getlist(name)]
    if not 1 <= len(found) <= MOST_FILES:
        raise Refusal.of_field("invalid_delivery", "body", f"A form holds 1 to {MOST_FILES} files.")
    return found


def _body(request: HttpRequest) -> bytes:
    """The body, unpacked; refused where either form of it is too large, before it is all in memory."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise Refusal("too_large")
    packed = request.read(MOST_BYTES + 1)
    if len(packed) > MOST_BYTES:
        raise Refusal("too_large")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return packed
    if encoding != "gzip":
        raise Refusal("unsupported_media_type")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(packed, MOST_BYTES + 1)
    except zlib.error:
        raise Refusal.of_field("invalid_delivery", "body", "The body is not gzip.") from None
    if len(body) > MOST_BYTES:
        raise Refusal("too_large")
    if not unpacker.eof:
        raise Refusal.of_field("invalid_delivery", "body", "The gzip body is cut off.")
    return body


def _idempotency_key(request: HttpRequest) -> str:
    given = request.headers.get("Idempotency-Key", "").strip()
    if len(given) > _IDEMPOTENCY - 120:
        message = f"At most {_IDEMPOTENCY - 120} characters."
        raise Refusal.of_field("invalid_delivery", "Idempotency-Key", message)
    return given


_THIS_MINUTE = "SELECT COUNT(*) FROM ingest_upload WHERE plant_id = %s AND key_id = %s AND received_at >= %s"


def _count(key: LoggerKey) -> None:
    """Refuse a logger that delivers far more often than there are slots. What it delivered this minute is counted."""
    now = timezone.now()
    [(count,)] = statements.fetch(_THIS_MINUTE, [key.plant_id, key.pk, now.replace(second=0, microsecond=0)])
    if count >= PER_MINUTE:
        raise Refusal("too_many_deliveries", headers={"Retry-After": str(60 - now.second)})


# --- What is answered ----------------------------------------------------------------------------------------------


def _receipts(found: list[Upload]) -> HttpResponse:
    """One receipt, or a list of them for several files."""
    told = [_told(upload) for upload in found]
    body = orjson.dumps(told[0] if len(told) == 1 else told)
    return HttpResponse(body, status=202, content_type="application/json")


def _told(upload: Upload) -> dict[str, Any]:
    return {
        "id": str(upload.pk),
        "kind": upload.kind,
        "name": upload.name,
        "receivedAt": upload.received_at.isoformat(),
        "state": upload.state,
        "error": upload.error or None,
        **{name: value for name, value in upload.receipt.items() if name not in ("memory", "foreignSerial")},
    }

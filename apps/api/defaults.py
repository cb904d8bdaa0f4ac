"""What the REST framework falls back to, as named in settings: JSON by orjson, nothing without a row in the catalog."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import orjson
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from .base import ApiView


class OrjsonRenderer(BaseRenderer):
    """JSON as bytes; UUIDs and dates in their ISO forms."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data)


class PackagePermission(BasePermission):
    """The subscription's package must hold the function that the call selects."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        cast("ApiView", view).require(())
        return True

"""The addresses of the data API: one for every path of the catalog; no row, no route."""

import re
from typing import Any

from django.urls import URLPattern, path

from apps.packages import catalog

from . import openapi, series, views  # noqa: F401  (importing the views fills VIEWS)
from .base import VIEWS


def _route(template: str) -> str:
    """A path of the catalog as Django writes it."""
    return re.sub(r"\{(\w+)\}", r"<str:\1>", template)


def _routes(prefix: str, **options: Any) -> list[URLPattern]:
    paths = dict.fromkeys(function.path for function in catalog.FUNCTIONS)
    return [path(prefix + _route(template), VIEWS[template].as_view(**options), name=template) for template in paths]


urlpatterns = [
    path("api/v1/openapi.json", openapi.document, name="openapi"),
    *_routes("api/v1/<slug:portal>/"),
    *_routes("api/", schema=None),  # older scripts: the portal is the token's; not in the OpenAPI document
]

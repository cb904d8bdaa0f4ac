"""The OpenAPI 3.1 document, drawn from the catalog, the views' parameters and the serializers, so it cannot drift."""

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from apps.packages import catalog
from apps.packages.catalog import Api, Function, Package

from .parameters import Parameter

if TYPE_CHECKING:
    from .base import ApiView

TOKEN_PATH = "/auth/realms/quotaapi/protocol/openid-connect/token"  # noqa: S105  (an address)
_PROBLEMS = {
    400: "A parameter is unknown, missing or cannot be used; `errors` names it.",
    401: "No valid token.",
    403: "The package does not hold this function; `requiredPackage` does.",
    404: "Unknown, or not visible to this client.",
    429: "The quota is used up; `Retry-After` says when to go on.",
}


class ParameterErrorSerializer(serializers.Serializer[Any]):
    parameter = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details, RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    requestId = serializers.UUIDField()
    function = serializers.CharField(required=False)
    requiredPackage = serializers.CharField(required=False, allow_null=True)
    violatedPolicies = serializers.ListField(child=serializers.CharField(), required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `errors` is an attribute of every serializer, so it cannot be declared like the others.
        return {**super().get_fields(), "errors": ParameterErrorSerializer(many=True)}


class CatalogSchema(AutoSchema):
    """Describes a view by its rows in the catalog."""

    view: "ApiView"  # type: ignore[override]

    def _functions(self) -> tuple[Function, ...]:
        return catalog.functions_at(self.view.path)

    def get_operation_id(self) -> str:
        return next(row.name for row in self._functions() if row.selected_by is None)

    def get_summary(self) -> str:
        return self._functions()[0].summary

    def get_description(self) -> str:  # type: ignore[override]
        lines = [
            f"`{row.name}`{f' (with `{row.selected_by}`)' if row.selected_by else ''}: {row.summary}. {_who(row)}"
            for row in self._functions()
        ]
        return "\n\n".join(lines)

    def get_tags(self) -> list[str]:
        return [self.view.path.split("/")[0]]

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"oauth2": []}]

    def get_override_parameters(self) -> list[Any]:
        return [_described(parameter) for parameter in self.view.parameters]

    def get_response_serializers(self) -> Any:
        answer = self.view.answer(many=True) if self.view.many else self.view.answer()
        problems = {
            (status, "application/problem+json"): OpenApiResponse(ProblemSerializer, description)
            for status, description in _PROBLEMS.items()
        }
        return {(200, "application/json"): answer, **problems}

    def _is_list_view(self, serializer: Any = None) -> bool:
        return bool(self.view.many)

    def get_filter_backends(self) -> list[Any]:
        return []


def _who(row: Function) -> str:
    holders = [f"{api.value.capitalize()} API {package.value.capitalize()}" for api, package in sorted(row.packages)]
    return f"Packages: {', '.join(holders)}. Cost: {row.cost}."


def _described(parameter: Parameter) -> OpenApiParameter:
    schema = {"type": "array", "items": dict(parameter.schema)} if parameter.many else dict(parameter.schema)
    return OpenApiParameter(
        f"{parameter.name}[]" if parameter.many else parameter.name,
        type=schema,
        location=OpenApiParameter.QUERY,
        required=parameter.required,
        description=parameter.description,
        style="form" if parameter.many else None,
        explode=True if parameter.many else None,
    )


@cache
def schema() -> dict[str, Any]:
    """The whole document, made once per process."""
    from .base import VIEWS
    from .urls import route

    patterns = [path(f"api/v1/<slug:portal>/{route(template)}", view.as_view()) for template, view in VIEWS.items()]
    generator = SchemaGenerator(patterns=patterns, api_version="v1")  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["info"] |= {"title": "Helioport API", "description": "Read the data of photovoltaic plants."}
    flow = {"clientCredentials": {"tokenUrl": TOKEN_PATH, "scopes": {}}}
    made["components"]["securitySchemes"] = {"oauth2": {"type": "oauth2", "flows": flow}}
    return made


@cache
def schema_for(api: Api, package: Package) -> dict[str, Any]:
    """The document with only what a package of that API holds."""
    whole = schema()
    held = {row.path: row for row in catalog.granted(api, package) if row.selected_by is None}
    denied = {row.selected_by for row in catalog.FUNCTIONS if (api, package) not in row.packages and row.selected_by}
    paths = {
        address: {"get": _without(operations["get"], denied)}
        for address, operations in whole["paths"].items()
        if address.removeprefix("/api/v1/{portal}/") in held
    }
    return {**whole, "paths": paths}


def _without(operation: dict[str, Any], names: set[str]) -> dict[str, Any]:
    kept = [given for given in operation["parameters"] if given["name"].removesuffix("[]") not in names]
    return {**operation, "parameters": kept}


def document(request: HttpRequest) -> HttpResponse:
    """The whole document as JSON, for everybody."""
    return HttpResponse(orjson.dumps(schema()), content_type="application/json")

"""The OpenAPI 3.1 document, drawn from the catalog, the views' parameters and the serializers, so it cannot drift."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from apps.measurements.channels import CHANNELS, Channel, Level
from apps.packages import catalog
from apps.packages.catalog import Api, Depth, Function, Package

from . import answers
from .errors import InvalidParameters, problem
from .parameters import Parameter, one_of, read

if TYPE_CHECKING:
    from .base import ApiView

TOKEN_PATH = "/auth/realms/quotaapi/protocol/openid-connect/token"  # noqa: S105  (an address)
_PROBLEMS = {
    400: "A parameter is unknown, missing or cannot be used; `errors` names it.",
    401: "No valid token.",
    403: "The package does not hold this function; `requiredPackage` does.",
    404: "Unknown, or not visible to this client.",
    406: "The answer is JSON, which the Accept header does not allow.",
    429: "The quota is used up; `Retry-After` says when to go on.",
    500: "Something failed here; the call is not counted.",
    503: "The quota cannot be counted at the moment; `Retry-After` says when to try again.",
}
_SOMETIMES = ("function", "requiredPackage", "violatedPolicies")  # members that only some problems have
_IN_PATH: dict[str, tuple[dict[str, Any], str]] = {
    "portal": ({"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}, "The portal's short name."),
    "plantId": ({"type": "string", "format": "uuid"}, "Id of a plant."),
    "fleetId": ({"type": "string", "format": "uuid"}, "Id of a fleet."),
    "day": ({"type": "string", "examples": ["2026-06-21", "today"]}, "A day, in the plant's time zone."),
    "year": ({"type": "string", "pattern": "^[0-9]{4}$"}, "The year."),
    "month": ({"type": "string", "pattern": "^(0?[1-9]|1[0-2])$"}, "The month, 8 or 08."),
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
        in_path = ["portal", *re.findall(r"\{(\w+)\}", self.view.path)]
        return [*map(_placed, in_path), *map(_described, self.view.parameters)]

    def get_extensions(self) -> dict[str, Any]:
        return {"x-functions": [_row(function) for function in self._functions()]}

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


def _row(function: Function) -> dict[str, Any]:
    """A row of the catalog for programs."""
    return {
        "name": function.name,
        "selectedBy": function.selected_by,
        "packages": [f"{api} {package}" for api, package in sorted(function.packages)],
        "cost": function.cost,
        "daysPerCost": function.days_per_cost,
    }


def _placed(name: str) -> OpenApiParameter:
    schema, description = _IN_PATH[name]
    return OpenApiParameter(name, schema, OpenApiParameter.PATH, required=True, description=description)


def _who(row: Function) -> str:
    holders = [f"{api.value.capitalize()} API {package.value.capitalize()}" for api, package in sorted(row.packages)]
    per_days = f" per started {row.days_per_cost} days" if row.days_per_cost else ""
    return f"Packages: {', '.join(holders)}. Cost: {row.cost}{per_days}."


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
    from .urls import urlpatterns  # which import this module

    generator = SchemaGenerator(patterns=urlpatterns)  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["info"] |= {"title": "Helioport API", "description": "Read the data of photovoltaic plants."}
    made["servers"] = [{"url": settings.BASE_URL}]
    schemas = {name: _always_whole(found) for name, found in made["components"]["schemas"].items()}
    flow: dict[str, Any] = {"clientCredentials": {"tokenUrl": settings.BASE_URL + TOKEN_PATH, "scopes": {}}}
    made["components"] = {"schemas": schemas, "securitySchemes": {"oauth2": {"type": "oauth2", "flows": flow}}}
    return made


def _always_whole(found: dict[str, Any]) -> dict[str, Any]:
    """The API only answers: every field is there, and that a row of the database needs no value means nothing."""
    if "properties" not in found:
        return found
    fields = {
        name: {key: value for key, value in field.items() if key not in ("readOnly", "title", "maxLength")}
        for name, field in found["properties"].items()
    }
    return {**found, "properties": fields, "required": [name for name in fields if name not in _SOMETIMES]}


@cache
def schema_for(api: Api, package: Package) -> dict[str, Any]:
    """The document with only what a package of that API holds."""
    whole = schema()
    names = {row.name for row in catalog.granted(api, package)}
    channels = {channel.name for channel in CHANNELS if _readable(channel, api, package)}
    paths = {
        address: {"get": _part(operations["get"], names, channels)}
        for address, operations in whole["paths"].items()
        if operations["get"]["operationId"] in names
    }
    schemas = _needed(paths, whole["components"]["schemas"])
    return {**whole, "paths": paths, "components": {**whole["components"], "schemas": schemas}}


def _readable(channel: Channel, api: Api, package: Package) -> bool:
    depths = [Depth.DEVICE, *([Depth.PLANT] if Level.PLANT in channel.levels else [])]
    return any((api, package) in catalog.CATEGORIES[channel.category, depth] for depth in depths)


def _part(operation: dict[str, Any], names: set[str], channels: set[str]) -> dict[str, Any]:
    """An operation with these functions and channels only."""
    rows = operation["x-functions"]
    denied = {row["selectedBy"] for row in rows if row["name"] not in names}
    parameters = [given for given in operation["parameters"] if given["name"].removesuffix("[]") not in denied]
    return {
        **operation,
        "parameters": [_with_channels(given, channels) for given in parameters],
        "x-functions": [row for row in rows if row["name"] in names],
    }


def _with_channels(parameter: dict[str, Any], channels: set[str]) -> dict[str, Any]:
    if parameter["name"] != "channelNames[]":
        return parameter
    items = parameter["schema"]["items"]
    kept = {**items, "enum": [name for name in items["enum"] if name in channels]}
    return {**parameter, "schema": {**parameter["schema"], "items": kept}}


def _needed(part: object, schemas: dict[str, Any]) -> dict[str, Any]:
    """Those of `schemas` that a part of the document refers to, directly or through others."""
    needed: dict[str, Any] = {}
    texts = [orjson.dumps(part).decode()]
    while texts:
        for name in re.findall(r'"#/components/schemas/(\w+)"', texts.pop()):
            if name not in needed:
                needed[name] = schemas[name]
                texts.append(orjson.dumps(schemas[name]).decode())
    return {name: needed[name] for name in sorted(needed)}


_CHOICE = (
    Parameter("api", one_of(*Api), "Whose package.", {"enum": [*Api]}),
    Parameter("package", one_of(*Package), "The package.", {"enum": [*Package]}),
)


def _chosen(request: HttpRequest) -> dict[str, Any]:
    """The whole document, or what `?api=…&package=…` hold; 400 where only one of the two is given."""
    given = {name: value for name, value in read(request.GET, _CHOICE).items() if value is not None}
    if not given:
        return schema()
    missing = [parameter.name for parameter in _CHOICE if parameter.name not in given]
    if missing:
        raise InvalidParameters({name: _("This parameter is required.") for name in missing})
    return schema_for(Api(given["api"]), Package(given["package"]))


def document(request: HttpRequest) -> HttpResponseBase:
    """The document as JSON, for everybody: it tells nothing about anybody."""
    if request.method not in answers.METHODS:
        response: HttpResponseBase = problem(request, "method_not_allowed")
    elif request.method == "OPTIONS":
        response = answers.options()
    else:
        response = answers.whole(request, orjson.dumps(_chosen(request)))
    response["Allow"] = ", ".join(answers.METHODS)
    return response

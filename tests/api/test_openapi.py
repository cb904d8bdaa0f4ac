"""The document describes the running API: valid OpenAPI 3.1, whole, and for each package exactly what it holds."""

import json
from typing import Any

import pytest
from drf_spectacular.validation import validate_schema
from openapi_schema_validator import OAS31Validator

from apps.api import openapi
from apps.packages.catalog import Api, Package
from tests.api.calls import CALLS
from tests.api.conftest import ApiCaller
from tests.api.test_authorisation import ADVANCED, BASIC, FLEETS, NEEDS

PACKAGES = [(api, package) for api in Api for package in Package]
ANYBODY = ApiCaller("", "sunny", None)  # type: ignore[arg-type]


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each operation by its path below the portal's base."""
    return {path.removeprefix("/api/v1/{portal}/"): item["get"] for path, item in document["paths"].items()}


def functions(document: dict[str, Any]) -> list[str]:
    return sorted(row["name"] for operation in operations(document).values() for row in operation["x-functions"])


@pytest.mark.parametrize("pair", [None, *PACKAGES], ids=str)
def test_every_document_is_valid_openapi_3_1(pair: tuple[Api, Package] | None) -> None:
    document = openapi.schema_for(*pair) if pair else openapi.schema()
    assert document["openapi"].startswith("3.1")
    validate_schema(document)
    for schema in document["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)


def test_everybody_can_read_the_whole_document() -> None:
    response = ANYBODY.raw("/api/v1/openapi.json")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert json.loads(response.content) == json.loads(json.dumps(openapi.schema()))


def test_the_document_holds_every_function_of_the_contract() -> None:
    assert functions(openapi.schema()) == sorted(CALLS)


def test_every_call_of_the_contract_fits_its_description() -> None:
    for name, call in CALLS.items():
        path, _, query = call.partition("?")
        given = {part.partition("=")[0] for part in query.split("&") if part}
        described = operations(openapi.schema())
        template = (
            path.replace("2025-06-21", "{day}").replace("year/2025", "year/{year}").replace("month/6", "month/{month}")
        )
        operation = described[template.replace("{plant}", "{plantId}").replace("{fleet}", "{fleetId}")]
        assert given <= {parameter["name"] for parameter in operation["parameters"]}, name


def test_every_operation_names_its_answers_and_how_to_authenticate() -> None:
    for path, operation in operations(openapi.schema()).items():
        assert set(operation["responses"]) == {"200", "400", "401", "403", "404", "406", "429", "500", "503"}, path
        assert operation["security"] == [{"oauth2": []}]
        assert operation["summary"]
        assert operation["description"]
    flow = openapi.schema()["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "http://testserver/auth/realms/quotaapi/protocol/openid-connect/token"


def test_every_field_of_an_answer_is_promised() -> None:
    schemas = openapi.schema()["components"]["schemas"]
    optional = {
        name: set(found["properties"]) - set(found["required"])
        for name, found in schemas.items()
        if "properties" in found
    }
    assert {name: fields for name, fields in optional.items() if fields} == {
        "Problem": {"function", "requiredPackage", "violatedPolicies"}
    }


# --- What each package gets to read ------------------------------------------------------------------------------


@pytest.mark.parametrize(("api", "package"), PACKAGES)
def test_the_document_of_a_package_holds_exactly_its_functions(api: Api, package: Package) -> None:
    held = {BASIC: True, ADVANCED: package == "advanced", FLEETS: (api, package) == ("portal", "advanced")}
    expected = sorted(name for name in CALLS if held[NEEDS[name]])
    assert functions(openapi.schema_for(api, package)) == expected


def parameters(document: dict[str, Any], path: str) -> set[str]:
    return {parameter["name"] for parameter in operations(document)[path]["parameters"]}


def channels(document: dict[str, Any], path: str) -> set[str]:
    [found] = [given for given in operations(document)[path]["parameters"] if given["name"] == "channelNames[]"]
    return set(found["schema"]["items"]["enum"])


def test_a_basic_document_offers_no_ids_of_devices_and_no_channels_of_theirs() -> None:
    document, plant = openapi.schema_for(Api("user"), Package("basic")), "visualization/plant/{plantId}/"
    common = {"portal", "plantId", "channelNames[]"}
    assert parameters(document, f"{plant}channels") == common | {"dateFrom", "dateTo"}
    assert parameters(document, f"{plant}year/{{year}}") == common | {"year"}
    assert "componentIds[]" in parameters(document, "datasource/plant/{plantId}/events")
    assert "fleet" not in parameters(document, "administration/plants")
    assert {"ProdPac", "ConsEtotal", "BatSoc", "ProdEtotalFeed"} <= channels(document, f"{plant}channels")
    for name in ("ProdUac", "ProdPdc", "GridPacIn", "Irradiation", "Autarky", "ProdPacNorm", "TechAv"):
        assert name not in channels(document, f"{plant}channels")


def test_an_advanced_document_offers_every_channel() -> None:
    path = "visualization/plant/{plantId}/channels"
    document = openapi.schema_for(Api("user"), Package("advanced"))
    assert channels(document, path) == channels(openapi.schema(), path)
    assert "fleet" not in parameters(document, "administration/plants")
    assert "fleet" in parameters(openapi.schema_for(Api("portal"), Package("advanced")), "administration/plants")


def test_a_document_brings_the_schemas_it_refers_to_and_no_other() -> None:
    schemas = openapi.schema_for(Api("user"), Package("basic"))["components"]["schemas"]
    assert {"Plant", "Points", "Problem", "ParameterError", "Address"} <= set(schemas)
    assert not {"Fleet", "Kpi"} & set(schemas)
    assert "Fleet" in openapi.schema_for(Api("portal"), Package("advanced"))["components"]["schemas"]


# --- Asking for the document of a package ------------------------------------------------------------------------


@pytest.mark.parametrize(("api", "package"), PACKAGES)
def test_the_document_of_a_package_can_be_asked_for(api: Api, package: Package) -> None:
    response = ANYBODY.raw(f"/api/v1/openapi.json?api={api}&package={package}")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert json.loads(response.content) == json.loads(json.dumps(openapi.schema_for(api, package)))


@pytest.mark.parametrize(
    ("query", "parameters"),
    [("api=user", ["package"]), ("package=basic", ["api"]), ("api=user&package=gold", ["package"]), ("x=1", ["x"])],
)
def test_half_a_choice_and_an_unknown_one_are_refused(query: str, parameters: list[str]) -> None:
    response = ANYBODY.raw(f"/api/v1/openapi.json?{query}")
    assert response.status_code == 400
    assert [error["parameter"] for error in json.loads(response.content)["errors"]] == parameters

"""Schemathesis per package, in this process and on seeded data: what the document promises, the API does.

The examples are the same in every run. Ids and days that exist are offered to the generator beside those it makes up.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.api import openapi
from apps.packages.catalog import Api, Package
from portal.wsgi import application
from tests.api.calls import Ids, ids_of
from tests.api.conftest import ApiCaller
from tests.cast import Cast

POSITIVE, NEGATIVE = 8, 4  # examples of each operation
CHECKED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DAYS = ["2025-06-20", "2025-06-21", "2025-06-22", "today", "yesterday"]
pytestmark = [
    pytest.mark.usefixtures("plenty"),
    pytest.mark.filterwarnings("ignore::Warning"),  # schemathesis' own
]


def seeded(document: dict[str, Any], ids: Ids, foreign: Ids) -> dict[str, Any]:
    """The document with ids and days that exist, for the generator to pick from."""
    exist: dict[str, list[str]] = {
        "portal": ["sunny"],
        "plantId": [ids.plant, ids.plant, ids.plant, foreign.plant],
        "fleetId": [ids.fleet, foreign.fleet],
        "fleet": [ids.fleet, foreign.fleet],
        "componentIds[]": [ids.component, ids.component, foreign.component],
        "mppTrackerIds[]": [ids.tracker, ids.string, ids.tracker, foreign.tracker],
        "xComponentIds[]": [ids.device, ids.device, foreign.device],
        "day": ["2025-06-21", "today", "2025-02-31"],
        "year": ["2025", "2024"],
        "dateFrom": DAYS,
        "dateTo": DAYS,
        "date": DAYS,
    }
    made = copy.deepcopy(document)
    for item in made["paths"].values():
        for parameter in item["get"]["parameters"]:
            if parameter["name"] in exist:
                choice = {"enum": list(dict.fromkeys(exist[parameter["name"]]))}
                many = parameter["schema"].get("type") == "array"
                parameter["schema"] = (
                    {"type": "array", "items": choice, "minItems": 1, "maxItems": 2} if many else choice
                )
            elif parameter["name"] == "channelNames[]":
                parameter["schema"] |= {"minItems": 1, "maxItems": 4}
    return made


def run(caller: ApiCaller, document: dict[str, Any], mode: GenerationMode, examples: int) -> dict[int, int]:
    """Call every operation with generated parameters and check every answer; how often each status came."""
    schema = schemathesis.openapi.from_dict(document)
    schema.app = application
    statuses: dict[int, int] = {}

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def call(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {caller.token}", "Accept-Encoding": "identity"})
        case.validate_response(response, checks=CHECKED)
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1

    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        given(case=operation.as_strategy(generation_mode=mode))(call)()
    return statuses


@pytest.fixture(autouse=True)
def _same_connection() -> Iterator[None]:
    """Requests stay inside the transaction of the test, as those of Django's own test client do."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture(
    params=[("user", "basic"), ("user", "advanced"), ("portal", "basic"), ("portal", "advanced")], ids=" ".join
)
def package(request: pytest.FixtureRequest) -> tuple[str, str]:
    pair: tuple[str, str] = request.param
    return pair


def test_answers_are_as_the_document_says(
    package: tuple[str, str], user_api: Any, portal_api: Any, measured: Cast
) -> None:
    api, name = package
    caller = user_api(measured.alice, name) if api == "user" else portal_api(measured.mona, name)
    ids, foreign = ids_of(measured.plant_a, measured.fleet_s), ids_of(measured.plant_o, measured.fleet_o)
    document = seeded(openapi.schema_for(Api(api), Package(name)), ids, foreign)
    statuses = run(caller, document, GenerationMode.POSITIVE, POSITIVE)
    assert statuses[200] > statuses.get(400, 0)
    assert set(statuses) <= {200, 400, 404}  # never 403: the document names only what the package holds
    refused = run(caller, document, GenerationMode.NEGATIVE, NEGATIVE)
    assert refused[400] > 10
    assert set(refused) <= {200, 400, 404}

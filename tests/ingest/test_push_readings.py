"""Readings pushed as JSON: stored when the receipt comes, once however often they come, each bad value named."""

import datetime as dt
import gzip
import json
from base64 import b64encode
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused
from apps.accounts.models import AuditEntry
from apps.ingest import keys, push
from apps.ingest.models import LoggerKey, Upload
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.plants.epochs import epochs_of
from apps.plants.models import Component, Plant
from tests.cast import Cast

MONA = Actor("mona@sunny.example")
NOON = "2025-06-21T12:00:00+02:00"
ADDRESS = "/ingest/v1/sunny/readings"


@pytest.fixture
def made(plant_a: Plant) -> tuple[LoggerKey, str]:
    return keys.create_key(plant_a, "Logger", MONA)


@pytest.fixture
def secret(made: tuple[LoggerKey, str]) -> str:
    return made[1]


def send(secret: str, body: Any, address: str = ADDRESS, **headers: str) -> Any:
    """POST a body (JSON unless it is bytes) with the logger's key."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    headers = {
        "Authorization": f"Bearer {secret}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Client(enforce_csrf_checks=True).post(address, data, content_type="application/json", headers=headers)


def reading(component: str, time: str = NOON, **values: Any) -> dict[str, Any]:
    return {"component": component, "time": time, "values": values}


def inverter(plant: Plant) -> str:
    return str(Component.objects.get(epoch__plant=plant, type="Inverter").cross_epoch_id)


def value_at(plant: Plant, device: str, name: str, slot: int, part: int = 0) -> float | None:
    day = dt.date(2025, 6, 21)
    for found in store.read_days(plant, [store.Source(UUID(device), part)], [BY_NAME[name]], day, day):
        return None if np.isnan(found.values[slot]) else float(found.values[slot])
    return None


def errors_of(answer: Any) -> list[tuple[str, str]]:
    return [(error["parameter"], error["message"]) for error in answer.json()["errors"]]


def test_what_the_receipt_accepts_is_stored(secret: str, plant_a: Plant):
    device = inverter(plant_a)
    answer = send(secret, {"readings": [reading(device, ProdPac=4200, ProdEtotal=18_250, Temp=None)]})
    assert answer.status_code == 202
    receipt = answer.json()
    assert (receipt["state"], receipt["accepted"], receipt["rejected"]) == ("stored", 2, [])
    assert value_at(plant_a, device, "ProdPac", 144) == 4200.0
    plant_a.refresh_from_db()
    assert (plant_a.last_transfer, plant_a.last_transfer_type) == (dt.datetime.fromisoformat(NOON), "HTTP")


def test_one_reading_and_a_list_of_readings_are_batches_too(secret: str, plant_a: Plant):
    device = inverter(plant_a)
    assert send(secret, reading(device, ProdPac=1)).json()["accepted"] == 1
    assert send(secret, [reading(device, ProdPac=2), reading(device, ProdPac=3)]).json()["accepted"] == 2
    assert value_at(plant_a, device, "ProdPac", 144) == 3.0


def test_trackers_and_strings_are_parts_of_their_component(secret: str, plant_a: Plant):
    device = inverter(plant_a)
    tracker = {**reading(device, ProdPdc=900), "mppTracker": 2}
    string = {**reading(device, ProdIdc=4.25), "string": 3}
    assert send(secret, [tracker, string]).json()["accepted"] == 2
    assert value_at(plant_a, device, "ProdPdc", 144, part=2) == 900.0
    assert value_at(plant_a, device, "ProdIdc", 144, part=store.STRING_PART + 3) == 4.25


def test_the_same_batch_again_has_the_same_result(secret: str, plant_a: Plant):
    device = inverter(plant_a)
    first, second = (send(secret, [reading(device, ProdPac=4200)]).json() for _ in range(2))
    assert {**first, "id": "", "receivedAt": ""} == {**second, "id": "", "receivedAt": ""}
    assert value_at(plant_a, device, "ProdPac", 144) == 4200.0


def test_the_same_idempotency_key_gets_the_same_receipt(secret: str, plant_a: Plant):
    batch = [reading(inverter(plant_a), ProdPac=4200)]
    first, second = (send(secret, batch, Idempotency_Key="batch-1").json() for _ in range(2))
    assert first == second
    assert Upload.objects.count() == 1


def test_another_body_with_a_used_idempotency_key_is_refused(secret: str, plant_a: Plant):
    send(secret, [reading(inverter(plant_a), ProdPac=1)], Idempotency_Key="batch-1")
    answer = send(secret, [reading(inverter(plant_a), ProdPac=2)], Idempotency_Key="batch-1")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert value_at(plant_a, inverter(plant_a), "ProdPac", 144) == 1.0


def test_gzip_is_unpacked(secret: str, plant_a: Plant):
    body = gzip.compress(json.dumps([reading(inverter(plant_a), ProdPac=7)]).encode())
    assert send(secret, body, Content_Encoding="gzip").json()["accepted"] == 1


def test_an_unknown_component_is_built_in_with_a_new_epoch(secret: str, plant_a: Plant):
    answer = send(secret, [reading("SN-77", GridPacIn=350, GridEtotalIn=1200)])
    assert answer.json()["newComponents"] == ["SN-77"]
    assert [str(epoch.first_day) for epoch in epochs_of(plant_a)] == ["2025-01-01", "2025-06-21"]
    row = Component.objects.get(epoch__plant=plant_a, serial="SN-77")
    assert (row.type, row.name, row.classes, row.channels) == (
        "Meter",
        "SN-77",
        ["meter"],
        ["GridPacIn", "GridEtotalIn"],
    )
    assert send(secret, [reading("SN-77", GridPacIn=1)]).json()["newComponents"] == []


def test_a_new_component_may_describe_itself(secret: str, plant_a: Plant):
    described = {"serial": "HP-1", "type": "HeatPump", "name": "Heat pump", "vendor": "Warm", "size": 0}
    send(secret, {"readings": [reading("HP-1", ConsPac=900)], "components": [described]})
    row = Component.objects.get(epoch__plant=plant_a, serial="HP-1")
    assert (row.type, row.name, row.vendor, row.classes) == ("HeatPump", "Heat pump", "Warm", ["consumption"])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"time": "yesterday"}, "time: 'yesterday' is not an ISO 8601 time"),
        ({"time": "2025-06-21T12:00:00"}, "time: without an offset nobody knows when this was; add Z or +01:00"),
        ({"time": "1999-01-01T00:00:00Z"}, "time: 1999-01-01T00:00:00Z cannot be; set the logger's clock"),
        ({"time": "2061-01-01T00:00:00Z"}, "time: 2061-01-01T00:00:00Z cannot be; set the logger's clock"),
        ({"values": {"ProdPac": "4200"}}, "not a number"),
        ({"values": {"ProdPac": True}}, "not a number"),
        ({"values": {"ProdPac": 1e300}}, "out of range"),
        ({"values": {"Nonsense": 1}}, "there is no such channel"),
        ({"values": {"Autarky": 1}}, "computed here, not delivered"),
        ({"values": {"ConsPacCov": 1}}, "computed here, not delivered"),
        ({"component": ""}, "component: a serial number or cross-epoch id is needed"),
        ({"mppTracker": 0}, "mppTracker counts from 1 to 255, string from 1 to 9999"),
        ({"mppTracker": 1, "string": 1}, "mppTracker or string, not both"),
        ({"colour": "red"}, "a reading has component, mppTracker, string, time, values; values is an object"),
    ],
)
def test_a_bad_reading_is_named_and_the_good_one_kept(secret: str, plant_a: Plant, bad: dict[str, Any], reason: str):
    device = inverter(plant_a)
    good = reading(device, time="2025-06-21T13:00:00+02:00", ProdPac=5)
    receipt = send(secret, [{**reading(device, ProdPac=1), **bad}, good]).json()
    assert [(one["reading"], one["reason"]) for one in receipt["rejected"]] == [(0, reason)]
    assert receipt["accepted"] == 1
    assert value_at(plant_a, device, "ProdPac", 156) == 5.0


def test_what_cannot_be_physical_is_kept_and_flagged(secret: str, plant_a: Plant, settings: Any):
    device = str(Component.objects.get(epoch__plant=plant_a, type="Sensor").cross_epoch_id)
    receipt = send(secret, [reading(device, Irradiation=5000, TempModule=35)]).json()
    assert receipt["flagged"] == [
        {
            "reading": 0,
            "channel": "Irradiation",
            "value": 5000.0,
            "reason": "beyond what is physical (-20 to 1600 W/m2); kept",
        }
    ]
    assert value_at(plant_a, device, "Irradiation", 144) == 5000.0
    settings.CHANNEL_BOUNDS = {"Irradiation": [0, 6000]}
    assert send(secret, [reading(device, Irradiation=5001)]).json()["flagged"] == []


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"readings": [', "body", "Broken JSON in line 1, column 15"),
        (b"42", "body", "An object with readings and components, a list of readings, or one reading."),
        (b'{"readings": 3}', "readings", "readings and components are lists."),
        (b'{"readings": [], "components": [{"serial": "1", "type": "Toaster"}]}', "components", "type: 'Toaster' is"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(secret: str, body: bytes, field: str, message: str):
    answer = send(secret, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_delivery")
    [(named, said)] = errors_of(answer)
    assert named == field
    assert said.startswith(message)


def test_more_than_ten_thousand_values_are_refused(secret: str, plant_a: Plant):
    many = [reading(inverter(plant_a), ProdPac=1, Temp=2)] * 5_001
    assert errors_of(send(secret, many)) == [("readings", "A batch holds at most 10000 values; send several.")]
    assert not Upload.objects.exists()


def test_bodies_that_are_too_large_packed_or_unpacked_are_refused(secret: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(push, "MOST_BYTES", 1000)
    assert send(secret, b" " * 1001).status_code == 413
    bomb = gzip.compress(b" " * 10_000_000)
    monkeypatch.setattr(push, "MOST_BYTES", len(bomb) + 1)
    assert send(secret, bomb, Content_Encoding="gzip").status_code == 413


@pytest.mark.parametrize(
    ("body", "message"), [(b"no gzip", "The body is not gzip."), (None, "The gzip body is cut off.")]
)
def test_broken_gzip_is_refused(secret: str, body: bytes | None, message: str):
    broken = body or gzip.compress(b'{"readings": []}')[:-9]
    assert errors_of(send(secret, broken, Content_Encoding="gzip")) == [("body", message)]


def test_other_types_of_bodies_are_refused(secret: str):
    header = {"Authorization": f"Bearer {secret}"}
    assert Client().post(ADDRESS, "a,b", content_type="text/csv", headers=header).status_code == 415
    assert Client().get(ADDRESS, headers=header).status_code == 405


def test_a_logger_that_delivers_every_moment_is_told_when_to_go_on(
    secret: str, plant_a: Plant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(push, "PER_MINUTE", 3)
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime(2025, 6, 21, 12, 0, 20, tzinfo=dt.UTC))
    answers = [send(secret, reading(inverter(plant_a), ProdPac=1)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert (answers[3].json()["code"], answers[3].headers["Retry-After"]) == ("too_many_deliveries", "40")


def test_a_delivery_of_known_components_takes_six_statements(secret: str, plant_a: Plant):
    body = reading(inverter(plant_a), time=timezone.now().isoformat(), ProdPac=1)
    send(secret, body)  # notes that the key was used
    with CaptureQueriesContext(connection) as found:
        send(secret, body)
    assert [one["sql"].split()[0] for one in found.captured_queries] == [
        *("SELECT", "SELECT"),  # the key with its plant, what it delivered this minute
        *("SAVEPOINT", "SELECT", "INSERT", "UPDATE", "INSERT", "RELEASE"),  # components, values, plant, receipt
    ]


# --- Who may deliver ---------------------------------------------------------------------------------------------


def test_without_a_living_key_nothing_is_accepted(secret: str, plant_a: Plant, made: tuple[LoggerKey, str]):
    body = reading(inverter(plant_a), ProdPac=1)
    for wrong in ("", "hpl_wrong", secret[:-1], secret.upper()):
        answer = send(wrong, body)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_logger_key")
        assert "Basic" in answer.headers["WWW-Authenticate"]
    assert send(secret[:-1], body).json()["detail"].startswith("This is no logger key: a sign is wrong or missing.")
    keys.revoke_key(made[0], MONA, "stolen")
    assert send(secret, body).status_code == 401
    assert not Upload.objects.exists()


def test_a_key_made_under_a_former_pepper_goes_on(secret: str, plant_a: Plant, settings: Any):
    settings.SECRET_PEPPERS = ["new", *settings.SECRET_PEPPERS]
    assert send(secret, reading(inverter(plant_a), ProdPac=1)).status_code == 202
    settings.SECRET_PEPPERS = ["new"]
    assert send(secret, reading(inverter(plant_a), ProdPac=1)).status_code == 401


def test_login_and_secret_work_as_basic_authentication(made: tuple[LoggerKey, str], plant_a: Plant):
    key, secret = made

    def basic(login: str) -> int:
        header = {"Authorization": "Basic " + b64encode(f"{login}:{secret}".encode()).decode()}
        body = json.dumps(reading(inverter(plant_a), ProdPac=1))
        return Client().post(ADDRESS, body, content_type="application/json", headers=header).status_code

    assert (basic(key.login), basic("somebody")) == (202, 401)


def test_a_key_opens_its_own_plant_in_its_own_portal_only(secret: str, cast: Cast):
    body = [reading(inverter(cast.plant_b), ProdPac=1)]
    assert send(secret, body, "/ingest/v1/other/readings").status_code == 404
    answer = send(secret, body)
    assert answer.json()["newComponents"] == [inverter(cast.plant_b)]  # of plant A now, whatever it is called
    assert store.data_range(cast.plant_b) is None
    assert store.data_range(cast.plant_a) is not None


def test_a_plant_that_is_switched_off_accepts_nothing(secret: str, plant_a: Plant):
    plant_a.status = Plant.Status.DEACTIVATED
    plant_a.save()
    assert send(secret, reading(inverter(plant_a), ProdPac=1)).status_code == 401


def test_after_a_rotation_both_secrets_work_until_the_former_ends(
    made: tuple[LoggerKey, str], plant_a: Plant, monkeypatch: pytest.MonkeyPatch
):
    key, old = made
    new = keys.rotate_key(key, MONA)
    body = reading(inverter(plant_a), ProdPac=1)
    assert (send(old, body).status_code, send(new, body).status_code) == (202, 202)
    later = timezone.now() + dt.timedelta(hours=25)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert (send(old, body).status_code, send(new, body).status_code) == (401, 202)


def test_every_act_on_a_key_is_recorded_and_no_secret_is(made: tuple[LoggerKey, str]):
    key, secret = made
    keys.rotate_key(key, MONA)
    keys.revoke_key(key, MONA, "replaced")
    acts = AuditEntry.objects.filter(action__startswith="logger_key").order_by("id")
    assert [(act.action, act.subject) for act in acts] == [
        ("logger_key.created", "Plant A · Logger"),
        ("logger_key.rotated", "Plant A · Logger"),
        ("logger_key.revoked", "Plant A · Logger"),
    ]
    assert secret not in str(list(acts.values()))
    assert secret not in str(list(LoggerKey.objects.values()))


def test_a_plant_has_ten_living_keys_at_most_each_with_a_name_of_its_own(plant_a: Plant):
    for number in range(10):
        keys.create_key(plant_a, f"Logger {number}", MONA)
    with pytest.raises(ChangeRefused, match="at most 10 logger keys"):
        keys.create_key(plant_a, "one more", MONA)
    keys.revoke_key(LoggerKey.objects.get(name="Logger 3"), MONA)
    with pytest.raises(ChangeRefused):
        keys.create_key(plant_a, "Logger 4", MONA)


def test_a_receipt_can_be_read_again_with_a_key_of_the_plant_only(secret: str, cast: Cast):
    receipt = send(secret, reading(inverter(cast.plant_a), ProdPac=1)).json()
    address = f"/ingest/v1/sunny/receipts/{receipt['id']}"
    assert Client().get(address, headers={"Authorization": f"Bearer {secret}"}).json() == receipt
    _, foreign = keys.create_key(cast.plant_b, "Logger", MONA)
    assert Client().get(address, headers={"Authorization": f"Bearer {foreign}"}).status_code == 404


def test_the_hour_that_comes_twice_lands_on_its_own_slots(secret: str, plant_a: Plant):
    device = inverter(plant_a)
    first, second = "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00"
    send(secret, [reading(device, time=first, ProdPac=1), reading(device, time=second, ProdPac=2)])
    day = dt.date(2025, 10, 26)
    [found] = store.read_days(plant_a, [store.Source(UUID(device))], [BY_NAME["ProdPac"]], day, day)
    assert (found.values.size, found.values[30], found.values[42]) == (grid.slots(plant_a.zone, day), 1.0, 2.0)


def test_a_database_that_is_away_is_a_503_with_advice(secret: str, monkeypatch: pytest.MonkeyPatch):
    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("apps.ingest.push.keys.verify", away)
    answer = send(secret, reading("SN-1", ProdPac=1))
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "unavailable", "5")

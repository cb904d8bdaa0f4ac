"""Ready answers: days that are over are made once, and still every call is judged, counted and up to date."""

import datetime as dt
import gzip
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken

from apps.accounts.models import User
from apps.api import kept, series
from apps.measurements import grid, store
from apps.packages import usage
from apps.packages.models import QuotaCounter, UsageHour
from apps.plants.models import Assignment, Component, Plant
from tests.api.calls import CALLS, ids_of
from tests.api.conftest import DAY, ApiCaller, measure
from tests.cast import Cast

Api = Callable[[User, str], ApiCaller]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> kept.Shelf:
    """An empty one."""
    empty = kept.Shelf()
    monkeypatch.setattr(series, "shelf", empty)
    return empty


@pytest.fixture
def alice(user_api: Api, measured: Cast, shelf: kept.Shelf) -> ApiCaller:
    return user_api(measured.alice, "advanced")


@pytest.fixture
def path(measured: Cast) -> str:
    return ids_of(measured.plant_a, measured.fleet_s).fill(CALLS["plant_channels"])


def ask(caller: ApiCaller, path: str, **headers: str) -> Any:
    return caller.raw(f"/api/v1/sunny/{path}", Accept_Encoding="gzip", **headers)


def answers_on(shelf: kept.Shelf) -> int:
    return len(shelf._answers)


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_arguments: object) -> None:
        raise AssertionError("values were unpacked")

    monkeypatch.setattr("apps.measurements.rows.unpack_day", fault)


def correct(plant: Plant, slot: int, value: float) -> None:
    """A late value of the day that is over."""
    values = np.full(grid.slots(plant.zone, DAY), np.nan)
    values[slot] = value
    device = Component.objects.get(epoch__plant=plant, type="Inverter").cross_epoch_id
    store.write(plant, [store.DayReadings(device, DAY, {("ProdPac", 0): values})])


def test_the_second_answer_is_the_first_one_and_nothing_is_unpacked_for_it(
    alice: ApiCaller, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = alice.get(path)
    first = ask(alice, path)
    forbid_reading(monkeypatch)
    second = ask(alice, path)
    assert second.content == first.content
    assert gzip.decompress(second.content) == plain.content
    for name in ("Content-Encoding", "Content-Type", "ETag", "Vary", "Cache-Control", "Content-Length"):
        assert second[name] == first[name], name
    assert (second["Content-Encoding"], second["ETag"]) == ("gzip", f"W/{plain['ETag']}")
    assert ask(alice, path, If_None_Match=second["ETag"]).status_code == 304


def test_a_late_value_is_in_the_next_answer(alice: ApiCaller, measured: Cast, path: str) -> None:
    before = ask(alice, path)
    correct(measured.plant_a, 144, 4321)
    after = ask(alice, path)
    [day] = orjson.loads(gzip.decompress(after.content))
    assert day["dataPoints"]["2025-06-21T12:00:00+02:00"] == 4321
    assert after["ETag"] != before["ETag"]


def test_a_kept_answer_is_counted_like_the_first_one(alice: ApiCaller, path: str) -> None:
    for _ in range(3):
        assert ask(alice, path).status_code == 200
    usage.flush()
    size = len(alice.get(path).content)
    assert UsageHour.objects.values_list("calls", "points", "bytes").get() == (3, 3 * 288, 3 * size)
    assert QuotaCounter.objects.values_list("minute_used", "day_used").get() == (4, 4)


def test_a_kept_answer_opens_nothing(alice: ApiCaller, user_api: Api, measured: Cast, path: str) -> None:
    assert ask(alice, path).status_code == 200
    assert ask(user_api(measured.bob, "advanced"), path).status_code == 404
    Assignment.objects.filter(plant=measured.plant_a).delete()
    assert ask(alice, path).status_code == 404
    AccessToken.objects.all().delete()
    assert ask(alice, path).status_code == 401


def test_the_day_that_goes_on_and_clients_without_gzip_get_answers_made_for_them(
    alice: ApiCaller, measured: Cast, path: str, shelf: kept.Shelf
) -> None:
    measure(measured.plant_a, grid.today(measured.plant_a.zone, timezone.now()))
    assert ask(alice, path.replace("2025-06-21", "today"))["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in alice.get(path)
    assert answers_on(shelf) == 0
    ask(alice, path)
    assert answers_on(shelf) == 1


def test_what_is_streamed_is_not_kept(alice: ApiCaller, measured: Cast, shelf: kept.Shelf) -> None:
    measure(measured.plant_a, DAY - dt.timedelta(days=1))
    path = f"visualization/plant/{measured.plant_a.pk}/channels?dateFrom=2025-01-01&dateTo=2025-06-21"
    assert ask(alice, f"{path}&channelNames[]=ProdPac").streaming
    assert answers_on(shelf) == 0


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    shelf = kept.Shelf(most_bytes=250)
    for name in (b"a", b"b"):
        shelf.put(name, kept.Ready(bytes(100), 1, 1))
    shelf.find(b"a")
    shelf.put(b"c", kept.Ready(bytes(100), 1, 1))
    assert [shelf.find(name) is not None for name in (b"a", b"b", b"c")] == [True, False, True]
    shelf.put(b"d", kept.Ready(bytes(251), 1, 1))
    assert shelf.find(b"d") is None

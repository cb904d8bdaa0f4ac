"""What the API notes of its calls: function, status, points, bytes, time, client, and whose plant was read."""

import contextlib
import datetime as dt
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.accounts.models import User
from apps.api import oauth, points
from apps.packages import usage
from apps.packages.catalog import Limits
from apps.packages.models import ApiClient, PlantAccess, QuotaCounter, UsageHour
from tests.api.calls import CALLS, ids_of
from tests.api.conftest import ApiCaller, body_of, measure
from tests.cast import Cast
from tests.live import manage, running_server

Api = Callable[[User, str], ApiCaller]
DAY = "dateFrom=2025-06-21&dateTo=2025-06-21&channelNames[]=ProdPac"


def noted() -> list[tuple[str, str, int, int, int]]:
    """Function, class of status, calls, points and bytes of what was called."""
    usage.flush()
    rows = UsageHour.objects.order_by("function", "status")
    return list(rows.values_list("function", "status", "calls", "points", "bytes"))


def channels(cast: Cast) -> str:
    return f"visualization/plant/{cast.plant_a.pk}/channels"


@pytest.fixture
def alice(user_api: Api, measured: Cast) -> ApiCaller:
    return user_api(measured.alice, "basic")


# --- Usage ------------------------------------------------------------------------------------------------------


def test_a_day_of_values_is_a_call_with_288_points(alice: ApiCaller, measured: Cast) -> None:
    size = len(body_of(alice.get(f"{channels(measured)}?{DAY}")))
    assert noted() == [("plant_channels", "2xx", 1, 288, size)]
    assert UsageHour.objects.get().milliseconds > 0


def test_points_are_the_data_points_of_the_answer_missing_ones_too(user_api: Api, measured: Cast) -> None:
    caller, plant = user_api(measured.alice, "advanced"), measured.plant_a.pk
    for day in (30, 31):
        measure(measured.plant_a, dt.date(2025, 3, day))
    two = "channelNames[]=ProdPac&channelNames[]=ConsPac"
    caller.json(f"visualization/plant/{plant}/channels?dateFrom=2025-03-30&dateTo=2025-03-31&{two}")
    caller.json(f"visualization/plant/{plant}/year/2025/month/6?channelNames[]=ProdEtotal")
    caller.json(f"visualization/plant/{plant}/year/2025?channelNames[]=ProdEtotal")
    caller.json(f"visualization/plant/{plant}/kpis?dateFrom=2025-06-21&dateTo=2025-06-21")
    caller.json("me")
    found = {function: points for function, _status, _calls, points, _size in noted()}
    assert found == {"plant_channels": 2 * (276 + 288), "plant_month": 30, "plant_year": 12, "kpis": 0, "me": 0}


def test_an_unchanged_answer_is_a_call_without_points_or_bytes(alice: ApiCaller, measured: Cast) -> None:
    for path in (
        f"{channels(measured)}?{DAY}",
        f"visualization/plant/{measured.plant_a.pk}/year/2025?channelNames[]=ProdEtotal",
    ):
        etag = alice.get(path)["ETag"]
        assert alice.get(path, If_None_Match=etag).status_code == 304
    assert [row for row in noted() if row[1] == "3xx"] == [
        ("plant_channels", "3xx", 1, 0, 0),
        ("plant_year", "3xx", 1, 0, 0),
    ]


def test_head_and_options_send_no_points_and_no_bytes(alice: ApiCaller, measured: Cast) -> None:
    alice.get(f"{channels(measured)}?{DAY}", "HEAD")
    alice.get("me", "OPTIONS")
    assert noted() == [("me", "2xx", 1, 0, 0), ("plant_channels", "2xx", 1, 0, 0)]


def test_refused_calls_count_with_their_status(
    alice: ApiCaller, measured: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, status in (
        (f"visualization/plant/{measured.plant_a.pk}/kpis?dateFrom=today&dateTo=today", 403),
        (f"visualization/plant/{measured.plant_b.pk}", 404),
        ("me?colour=red", 400),
    ):
        assert alice.get(path).status_code == status
    monkeypatch.setattr("apps.packages.quota.limits_of", lambda _access: Limits(3, 3))
    assert alice.get("me").status_code == 429
    assert [row[:4] for row in noted()] == [
        ("kpis", "4xx", 1, 0),
        ("me", "4xx", 2, 0),
        ("plant_summary", "4xx", 1, 0),
    ]


def test_a_dead_token_belongs_to_no_subscription_and_counts_nowhere(alice: ApiCaller) -> None:
    assert ApiCaller("dead", "sunny", alice.subscription).get("me").status_code == 401
    assert noted() == []


def test_a_failure_of_ours_is_a_call_of_its_own_class(
    alice: ApiCaller, measured: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.api.views.serializers.address_of", lambda _plant: 1 / 0)
    assert alice.get(f"administration/plants/{measured.plant_a.pk}/address").status_code == 500
    assert [row[:4] for row in noted()] == [("plant_address", "5xx", 1, 0)]
    assert not PlantAccess.objects.exists()


# --- Streams ----------------------------------------------------------------------------------------------------

LONG = "dateFrom=2025-01-01&dateTo=2025-06-30&channelNames[]=ProdPac"  # the days that have values: three of them


@pytest.fixture
def three_days(measured: Cast, plenty: None) -> Cast:
    """Values on 20, 21 and 22 June."""
    for day in (20, 22):
        measure(measured.plant_a, dt.date(2025, 6, day))
    return measured


def test_a_streamed_answer_is_counted_when_it_ends(alice: ApiCaller, three_days: Cast) -> None:
    response = alice.raw(f"/api/v1/sunny/{channels(three_days)}?{LONG}")
    assert response.streaming
    assert noted() == []
    size = len(body_of(response))
    assert noted() == [("plant_channels", "2xx", 1, 3 * 288, size)]


@pytest.mark.django_db(transaction=True)  # closing a response closes the connection
def test_a_stream_that_the_client_leaves_counts_as_far_as_it_came(alice: ApiCaller, three_days: Cast) -> None:
    response = alice.raw(f"/api/v1/sunny/{channels(three_days)}?{LONG}")
    first = next(iter(response.streaming_content))
    response.close()
    assert noted() == [("plant_channels", "2xx", 1, 288, len(first))]


@pytest.mark.django_db(transaction=True)
def test_a_stream_that_nobody_read_is_a_call(alice: ApiCaller, three_days: Cast) -> None:
    alice.raw(f"/api/v1/sunny/{channels(three_days)}?{LONG}").close()
    assert noted() == [("plant_channels", "2xx", 1, 0, 0)]


def test_a_stream_that_breaks_is_a_failure_of_ours_and_costs_nothing(
    alice: ApiCaller, three_days: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = points.day_objects

    def broken(*arguments: Any) -> Iterator[bytes]:
        yield next(whole(*arguments))
        raise OSError("disk")

    monkeypatch.setattr(points, "day_objects", broken)
    response = alice.raw(f"/api/v1/sunny/{channels(three_days)}?{LONG}")
    assert QuotaCounter.objects.get().day_used > 0
    with pytest.raises(OSError, match="disk"):
        body_of(response)
    assert [row[:4] for row in noted()] == [("plant_channels", "5xx", 1, 0)]
    assert QuotaCounter.objects.get().day_used == 0


# --- Who read the plant -------------------------------------------------------------------------------------------


def read_plants() -> list[tuple[str, int]]:
    usage.flush()
    rows = PlantAccess.objects.order_by("plant__label", "client_id")
    return list(rows.values_list("plant__label", "calls"))


def test_every_answered_call_below_a_plant_is_in_its_log_and_no_other(portal_api: Api, measured: Cast) -> None:
    caller, ids = portal_api(measured.mona, "advanced"), ids_of(measured.plant_a, measured.fleet_s)
    for call in CALLS.values():
        assert caller.get(ids.fill(call)).status_code == 200
    below = [name for name, call in CALLS.items() if "{plant}" in call]
    assert len(below) == 19
    assert read_plants() == [("Plant A", 19)]


def test_what_was_refused_or_unknown_is_in_no_log(alice: ApiCaller, measured: Cast) -> None:
    for path in (
        f"visualization/plant/{measured.plant_b.pk}",
        f"visualization/plant/{measured.plant_a.pk}/year/x?channelNames[]=ProdEtotal",
        f"visualization/plant/{measured.plant_a.pk}/kpis?dateFrom=today&dateTo=today",
    ):
        assert alice.get(path).status_code >= 400
    assert read_plants() == []


def test_an_unchanged_answer_is_a_look_at_the_plant(alice: ApiCaller, measured: Cast) -> None:
    path = f"{channels(measured)}?{DAY}"
    alice.get(path, If_None_Match=alice.get(path)["ETag"])
    assert read_plants() == [("Plant A", 2)]


def test_the_log_goes_by_days_of_the_plant(alice: ApiCaller, measured: Cast, at: Callable[[str], None]) -> None:
    at("2030-06-01T21:59:59+00:00")
    caller = ApiCaller(oauth.issue_token(alice.subscription.clients.get()), "sunny", alice.subscription)
    caller.json(f"visualization/plant/{measured.plant_a.pk}")
    at("2030-06-01T22:00:01+00:00")
    caller.json(f"visualization/plant/{measured.plant_a.pk}")
    usage.flush()
    days = list(PlantAccess.objects.order_by("day").values_list("day", flat=True))
    assert days == [dt.date(2030, 6, 1), dt.date(2030, 6, 2)]
    assert UsageHour.objects.count() == 2


def test_a_client_knows_its_last_call_and_from_where(alice: ApiCaller) -> None:
    alice.get("me")
    usage.flush()
    client = ApiClient.objects.get()
    assert client.last_used_at is not None
    assert client.last_ip == "127.0.0.1"


# --- On a real server ---------------------------------------------------------------------------------------------


def test_a_call_just_before_the_server_is_stopped_is_counted(tmp_path: Path) -> None:
    """Its program keeps the connection open."""
    with running_server(tmp_path) as server, httpx.Client() as program:
        server.command("create_portal", "sunny", "--name", "Sunny")
        server.command("create_user", "alice@sunny.example", "--portal", "sunny", "--role", "owner")
        made = server.command("activate_api", "--user", "alice@sunny.example", "--package", "basic")
        form = {
            "grant_type": "client_credentials",
            "client_id": made["client_id"],
            "client_secret": made["client_secret"],
        }
        answer = program.post(f"{server.url}/auth/realms/quotaapi/protocol/openid-connect/token", data=form)
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert program.get(f"{server.url}/api/v1/sunny/me", headers=headers).status_code == 200
        os.kill(server.pid, signal.SIGTERM)
        wait_for_end(server.pid)
        shown = manage("show_usage", "--user", "alice@sunny.example", environment=server.environment)
    assert '"calls": 1' in shown.stdout


def wait_for_end(pid: int) -> None:
    """Our child stays a zombie until its parent waits; only the end counts."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_usage_costs_a_call_no_statement(alice: ApiCaller, django_assert_num_queries: Any) -> None:
    alice.get("me")
    with django_assert_num_queries(2):
        alice.get("me")

"""The quota's counters in Redis: how long they live, what a lost connection does, and never unlimited calls."""

import datetime as dt
from uuid import UUID, uuid4

import pytest
from django.test import Client
from redis import Redis

from apps.packages import quota
from apps.packages.catalog import Limits
from apps.packages.models import QuotaCounter
from tests.clients_cast import user_key
from tests.live import free_port

NOON = dt.datetime(2025, 6, 1, 12, 0, 0, tzinfo=dt.UTC)
LIMITS = Limits(per_minute=3, per_day=5)


@pytest.fixture
def account() -> UUID:
    return uuid4()


@pytest.fixture
def server(redis, settings) -> Redis:
    settings.REDIS_URL = redis
    return Redis.from_url(redis)


def test_a_counter_lives_two_days_after_the_last_call(server, account):
    quota.take(account, LIMITS, 1, NOON)
    assert server.ttl(f"helioport:quota:{account}") in (172_799, 172_800)


def test_a_connection_that_was_closed_is_opened_again(server, account):
    quota.take(account, LIMITS, 1, NOON)
    for client in server.client_list():
        if client["cmd"] in ("evalsha", "script|load"):
            server.client_kill_filter(_id=client["id"])
    assert quota.take(account, LIMITS, 1, NOON).minute_used == 2


def test_a_server_that_forgot_our_scripts_is_told_again(server, account):
    quota.take(account, LIMITS, 1, NOON)
    server.script_flush()
    assert quota.take(account, LIMITS, 1, NOON).minute_used == 2


def test_a_call_of_the_api_is_counted_there_and_not_in_the_database(cast, server):
    key = user_key(cast.alice, cast.sunny)
    response = Client().get("/api/v1/sunny/me", headers={"Authorization": f"Bearer {key.token()}"})
    assert (response.status_code, response.json()["quota"][0]["used"]) == (200, 1)
    assert server.hget(f"helioport:quota:{key.subscription.pk}", "day_used") == b"1"
    assert not QuotaCounter.objects.exists()


# --- Nobody there -------------------------------------------------------------------------------------


@pytest.fixture
def nobody(settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"


def test_out_of_reach_nothing_passes(nobody, account):
    with pytest.raises(quota.QuotaUnavailable):
        quota.take(account, LIMITS, 1, NOON)


def test_a_refund_that_cannot_be_made_is_logged_and_disturbs_nothing(nobody, account, caplog):
    quota.Spent(account, LIMITS, 1, NOON, True, 1, 1).settle(500)
    assert "a refund of 1 is lost" in caplog.text


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Quota cannot be counted"), ("de", "Kontingent kann nicht gezählt werden")]
)
def test_a_call_is_answered_503_with_a_time_to_come_back(cast, nobody, language, title):
    headers = {"Authorization": f"Bearer {_token(cast)}", "Accept-Language": language}
    response = Client().get("/api/v1/sunny/me", headers=headers)
    body = response.json()
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert (body["code"], body["title"], body["status"]) == ("quota_unavailable", title, 503)
    assert "RateLimit" not in response


def _token(cast) -> str:
    return user_key(cast.alice, cast.sunny).token()

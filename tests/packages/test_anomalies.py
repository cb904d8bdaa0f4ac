"""What is unusual about the use of a subscription: each rule at its limit, by literal figures."""

import datetime as dt

import pytest

from apps.packages.anomalies import Anomaly, Kind, Signs, anomalies

NOW = dt.datetime(2025, 6, 30, 12, 0, tzinfo=dt.UTC)


def ago(days: float) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


def kinds(**signs: object) -> list[str]:
    known = {"active_since": ago(200), "last_used": ago(1), **signs}
    return [found.kind.value for found in anomalies(Signs(**known), NOW)]  # type: ignore[arg-type]


def test_ordinary_use_is_none():
    assert kinds(calls_today=300, calls_before=14 * 280, calls_in_week=2_000, refused_in_week=20) == []


@pytest.mark.parametrize(
    ("today", "before", "since", "found"),
    [
        (1_001, 14 * 200, 200, ["burst"]),  # more than five times 200
        (1_000, 14 * 200, 200, []),
        (501, 0, 200, ["burst"]),  # more than the floor
        (500, 14 * 10, 200, []),
        (1_001, 4 * 200, 4, ["burst"]),  # four days old: the mean of four days
        (1_000, 4 * 200, 4, []),
        (5_000, 0, 2, []),  # too young to compare
    ],
)
def test_five_times_the_mean_is_a_burst(today: int, before: int, since: int, found: list[str]):
    assert kinds(calls_today=today, calls_before=before, active_since=ago(since)) == found


@pytest.mark.parametrize(
    ("calls", "refused", "found"), [(50, 11, ["refused"]), (50, 10, []), (49, 49, []), (1_000, 201, ["refused"])]
)
def test_a_fifth_of_refused_calls_is_the_limit(calls: int, refused: int, found: list[str]):
    assert kinds(calls_in_week=calls, refused_in_week=refused) == found


def test_a_network_is_new_where_another_one_was_known():
    known = frozenset({"192.0.2.0"})
    assert kinds(networks_today=frozenset({"192.0.2.0", "198.51.100.0"}), networks_before=known) == ["network"]
    assert kinds(networks_today=known, networks_before=known) == []
    assert kinds(networks_today=frozenset({"198.51.100.0"})) == []


def test_a_secret_is_old_after_a_year():
    assert kinds(oldest_secret=ago(365)) == []
    assert kinds(oldest_secret=ago(365.1)) == ["old_secret"]


def test_it_is_unused_after_90_days_counted_from_the_last_call_or_from_the_start():
    assert kinds(last_used=ago(90)) == []
    assert kinds(last_used=ago(91)) == ["unused"]
    assert kinds(last_used=None, active_since=ago(91)) == ["unused"]
    assert kinds(last_used=None, active_since=ago(20)) == []


def test_what_is_not_active_has_none():
    assert kinds(active_since=None, oldest_secret=ago(900), last_used=ago(900)) == []


def test_the_figures_are_said():
    signs = Signs(active_since=ago(200), last_used=ago(120), oldest_secret=ago(400))
    assert anomalies(signs, NOW) == (
        Anomaly(Kind.OLD_SECRET, "A live secret is 400 days old and was not rotated."),
        Anomaly(Kind.UNUSED, "No call for 120 days."),
    )

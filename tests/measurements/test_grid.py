"""Slots are absolute times: no day has an hour twice under one key, and none loses one."""

import datetime as dt
import zoneinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.measurements import grid

BERLIN = ZoneInfo("Europe/Berlin")
SANTIAGO = ZoneInfo("America/Santiago")
BEIRUT = ZoneInfo("Asia/Beirut")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
KOLKATA = ZoneInfo("Asia/Kolkata")
ST_JOHNS = ZoneInfo("America/St_Johns")
APIA = ZoneInfo("Pacific/Apia")
SPRING, AUTUMN = dt.date(2025, 3, 30), dt.date(2025, 10, 26)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [
        (BERLIN, dt.date(2025, 6, 15), 288),
        (BERLIN, SPRING, 276),
        (BERLIN, AUTUMN, 300),
        (SANTIAGO, dt.date(2025, 9, 7), 276),
        (SANTIAGO, dt.date(2025, 4, 5), 300),
        (SANTIAGO, dt.date(2025, 4, 6), 288),
        (BEIRUT, dt.date(2025, 3, 30), 276),
        (BEIRUT, dt.date(2025, 10, 25), 300),
        (LORD_HOWE, dt.date(2025, 4, 6), 294),
        (LORD_HOWE, dt.date(2025, 10, 5), 282),
        (KOLKATA, SPRING, 288),
        (KOLKATA, AUTUMN, 288),
        (APIA, dt.date(2011, 12, 30), 0),
    ],
)
def test_a_day_has_a_slot_for_every_five_minutes_that_pass_in_it(zone: ZoneInfo, day: dt.date, count: int):
    assert grid.slots(zone, day) == count
    assert len(grid.keys(zone, day)) == count


def test_in_spring_the_hour_that_is_skipped_has_no_keys():
    keys = grid.keys(BERLIN, SPRING)
    assert keys[0] == "2025-03-30T00:00:00+01:00"
    assert keys[23:25] == ("2025-03-30T01:55:00+01:00", "2025-03-30T03:00:00+02:00")
    assert keys[-1] == "2025-03-30T23:55:00+02:00"


def test_in_autumn_both_hours_from_two_to_three_have_keys_of_their_own():
    keys = grid.keys(BERLIN, AUTUMN)
    assert keys[24] == "2025-10-26T02:00:00+02:00"
    assert keys[35:37] == ("2025-10-26T02:55:00+02:00", "2025-10-26T02:00:00+01:00")
    assert keys[47:49] == ("2025-10-26T02:55:00+01:00", "2025-10-26T03:00:00+01:00")
    assert len(set(keys)) == 300


def test_an_ordinary_day_goes_from_midnight_to_five_to_midnight():
    keys = grid.keys(BERLIN, dt.date(2025, 6, 15))
    assert (keys[0], keys[1], keys[-1]) == (
        "2025-06-15T00:00:00+02:00",
        "2025-06-15T00:05:00+02:00",
        "2025-06-15T23:55:00+02:00",
    )


def test_where_clocks_skip_midnight_the_day_begins_at_one():
    assert grid.keys(SANTIAGO, dt.date(2025, 9, 7))[0] == "2025-09-07T01:00:00-03:00"
    assert grid.start(SANTIAGO, dt.date(2025, 9, 7)) == utc(2025, 9, 7, 4)
    assert grid.keys(BEIRUT, dt.date(2025, 3, 30))[0] == "2025-03-30T01:00:00+03:00"


def test_where_clocks_go_back_at_midnight_the_last_hour_occurs_twice():
    keys = grid.keys(SANTIAGO, dt.date(2025, 4, 5))
    assert keys[275:277] == ("2025-04-05T22:55:00-03:00", "2025-04-05T23:00:00-03:00")
    assert keys[287:289] == ("2025-04-05T23:55:00-03:00", "2025-04-05T23:00:00-04:00")
    assert keys[-1] == "2025-04-05T23:55:00-04:00"
    assert grid.keys(SANTIAGO, dt.date(2025, 4, 6))[0] == "2025-04-06T00:00:00-04:00"
    assert grid.keys(BEIRUT, dt.date(2025, 10, 25))[-1] == "2025-10-25T23:55:00+02:00"


def test_offsets_of_half_hours_and_changes_by_half_an_hour_are_exact():
    assert grid.keys(KOLKATA, dt.date(2025, 6, 15))[1] == "2025-06-15T00:05:00+05:30"
    assert grid.keys(LORD_HOWE, dt.date(2025, 10, 5))[23:25] == (
        "2025-10-05T01:55:00+10:30",
        "2025-10-05T02:30:00+11:00",
    )
    assert grid.keys(LORD_HOWE, dt.date(2025, 4, 6))[23:25] == (
        "2025-04-06T01:55:00+11:00",
        "2025-04-06T01:30:00+10:30",
    )


# --- Moments and wall clocks -------------------------------------------------------------------------------


def test_a_moment_belongs_to_the_slot_that_began_last():
    assert grid.locate(BERLIN, utc(2025, 6, 14, 22)) == (dt.date(2025, 6, 15), 0)
    assert grid.locate(BERLIN, utc(2025, 6, 15, 10, 4, 59)) == (dt.date(2025, 6, 15), 144)
    assert grid.locate(BERLIN, utc(2025, 10, 26, 1, 30)) == (AUTUMN, 42)
    moment = dt.datetime(2025, 6, 15, 12, 0, tzinfo=BERLIN)
    assert grid.locate(BERLIN, moment) == (dt.date(2025, 6, 15), 144)


def test_a_wall_clock_time_that_occurs_twice_means_the_first_unless_told():
    wall = dt.datetime(2025, 10, 26, 2, 30)  # noqa: DTZ001
    assert grid.is_ambiguous(BERLIN, wall)
    assert grid.locate_wall(BERLIN, wall) == (AUTUMN, 30)
    assert grid.locate_wall(BERLIN, wall, second=True) == (AUTUMN, 42)


@pytest.mark.parametrize(("hour", "minute"), [(1, 59), (3, 0)])
def test_around_the_double_hour_times_are_plain(hour: int, minute: int):
    assert not grid.is_ambiguous(BERLIN, dt.datetime(2025, 10, 26, hour, minute))  # noqa: DTZ001


def test_a_skipped_time_does_not_exist():
    wall = dt.datetime(2025, 3, 30, 2, 30)  # noqa: DTZ001
    assert not grid.is_ambiguous(BERLIN, wall)
    with pytest.raises(grid.NoSuchTime, match=r"2025-03-30 02:30 does not exist in Europe/Berlin"):
        grid.locate_wall(BERLIN, wall)
    with pytest.raises(grid.NoSuchTime):
        grid.locate_wall(SANTIAGO, dt.datetime(2025, 9, 7, 0, 0))  # noqa: DTZ001
    assert grid.locate_wall(SANTIAGO, dt.datetime(2025, 9, 7, 1, 0)) == (dt.date(2025, 9, 7), 0)  # noqa: DTZ001


def test_the_second_last_hour_of_a_day_follows_the_first():
    wall = dt.datetime(2025, 4, 5, 23, 10)  # noqa: DTZ001
    assert grid.locate_wall(SANTIAGO, wall) == (dt.date(2025, 4, 5), 278)
    assert grid.locate_wall(SANTIAGO, wall, second=True) == (dt.date(2025, 4, 5), 290)


def test_an_hour_repeated_after_midnight_struck_belongs_to_the_new_day():
    # In St. John's clocks went from 00:01 back to 23:01 of the day before.
    assert grid.locate(ST_JOHNS, utc(2010, 11, 7, 2, 31)) == (dt.date(2010, 11, 7), 0)  # 23:01 for the second time
    assert grid.locate(ST_JOHNS, utc(2010, 11, 7, 2, 29)) == (dt.date(2010, 11, 6), 287)
    assert grid.today(ST_JOHNS, utc(2010, 11, 7, 3, 0)) == dt.date(2010, 11, 7)


ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2037, 12, 30), timezones=st.just(dt.UTC))  # noqa: DTZ001


@example(ST_JOHNS, utc(2010, 11, 7, 2, 40))
@given(zones, moments)
def test_every_moment_lies_in_exactly_one_slot(zone: ZoneInfo, moment: dt.datetime):
    day, slot = grid.locate(zone, moment)
    assert 0 <= slot < grid.slots(zone, day)
    begin = grid.start(zone, day) + slot * grid.SLOT
    assert begin <= moment < begin + grid.SLOT
    assert dt.datetime.fromisoformat(grid.keys(zone, day)[slot]) == begin


@given(zones, moments)
def test_every_day_begins_where_the_one_before_ends_and_keys_ascend(zone: ZoneInfo, moment: dt.datetime):
    day, _ = grid.locate(zone, moment)
    times = [dt.datetime.fromisoformat(key) for key in grid.keys(zone, day)]
    end = grid.start(zone, day + dt.timedelta(days=1))
    assert times[0] == grid.start(zone, day)
    assert {later - earlier for earlier, later in zip(times, [*times[1:], end], strict=True)} == {grid.SLOT}


@example(ST_JOHNS, utc(2010, 11, 7, 2, 40))
@given(zones, moments)
def test_the_wall_clock_of_a_slot_leads_back_to_it(zone: ZoneInfo, moment: dt.datetime):
    day, slot = grid.locate(zone, moment)
    local = (grid.start(zone, day) + slot * grid.SLOT).astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    assert grid.locate_wall(zone, wall, second=bool(local.fold)) == (day, slot)
    assert grid.is_ambiguous(zone, wall) or not local.fold


# --- The present, and calendars ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "begun"),
    [
        (utc(2025, 6, 14, 21, 59, 59), 0),
        (utc(2025, 6, 14, 22), 1),
        (utc(2025, 6, 14, 22, 4, 59), 1),
        (utc(2025, 6, 14, 22, 5), 2),
        (utc(2025, 6, 15, 21, 55), 288),
        (utc(2025, 6, 17), 288),
        (utc(2025, 1, 1), 0),
    ],
)
def test_elapsed_slots_are_those_that_have_begun(now: dt.datetime, begun: int):
    assert grid.elapsed(BERLIN, dt.date(2025, 6, 15), now) == begun


def test_elapsed_slots_of_a_long_day_are_all_of_them_afterwards():
    assert grid.elapsed(BERLIN, AUTUMN, utc(2025, 11, 1)) == 300


def test_today_is_the_day_at_the_plant():
    assert grid.today(ZoneInfo("Pacific/Auckland"), utc(2025, 6, 14, 12, 30)) == dt.date(2025, 6, 15)
    assert grid.today(ZoneInfo("Pacific/Honolulu"), utc(2025, 6, 15, 9, 59)) == dt.date(2025, 6, 14)


@pytest.mark.parametrize(("year", "month", "count"), [(2024, 2, 29), (2025, 2, 28), (2100, 2, 28), (2025, 12, 31)])
def test_months_have_the_days_of_the_calendar(year: int, month: int, count: int):
    assert grid.month_days(dt.date(year, month, 1)) == count


def test_days_include_both_ends():
    assert list(grid.days(dt.date(2024, 2, 28), dt.date(2024, 3, 1))) == [
        dt.date(2024, 2, 28),
        dt.date(2024, 2, 29),
        dt.date(2024, 3, 1),
    ]
    assert list(grid.days(dt.date(2024, 3, 1), dt.date(2024, 2, 29))) == []

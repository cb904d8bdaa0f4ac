"""Pure rules: which counter values can be true, and which of two equal wall-clock times is meant."""

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from apps.ingest.solarlog.counters import _longest_rising
from apps.ingest.solarlog.times import second_passes

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_longest_rising_series_drops_falls_and_spikes() -> None:
    values = [41445, 0, 0, 10, 9999, 20, 15, 30]
    assert [values[place] for place in reversed(_longest_rising(values))] == [0, 0, 10, 15, 30]


@given(st.lists(st.integers(0, 30), max_size=12))
def test_no_longer_series_exists(values: list[int]) -> None:
    kept = [values[place] for place in reversed(_longest_rising(values))]
    assert kept == sorted(kept)
    lengths: list[int] = []
    for place, value in enumerate(values):
        lengths.append(1 + max((lengths[i] for i in range(place) if values[i] <= value), default=0))
    assert len(kept) == max(lengths, default=0)


def test_the_second_pass_begins_where_the_wall_clock_steps_back() -> None:
    day = dt.datetime(2025, 10, 26)  # noqa: DTZ001  (a wall clock has no zone)
    times = [(1, 55), (2, 0), (2, 55), (2, 0), (2, 30), (3, 0)]
    walls = [day.replace(hour=hour, minute=minute) for hour, minute in times]
    assert second_passes(BERLIN, walls) == [False, False, False, True, True, False]

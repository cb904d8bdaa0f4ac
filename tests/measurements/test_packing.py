"""Packed days and months come back as they went in, and stay small on a real year."""

import os
import random
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from apps.measurements.packing import (
    CorruptSeries,
    Days,
    Series,
    SeriesKey,
    pack_day,
    pack_month,
    unpack_day,
    unpack_month,
)

Floats = NDArray[np.float64]
NULL = float("nan")
AC, COUNTER, DC, VOLTAGE = 1, 2, 3, 4
SHARED_DATA = Path(os.environ.get("HELIOPORT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
SOLARLOG_YEAR = SHARED_DATA / "solarlog-allwang-dev" / "archive-2025"
ENEREST = SHARED_DATA / "enerest-usn-dev"
BERLIN = ZoneInfo("Europe/Berlin")


def series(*values: float, decimals: int = 0, reported: float | None = None) -> Series:
    return Series(np.array(values, dtype=np.float64), decimals, reported)


def sunny_day(slots: int = 288) -> dict[SeriesKey, Series]:
    """An inverter with two inputs: power, its counter, total and inputs, voltages that are null at night."""
    chance = np.random.default_rng(7)
    sun: Floats = np.clip(np.sin((np.arange(slots) - slots / 4) / slots * 2 * np.pi), 0, None)
    ac: Floats = np.round(9000 * sun * chance.uniform(0.3, 1, slots))
    inputs = [np.round(ac * share + (ac > 0) * chance.normal(0, 9, slots)) for share in (0.4, 0.64)]
    volts = np.where(ac > 0, np.round(600 - 40 * sun + chance.normal(0, 4, slots), 1), NULL)
    return {
        (AC, 0): Series(ac, 0),
        (COUNTER, 0): Series(np.round(np.cumsum(ac) / 12), 0),
        (DC, 0): Series(inputs[0] + inputs[1], 0),
        (DC, 1): Series(inputs[0], 0),
        (DC, 2): Series(inputs[1], 0),
        (VOLTAGE, 1): Series(volts, 1),
    }


def assert_comes_back(day: Mapping[SeriesKey, Series]) -> None:
    unpacked = unpack_day(pack_day(day))
    assert list(unpacked) == sorted(day)
    for key, expected in day.items():
        scale = 10.0**expected.decimals
        assert_array_equal(unpacked[key].values, np.round(expected.values * scale) / scale, err_msg=str(key))
        assert (unpacked[key].decimals, unpacked[key].reported) == (expected.decimals, expected.reported)


# -- what goes in comes out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [276, 288, 300], ids=["spring day", "normal day", "autumn day"])
def test_a_day_of_any_length_comes_back(slots: int) -> None:
    assert_comes_back(sunny_day(slots))


@pytest.mark.parametrize("slots", [0, 1, 2, 7, 8, 9, 10, 65535])
def test_unusual_counts_of_slots_come_back(slots: int) -> None:
    ramp = np.arange(slots, dtype=np.float64) % 1000
    day = {(AC, 0): Series(ramp, 0), (COUNTER, 0): Series(np.full(slots, 5.0), 0, 5.0)}
    assert_comes_back(day)


def test_a_day_without_series_comes_back_empty() -> None:
    assert unpack_day(pack_day({})) == {}


NULL_PATTERNS = {
    "none": [1, 2, 3, 4],
    "all": [NULL] * 4,
    "the night": [NULL, 2, 3, NULL],
    "a gap": [1, NULL, NULL, 4],
    "every other": [NULL, 2, NULL, 4],
}


@pytest.mark.parametrize("values", NULL_PATTERNS.values(), ids=NULL_PATTERNS.keys())
def test_null_stays_null_and_never_becomes_zero(values: list[float]) -> None:
    assert_comes_back(
        {(AC, 0): series(*values), (VOLTAGE, 1): series(*values, decimals=1), (DC, 0): series(1, 0, 0, 2)}
    )


def test_values_print_with_their_own_decimals_and_no_more() -> None:
    day = {(VOLTAGE, 1): series(230.4, 0.1, 0.7, 1.1, decimals=1), (5, 0): series(8.29, 0.07, 1.15, 4.35, decimals=2)}
    unpacked = unpack_day(pack_day(day))
    assert orjson.dumps(unpacked[VOLTAGE, 1].values.tolist()) == b"[230.4,0.1,0.7,1.1]"
    assert orjson.dumps(unpacked[5, 0].values.tolist()) == b"[8.29,0.07,1.15,4.35]"


def test_values_are_rounded_to_their_decimals() -> None:
    unpacked = unpack_day(pack_day({(VOLTAGE, 1): series(1.04, 1.06, -1.06, -0.0, decimals=1)}))
    assert unpacked[VOLTAGE, 1].values.tolist() == [1.0, 1.1, -1.1, 0.0]


@pytest.mark.parametrize("extreme", [2**31 - 1, 2**31, 2**32 + 1, 2**53 - 1, 2**53])
def test_whole_numbers_up_to_two_to_the_53_come_back(extreme: int) -> None:
    swings = series(0, extreme, -extreme, 1, extreme, extreme - 1, -extreme, 0)
    assert_comes_back({(AC, 0): swings, (COUNTER, 0): swings, (DC, 0): series(*[extreme] * 8), (DC, 1): swings})


def test_a_counter_of_a_lifetime_comes_back_next_to_its_power() -> None:
    day = sunny_day()
    lifetime = Series(day[COUNTER, 0].values + 7e12, 0)
    assert_comes_back(day | {(COUNTER, 0): lifetime})


def test_a_shared_factor_is_not_stored() -> None:
    volts = np.random.default_rng(1).integers(300, 400, 288).astype(np.float64)
    whole, tenths = pack_day({(VOLTAGE, 1): Series(volts, 0)}), pack_day({(VOLTAGE, 1): Series(volts, 1)})
    assert len(tenths) <= len(whole) + 2
    assert_comes_back({(VOLTAGE, 1): Series(volts, 1)})


def test_a_factor_shared_only_at_noon_does_not_mislead() -> None:
    assert_comes_back({(AC, 0): Series(np.where(np.arange(288) == 3, 7.0, 10.0), 0)})


def test_the_last_input_costs_next_to_nothing_beside_its_total() -> None:
    day = sunny_day()
    without = {key: one for key, one in day.items() if key != (DC, 2)}
    assert len(pack_day(day)) - len(pack_day(without)) < 20


def test_trackers_and_strings_of_one_channel_come_back_together() -> None:
    day = sunny_day()
    strings = {(DC, 256 + n): Series(np.floor(day[DC, 1 + n % 2].values / 2), 0) for n in range(1, 5)}
    assert_comes_back(day | strings)


def test_a_reported_total_stands_beside_slots_or_alone() -> None:
    nothing = [NULL] * 4
    assert_comes_back({(COUNTER, 0): series(*nothing, reported=14451.0), (AC, 0): series(1, 2, 3, 4, reported=0.25)})
    assert_comes_back({(COUNTER, 0): series(reported=14451.0)})


KEYS = st.tuples(st.integers(1, 65535) | st.integers(1, 4), st.integers(0, 511) | st.integers(0, 3))
NUMBERS = (
    st.integers(-(2**53), 2**53) | st.integers(-(2**33), 2**33) | st.integers(-50, 9000) | st.just(0) | st.just(None)
)


@st.composite
def days(draw: st.DrawFn) -> dict[SeriesKey, Series]:
    slots = draw(st.integers(0, 40))
    day = {}
    for key in draw(st.lists(KEYS, unique=True, max_size=6)):
        decimals = draw(st.integers(0, 3))
        numbers = draw(st.lists(NUMBERS, min_size=slots, max_size=slots))
        values = [NULL if number is None else number / 10**decimals for number in numbers]
        day[key] = series(*values, decimals=decimals, reported=draw(st.none() | st.floats(allow_nan=False)))
    return day


@given(days())
def test_any_day_comes_back(day: dict[SeriesKey, Series]) -> None:
    fits = all(np.all(np.isnan(v := np.rint(s.values * 10.0**s.decimals)) | (abs(v) <= 2**53)) for s in day.values())
    if fits:  # the division above may round the very largest beyond the limit
        assert_comes_back(day)


@given(days(), st.randoms(use_true_random=False))
def test_a_wanted_subset_equals_that_part_of_the_whole(day: dict[SeriesKey, Series], chance: random.Random) -> None:
    try:
        data = pack_day(day)
    except ValueError:
        return
    wanted = [key for key in day if chance.random() < 0.5]
    whole, part = unpack_day(data), unpack_day(data, wanted)
    assert list(part) == sorted(wanted)
    for key in wanted:
        assert_array_equal(part[key].values, whole[key].values)
        assert part[key].reported == whole[key].reported


# -- wanted, equal, wrong ----------------------------------------------------------------------------------------------


def test_each_series_of_a_day_can_be_wanted_alone() -> None:
    day = sunny_day()
    data = pack_day(day)
    for key, expected in day.items():
        unpacked = unpack_day(data, {key})
        assert list(unpacked) == [key]
        assert_array_equal(unpacked[key].values, expected.values)


def test_wanting_what_a_day_does_not_hold_gives_nothing() -> None:
    assert unpack_day(pack_day(sunny_day()), [(99, 0)]) == {}


def test_unpacked_series_can_be_changed_without_changing_each_other() -> None:
    unpacked = unpack_day(pack_day(sunny_day()))
    unpacked[AC, 0].values[:] = NULL
    assert not np.isnan(unpacked[COUNTER, 0].values).any()


def test_equal_days_give_equal_bytes_in_whatever_order() -> None:
    day = sunny_day()
    assert pack_day(day) == pack_day(dict(reversed(day.items()))) == pack_day(sunny_day())


def test_packing_what_was_unpacked_gives_the_same_bytes() -> None:
    data = pack_day(sunny_day())
    assert pack_day(unpack_day(data)) == data


def test_packing_leaves_its_input_alone() -> None:
    day = sunny_day()
    pack_day(day)
    for key, untouched in sunny_day().items():
        assert_array_equal(day[key].values, untouched.values)


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 2.0**53 + 2, 1e300])
def test_an_infinite_or_too_large_value_is_refused_by_the_name_of_its_series(value: float) -> None:
    with pytest.raises(ValueError, match=re.escape("series (4, 1)")):
        pack_day({(AC, 0): series(1, 2), (VOLTAGE, 1): series(1, value)})


def test_a_value_that_is_too_large_only_once_scaled_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("series (4, 1)")):
        pack_day({(VOLTAGE, 1): series(1e308, decimals=3)})


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("series (2, 0): 3 values, not 2")):
        pack_day({(AC, 0): series(1, 2), (COUNTER, 0): series(1, 2, 3)})


def test_every_cut_of_a_day_is_corrupt() -> None:
    data = pack_day(sunny_day())
    for size in range(len(data)):
        with pytest.raises(CorruptSeries):
            unpack_day(data[:size])


def test_every_changed_byte_of_a_day_is_corrupt() -> None:
    data = pack_day(sunny_day())
    for at in range(len(data)):
        with pytest.raises(CorruptSeries):
            unpack_day(data[:at] + bytes([data[at] ^ 64]) + data[at + 1 :])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x01", b"\x02"]))
def test_foreign_bytes_are_corrupt_and_nothing_worse(foreign: bytes, start: bytes) -> None:
    with pytest.raises(CorruptSeries):
        unpack_day(start + foreign)
    with pytest.raises(CorruptSeries):
        unpack_month(start + foreign)


def test_a_month_is_no_day_and_a_day_no_month() -> None:
    with pytest.raises(CorruptSeries):
        unpack_day(pack_month(a_month()))
    with pytest.raises(CorruptSeries):
        unpack_month(pack_day(sunny_day()))


# -- months ------------------------------------------------------------------------------------------------------------


def a_month(length: int = 31) -> dict[SeriesKey, Days]:
    chance = np.random.default_rng(3)
    counts = chance.integers(0, 288, length).astype(np.uint16)
    energy = np.where(counts > 20, chance.integers(0, 40_000, length), NULL)
    return {
        (AC, 0): Days(np.where(counts > 20, chance.uniform(0, 3000, length), NULL), counts),
        (COUNTER, 0): Days(energy, counts, reported=612_345.0),
    }


def assert_month_comes_back(month: Mapping[SeriesKey, Days]) -> None:
    unpacked = unpack_month(pack_month(month))
    assert list(unpacked) == sorted(month)
    for key, expected in month.items():
        got, whole = unpacked[key], expected.values == np.rint(expected.values)
        assert_array_equal(got.values[whole], expected.values[whole])
        np.testing.assert_allclose(got.values, expected.values, rtol=1e-6)
        assert_array_equal(got.counts, expected.counts)
        assert (got.counts.dtype.name, got.reported) == ("uint16", expected.reported)


@pytest.mark.parametrize("length", [0, 28, 29, 30, 31])
def test_a_month_of_any_length_comes_back(length: int) -> None:
    assert_month_comes_back(a_month(length))


def test_a_month_without_series_comes_back_empty() -> None:
    assert unpack_month(pack_month({})) == {}


@given(st.lists(st.floats(-1e30, 1e30) | st.integers(-(2**53), 2**53) | st.just(NULL), min_size=28, max_size=28))
def test_any_daily_values_come_back(values: list[float]) -> None:
    counts = np.arange(28, dtype=np.uint16) * 2000
    assert_month_comes_back({(AC, 0): Days(np.array(values, dtype=np.float64), counts)})


def test_wanted_series_of_a_month_come_alone() -> None:
    month = a_month()
    unpacked = unpack_month(pack_month(month), [(COUNTER, 0), (99, 0)])
    assert list(unpacked) == [(COUNTER, 0)]
    assert_array_equal(unpacked[COUNTER, 0].values, month[COUNTER, 0].values)


def test_equal_months_give_equal_bytes_whatever_kind_of_nan_and_zero() -> None:
    month = a_month()
    other = {key: Days(np.where(np.isnan(one.values), -one.values, one.values), one.counts, one.reported)
             for key, one in reversed(month.items())}  # fmt: skip
    assert pack_month(month) == pack_month(other)
    counts = np.zeros(2, np.uint16)
    assert pack_month({(1, 0): Days(np.array([0.0, 1]), counts)}) == pack_month(
        {(1, 0): Days(np.array([-0.0, 1]), counts)}
    )


def test_infinite_daily_values_and_different_lengths_are_refused() -> None:
    counts = np.zeros(2, np.uint16)
    with pytest.raises(ValueError, match=re.escape("series (1, 0)")):
        pack_month({(1, 0): Days(np.array([1, float("inf")]), counts)})
    with pytest.raises(ValueError, match=re.escape("series (1, 0)")):
        pack_month({(1, 0): Days(np.array([1.0, 2, 3]), counts)})


def test_every_cut_of_a_month_is_corrupt() -> None:
    data = pack_month(a_month())
    for size in range(len(data)):
        with pytest.raises(CorruptSeries):
            unpack_month(data[:size])


# -- real data ---------------------------------------------------------------------------------------------------------

RECORD = re.compile(r'm\[mi\+\+\]="(\S+ \S+?)\|(.*)"')
FIELDS = ((AC, 0), (DC, 1), (DC, 2), (COUNTER, 0), (VOLTAGE, 1), (VOLTAGE, 2))
FIELDS_ONE_INPUT = ((AC, 0), (DC, 1), (COUNTER, 0), (VOLTAGE, 1))


def solarlog_days() -> Iterator[tuple[list[dict[SeriesKey, Series]], int]]:
    """Of every day the rows of both inverters as an import makes them, and how many values stood in its file."""
    for file in sorted(SOLARLOG_YEAR.glob("min*.js")):
        records = RECORD.findall(file.read_text("latin-1"))
        if records:
            day = date.fromisoformat(f"20{file.stem.removeprefix('min')}")
            yield solarlog_rows(day, records), sum(len(re.split(r"[;|]", fields)) for _, fields in records)


def solarlog_rows(day: date, records: list[tuple[str, str]]) -> list[dict[SeriesKey, Series]]:
    slots = slot_of(datetime.combine(day + timedelta(1), time(), BERLIN), day)
    rows = [{key: np.full(slots, NULL) for key in fields} for fields in (FIELDS, FIELDS_ONE_INPUT)]
    for stamp, fields in records:
        slot = slot_of(datetime.strptime(stamp, "%d.%m.%y %H:%M:%S").replace(tzinfo=BERLIN), day)
        for row, block in zip(rows, fields.split("|"), strict=True):
            for key, value in zip(row, block.split(";"), strict=True):
                row[key][slot] = float(value)
    return [stored_row(row) for row in rows]


def slot_of(moment: datetime, day: date) -> int:
    return int(moment.timestamp() - datetime.combine(day, time(), BERLIN).timestamp()) // 300


def stored_row(row: dict[SeriesKey, Floats]) -> dict[SeriesKey, Series]:
    """Night filled in, the total of the inputs added, voltages kept with one decimal."""
    recorded = np.flatnonzero(~np.isnan(row[AC, 0]))
    first, last = recorded[0], recorded[-1]
    for key in [key for key in row if key[0] != VOLTAGE]:
        row[key][:first] = 0
        if row[AC, 0][last] == 0:
            row[key][last + 1 :] = row[key][last] if key[0] == COUNTER else 0
    row[DC, 0] = sum((row[key] for key in row if key[0] == DC), np.zeros(len(row[AC, 0])))
    return {key: Series(values, int(key[0] == VOLTAGE)) for key, values in row.items()}


@pytest.mark.skipif(not SOLARLOG_YEAR.is_dir(), reason=f"needs the Solar-Log year in {SOLARLOG_YEAR}")
def test_the_solarlog_year_comes_back_and_takes_at_most_0_80_bytes_per_value_of_its_files() -> None:
    size = values = 0
    for rows, count in solarlog_days():
        packed = [pack_day(row) for row in rows]
        size, values = size + sum(map(len, packed)), values + count
        for row, data in zip(rows, packed, strict=True):
            for key, one in unpack_day(data).items():
                assert_array_equal(one.values, row[key].values)
    assert values > 500_000
    assert size / values <= 0.80  # the stricter count: night, totals and nulls are stored, but not counted as values


@pytest.mark.skipif(not ENEREST.is_dir(), reason=f"needs the Enerest answers in {ENEREST}")
def test_the_enerest_days_come_back() -> None:
    for file in ENEREST.glob("*.json"):
        for answer in orjson.loads(file.read_bytes()):
            points = answer["dataPoints"].values()
            assert_comes_back({(AC, 0): series(*(NULL if point is None else point for point in points))})

"""Fresh readings as bytes: what was delivered comes back, one delivery after the other, and can be tidied up."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.measurements import fresh

ONE, TWO = UUID(int=1), UUID(int=2**128 - 1)


def test_a_delivery_comes_back_as_it_was():
    packed = fresh.pack({(ONE, 0): {(1, 0): 4200, (4, 1): 230.4}, (TWO, 263): {(5, 2): -0.07, (2, 0): 5e9}})
    assert list(fresh.unpack(packed)) == [
        fresh.Reading(ONE, 0, [(1, 4200.0), (4, 230.4)]),
        fresh.Reading(TWO, 263, [(5, -0.07), (2, 5e9)]),
    ]


def test_deliveries_are_appended_and_tidied_up_to_the_last_value_of_each_series():
    first = fresh.pack({(ONE, 0): {(1, 0): 1, (4, 1): 230.4}, (ONE, 1): {(1, 0): 5}})
    second = fresh.pack({(ONE, 0): {(1, 0): 2}})
    assert [reading.values for reading in fresh.unpack(first + second)] == [
        [(1, 1.0), (4, 230.4)],
        [(1, 5.0)],
        [(1, 2.0)],
    ]
    assert list(fresh.unpack(fresh.tidy(first + second))) == [
        fresh.Reading(ONE, 0, [(1, 2.0), (4, 230.4)]),
        fresh.Reading(ONE, 1, [(1, 5.0)]),
    ]


def test_a_value_takes_six_bytes_and_a_device_21():
    values = {(code, 0): 1000.0 * code for code in range(1, 13)}
    assert len(fresh.pack({(UUID(int=n), 0): values for n in range(10)})) == 3 + 10 * (21 + 12 * 6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e16])
def test_what_a_packed_row_could_not_hold_is_refused(value: float):
    with pytest.raises(ValueError, match="channel 1: "):
        fresh.pack({(ONE, 0): {(1, 0): value}})


def test_bytes_of_another_make_are_refused():
    packed = fresh.pack({(ONE, 0): {(1, 0): 4200}})
    for broken in (packed[:-1], packed + b"\1", b"\2" + packed[1:], b"nothing"):
        with pytest.raises(fresh.CorruptReading):
            list(fresh.unpack(broken))


_values = st.dictionaries(
    st.tuples(st.uuids(), st.integers(0, 65_535)),
    st.dictionaries(
        st.tuples(st.integers(1, 4095), st.integers(0, 3)), st.integers(-(2**40), 2**40), min_size=1, max_size=5
    ),
    max_size=4,
)


@given(st.lists(_values, max_size=4))
def test_the_last_value_counts_whatever_was_delivered(
    deliveries: list[dict[tuple[UUID, int], dict[tuple[int, int], int]]],
):
    expected: dict[tuple[UUID, int, int, int], float] = {}
    for delivery in deliveries:
        for (device, part), values in delivery.items():
            expected |= {(device, part, *channel): value / 10 ** channel[1] for channel, value in values.items()}
    packed = b"".join(
        fresh.pack({key: {c: v / 10 ** c[1] for c, v in values.items()} for key, values in delivery.items()})
        for delivery in deliveries
    )
    by_code = {(device, part, code): value for (device, part, code, _), value in expected.items()}
    if len(by_code) == len(expected):  # no channel has changed its decimals
        for data in (packed, fresh.tidy(packed)):
            found = {(one.device, one.part, code): value for one in fresh.unpack(data) for code, value in one.values}
            assert found == by_code

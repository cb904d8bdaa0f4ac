"""Fresh readings: the values of one slot as they were delivered, to bytes that can be appended to, and back.

Only `rows.py` may import this module. A delivery is one chunk, and a row of the database is the chunks of its slot one
after the other: adding some needs no reading of what is there. Of several values of one series the last one counts.

    chunk   format, number of groups, the groups
    group   device, part, number of values and bytes per number; then the series of each value; then the numbers
    series  code * 16 + decimals; the number is round(value * 10**decimals), as in packed rows
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import mul
from typing import NamedTuple
from uuid import UUID

from .packing import LARGEST

FORMAT = 1
_CHUNK = struct.Struct("<BH")
_GROUP = struct.Struct("<16sHHB")
_DECIMALS = 16  # a code is multiplied by it to make room for 0..15 decimals
_SCALES = tuple(10.0**decimals for decimals in range(_DECIMALS))

Channel = tuple[int, int]  # as rows know it: code, decimals
Values = Mapping[tuple[UUID, int], Mapping[Channel, float]]  # by device and part, then by channel


class Reading(NamedTuple):
    """The values of a device, or one part of it, by channel code, as they were delivered at once."""

    device: UUID
    part: int
    values: list[tuple[int, float]]


class CorruptReading(ValueError):
    """The bytes were cut, changed, or never came from this module."""


def pack(values: Values) -> bytes:
    """One delivery for one slot. Raises ValueError for a value that a packed row could not hold."""
    groups = []
    for (device, part), found in values.items():
        series, scales = _layout(tuple(found))
        try:
            groups.append(_group(device.bytes, part, series, [*map(round, map(mul, found.values(), scales))]))
        except (ValueError, OverflowError):
            raise _complaint(found) from None
    return _chunk(groups)


def unpack(data: bytes) -> Iterator[Reading]:
    """What was delivered, in that order. Raises CorruptReading."""
    for device, part, series, numbers in _groups(data):
        pairs = zip(series, numbers, strict=True)
        values = [(one // _DECIMALS, number / _SCALES[one % _DECIMALS]) for one, number in pairs]
        yield Reading(UUID(bytes=device), part, values)


def tidy(data: bytes) -> bytes:
    """The same with one value per series, the one that counts."""
    kept: dict[tuple[bytes, int], dict[int, int]] = {}
    for device, part, series, numbers in _groups(data):
        kept.setdefault((device, part), {}).update(zip(series, numbers, strict=True))
    return _chunk([_group(device, part, found.keys(), found.values()) for (device, part), found in kept.items()])


@lru_cache(maxsize=1024)
def _layout(channels: tuple[Channel, ...]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The series of these channels, and what their values are multiplied by; a logger always sends the same ones."""
    return tuple(code * _DECIMALS + decimals for code, decimals in channels), tuple(_SCALES[d] for _, d in channels)


def _complaint(found: Mapping[Channel, float]) -> ValueError:
    bad = next(channel for channel, value in found.items() if not abs(value * _SCALES[channel[1]]) <= LARGEST)
    return ValueError(f"channel {bad[0]}: {found[bad]} is no number, infinite, or beyond 2**53 once scaled")


def _chunk(groups: Collection[bytes]) -> bytes:
    return _CHUNK.pack(FORMAT, len(groups)) + b"".join(groups)


def _group(device: bytes, part: int, series: Iterable[int], numbers: Collection[int]) -> bytes:
    count = len(numbers)
    try:
        size, packed = 4, struct.pack(f"<{count}H{count}i", *series, *numbers)
    except struct.error:
        if max(numbers) > LARGEST or min(numbers) < -LARGEST:
            raise OverflowError from None
        size, packed = 8, struct.pack(f"<{count}H{count}q", *series, *numbers)
    return _GROUP.pack(device, part, count, size) + packed


def _groups(data: bytes) -> Iterator[tuple[bytes, int, tuple[int, ...], tuple[int, ...]]]:
    at = 0
    try:
        while at < len(data):
            format_, groups = _CHUNK.unpack_from(data, at)
            if format_ != FORMAT:
                raise CorruptReading(f"a fresh reading of the unknown format {format_}")
            at += _CHUNK.size
            for _ in range(groups):
                device, part, count, size = _GROUP.unpack_from(data, at)
                layout = struct.Struct(f"<{count}H{count}{'i' if size == 4 else 'q'}")
                found = layout.unpack_from(data, at + _GROUP.size)
                yield device, part, found[:count], found[count:]
                at += _GROUP.size + layout.size
    except struct.error as error:
        raise CorruptReading("a fresh reading is cut off") from error

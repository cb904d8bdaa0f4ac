"""Fresh readings: the values of one slot as they were delivered, to bytes that can be appended to, and back.

Only `rows.py` may import this module. A delivery is one chunk, and a row of the database is the chunks of its slot one
after the other: adding some needs no reading of what is there. Of several values of one series the last one counts.

    chunk   format, number of groups, the groups
    group   device, part, number of values and bytes per number; then the series of each value; then the numbers
    series  code * 16 + decimals; the number is round(value * 10**decimals), as in packed rows
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from .packing import LARGEST

FORMAT = 1
_CHUNK = struct.Struct("<BH")
_GROUP = struct.Struct("<16sHHB")
_SHORT = 2**31  # numbers below it take four bytes instead of eight
_DECIMALS = 16  # a code is multiplied by it to make room for 0..15 decimals

Stored = tuple[int, int]  # a channel as rows know it: code, decimals
Values = Mapping[tuple[UUID, int], Mapping[Stored, float]]  # by device and part, then by channel


class Reading(NamedTuple):
    """The values of a device, or one part of it, by channel code, as they were delivered at once."""

    device: UUID
    part: int
    values: list[tuple[int, float]]


class CorruptReading(ValueError):
    """The bytes were cut, changed, or never came from this module."""


def pack(values: Values) -> bytes:
    """One delivery for one slot. Raises ValueError for a value that a packed row could not hold."""
    chunk = [_CHUNK.pack(FORMAT, len(values))]
    for (device, part), found in values.items():
        series = [code * _DECIMALS + decimals for code, decimals in found]
        numbers = [_number(channel, value) for channel, value in found.items()]
        width = "i" if max(numbers) < _SHORT and min(numbers) >= -_SHORT else "q"
        chunk.append(_GROUP.pack(device.bytes, part, len(found), struct.calcsize(f"<{width}")))
        chunk.append(struct.pack(f"<{len(found)}H{len(found)}{width}", *series, *numbers))
    return b"".join(chunk)


def _number(channel: Stored, value: float) -> int:
    scaled = value * 10.0 ** channel[1]
    if not -LARGEST <= scaled <= LARGEST:
        raise ValueError(f"channel {channel[0]}: {value} is no number, infinite, or beyond 2**53 once scaled")
    return round(scaled)


def unpack(data: bytes) -> Iterator[Reading]:
    """What was delivered, in that order. Raises CorruptReading."""
    at = 0
    try:
        while at < len(data):
            format_, groups = _CHUNK.unpack_from(data, at)
            if format_ != FORMAT:
                raise CorruptReading(f"fresh reading of unknown format {format_}")
            at += _CHUNK.size
            for _ in range(groups):
                reading, at = _group(data, at)
                yield reading
    except struct.error as error:
        raise CorruptReading("fresh reading is cut off") from error


def _group(data: bytes, at: int) -> tuple[Reading, int]:
    device, part, count, size = _GROUP.unpack_from(data, at)
    layout = f"<{count}H{count}{'i' if size == 4 else 'q'}"
    found = struct.unpack_from(layout, data, at + _GROUP.size)
    values = [(one // _DECIMALS, number / 10.0 ** (one % _DECIMALS)) for one, number in zip(found, found[count:])]
    return Reading(UUID(bytes=device), part, values), at + _GROUP.size + struct.calcsize(layout)


def tidied(data: bytes) -> dict[tuple[UUID, int], dict[int, float]]:
    """What counts of all that was delivered: one value per series."""
    kept: dict[tuple[UUID, int], dict[int, float]] = {}
    for reading in unpack(data):
        kept.setdefault((reading.device, reading.part), {}).update(reading.values)
    return kept

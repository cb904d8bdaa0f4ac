"""Packed measurements: many numbers of one device to few bytes, and back.

Why: one database row per value costs about 100 bytes, one packed row per device and day less than one byte per value.
Only `rows.py` may import this module; nothing here knows a database, the meaning of a channel, or a time zone.
docs/decisions/0002-packing.md has the figures and the alternatives.

How a day is packed:

    whole numbers   round(value * 10**decimals). A null repeats the value before it; the masks of nulls are packed like
                    further series, of 0 and 1. What all numbers of a series share is divided out.
    prediction      ratio * base. The base is an earlier series (DC power follows AC power), its running sum (a counter
                    follows the sum of its power), or a total less its other parts (the last input is the rest).
    residual        number - prediction, as steps from slot to slot, in Golomb-Rice codes whose width changes every
                    8 steps. Steps of 0 cost next to nothing.

Floats only choose base and ratio; the rest is whole-number arithmetic, so a row unpacks equally on every machine.
The order of the file is that of a row's way: day, prediction; then months, header, frame; it is one file, though long,
because a format is read and changed as a whole. Only the codes are apart, in rice.py.
"""

import struct
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rice import BLOCK, Ints, Octets, Reader, float64, pack_steps, unpack_steps, unzigzag, varints, zigzag

SeriesKey = tuple[int, int]
"""(channel code 1..65535, part): part 0 is the device itself, 1..255 MPP tracker n, 256 + n module string n."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DAY_FORMAT, MONTH_FORMAT = 1, 2  # the first byte; a changed layout takes a new number
FRAME = struct.Struct("<BI")  # format, CRC-32 of what follows
LARGEST = 2**53  # a float64 holds every whole number up to here
MOST_SLOTS = 65535
LARGEST_BASE = 2**31  # that many of them, summed and multiplied by a ratio, still fit an int64
RATIO_BITS = 12  # ratios are in 1/4096
LARGEST_RATIO = 2**15
LEVEL, SUM, REST = 0, 1, 2  # kinds of base
NULLS, BASE, FACTOR, REPORTED = 1, 2, 4, 8  # which optional fields a series has in the header


class CorruptSeries(ValueError):
    """The bytes were cut, changed, or never came from this module."""


@dataclass(frozen=True, slots=True)
class Series:
    """One channel of one device (or part of it) on one local day.

    `values`: one per 5-minute slot (276, 288 or 300; any count up to 65535), natural units, NaN = null.
    `decimals`: 0..15; a value is kept as round(value * 10**decimals).
    `reported`: the day's total as the device itself reported it, where no slots exist.
    """

    values: Floats
    decimals: int
    reported: float | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """One channel of one device (or part of it) in one local month.

    `values`: one per day (28..31), natural units, NaN = null; whole numbers come back exactly, others as float32.
    `counts`: slots with a value on each day: the weights of a monthly mean, and the measure of completeness.
    `reported`: the month's total as the device itself reported it.
    """

    values: Floats
    counts: NDArray[np.uint16]
    reported: float | None = None


@dataclass(slots=True)
class _Entry:
    """What the header says about one series."""

    key: SeriesKey
    decimals: int
    start: int = 0  # the first residual
    mask: int | None = None  # which of the masks of nulls
    ratio: int = 0  # 0 = no prediction
    kind: int = LEVEL
    source: int = 0  # the row the base is made of; with REST the row of the series itself
    factor: int = 1  # divided out of all numbers
    reported: float | None = None


# -- days --------------------------------------------------------------------------------------------------------------


def pack_day(series: Mapping[SeriesKey, Series]) -> bytes:
    """Pack all series of one device and day; equal input gives equal bytes, whatever the order of the mapping.

    Packs best where power has a lower channel code than its counter, as in the channel table.
    Raises ValueError naming the series if lengths differ, or a value is infinite or beyond 2**53 once scaled.
    """
    keys = sorted(series)
    slots = _common_length((key, series[key].values) for key in keys)
    entries = [_Entry(key, series[key].decimals, reported=series[key].reported) for key in keys]
    if not slots:
        return _frame(DAY_FORMAT, _day_header(slots, [], entries))
    values = np.array([series[key].values for key in keys], dtype=np.float64)
    nulls = np.isnan(values)
    scaled = _hold(_scale(values, nulls, entries), nulls)
    masks = _distinct_masks(nulls, entries)
    rows = np.concatenate([_residuals(_divide(scaled, entries), scaled, entries), masks])
    for entry, start in zip(entries, rows[:, 0].tolist(), strict=False):
        entry.start = start
    return _frame(DAY_FORMAT, _day_header(slots, masks[:, 0].tolist(), entries) + pack_steps(np.diff(rows)))


def unpack_day(data: bytes, wanted: Collection[SeriesKey] | None = None) -> dict[SeriesKey, Series]:
    """The series of a packed day in the order of their keys; of `wanted` ones those that exist.

    Only these and the bases of their predictions are decoded. Values are exactly round(value * 10**decimals) /
    10**decimals. Raises CorruptSeries.
    """
    reader = Reader(_unframe(DAY_FORMAT, data))
    slots, mask_starts, entries = _read_day_header(reader)
    picked = [row for row, entry in enumerate(entries) if wanted is None or entry.key in wanted]
    if not slots or not picked:
        return {entries[row].key: Series(np.empty(0), entries[row].decimals, entries[row].reported) for row in picked}
    series_rows = _with_bases(picked, entries)
    mask_rows = sorted({mask for row in picked if (mask := entries[row].mask) is not None})
    numbers = np.zeros((len(series_rows) + len(mask_rows), slots), dtype=np.int64)
    numbers[:, 0] = [entries[row].start for row in series_rows] + [mask_starts[row] for row in mask_rows]
    needed = np.array(series_rows + [len(entries) + row for row in mask_rows])
    unpack_steps(reader, len(entries) + len(mask_starts), needed, numbers[:, 1:])
    np.cumsum(numbers, axis=1, out=numbers)
    scaled = _restore(dict(zip(series_rows, numbers, strict=False)), entries)
    masks = dict(zip(mask_rows, numbers[len(series_rows) :].astype(np.bool_), strict=True))
    return {entries[row].key: _series(scaled[row], masks, entries[row]) for row in picked}


def _series(scaled: Ints, masks: Mapping[int, Bools], entry: _Entry) -> Series:
    values = scaled / 10.0**entry.decimals  # 2304 / 10 is the float nearest to 230.4, 2304 * 0.1 is not
    if entry.mask is not None:
        values[masks[entry.mask]] = np.nan
    return Series(values, entry.decimals, entry.reported)


def _scale(values: Floats, nulls: Bools, entries: Sequence[_Entry]) -> Ints:
    """Whole numbers, with 0 for null. Raises ValueError."""
    scales = np.array([10.0**entry.decimals for entry in entries])
    with np.errstate(over="ignore"):  # what grows to infinity is too large, and reported as such
        scaled: Floats = np.rint(np.where(nulls, 0.0, values) * scales[:, None])
    fits = np.abs(scaled).max(axis=1) <= LARGEST
    if not fits.all():
        raise ValueError(f"series {entries[int(fits.argmin())].key}: a value is infinite, or beyond 2**53 once scaled")
    return scaled.astype(np.int64)


def _hold(scaled: Ints, nulls: Bools) -> Ints:
    """Let a null repeat the value before it, at the start of the day the first one: a step of 0 is the cheapest."""
    if not nulls.any():
        return scaled
    source = np.where(nulls, (~nulls).argmax(axis=1)[:, None], np.arange(nulls.shape[1]))
    held: Ints = np.take_along_axis(scaled, np.maximum.accumulate(source, axis=1), axis=1)
    return held


def _divide(scaled: Ints, entries: Sequence[_Entry]) -> Ints:
    """Divide out what all numbers of a series share, such as the 10 of whole volts kept with one decimal."""
    noon = scaled.shape[1] // 2
    for entry, row in zip(entries, scaled, strict=True):
        if np.gcd.reduce(row[noon : noon + BLOCK]) != 1:  # a look at a few numbers mostly spares one at all
            entry.factor = int(np.gcd.reduce(row)) or 1
    divided: Ints = scaled // np.array([[entry.factor] for entry in entries])
    return divided


def _distinct_masks(nulls: Bools, entries: Sequence[_Entry]) -> Ints:
    """The masks of the row, each once, as 0 and 1: (masks, slots)."""
    known: dict[bytes, int] = {}
    for entry, mask in zip(entries, nulls, strict=True):
        if mask.any():
            entry.mask = known.setdefault(mask.tobytes(), len(known))
    return np.frombuffer(b"".join(known), np.uint8).astype(np.int64).reshape(len(known), nulls.shape[1])


# -- prediction --------------------------------------------------------------------------------------------------------


def _residuals(numbers: Ints, scaled: Ints, entries: Sequence[_Entry]) -> Ints:
    """`numbers` less the prediction of each series, which is noted in its entry. All arrays are (series, slots).

    The base is the one that explains most of the steps in the sense of least squares; it is used if it helps indeed.
    """
    count = len(entries)
    bases, allowed = _bases(scaled, entries)
    steps, base_steps = np.diff(numbers).astype(np.float64), np.diff(bases).astype(np.float64)
    power = np.maximum(np.einsum("ij,ij->i", base_steps, base_steps), 1.0)
    products = steps @ base_steps.T
    best = np.where(allowed, products**2 / power, -1.0).argmax(axis=1)
    rows = np.arange(count)
    ratios = np.rint(products[rows, best] / power[best] * 2**RATIO_BITS)
    possible = allowed[rows, best] & (np.abs(ratios) < LARGEST_RATIO)
    ratios = np.where(possible, ratios, 0).astype(np.int64)
    trial = numbers - (ratios[:, None] * bases[best] >> RATIO_BITS)
    before, after = np.abs(steps).sum(axis=1), np.abs(np.diff(trial)).sum(axis=1)
    better = possible & (after < before) & (before < LARGEST)
    for row in np.flatnonzero(better).tolist():
        entries[row].ratio = int(ratios[row])
        entries[row].kind, entries[row].source = divmod(int(best[row]), count)
    return np.where(better[:, None], trial, numbers)


def _bases(scaled: Ints, entries: Sequence[_Entry]) -> tuple[Ints, Bools]:
    """All bases, kind after kind (3 * series, slots), and which series may use which (series, 3 * series)."""
    count = len(scaled)
    rests = np.zeros_like(scaled)
    for row in range(count):
        if others := _others(entries, row):
            rests[row] = _rest(scaled, others)
    earlier = np.tri(count, k=-1, dtype=np.bool_) & _small(scaled)
    own_rest = np.eye(count, dtype=np.bool_) & _small(rests)
    return np.concatenate([scaled, np.cumsum(scaled, axis=1), rests]), np.hstack([earlier, earlier, own_rest])


def _small(rows: Ints) -> Bools:
    small: Bools = np.abs(rows).max(axis=1) < LARGEST_BASE
    return small


def _others(entries: Sequence[_Entry], row: int) -> list[int]:
    """For the last tracker of a channel (or the last string): the row of the total, then all others; else nothing."""
    code, part = entries[row].key
    same = [i for i, entry in enumerate(entries) if entry.key[0] == code]
    siblings = [i for i in same if entries[i].key[1] // 256 == part // 256 and entries[i].key[1]]
    if not part or siblings[-1] != row or entries[same[0]].key[1]:
        return []
    return same[:1] + siblings[:-1]


def _rest(rows: Mapping[int, Ints] | Ints, others: Sequence[int]) -> Ints:
    rest = rows[others[0]].copy()
    for i in others[1:]:
        rest -= rows[i]
    return rest


def _with_bases(picked: Iterable[int], entries: Sequence[_Entry]) -> list[int]:
    """The picked rows and all their predictions build on, in ascending order: that is bases first."""
    found: set[int] = set()
    todo = list(picked)
    while todo:
        row = todo.pop()
        if row not in found:
            found.add(row)
            todo += _sources(entries, row)
    return sorted(found)


def _sources(entries: Sequence[_Entry], row: int) -> list[int]:
    entry = entries[row]
    if not entry.ratio:
        return []
    return _others(entries, row) if entry.kind == REST else [entry.source]


def _restore(residuals: Mapping[int, Ints], entries: Sequence[_Entry]) -> dict[int, Ints]:
    """Undo prediction and division."""
    scaled: dict[int, Ints] = {}
    for row, numbers in residuals.items():
        entry = entries[row]
        if entry.ratio:
            numbers += entry.ratio * _base(scaled, entries, row) >> RATIO_BITS
        scaled[row] = numbers * entry.factor
    return scaled


def _base(scaled: Mapping[int, Ints], entries: Sequence[_Entry], row: int) -> Ints:
    entry = entries[row]
    if entry.kind == REST:
        return _rest(scaled, _others(entries, row))
    return np.cumsum(scaled[entry.source]) if entry.kind == SUM else scaled[entry.source]


# -- months ------------------------------------------------------------------------------------------------------------


def pack_month(series: Mapping[SeriesKey, Days]) -> bytes:
    """Pack the daily values of one device and month; equal input gives equal bytes, whatever the order of the mapping.

    Raises ValueError naming the series if lengths differ or a value is infinite.
    """
    keys = sorted(series)
    days = _common_length((key, array) for key in keys for array in (series[key].values, series[key].counts))
    header = varints([days, len(keys)])
    for key in keys:
        header += varints([*key, series[key].reported is not None]) + _reported(series[key].reported)
    values = np.array([_daily(key, series[key].values) for key in keys], dtype="<f8")
    counts = np.array([series[key].counts for key in keys], dtype="<u2")
    return _frame(MONTH_FORMAT, header + zlib.compress(_shuffle(values) + _shuffle(counts)))


def unpack_month(data: bytes, wanted: Collection[SeriesKey] | None = None) -> dict[SeriesKey, Days]:
    """The series of a packed month in the order of their keys; of `wanted` ones those that exist.

    Raises CorruptSeries.
    """
    reader = Reader(_unframe(MONTH_FORMAT, data))
    days, count = reader.varint(), reader.varint()
    heads = [(_read_key(reader), reader.float64() if reader.varint() else None) for _ in range(count)]
    cells = zlib.decompress(reader.rest())
    values = _unshuffle(cells[: 8 * days * count], 8).view("<f8").reshape(count, days)
    counts = _unshuffle(cells[8 * days * count :], 2).view("<u2").reshape(count, days)
    return {
        key: Days(values[row].astype(np.float64), counts[row].astype(np.uint16), reported)
        for row, (key, reported) in enumerate(heads)
        if wanted is None or key in wanted
    }


def _daily(key: SeriesKey, values: Floats) -> Floats:
    """Whole numbers as they are, others as the nearest float32: its lower bytes are zeros, which pack into nothing."""
    if np.isinf(values).any():
        raise ValueError(f"series {key}: a value is infinite")
    whole = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN and one zero of the several that floats have
    fine = (whole != np.rint(whole)) & (np.abs(whole) >= np.finfo(np.float32).tiny)
    return np.where(fine, np.where(fine, whole, 0.0).astype(np.float32), whole)


def _shuffle(cells: NDArray[Any]) -> bytes:
    """All first bytes of the numbers, then all second bytes: the high ones are much alike."""
    return cells.view(np.uint8).reshape(cells.size, cells.itemsize).T.tobytes()


def _unshuffle(data: bytes, size: int) -> Octets:
    return np.frombuffer(data, np.uint8).reshape(size, len(data) // size).T.flatten()


# -- header and frame --------------------------------------------------------------------------------------------------


def _common_length(arrays: Iterable[tuple[SeriesKey, NDArray[Any]]]) -> int:
    expected: int | None = None
    for key, array in arrays:
        expected = len(array) if expected is None else expected
        if len(array) != expected or expected > MOST_SLOTS:
            raise ValueError(f"series {key}: {len(array)} values, not {min(expected, MOST_SLOTS)}")
    return expected or 0


def _frame(kind: int, body: bytes) -> bytes:
    return FRAME.pack(kind, zlib.crc32(body)) + body


def _unframe(kind: int, data: bytes) -> bytes:
    """The body. The checksum stands for all other checks: what passes it was written by this module."""
    if len(data) < FRAME.size or data[0] != kind:
        raise CorruptSeries(f"{len(data)} bytes are not packed series of format {kind}")
    body = data[FRAME.size :]
    if zlib.crc32(body) != FRAME.unpack_from(data)[1]:
        raise CorruptSeries(f"{len(data)} bytes of packed series were cut or changed: the checksum differs")
    return body


def _day_header(slots: int, mask_starts: Sequence[int], entries: Sequence[_Entry]) -> bytes:
    header = varints([slots, len(entries), len(mask_starts), *mask_starts])
    return header + b"".join(_entry_bytes(entry) for entry in entries)


def _read_day_header(reader: Reader) -> tuple[int, list[int], list[_Entry]]:
    slots, count, masks = reader.varint(), reader.varint(), reader.varint()
    mask_starts = [reader.varint() for _ in range(masks)]
    return slots, mask_starts, [_read_entry(reader) for _ in range(count)]


def _entry_bytes(entry: _Entry) -> bytes:
    flags, optional = 0, []
    if entry.mask is not None:
        flags, optional = flags | NULLS, [entry.mask]
    if entry.ratio:
        flags, optional = flags | BASE, [*optional, entry.source * 3 + entry.kind, zigzag(entry.ratio)]
    if entry.factor != 1:
        flags, optional = flags | FACTOR, [*optional, entry.factor]
    if entry.reported is not None:
        flags |= REPORTED
    head = [*entry.key, entry.decimals << 4 | flags, zigzag(entry.start)]
    return varints(head + optional) + _reported(entry.reported)


def _read_entry(reader: Reader) -> _Entry:
    key, (decimals, flags), start = _read_key(reader), divmod(reader.varint(), 16), unzigzag(reader.varint())
    entry = _Entry(key, decimals, start)
    if flags & NULLS:
        entry.mask = reader.varint()
    if flags & BASE:
        entry.source, entry.kind = divmod(reader.varint(), 3)
        entry.ratio = unzigzag(reader.varint())
    if flags & FACTOR:
        entry.factor = reader.varint()
    if flags & REPORTED:
        entry.reported = reader.float64()
    return entry


def _reported(total: float | None) -> bytes:
    return b"" if total is None else float64(total)


def _read_key(reader: Reader) -> SeriesKey:
    return reader.varint(), reader.varint()

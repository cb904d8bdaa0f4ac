"""Streams of bits and bytes for packing.py: Golomb-Rice codes of many small signed numbers, varints, a reader.

Golomb-Rice because the steps of measured series are small, signed and of ever changing size: no table has to be stored,
and numpy can write and read whole blocks of codes at once. Only `packing.py` may import this module.
"""

import struct
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Octets = NDArray[np.uint8]
Number = TypeVar("Number", int, Ints)

BLOCK = 8  # numbers that share a width
_FLOAT64 = struct.Struct("<d")


def pack_steps(steps: Ints) -> bytes:
    """Pack signed numbers up to 2**54 (rows, any) as two streams of bits.

    A number u of a block with a width is the quotient u >> width and the remainder of `width` bits. First come all
    widths (as differences) and all quotients, n as n times 0 and a 1; then all remainders. Blocks of zeros have none.
    """
    blocks = _in_blocks(zigzag(steps))
    means = blocks.sum(axis=2) // BLOCK
    levels = np.where(blocks.any(axis=2), np.maximum(np.frexp(means)[1], 1), 0)  # width + 1, or 0 for only zeros
    used = np.flatnonzero(levels.any(axis=0)).tolist()
    first, end = (used[0], used[-1] + 1) if used else (0, 0)  # at night nothing changes in any series
    levels, blocks = levels[:, first:end], blocks[:, first:end]
    numbers, widths = blocks[levels > 0], levels[levels > 0] - 1
    runs = np.concatenate([zigzag(np.diff(levels.ravel(), prepend=0)), (numbers >> widths[:, None]).ravel()])
    unary = _unary(runs)
    return varints([first, end, len(unary)]) + unary.tobytes() + _low_bits(numbers, widths).tobytes()


def unpack_steps(reader: "Reader", total: int, wanted: Ints, out: Ints) -> None:
    """Write the `wanted` ones (ascending) of `total` packed rows into `out` (wanted, any), which holds zeros."""
    first, end, size = reader.varint(), reader.varint(), reader.varint()
    runs = _runs(reader.take(size))
    levels = np.cumsum(unzigzag(runs[: total * (end - first)])).reshape(total, end - first)
    live = levels > 0
    widths = levels[live] - 1
    quotients = runs[levels.size :].reshape(len(widths), BLOCK)
    starts = (np.cumsum(widths) - widths) * BLOCK
    if len(wanted) < total:
        chosen = np.repeat(np.bincount(wanted, minlength=total) > 0, live.sum(axis=1))
        quotients, widths, starts, live = quotients[chosen], widths[chosen], starts[chosen], live[wanted]
    numbers = quotients << widths[:, None] | _remainders(reader.rest(), starts, widths)
    blocks = np.zeros((len(wanted), end - first, BLOCK), dtype=np.int64)
    blocks[live] = unzigzag(numbers)
    window = out[:, first * BLOCK : end * BLOCK]
    window[:] = blocks.reshape(len(wanted), (end - first) * BLOCK)[:, : window.shape[1]]


def zigzag(number: Number) -> Number:
    """0, -1, 1, -2, 2 ... to 0, 1, 2, 3, 4 ...; up to 2**62."""
    return number << 1 ^ number >> 63


def unzigzag(number: Number) -> Number:
    return number >> 1 ^ -(number & 1)


def _in_blocks(numbers: Ints) -> Ints:
    """(rows, any) to (rows, blocks, 8), filled up with zeros."""
    rows, columns = numbers.shape
    blocks = -(-columns // BLOCK)
    padded = np.zeros((rows, blocks * BLOCK), dtype=np.int64)
    padded[:, :columns] = numbers
    return padded.reshape(rows, blocks, BLOCK)


def _unary(runs: Ints) -> Octets:
    """Every number n as n bits 0 and a bit 1."""
    ends = np.cumsum(runs + 1) - 1
    bits = np.zeros(ends[-1] + 1 if len(ends) else 0, dtype=np.uint8)
    bits[ends] = 1
    return np.packbits(bits, bitorder="little")


def _runs(unary: Octets) -> Ints:
    runs = np.flatnonzero(np.unpackbits(unary, bitorder="little"))
    runs[1:] -= runs[:-1] + 1  # numpy reads the right side before it writes
    return runs


def _low_bits(numbers: Ints, widths: Ints) -> Octets:
    """The lowest `widths[i]` bits of every number of block i, low bit first, one number after the other."""
    planes = int(widths.max(initial=0))
    octets = numbers.astype("<i8").view(np.uint8).reshape(len(numbers), BLOCK, 8)
    bits = np.unpackbits(octets, axis=2, count=planes, bitorder="little")
    kept = np.arange(planes) < widths[:, None, None]
    return np.packbits(bits[np.broadcast_to(kept, bits.shape)], bitorder="little")


def _remainders(data: bytes, starts: Ints, widths: Ints) -> Ints:
    """What `_low_bits` packed for the blocks that start at these bits: (blocks, 8)."""
    words: Ints = np.ndarray((len(data) + 1,), "<i8", data + bytes(8), strides=(1,))  # a word from every byte on
    bits = starts[:, None] + widths[:, None] * np.arange(BLOCK)
    return words.take(bits >> 3) >> (bits & 7) & ((1 << widths) - 1)[:, None]  # 7 bits and a width of 55 fit a word


def varints(numbers: Iterable[int]) -> bytes:
    """Seven bits a byte, low ones first, the highest bit set while more follow."""
    out = bytearray()
    for number in numbers:
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def float64(number: float) -> bytes:
    """Eight bytes, read back by `Reader.float64`."""
    return _FLOAT64.pack(number)


class Reader:
    """Reads a body from front to back."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def varint(self) -> int:
        number = shift = 0
        while (byte := self._data[self._at]) > 127:
            number |= (byte & 127) << shift
            shift += 7
            self._at += 1
        self._at += 1
        return number | byte << shift

    def float64(self) -> float:
        number: float = _FLOAT64.unpack_from(self._data, self._at)[0]
        self._at += _FLOAT64.size
        return number

    def take(self, size: int) -> Octets:
        taken = np.frombuffer(self._data, np.uint8, size, self._at)
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self._data[self._at :]

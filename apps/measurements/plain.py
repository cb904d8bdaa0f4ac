"""Arrays of measurements as plain numbers, the same for pages and API: rounded, None where nothing is known."""

import numpy as np

from .grid import Array


def numbers(values: Array, decimals: int) -> list[float | int | None]:
    """Plain numbers rounded to the channel's decimals, integers where it has none, None for NaN."""
    rounded = np.round(values, decimals)
    missing = np.flatnonzero(np.isnan(rounded))
    if decimals == 0:
        rounded = np.nan_to_num(rounded).astype(np.int64)
    plain: list[float | int | None] = rounded.tolist()
    for index in missing:
        plain[index] = None
    return plain


def share(known: int, elapsed: int) -> float:
    """Which part of the elapsed slots has a value, 0..1."""
    return min(1.0, round(known / elapsed, 4)) if elapsed else 0.0

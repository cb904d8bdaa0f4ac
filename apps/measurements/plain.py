"""Arrays of measurements as plain numbers, the same for pages and API: rounded, None where nothing is known."""

import numpy as np

from .grid import Array


def numbers(values: Array, decimals: int) -> list[float | int | None]:
    """Plain numbers rounded to the channel's decimals, integers where it has none, None for NaN."""
    plain: list[float] = np.round(values, decimals).tolist()
    if decimals == 0:
        return [int(value) if value == value else None for value in plain]  # NaN is unlike itself
    return [value if value == value else None for value in plain]


def share(known: int, elapsed: int) -> float:
    """Which part of the elapsed slots has a value, 0..1."""
    return min(1.0, round(known / elapsed, 4)) if elapsed else 0.0

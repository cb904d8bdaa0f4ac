"""A small bar drawing: what was reached beside what was planned, one pair of bars per period."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT, COLUMN = 100, 10  # of the drawing, and the width of a period
_ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bars:
    """`reached` and `planned` are SVG paths in a box of `width` x HEIGHT; `top` is the value at its upper edge."""

    labels: Sequence[str]
    reached: str
    planned: str
    top: float

    @property
    def width(self) -> int:
        return COLUMN * len(self.labels)


def bars_of(labels: Sequence[str], reached: Sequence[float | None], planned: Sequence[float | None]) -> Bars:
    """Bars of non-negative values; None draws nothing, which is not the same as a bar of no height."""
    top = _round_up(max((value for value in [*reached, *planned] if value is not None), default=0))
    return Bars(labels, _path(reached, top, 3, 4), _path(planned, top, 1, 8), top)


def _path(values: Sequence[float | None], top: float, margin: int, width: int) -> str:
    def bar(place: int, value: float) -> str:
        height = round(HEIGHT * value / top, 1)
        return f"M{COLUMN * place + margin} {HEIGHT}v-{height}h{width}v{height}z"

    return "".join(bar(place, value) for place, value in enumerate(values) if value is not None)


def _round_up(value: float) -> float:
    """The next round number that is no smaller."""
    if value <= 0:
        return 1
    magnitude: float = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in _ROUND if step * magnitude >= value)

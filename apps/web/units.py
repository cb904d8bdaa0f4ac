"""Numbers as people read them: a unit chosen by magnitude, three figures, the reader's own separators.

Tables and CSV show full precision instead; charts do the same as this module in static/js/units.js.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import number_format

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
SCALED = frozenset({"W", "Wh", "Wp"})  # the units that take a prefix
SIGNS = {"degC": "°C", "W/m2": "W/m²", "Wh/m2": "Wh/m²"}  # names of the wire as people write them


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit, both as text."""

    number: str
    unit: str

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".strip()


def quantity(value: float | Decimal | None, unit: str) -> Quantity | None:
    """`value` in `unit` as a card shows it: 3420 W is 3.42 kW. None where nothing is known."""
    if value is None or math.isnan(value):
        return None
    scale, prefix = _scale(float(value)) if unit in SCALED else (1.0, "")
    shown = float(value) / scale
    decimals = 0 if unit in SCALED and scale == 1 else _decimals(shown)  # there is no 7.00 W
    number = number_format(round(shown, decimals) + 0.0, decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return Quantity(number, prefix + SIGNS.get(unit, unit))


def _scale(value: float) -> tuple[float, str]:
    shown = float(f"{abs(value):.3g}")  # 999.7 W is shown as 1.00 kW
    return next(((scale, prefix) for scale, prefix in _PREFIXES if shown >= scale), (1.0, ""))


def _decimals(value: float) -> int:
    """Digits behind the point that make three figures, two at most; what is whole is told in full."""
    whole = len(str(int(float(f"{abs(value):.3g}"))))
    return max(0, 3 - whole)


def whole(number: int) -> str:
    """A count in full, with the reader's separators: 12,345."""
    return str(number_format(number, decimal_pos=0, use_l10n=True, force_grouping=True))

"""What a channel can physically be. A value beyond is kept, for it may be true, and flagged, for it hardly is.

`settings.CHANNEL_BOUNDS` (environment variable, JSON: {"Irradiation": [-20, 1800]}) overrides single channels.
"""

from django.conf import settings

from .channels import BY_NAME

_BY_UNIT: dict[str, tuple[float, float]] = {
    "W": (-1e3, 1e9),
    "Wh": (0, 1e10),
    "V": (0, 2e3),
    "A": (-1e4, 1e4),
    "%": (0, 100),
    "degC": (-60, 120),
    "W/m2": (-20, 1_600),  # clouds can focus light beyond the solar constant for moments
    "Wh/m2": (0, 15_000),
    "m/s": (0, 90),
}


def bounds(channel: str) -> tuple[float, float]:
    """The least and the most a value of the channel can be, in its unit."""
    own = settings.CHANNEL_BOUNDS.get(channel)
    least, most = own or _BY_UNIT[BY_NAME[channel].unit]
    return float(least), float(most)


def is_plausible(channel: str, value: float) -> bool:
    """Whether a value lies within the bounds of its channel."""
    least, most = bounds(channel)
    return least <= value <= most

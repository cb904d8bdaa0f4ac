"""The codes and texts of what Helioport finds out itself; those of loggers are left to the loggers.

A detected event has the status FOUND and an error code that says what was found, and at which part or channel:
FOUND + 100,000 x kind + detail. Files of loggers hold codes of at most nine digits, so the two never meet.
"""

from enum import IntEnum

from django.utils import translation
from django.utils.translation import gettext as _

from apps.measurements import labels
from apps.measurements.channels import BY_CODE
from apps.measurements.store import STRING_PART

from .models import ComponentEvent

FOUND = 1_000_000_000
_ROOM = 100_000  # details of a kind: parts (up to 256 + 9999) or codes of channels
Severity = ComponentEvent.Severity


class Kind(IntEnum):
    """What can be found. Numbers are part of stored codes: never change or reuse one."""

    INVERTER_SILENT = 1
    STRING_LOW = 2
    COUNTER_STUCK = 3
    COUNTER_FELL = 4
    VALUE_STUCK = 5
    VALUE_IMPLAUSIBLE = 6
    COMPONENT_SILENT = 7
    PLANT_SILENT = 8

    def code(self, detail: int = 0) -> int:
        """The error code, with the number of the part or the code of the channel it is about."""
        return FOUND + self * _ROOM + detail

    @property
    def severity(self) -> ComponentEvent.Severity:
        """An error where the plant's yield or its supervision is lost, a warning elsewhere."""
        return Severity.ERROR if self in (Kind.INVERTER_SILENT, Kind.PLANT_SILENT) else Severity.WARNING


def error_text(event: ComponentEvent) -> str:
    """What the error is, in the reader's language where we found it, in the logger's words where it did."""
    return text(event.error_code) if event.error_code > FOUND else event.error_text


def status_text(event: ComponentEvent) -> str:
    """The same of the status."""
    return _("Found by Helioport") if event.status_code == FOUND else event.status_text


def english(code: int) -> tuple[str, str]:
    """The texts that are stored: of the status and of the error."""
    with translation.override("en"):
        return _("Found by Helioport"), text(code)


def text(code: int) -> str:
    """The words of one of our own codes; ValueError for any other."""
    kind, detail = divmod(code - FOUND, _ROOM)
    return _words(Kind(kind), detail)


def _words(kind: Kind, detail: int) -> str:
    match kind:
        case Kind.INVERTER_SILENT:
            return _("Inverter does not produce although the sun shines")
        case Kind.STRING_LOW if detail >= STRING_PART:
            return _("String %(number)d delivers less than its siblings") % {"number": detail - STRING_PART}
        case Kind.STRING_LOW:
            return _("MPP tracker %(number)d delivers less than its siblings") % {"number": detail}
        case Kind.COMPONENT_SILENT:
            return _("Component delivers no data")
        case Kind.PLANT_SILENT:
            return _("Plant delivers no data")
    return _about_a_channel(kind) % {"channel": labels.label(BY_CODE[detail].name)}


def _about_a_channel(kind: Kind) -> str:
    match kind:
        case Kind.COUNTER_STUCK:
            return _("Counter stands still although there is power: %(channel)s")
        case Kind.COUNTER_FELL:
            return _("Counter falls: %(channel)s")
        case Kind.VALUE_STUCK:
            return _("Always the same value: %(channel)s")
        case _:
            return _("Value beyond what is physical: %(channel)s")

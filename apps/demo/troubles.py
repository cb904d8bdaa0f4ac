"""What goes wrong at a demo plant, as masks over the slots of a period."""

import datetime as dt
from collections.abc import Iterable

import numpy as np

from .blueprint import Effect, Incident, Span
from .period import Mask, Period


class Troubles:
    """The incidents of a plant as masks over a period."""

    def __init__(self, incidents: Iterable[Incident], span: Span, period: Period) -> None:
        self.incidents, self.span, self.period = tuple(incidents), span, period

    def mask(self, effect: Effect, device: str | None = None, string: int = 0) -> Mask:
        """The slots in which this effect holds (for this device and string)."""
        found = np.zeros(self.period.size, dtype=np.bool_)
        for incident in self.incidents:
            concerns = device is None or (incident.device, incident.string) == (device, string)
            if incident.effect is effect and concerns:
                found |= self._slots(incident)
        return found

    def _slots(self, incident: Incident) -> Mask:
        begin, end = incident.window(self.span)
        return self.period.during(begin, end or dt.datetime.max.replace(tzinfo=dt.UTC))

"""A day of a plant as the rules of detection need it: what is built in, what it measured, and when the sun shone."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME, CHANNELS, Level
from apps.measurements.grid import Array
from apps.measurements.store import STRING_PART, Source
from apps.plants.epochs import epochs_of
from apps.plants.models import Component, Plant

from .rules import Daylight
from .spans import Mask

ONE = dt.timedelta(days=1)
CHANNELS_OF_DEVICES = tuple(channel for channel in CHANNELS if not channel.derived and channel.levels - {Level.PLANT})
_CHANNELS_OF_PARTS = (BY_NAME["ProdPdc"],)
_Values = Mapping[tuple[UUID, int, str], Array]  # by device, part and name of the channel


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. `spoke` are the devices with any value on it or the day before."""

    plant: Plant
    begin: dt.datetime
    begun: int  # slots that have begun by now
    components: Sequence[Component]
    values: _Values
    spoke: frozenset[UUID]
    has_past: bool  # the plant delivered something on an earlier day
    daylight: Mask

    @property
    def slots(self) -> int:
        return self.daylight.size

    @property
    def end(self) -> dt.datetime:
        return self.at(self.slots)

    def at(self, slot: int) -> dt.datetime:
        """When a slot begins."""
        return self.begin + slot * grid.SLOT

    def of(self, component: Component, channel: str, part: int = 0) -> Array | None:
        """The values of a channel; None where there is none on this day."""
        return self.values.get((component.cross_epoch_id, part, channel))

    def present(self, components: Iterable[Component]) -> Mask:
        """The slots in which any of these delivered anything."""
        ids = {component.cross_epoch_id for component in components}
        found = np.zeros(self.slots, dtype=np.bool_)
        for (device, _part, _channel), values in self.values.items():
            if device in ids:
                found |= ~np.isnan(values)
        return found


def load(plant: Plant, first: dt.date, last: dt.date, now: dt.datetime) -> Iterator[Day]:
    """The days from `first` to `last`, oldest first. Six statements, and two more where the day before is empty."""
    built_in = _built_in(plant, first, last)
    measured = _measured(plant, {c.pk: c for day in built_in.values() for c in day}.values(), first - ONE, last)
    oldest = first - ONE if first - ONE in measured else min(store.data_range(plant) or [dt.date.max])
    for day in grid.days(first, last):
        nearby = [measured.get(one, {}) for one in (day - ONE, day)]
        begin, slots = grid.start(plant.zone, day), grid.slots(plant.zone, day)
        yield Day(
            plant=plant,
            begin=begin,
            begun=grid.elapsed(plant.zone, day, now),
            components=built_in[day],
            values=measured.get(day, {}),
            spoke=frozenset(device for values in nearby for device, _part, _channel in values),
            has_past=oldest < day,
            daylight=Daylight.of(plant).core(begin, slots),
        )


def _built_in(plant: Plant, first: dt.date, last: dt.date) -> dict[dt.date, list[Component]]:
    """The components of each day that deliver anything, with their trackers and strings."""
    epochs = {epoch.id: epoch for epoch in epochs_of(plant) if epoch.first_day <= last}
    rows = Component.objects.filter(epoch__in=epochs).order_by("sort_order", "dataindex", "id")
    components = [row for row in rows.prefetch_related("trackers", "strings") if row.channels]
    return {day: [row for row in components if day in epochs[row.epoch_id]] for day in grid.days(first, last)}


def _measured(
    plant: Plant, components: Iterable[Component], first: dt.date, last: dt.date
) -> dict[dt.date, dict[tuple[UUID, int, str], Array]]:
    """What they measured, by day."""
    found: dict[dt.date, dict[tuple[UUID, int, str], Array]] = defaultdict(dict)
    devices = list({row.cross_epoch_id: Source(row.cross_epoch_id) for row in components}.values())
    parts = list({source: source for row in components for source in _parts(row)})
    for sources, channels in ((devices, CHANNELS_OF_DEVICES), (parts, _CHANNELS_OF_PARTS)):
        for one in store.read_days(plant, sources, channels, first, last) if sources else ():
            found[one.day][one.source.device, one.source.part, one.channel.name] = one.values
    return found


def _parts(component: Component) -> list[Source]:
    trackers = [tracker.index for tracker in component.trackers.all()]
    strings = [STRING_PART + string.index for string in component.strings.all() if string.channels]
    return [Source(component.cross_epoch_id, part) for part in (*trackers, *strings)]

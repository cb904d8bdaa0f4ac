"""What a plant's data can be shown of: the plant itself, its components, their MPP trackers and strings.

A device is named by its cross-epoch id, so an address stays good when the plant is rebuilt: `plant`, `<id>`,
`<id>.t2` for a tracker, `<id>.s5` for a string. Its values count from the first day it was built in to the last.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _

from apps.measurements import store
from apps.measurements.channels import CHANNELS, Category, Level, at
from apps.measurements.store import Source
from apps.plants import epochs
from apps.plants.models import Component, Plant

from .period import Period
from .question import over_a_period, within_a_day

PLANT = "plant"
_PLANT_CHANNELS = frozenset(channel.name for channel in at(Level.PLANT))
_METERED = frozenset({"ConsPac", "ConsEtotal", "GridPacIn", "GridPacOut", "GridEtotalIn", "GridEtotalOut"})
_NOT_FLOWS = frozenset(
    channel.name
    for channel in at(Level.PLANT)
    if channel.category is Category.BATTERY or channel.name in ("ProdPdc", "ProdPdcNorm", "TechAv")
)
_ORDER = [channel.name for channel in CHANNELS]
# What a device is shown by when nothing was chosen: the first of these that it has, and its partner.
_MAIN = (("ProdPac",), ("ConsPac",), ("GridPacIn", "GridPacOut"), ("BatSoc",), ("Irradiation",), ("ProdPdc",))


@dataclass(frozen=True, slots=True)
class Device:
    """A source of values. `depth` 0 is a component (or the plant), 1 a tracker, 2 a string."""

    key: str
    label: str
    type: str
    source: Source
    channels: frozenset[str]
    depth: int = 0

    @property
    def main(self) -> tuple[str, ...]:
        """The channels it is shown by when nothing was chosen."""
        return next((names for names in _MAIN if self.channels.issuperset(names)), tuple(sorted(self.channels))[:1])

    def delivers(self, name: str, *, within_day: bool) -> bool:
        """Whether a channel, named as within a day, exists here for such a period."""
        return (name if within_day else over_a_period(name)) in self.channels

    def built_in(self, period: Period) -> bool:
        """Whether it was part of the plant at any time of a period."""
        return self.source.since <= period.last and period.first <= self.source.until


def whole(plant: Plant, delivered: Iterable[str] = ()) -> Device:
    """The plant's totals as a device; `delivered` are the channels its components have."""
    source = Source(plant.datasource_id, size=plant.size)
    return Device(PLANT, _("Plant total"), PLANT, source, _totals_of(frozenset(delivered)))


def _totals_of(delivered: frozenset[str]) -> frozenset[str]:
    """The plant's own channels that can follow from these: flows need a meter, a battery's a battery."""
    direct = {"ProdPac", "ProdEtotal", *_with_derived(sorted(delivered))}
    flows = _PLANT_CHANNELS - _NOT_FLOWS if delivered & _METERED else frozenset[str]()
    return (_PLANT_CHANNELS & direct) | flows


def of_plant(plant: Plant) -> list[Device]:
    """The plant and everything ever built into it that delivers values, in its order. Four statements."""
    spans = {epoch.id: epoch for epoch in epochs.epochs_of(plant)}
    rows = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from", "sort_order", "dataindex", "id")
    found: dict[str, Device] = {}
    order: dict[str, tuple[int, ...]] = {}
    for place, component in enumerate(rows.prefetch_related("trackers", "strings")):
        span = spans[component.epoch_id]
        last = span.last_day or dt.date.max
        for device, tracker in _parts_of(component, span.first_day, last):
            known = found.get(device.key)
            found[device.key] = device if known is None else _longer(known, device)
            order[device.key] = (place, tracker, device.depth)
    devices = sorted((device for device in found.values() if device.channels), key=lambda device: order[device.key])
    return [whole(plant, {name for device in devices for name in device.channels}), *devices]


def _parts_of(component: Component, since: dt.date, until: dt.date) -> Iterator[tuple[Device, int]]:
    """A component as it is in one epoch, its trackers and its strings, each with the tracker it stands at."""
    source = Source(component.cross_epoch_id, 0, component.size, since, until)
    key, name = str(component.cross_epoch_id), component.name
    yield Device(key, name, component.type, source, _with_derived(component.channels)), 0
    trackers = {tracker.pk: tracker for tracker in component.trackers.all()}
    for tracker in trackers.values():
        part = replace(source, part=tracker.index, size=tracker.size)
        channels = _with_derived(tracker.channels)
        yield Device(f"{key}.t{tracker.index}", f"{name} · {tracker}", "MppTracker", part, channels, 1), tracker.index
    for string in component.strings.all():
        part = replace(source, part=store.STRING_PART + string.index, size=string.size)
        above = trackers[string.tracker_id].index if string.tracker_id else 0
        device = Device(
            f"{key}.s{string.index}", f"{name} · {string}", "ModuleString", part, frozenset(string.channels), 2
        )
        yield device, above


def _with_derived(names: Sequence[str]) -> frozenset[str]:
    norms = {"ProdPac": "ProdPacNorm", "ProdPdc": "ProdPdcNorm"}
    return frozenset([*names, *(norms[name] for name in names if name in norms)])


def _longer(known: Device, later: Device) -> Device:
    """The same device in a later epoch as well: named as it is now, since it came."""
    return replace(
        later,
        source=replace(later.source, since=known.source.since),
        channels=known.channels | later.channels,
    )


def chosen(devices: Sequence[Device], keys: Sequence[str]) -> list[Device]:
    """The devices of these keys, in the plant's order; its totals without any. 404 where one is not of this plant."""
    if not keys:
        return [device for device in devices if device.key == PLANT]
    asked = {_canonical(key) for key in keys}
    found = [device for device in devices if device.key in asked]
    if len(found) < len(asked):
        raise Http404
    return found


def _canonical(key: str) -> str:
    if key == PLANT:
        return key
    device, dot, part = key.partition(".")
    try:
        return f"{UUID(device)}{dot}{part}"
    except ValueError:
        raise Http404 from None


def channels_of(devices: Iterable[Device], *, within_day: bool) -> list[str]:
    """All channels that any of the devices has for such a period, named as within a day, in the table's order."""
    proper = within_a_day if within_day else over_a_period
    names = {name for device in devices for name in device.channels if proper(name) == name}
    return sorted({within_a_day(name) for name in names}, key=_ORDER.index)

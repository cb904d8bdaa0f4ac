"""Building devices into a plant: what loggers and files name but the plant does not have begins a new epoch."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db.models import Max

from .models import Component, Epoch, ModuleString, MppTracker, Plant


@dataclass(frozen=True, slots=True)
class DeviceDescription:
    """A device as somebody outside describes it. `size` in Wp; `channels` are names of the channel table."""

    type: str
    name: str
    serial: str = ""
    vendor: str = ""
    size: int = 0
    classes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same device tomorrow: its serial number, or its name where it has none."""
        return (self.type, self.serial or self.name)


def build_in(plant: Plant, day: dt.date, devices: Sequence[DeviceDescription]) -> dict[tuple[str, str], UUID]:
    """The cross-epoch id of each device by its identity; those the plant never had are built in from `day` on.

    A device that delivers channels it did not list so far lists them from now on. The caller is in a transaction and
    holds the plant's lock.
    """
    known = _known(plant)
    missing = [device for device in devices if device.identity not in known]
    if missing:
        _begin_epoch(plant, day)
        ids = {device.identity: uuid4() for device in missing}
        for epoch in Epoch.objects.filter(plant=plant, active_from__gte=day):
            _install(epoch, missing, ids)
        known |= ids
    _list_channels(plant, [device for device in devices if device not in missing], known)
    return {device.identity: known[device.identity] for device in devices}


def _known(plant: Plant) -> dict[tuple[str, str], UUID]:
    """Every device the plant ever had; of two with one identity the newest speaks."""
    rows = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from")
    return {(row.type, row.serial or row.name): row.cross_epoch_id for row in rows}


def _begin_epoch(plant: Plant, day: dt.date) -> None:
    """An epoch that begins on `day` with what is built in then, unless one begins on that day already."""
    if Epoch.objects.filter(plant=plant, active_from=day).exists():
        return
    before = Epoch.objects.filter(plant=plant, active_from__lt=day).order_by("-active_from").first()
    epoch = Epoch.objects.create(plant=plant, active_from=day)
    for component in before.components.prefetch_related("trackers", "strings") if before else ():
        _copy(component, epoch)


def _copy(component: Component, epoch: Epoch) -> None:
    """The same device with its MPP trackers and strings in another epoch."""
    trackers, strings = list(component.trackers.all()), list(component.strings.all())
    component.pk, component.epoch = uuid4(), epoch
    component.save(force_insert=True)
    new_ids = {tracker.pk: uuid4() for tracker in trackers}
    for tracker in trackers:
        tracker.pk, tracker.component = new_ids[tracker.pk], component
    for string in strings:
        string.pk, string.component = uuid4(), component
        string.tracker_id = new_ids.get(string.tracker_id) if string.tracker_id else None
    MppTracker.objects.bulk_create(trackers)
    ModuleString.objects.bulk_create(strings)


def _install(epoch: Epoch, devices: Iterable[DeviceDescription], ids: dict[tuple[str, str], UUID]) -> None:
    last = epoch.components.aggregate(index=Max("dataindex"))["index"]
    first = 0 if last is None else last + 1
    Component.objects.bulk_create(
        Component(
            epoch=epoch,
            cross_epoch_id=ids[device.identity],
            type=device.type,
            classes=list(device.classes),
            name=device.name,
            vendor=device.vendor,
            serial=device.serial,
            size=device.size,
            dataindex=index,
            sort_order=index,
            channels=list(device.channels),
        )
        for index, device in enumerate(devices, start=first)
    )


def _list_channels(plant: Plant, devices: Iterable[DeviceDescription], ids: dict[tuple[str, str], UUID]) -> None:
    for device in devices:
        for row in Component.objects.filter(epoch__plant=plant, cross_epoch_id=ids[device.identity]):
            new = [name for name in device.channels if name not in row.channels]
            if new:
                row.channels = [*row.channels, *new]
                row.save(update_fields=["channels"])

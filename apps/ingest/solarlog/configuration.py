"""Epochs and components: which devices stood at the plant on which day, and which of them are the same device.

A day belongs to the configuration that first delivered it. So the same folder imported twice, or a folder with
an overlap, never attributes a day to two devices and never counts its production twice.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from apps.measurements import store
from apps.measurements.channels import BY_NAME
from apps.plants.models import Component, Epoch, ModuleString, MppTracker, Plant

from .devices import Device, Input, Layout, channels, confirms, input_channels, layouts, same

_PROOF = tuple(BY_NAME[name] for name in ("ProdPac", "ConsPac", "Irradiation"))


@dataclass(frozen=True, slots=True)
class Installed:
    """A device in one configuration: where its series are stored, how its blocks are read."""

    device: Device
    id: UUID
    layouts: Mapping[int, Layout]


@dataclass(slots=True)
class Configuration:
    """What an epoch row stands for."""

    epoch: Epoch
    installed: dict[int, Installed]

    @property
    def devices(self) -> dict[int, Device]:
        """The devices by data index."""
        return {index: entry.device for index, entry in self.installed.items()}


class Timeline:
    """The configurations of a plant, oldest first."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.began: list[dt.date] = []  # first days of the epochs made or moved by `settle`
        epochs = Epoch.objects.filter(plant=plant).order_by("active_from")
        self.configurations = [_load(epoch) for epoch in epochs]

    def on(self, day: dt.date) -> Mapping[int, Installed]:
        """The devices of a day, by data index; before the first epoch those of the first."""
        place = max(self._place(day), 0)
        return self.configurations[place].installed if self.configurations else {}

    def settle(self, devices: Mapping[int, Device], days: Iterable[dt.date]) -> bool:
        """Make `devices` hold on those of `days` that no other configuration delivered.

        Returns False where every day belongs to another configuration. Needs a transaction.
        """
        self._confirm_guesses(devices)
        held = False
        delivered: dict[UUID, dt.date] = {}
        for day in sorted(days):
            place = self._place(day)
            current = self.configurations[place] if place >= 0 else None
            if current and same(current.devices, devices):
                held = True
            elif current is None or day > self._last_delivered(current, place, delivered):
                self._begin(devices, day, place)
                held = True
        return held

    def _place(self, day: dt.date) -> int:
        starts = [configuration.epoch.active_from for configuration in self.configurations]
        return bisect_right(starts, day) - 1

    def _last_delivered(self, configuration: Configuration, place: int, known: dict[UUID, dt.date]) -> dt.date:
        """The last day of the epoch with 5-minute values; its first day if there are none."""
        epoch = configuration.epoch
        if epoch.id not in known:
            later = self.configurations[place + 1 : place + 2]
            stored = store.data_range(self.plant)
            end = later[0].epoch.active_from - dt.timedelta(days=1) if later else None
            last = end or (stored[1] if stored else epoch.active_from)
            sources = [store.Source(entry.id) for entry in configuration.installed.values()]
            newest = store.read_days(self.plant, sources, _PROOF, epoch.active_from, last)
            found = next(iter(newest), None)
            known[epoch.id] = found.day if found else epoch.active_from
        return known[epoch.id]

    def _begin(self, devices: Mapping[int, Device], day: dt.date, place: int) -> None:
        """Let the configuration begin on `day`: move the next epoch back if it is the same."""
        self.began.append(day)
        following = self.configurations[place + 1 : place + 2]
        if following and same(following[0].devices, devices):
            epoch = following[0].epoch
            epoch.active_from = day
            epoch.save(update_fields=["active_from"])
            return
        epoch = Epoch.objects.create(plant=self.plant, active_from=day)
        self.configurations.insert(place + 1, self._install(epoch, devices, place))

    def _install(self, epoch: Epoch, devices: Mapping[int, Device], place: int) -> Configuration:
        known = self._known_devices(place)
        installed = {
            index: _installed(device, known.get(device.identity) or uuid4()) for index, device in devices.items()
        }
        for entry in installed.values():
            _save(epoch, entry)
        return Configuration(epoch, installed)

    def _known_devices(self, place: int) -> dict[tuple[str, ...], UUID]:
        """Every device the plant ever had; where an identity occurs twice, the nearest epoch speaks."""
        by_distance = sorted(range(len(self.configurations)), key=lambda other: abs(other - place), reverse=True)
        return {
            entry.device.identity: entry.id
            for other in by_distance
            for entry in self.configurations[other].installed.values()
        }

    def _confirm_guesses(self, devices: Mapping[int, Device]) -> None:
        """A configuration guessed from field counts becomes the known one that explains it."""
        for configuration in self.configurations:
            if not confirms(devices, configuration.devices):
                continue
            for index, entry in configuration.installed.items():
                configuration.installed[index] = _installed(devices[index], entry.id)
            configuration.epoch.components.all().delete()
            for entry in configuration.installed.values():
                _save(configuration.epoch, entry)


def _installed(device: Device, id_: UUID) -> Installed:
    return Installed(device, id_, layouts(device))


def _save(epoch: Epoch, entry: Installed) -> None:
    device = entry.device
    component = Component.objects.create(
        epoch=epoch,
        cross_epoch_id=entry.id,
        type=device.type,
        classes=list(device.classes),
        name=device.name,
        vendor=device.vendor,
        serial=device.serial,
        size=device.size,
        dataindex=device.index,
        sort_order=device.index,
        channels=channels(device),
    )
    for row in device.inputs:
        _save_input(component, device, row)


def _save_input(component: Component, device: Device, row: Input) -> None:
    tracker = MppTracker.objects.create(
        component=component,
        index=row.index,
        name=f"MPPT {row.index}",
        size=row.size,
        field_index=row.field,
        channels=input_channels(device, row),
    )
    ModuleString.objects.create(
        component=component,
        tracker=tracker,
        index=row.index,
        name=row.name or f"String {row.index}",
        size=row.size,
    )


def _load(epoch: Epoch) -> Configuration:
    rows = epoch.components.prefetch_related("trackers__strings").order_by("dataindex")
    return Configuration(epoch, {row.dataindex: _installed(_device(row), row.cross_epoch_id) for row in rows})


def _device(row: Component) -> Device:
    """The device a component row was made from."""
    trackers = list(row.trackers.all())
    names = {tracker.index: next((s.name for s in tracker.strings.all()), "") for tracker in trackers}
    return Device(
        index=row.dataindex,
        type=row.type,
        classes=tuple(row.classes),
        name=row.name,
        serial=row.serial,
        vendor=row.vendor,
        size=row.size,
        inputs=tuple(
            Input(tracker.index, names[tracker.index], tracker.size, tracker.field_index) for tracker in trackers
        ),
        temperature="Temp" in row.channels,
        voltages=len(trackers) < 2 or "ProdUdc" in trackers[0].channels,
        sensors=tuple(row.channels) if row.type == Component.Type.SENSOR else (),
    )

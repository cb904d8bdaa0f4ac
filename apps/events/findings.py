"""Which rule speaks about what: goes through a plant's day and asks each rule about everything it can judge."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np

from apps.measurements.channels import BY_NAME
from apps.measurements.grid import Array
from apps.measurements.store import STRING_PART
from apps.plants.models import Component

from . import rules
from .codes import Kind
from .day import CHANNELS_OF_DEVICES, Day
from .spans import Verdict

COUNTERS = (
    *(("ProdPac", "ProdEtotal"), ("ConsPac", "ConsEtotal"), ("GridPacIn", "GridEtotalIn")),
    *(("GridPacOut", "GridEtotalOut"), ("BatPacCharge", "BatEtotalCharge"), ("BatPacDischarge", "BatEtotalDischarge")),
)
_STEADY = (Component.Type.METER, Component.Type.SENSOR, Component.Type.BATTERY)  # they always have something to say


class Finding(NamedTuple):
    """What a rule says about one thing on a day; `detail` is the part or the channel it is about."""

    device: UUID
    kind: Kind
    detail: int
    judged: Verdict

    @property
    def key(self) -> tuple[UUID, int]:
        """The device and the error code."""
        return self.device, self.kind.code(self.detail)


def findings(day: Day) -> Iterator[Finding]:
    """Every rule on everything it is about."""
    sensors = [component for component in day.components if component.type == Component.Type.SENSOR]
    inverters = [component for component in day.components if component.type == Component.Type.INVERTER]
    yield from _inverters(day, inverters, sensors)
    for inverter in inverters:
        yield from _strings(day, inverter)
    for component in day.components:
        yield from _counters(day, component)
    for sensor in sensors:
        yield from _values(day, sensor)
    yield from _silence(day)


def _inverters(day: Day, inverters: Sequence[Component], sensors: Sequence[Component]) -> Iterator[Finding]:
    sized = [inverter for inverter in inverters if inverter.size]
    missing = np.full(day.slots, np.nan)
    powers = {inverter.pk: _or(day.of(inverter, "ProdPac"), missing) for inverter in sized}
    irradiance = next((values for sensor in sensors if (values := day.of(sensor, "Irradiation")) is not None), None)
    for inverter in sized:
        peers = [powers[peer.pk] / peer.size for peer in sized if peer is not inverter]
        reference = rules.expected(peers, irradiance, day.daylight)
        judged = rules.inverter_silent(powers[inverter.pk], inverter.size, reference)
        yield Finding(inverter.cross_epoch_id, Kind.INVERTER_SILENT, 0, judged)


def _or(values: Array | None, other: Array) -> Array:
    return other if values is None else values


def _strings(day: Day, inverter: Component) -> Iterator[Finding]:
    for group in _siblings(inverter):
        known = {
            part: values / size for part, size in group if (values := day.of(inverter, "ProdPdc", part)) is not None
        }
        for part, own in known.items():
            others = [values for other, values in known.items() if other != part]
            if others:
                yield Finding(inverter.cross_epoch_id, Kind.STRING_LOW, part, rules.string_low(own, others))


def _siblings(inverter: Component) -> list[list[tuple[int, int]]]:
    """Parts with their sizes in groups that see the same sun: strings where they are measured, else trackers."""
    planes = {tracker.pk: (tracker.orientation, tracker.tilt) for tracker in inverter.trackers.all()}
    parts = [
        (planes.get(string.tracker_id) if string.tracker_id else None, STRING_PART + string.index, string.size)
        for string in inverter.strings.all()
        if string.channels
    ] or [(planes[tracker.pk], tracker.index, tracker.size) for tracker in inverter.trackers.all() if tracker.monitored]
    groups: dict[object, list[tuple[int, int]]] = {}
    for plane, part, size in parts:
        if size:
            groups.setdefault(plane, []).append((part, size))
    return list(groups.values())


def _counters(day: Day, component: Component) -> Iterator[Finding]:
    size = component.size or day.plant.size
    for power_name, counter_name in COUNTERS:
        power, counter = day.of(component, power_name), day.of(component, counter_name)
        if counter is None:
            continue
        detail = BY_NAME[counter_name].code
        yield Finding(component.cross_epoch_id, Kind.COUNTER_FELL, detail, rules.counter_fell(counter))
        if power is not None and size:
            judged = rules.counter_stuck(power, counter, size)
            yield Finding(component.cross_epoch_id, Kind.COUNTER_STUCK, detail, judged)


def _values(day: Day, sensor: Component) -> Iterator[Finding]:
    for channel in CHANNELS_OF_DEVICES:
        values = day.of(sensor, channel.name)
        if values is None:
            continue
        judged = rules.value_implausible(channel.name, values)
        yield Finding(sensor.cross_epoch_id, Kind.VALUE_IMPLAUSIBLE, channel.code, judged)
        if channel.name in rules.SAME_FOR:
            judged = rules.value_stuck(channel.name, values, day.daylight)
            yield Finding(sensor.cross_epoch_id, Kind.VALUE_STUCK, channel.code, judged)


def _silence(day: Day) -> Iterator[Finding]:
    """Of the plant, and of its components while the plant speaks. An inverter with peers has its own rule."""
    if day.has_past:
        judged = rules.plant_silent(day.present(day.components), day.daylight, day.begun)
        yield Finding(day.plant.datasource_id, Kind.PLANT_SILENT, 0, judged)
    for component in day.components:
        if component.type in _STEADY and component.cross_epoch_id in day.spoke:
            others = [other for other in day.components if other is not component]
            judged = rules.component_silent(day.present([component]), day.present(others), day.daylight)
            yield Finding(component.cross_epoch_id, Kind.COMPONENT_SILENT, 0, judged)

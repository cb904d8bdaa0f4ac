"""Reads from the store, day by day, what indicators need to know about single intervals (see intervals.py).

Two statements: how the plant was built, and the packed days of its inverters and sensors (more where these are many).
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import numpy as np

from apps.plants.models import Component, Plant

from . import expected, grid, store
from .bounds import bounds
from .channels import BY_NAME, Channel
from .expected import Place, Plane
from .grid import Array
from .intervals import Evidence, Observed, evidence, mean_of

MOST_ROWS = 15_000  # days times devices that are unpacked for one question: about two seconds
_AT_ONCE = 5_000  # of them in memory
_POWER, _IRRADIANCE, _WARMTH = (BY_NAME[name] for name in ("ProdPac", "Irradiation", "TempModule"))

Span = tuple[dt.date, dt.date]  # both ends included


@dataclass(frozen=True, slots=True)
class Producer:
    """An inverter, or another source of power: Wp, and how its modules are mounted."""

    device: UUID
    size: float
    planes: tuple[Plane, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """What of a plant matters here, from the first day of an epoch on."""

    since: dt.date
    producers: tuple[Producer, ...]
    sensors: tuple[UUID, ...]
    has_irradiance: bool

    @property
    def devices(self) -> tuple[UUID, ...]:
        return (*(producer.device for producer in self.producers), *self.sensors)

    @property
    def sizes(self) -> Array:
        return np.array([producer.size for producer in self.producers], dtype=np.float64)


# --- How the plant was built -----------------------------------------------------------------------------


def layouts(plant: Plant) -> list[Layout]:
    """One for each epoch, oldest first; at least one. One statement."""
    columns = ("cross_epoch_id", "epoch__active_from", "type", "classes", "size", "channels")
    mounting = ("trackers__size", "trackers__tilt", "trackers__orientation")
    rows = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from", "sort_order", "id")
    built = groupby(rows.values_list(*columns, *mounting), key=lambda row: row[1])
    return [_layout(plant, since, list(found)) for since, found in built] or [_layout(plant, dt.date.min, [])]


def _layout(plant: Plant, since: dt.date, rows: Sequence[tuple[Any, ...]]) -> Layout:
    planes: dict[UUID, list[Plane]] = {}
    sizes: dict[UUID, float] = {}
    sensors: dict[UUID, bool] = {}
    for device, _since, type_, classes, size, channels, *mounting in rows:  # a row for each tracker
        if "production" in classes:
            sizes[device] = size
            if mounting[0] is not None:
                planes.setdefault(device, []).append(Plane(*mounting))
        elif type_ == Component.Type.SENSOR:
            sensors[device] = not channels or _IRRADIANCE.name in channels
    if not sizes:  # values were only delivered for the plant as a whole
        sizes = {plant.datasource_id: plant.size}
    elif not all(sizes.values()):
        sizes = dict.fromkeys(sizes, plant.size / len(sizes))
    producers = (Producer(device, size, tuple(planes.get(device, ()))) for device, size in sizes.items())
    return Layout(since, tuple(producers), tuple(sensors), any(sensors.values()))


def _on(built: Sequence[Layout], day: dt.date) -> Layout:
    return ([layout for layout in built if layout.since <= day] or built[:1])[-1]


def _during(built: Sequence[Layout], span: Span) -> list[Layout]:
    return [_on(built, span[0]), *(layout for layout in built if span[0] < layout.since <= span[1])]


# --- What is known of each span --------------------------------------------------------------------------


def of_spans(plant: Plant, spans: Sequence[Span]) -> list[Observed]:
    """The evidence of each span, for those that are short enough together; the shortest come first."""
    built = layouts(plant)
    place = None
    if plant.latitude is not None and plant.longitude is not None:
        place = Place(plant.latitude, plant.longitude)
    chosen = _affordable(built, spans)
    if not all(_covered(span, chosen) for span in spans):
        spans = _with_data(plant, spans)
        chosen = _affordable(built, spans)
    days = dict(_days(plant, built, place, chosen))
    return [_observed(built, place, span, days if _covered(span, chosen) else None) for span in spans]


def _observed(
    built: Sequence[Layout], place: Place | None, span: Span, days: Mapping[dt.date, Evidence] | None
) -> Observed:
    during = _during(built, span)
    sums = None
    if days is not None:
        known = [days[day] for day in grid.days(*span) if day in days]
        sums = Evidence(*np.sum(known, axis=0).tolist()) if known else Evidence()
    return Observed(
        sums,
        has_irradiance=any(layout.has_irradiance for layout in during),
        has_place=place is not None,
        inverters=max(len(layout.producers) for layout in during),
    )


def _with_data(plant: Plant, spans: Sequence[Span]) -> list[Span]:
    """The spans without the days before and after the data. One statement."""
    begin, end = store.data_range(plant) or (dt.date.max, dt.date.min)
    return [(max(first, begin), min(last, end)) for first, last in spans]


def _affordable(built: Sequence[Layout], spans: Iterable[Span]) -> list[Span]:
    """As many spans, merged where they touch, as can be looked at; short ones first."""
    chosen: list[Span] = []
    for span in sorted(spans, key=lambda span: span[1] - span[0]):
        merged = _merged([*chosen, span])
        if sum(((last - first).days + 1) * _width(built, (first, last)) for first, last in merged) <= MOST_ROWS:
            chosen = merged
    return chosen


def _width(built: Sequence[Layout], span: Span) -> int:
    return max(len(layout.devices) for layout in _during(built, span))


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if merged and first <= merged[-1][1] + dt.timedelta(days=1):
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _covered(span: Span, chosen: Iterable[Span]) -> bool:
    return span[0] > span[1] or any(first <= span[0] and span[1] <= last for first, last in chosen)


# --- Days ------------------------------------------------------------------------------------------------


def _days(
    plant: Plant, built: Sequence[Layout], place: Place | None, spans: Iterable[Span]
) -> Iterator[tuple[dt.date, Evidence]]:
    channels = [_POWER, _IRRADIANCE, _WARMTH]
    for first, last in spans:
        devices = dict.fromkeys(device for layout in _during(built, (first, last)) for device in layout.devices)
        sources = [store.Source(device) for device in devices]
        window = dt.timedelta(days=max(31, _AT_ONCE // len(devices)))
        values = store.read_days(plant, sources, channels, first, last, window)
        for day, found in groupby(values, key=attrgetter("day")):
            series = {(value.source.device, value.channel.name): value.values for value in found}
            yield day, _of_day(plant, _on(built, day), place, day, series)


def _of_day(
    plant: Plant, layout: Layout, place: Place | None, day: dt.date, series: Mapping[tuple[UUID, str], Array]
) -> Evidence:
    def rows(devices: Collection[UUID], channel: Channel) -> Array:
        found = [series.get((device, channel.name), nothing) for device in devices]
        return np.array(found or [nothing])

    nothing = np.full(grid.slots(plant.zone, day), np.nan)
    clear = None
    if place is not None and not layout.has_irradiance:
        clear = np.array([expected.clear_sky(place, each.planes, plant.zone, day) for each in layout.producers])
    return evidence(
        rows([producer.device for producer in layout.producers], _POWER),
        layout.sizes,
        mean_of(_plausible(rows(layout.sensors, _IRRADIANCE), _IRRADIANCE)),
        mean_of(_plausible(rows(layout.sensors, _WARMTH), _WARMTH)),
        clear,
    )


def _plausible(values: Array, channel: Channel) -> Array:
    """What a sensor says, without the values of a broken one."""
    least, most = bounds(channel.name)
    return np.where((values >= least) & (values <= most), values, np.nan)

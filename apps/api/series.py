"""Calls about what was measured: 5-minute values, daily, monthly and yearly values, key performance indicators."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound

from apps.measurements import grid, kpis, performance, store
from apps.measurements.channels import Channel, Level
from apps.measurements.store import DayValues, PeriodValues, Source
from apps.packages.catalog import MOST_KPI_PERIODS, MOST_SERIES_DAYS, Depth
from apps.plants import epochs
from apps.plants.epochs import EpochRange
from apps.plants.models import Component, ModuleString, MppTracker, Plant

from . import answers, points, shapes
from . import parameters as p
from .base import ApiView
from .errors import InvalidParameters
from .kept import compressed, shelf
from .parameters import Parameter
from .points import Device

MOST_AT_ONCE = 100  # series of a day; more are streamed

Series = TypeVar("Series", DayValues, PeriodValues)


class SeriesView(ApiView):
    """What all calls for series share: whose values, of which channels."""

    answer = shapes.PointsSerializer
    many = True

    def channels(self, found: list[Channel], depth: Depth) -> list[Channel]:
        """The channels asked for, by name, if the package covers them at this depth.

        A channel that no plant total exists of is a matter of devices, whoever asks how.
        """
        below = [channel for channel in found if depth is Depth.PLANT and Level.PLANT not in channel.levels]
        kinds = ((channel.category, Depth.DEVICE if channel in below else depth) for channel in found)
        self.require(kinds)
        if below:
            names = ", ".join(channel.name for channel in below)
            raise InvalidParameters(
                {"channelNames": _("%(names)s has no plant total; name devices to get it.") % {"names": names}}
            )
        return sorted(found, key=lambda channel: channel.name)

    def counted(self, series: Iterable[Series]) -> Iterator[Series]:
        """The same, their points counted as they pass."""
        for one in series:
            self.points += len(one.values)
            yield one

    def data_source(self, plant: Plant) -> list[Device]:
        """The device that carries the plant's totals."""
        return [Device(plant.datasource_id, "Datasource", Source(plant.datasource_id, size=plant.size))]

    def cross_epoch_devices(self, plant: Plant, ids: Sequence[UUID]) -> list[Device]:
        """Devices by their cross-epoch ids; 404 unless all are of this plant."""
        rows = Component.objects.filter(epoch__plant=plant, cross_epoch_id__in=ids).order_by("epoch__active_from")
        sizes = dict(rows.values_list("cross_epoch_id", "size"))
        if len(sizes) < len(ids):
            raise NotFound
        return _in_order(Device(device, "Component", Source(device, size=sizes[device])) for device in ids)


class ChannelsView(SeriesView):
    path = "visualization/plant/{plantId}/channels"
    most_days = MOST_SERIES_DAYS
    parameters: ClassVar[Sequence[Parameter]] = (
        p.DATE_FROM,
        p.DATE_TO,
        p.CHANNEL_NAMES,
        p.COMPONENT_IDS,
        p.TRACKER_IDS,
    )

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        query = self.query
        components, parts = query["componentIds"], query["mppTrackerIds"]
        depth = Depth.DEVICE if self.function.selected_by else Depth.PLANT
        channels = self.channels(query["channelNames"], depth)
        plant = self.plant(plantId)
        if depth is Depth.PLANT:
            return self.days(plant, self.data_source(plant), channels, query["dateFrom"], query["dateTo"])
        devices = _in_order([*self.components(plant, components), *self.parts(plant, parts)])
        return self.days(plant, devices, channels, query["dateFrom"], query["dateTo"])

    def components(self, plant: Plant, ids: Sequence[UUID]) -> Iterator[Device]:
        """Components by their ids, each limited to its epoch; 404 unless all are of this plant."""
        found = epochs.built_in(plant, ids) if ids else []
        if len(found) < len(ids):
            raise NotFound
        for one in found:
            source = Source(one.device, 0, one.size, one.first_day, one.last_day or dt.date.max)
            yield Device(one.id, "Component", source)

    def parts(self, plant: Plant, ids: Sequence[UUID]) -> Iterator[Device]:
        """MPP trackers and module strings by their ids, each limited to its epoch; 404 unless all are of this plant."""
        if not ids:
            return
        belonging = {"component__epoch__plant": plant, "pk__in": ids}
        trackers = MppTracker.objects.filter(**belonging).select_related("component").in_bulk()
        strings = ModuleString.objects.filter(**belonging).select_related("component").in_bulk()
        if len(trackers) + len(strings) < len(ids):
            raise NotFound
        spans = _spans(plant)
        for row in trackers.values():
            yield Device(row.pk, "MppTracker", _source(row.component, row.index, row.size, spans))
        for string in strings.values():
            part = store.STRING_PART + string.index
            yield Device(string.pk, "ModuleString", _source(string.component, part, string.size, spans))

    def days(
        self,
        plant: Plant,
        devices: Sequence[Device],
        channels: Sequence[Channel],
        date_from: str | dt.date,
        date_to: str | dt.date,
    ) -> HttpResponseBase:
        """5-minute values as day-channel objects; streamed where the range is long."""
        first, last = self.day(plant, date_from), self.day(plant, date_to)
        p.ordered(first, last)
        objects = ((last - first).days + 1) * len(devices) * len(channels)
        if objects > MOST_SERIES_DAYS:
            raise InvalidParameters(
                {"dateTo": _("Days x series must not exceed %(most)d; ask in parts.") % {"most": MOST_SERIES_DAYS}}
            )
        values = store.read_days(plant, [device.source for device in devices], channels, first, last)
        pieces = points.json_array(points.day_objects(plant, devices, self.counted(values), self.now))

        elapsed = performance.elapsed_slots(plant, first, last, self.now)
        version = points.version(plant, devices, channels, elapsed, values.digest())

        def render() -> HttpResponseBase:
            if objects > MOST_AT_ONCE:
                return StreamingHttpResponse(pieces)
            if last < self.day(plant, "today") and answers.may_be_gzip(self.request):
                return self.kept(version, pieces)
            return HttpResponse(b"".join(pieces))

        return answers.tagged(self.request, version, render)

    def kept(self, version: bytes, pieces: Iterable[bytes]) -> HttpResponseBase:
        """The answer of that version as it was made before; now, where it was not."""
        ready = shelf.find(version)
        if ready is None:
            body = b"".join(pieces)  # counts the points
            ready = compressed(body, self.points)
            shelf.put(version, ready)
        self.points, self.size = ready.points, ready.size
        return HttpResponse(ready.body, headers={"Content-Encoding": "gzip"})


class CrossEpochChannelsView(ChannelsView):
    path = "visualization/plant/{plantId}/cross-epoch/channels"
    parameters = (
        p.DATE_FROM,
        p.DATE_TO,
        p.CHANNEL_NAMES,
        p.ids("xComponentIds", "Cross-epoch ids of devices.", required=True),
    )

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        query = self.query
        channels = self.channels(query["channelNames"], Depth.DEVICE)
        plant = self.plant(plantId)
        devices = self.cross_epoch_devices(plant, query["xComponentIds"])
        return self.days(plant, devices, channels, query["dateFrom"], query["dateTo"])


class PeriodView(SeriesView):
    """What calls 16 to 18 share: values of longer periods, from the rows that hold daily values."""

    parameters = (p.CHANNEL_NAMES, p.CROSS_EPOCH_IDS)

    def asked(self, plant_id: str) -> tuple[Plant, list[Device], list[Channel]]:
        """The plant, devices and channels of the call."""
        query = self.query
        depth = Depth.DEVICE if self.function.selected_by else Depth.PLANT
        channels = self.channels(query["channelNames"], depth)
        plant = self.plant(plant_id)
        if depth is Depth.PLANT:
            return plant, self.data_source(plant), channels
        return plant, self.cross_epoch_devices(plant, query["xComponentIds"]), channels

    def number(self, name: str, text: str, least: int, most: int) -> int:
        """A number in the address; 400 naming it otherwise."""
        try:
            return p.whole(text, least, most)
        except ValueError as error:
            raise InvalidParameters({name: str(error)}) from None

    def year(self, text: str) -> int:
        return self.number("year", text, 1970, 2200)

    def period(
        self,
        plant: Plant,
        devices: Sequence[Device],
        values: Iterable[PeriodValues],
        date: str,
        keys: Sequence[str],
        span: tuple[dt.date, dt.date],
    ) -> HttpResponseBase:
        """The answer for one period with one point per key."""
        slots = performance.elapsed_slots(plant, *span, self.now)
        objects = points.period_objects(plant, devices, self.counted(values), date, keys, slots)
        body = b"".join(points.json_array(objects))
        return answers.whole(self.request, body)


class MonthView(PeriodView):
    path = "visualization/plant/{plantId}/year/{year}/month/{month}"

    def get(self, request: HttpRequest, plantId: str, year: str, month: str) -> HttpResponseBase:
        first = dt.date(self.year(year), self.number("month", month, 1, 12), 1)
        plant, devices, channels = self.asked(plantId)
        values = store.read_month(plant, [device.source for device in devices], channels, first)
        last = first.replace(day=grid.month_days(first))
        month_name = first.isoformat()[:7]
        keys = [f"{month_name}-{day:02}" for day in range(1, last.day + 1)]
        return self.period(plant, devices, values, month_name, keys, (first, last))


class YearView(PeriodView):
    path = "visualization/plant/{plantId}/year/{year}"

    def get(self, request: HttpRequest, plantId: str, year: str) -> HttpResponseBase:
        asked = self.year(year)
        plant, devices, channels = self.asked(plantId)
        values = store.read_year(plant, [device.source for device in devices], channels, asked)
        keys = [f"{asked}-{month:02}" for month in range(1, 13)]
        return self.period(plant, devices, values, str(asked), keys, (dt.date(asked, 1, 1), dt.date(asked, 12, 31)))


class LifetimeView(PeriodView):
    path = "visualization/plant/{plantId}/lifetime"

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        plant, devices, channels = self.asked(plantId)
        this_year = self.day(plant, "today").year
        sources = [device.source for device in devices]
        first, values = store.read_lifetime(plant, sources, channels, this_year)
        keys = [str(year) for year in range(first.year, this_year + 1)]
        return self.period(plant, devices, values, "lifetime", keys, (first, dt.date(this_year, 12, 31)))


class KpisView(ApiView):
    path = "visualization/plant/{plantId}/kpis"
    parameters = (
        p.DATE_FROM,
        p.DATE_TO,
        Parameter(
            "resolution",
            p.one_of("day", "month", "year", "total"),
            "Length of the periods; days where absent.",
            {"enum": ["day", "month", "year", "total"]},
        ),
    )
    answer = shapes.KpiSerializer
    many = True

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        query, plant = self.query, self.plant(plantId)
        first, last = self.day(plant, query["dateFrom"]), self.day(plant, query["dateTo"])
        p.ordered(first, last)
        spans = list(performance.periods(first, last, query["resolution"] or "day"))
        if len(spans) > MOST_KPI_PERIODS:
            raise InvalidParameters(
                {"dateTo": _("At most %(most)d periods can be asked for.") % {"most": MOST_KPI_PERIODS}}
            )
        found = performance.of_plant(plant, spans, self.now)
        return self.json(
            [
                {
                    "name": kpi.name,
                    "date": of.period.name,
                    "value": kpi.value,
                    "unit": plant.currency if kpi.unit == kpis.CURRENCY else kpi.unit,
                    "formula": kpi.formula,
                    "inputs": kpi.inputs,
                    "completeness": kpi.completeness,
                    "reason": kpi.reason,
                }
                for of in found
                for kpi in of.kpis
            ]
        )


def _in_order(devices: Iterable[Device]) -> list[Device]:
    """Inside a day, answers go by device."""
    return sorted(devices, key=lambda device: str(device.id))


def _spans(plant: Plant) -> dict[UUID, EpochRange]:
    return {epoch.id: epoch for epoch in epochs.epochs_of(plant)}


def _source(component: Component, part: int, size: int, spans: dict[UUID, EpochRange]) -> Source:
    """A component's device, limited to the days on which it was that component."""
    span = spans[component.epoch_id]
    return Source(component.cross_epoch_id, part, size, span.first_day, span.last_day or dt.date.max)

"""The newest values of a plant, kept beside its rows so that lists of thousands of plants can show and sort by them.

Private to the store. A write looks at the days and months it has just changed; only where one of those no longer says
what was newest are older rows read, so the result is always that of a search through all rows.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from apps.plants.models import Plant

from . import grid, periods, rows
from .channels import BY_NAME
from .rows import DayRow, MonthRow, PlantLatest

_POWER, _ENERGY = BY_NAME["ProdPac"], BY_NAME["ProdEtotal"]


class _Point(NamedTuple):
    """Something newest: its local day (or the first day of its month), its slot where it has one, its value."""

    date: dt.date
    at: dt.datetime | None = None
    value: float | None = None


_DayReader = Callable[[Plant, dt.date, DayRow], _Point | None]


def follow(plant: Plant, days: Mapping[dt.date, DayRow], months: Mapping[dt.date, MonthRow]) -> None:
    """Bring a plant's newest values up to date with rows of its totals that were just written, or are fresh."""
    before = rows.fetch_latest(plant) or search(plant)

    def newest(known: _Point | None, read: _DayReader) -> _Point | None:
        written = {day: read(plant, day, row) for day, row in days.items()}
        return _newest(known, written, lambda: _search_days(plant, read))

    found = _latest(
        plant,
        newest(_slot_point(plant, before.data_at), _data),
        newest(_slot_point(plant, before.power_at, before.power), _power),
        newest(_date_point(before.day, before.day_energy), _day_energy),
        _newest(
            _date_point(before.month, before.month_energy),
            {month: _month_energy(month, row) for month, row in months.items()},
            lambda: _search_months(plant),
        ),
    )
    if _values(found) != _values(before):
        rows.save_latest(found)


def search(plant: Plant) -> PlantLatest:
    """The same from all packed rows of the plant."""
    data, power, energy = (_search_days(plant, read) for read in (_data, _power, _day_energy))
    found = _latest(plant, data, power, energy, _search_months(plant))
    rows.save_latest(found)
    return found


def _newest(
    known: _Point | None, written: Mapping[dt.date, _Point | None], again: Callable[[], _Point | None]
) -> _Point | None:
    """What is newest after some days (or months) were written; `again` searches where what was newest is gone."""
    if known is not None and known.date in written:
        known = again() if written[known.date] is None else None
    return max((point for point in (*written.values(), known) if point), key=lambda point: point.date, default=None)


# --- What one row says -----------------------------------------------------------------------------------


def _data(plant: Plant, day: dt.date, row: DayRow) -> _Point | None:
    """The last slot with any value shown for the plant."""
    slots = [np.flatnonzero(~np.isnan(series.values)) for (_, part), series in row.items() if not part]
    last = max((int(known[-1]) for known in slots if known.size), default=None)
    return None if last is None else _Point(day, grid.start(plant.zone, day) + last * grid.SLOT)


def _power(plant: Plant, day: dt.date, row: DayRow) -> _Point | None:
    series = row.get((_POWER.code, 0))
    known = np.flatnonzero(~np.isnan(series.values)) if series else np.empty(0)
    if series is None or not known.size:
        return None
    return _Point(day, grid.start(plant.zone, day) + int(known[-1]) * grid.SLOT, float(series.values[known[-1]]))


def _day_energy(plant: Plant, day: dt.date, row: DayRow) -> _Point | None:
    series = row.get((_ENERGY.code, 0))
    return None if series is None else _energy(day, periods.day_value(_ENERGY, series)[0])


def _month_energy(month: dt.date, row: MonthRow) -> _Point | None:
    days = row.get((_ENERGY.code, 0))
    return None if days is None else _energy(month, periods.month_value(_ENERGY, days)[0])


def _energy(date: dt.date, value: float) -> _Point | None:
    return None if np.isnan(value) else _Point(date, None, value)


# --- What all rows say -----------------------------------------------------------------------------------


def _search_days(plant: Plant, read: _DayReader) -> _Point | None:
    packed = rows.newest_days(plant, plant.datasource_id)
    return _first(read(plant, row.day, rows.unpack_day(row.data)) for row in packed)


def _search_months(plant: Plant) -> _Point | None:
    packed = rows.newest_months(plant, plant.datasource_id)
    return _first(_month_energy(month, rows.unpack_month(data)) for month, data in packed)


def _first(points: Iterable[_Point | None]) -> _Point | None:
    return next((point for point in points if point), None)


# --- Between points and the row that is kept ----------------------------------------------------------------


def _slot_point(plant: Plant, at: dt.datetime | None, value: float | None = None) -> _Point | None:
    return None if at is None else _Point(grid.locate(plant.zone, at)[0], at, value)


def _date_point(date: dt.date | None, value: float | None) -> _Point | None:
    return None if date is None else _Point(date, None, value)


def _latest(
    plant: Plant, data: _Point | None, power: _Point | None, energy: _Point | None, month: _Point | None
) -> PlantLatest:
    return PlantLatest(
        plant=plant,
        data_at=data and data.at,
        power_at=power and power.at,
        power=power and power.value,
        day=energy and energy.date,
        day_energy=energy and energy.value,
        month=month and month.date,
        month_energy=month and month.value,
    )


def _values(latest: PlantLatest) -> list[object]:
    return [getattr(latest, field.attname) for field in latest._meta.concrete_fields]

"""The key performance indicators of a plant over periods: reads the store and feeds the formulas of kpis.py."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from apps.plants.models import Plant

from . import evidence, grid, kpis, store
from .channels import BY_NAME
from .kpis import Facts, Kpi
from .plain import share


@dataclass(frozen=True, slots=True)
class Period:
    """A named span of days, both ends included."""

    name: str
    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True)
class Performance:
    """The indicators of one period; `completeness` is the share of its elapsed slots with a production value."""

    period: Period
    kpis: list[Kpi]
    completeness: float


def periods(first: dt.date, last: dt.date, resolution: str) -> Iterator[Period]:
    """The days, months or years of a span (cut to it), or the span itself as "total"; oldest first."""
    if resolution == "total":
        yield Period("total", first, last)
        return
    while first <= last:
        end = {
            "day": first,
            "month": first.replace(day=grid.month_days(first)),
            "year": first.replace(month=12, day=31),
        }[resolution]
        name = first.isoformat()[: {"day": 10, "month": 7, "year": 4}[resolution]]
        yield Period(name, first, min(end, last))
        first = end + dt.timedelta(days=1)


def of_plant(plant: Plant, spans: Sequence[Period], now: dt.datetime) -> list[Performance]:
    """All indicators for each span. Three statements, whatever their number; more where devices are many."""
    if not spans:
        return []
    today = grid.today(plant.zone, now)
    observed = evidence.of_spans(plant, [(span.first, min(span.last, today)) for span in spans])
    facts = [replace(of, intervals=seen) for of, seen in zip(_facts(plant, spans, now), observed, strict=True)]
    return _performances(spans, facts, kpis.all_kpis)


def of_energies(plant: Plant, spans: Sequence[Period], now: dt.datetime) -> list[Performance]:
    """For each span the indicators that follow from energies alone. One statement, whatever their number."""
    return _performances(spans, _facts(plant, spans, now), kpis.energy_kpis) if spans else []


def _performances(
    spans: Sequence[Period], facts: Sequence[Facts], compute: Callable[[Facts], list[Kpi]]
) -> list[Performance]:
    return [Performance(span, compute(of), of.completeness) for span, of in zip(spans, facts, strict=True)]


def _facts(plant: Plant, spans: Sequence[Period], now: dt.datetime) -> list[Facts]:
    channels = [BY_NAME[name] for name in kpis.ENERGIES]
    first, last = min(span.first for span in spans), max(span.last for span in spans)
    totals = store.read_totals(plant, store.Source(plant.datasource_id), channels, first, last)
    return [_facts_of(plant, span, totals, now) for span in spans]


def _facts_of(plant: Plant, span: Period, totals: store.Totals, now: dt.datetime) -> Facts:
    found = {name: totals.over(BY_NAME[name], span.first, span.last) for name in kpis.ENERGIES}
    elapsed = elapsed_slots(plant, span.first, span.last, now)
    produced = found["ProdEtotal"]
    return Facts(
        size=plant.size,
        hours=elapsed * grid.SLOT / dt.timedelta(hours=1),
        energies={name: value[0] for name, value in found.items() if value is not None},
        target=planned(plant, span.first, min(span.last, grid.today(plant.zone, now))),
        feed_in_tariff=None if plant.feed_in_tariff is None else float(plant.feed_in_tariff),
        electricity_cost=None if plant.electricity_cost is None else float(plant.electricity_cost),
        together=dict(_together(totals, span)),
        completeness=share(produced[1] if produced else 0, elapsed),
        emission_factor=settings.EMISSION_FACTOR if plant.emission_factor is None else plant.emission_factor,
        coefficient=plant.temperature_coefficient,
    )


def _together(totals: store.Totals, span: Period) -> Iterator[tuple[tuple[str, ...], list[float]]]:
    for names in kpis.TOGETHER:
        found = totals.together([BY_NAME[name] for name in names], span.first, span.last)
        if found is not None:
            yield names, [energy for energy, _ in found]


def planned(plant: Plant, first: dt.date, last: dt.date) -> float | None:
    """The yield in Wh that the plant's targets plan for these days."""
    if last < first:
        return None
    return kpis.planned_yield(plant.size, plant.yearly_target, plant.monthly_shares, first, last)


def elapsed_slots(plant: Plant, first: dt.date, last: dt.date, now: dt.datetime) -> int:
    """How many slots of the days from `first` to `last` have begun."""
    begin, end = grid.start(plant.zone, first), grid.start(plant.zone, last + dt.timedelta(days=1))
    until = min(end, now + grid.SLOT)
    return max(0, (until - begin) // grid.SLOT)

"""The key performance indicators of a plant: this month, this year, and a table of days, months or years."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.measurements import grid, performance, store
from apps.measurements.kpis import Kpi
from apps.measurements.performance import Performance
from apps.plants.models import Plant
from apps.web.session import PortalRequest

from . import kpi_words
from .bars import Bars, bars_of
from .door import plant_of
from .period import Kind, Period, parse_date, title_of

_AROUND = {Kind.DAY: Kind.MONTH, Kind.MONTH: Kind.YEAR, Kind.YEAR: Kind.TOTAL, Kind.TOTAL: Kind.TOTAL}


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator as the page shows it. `reason` says why there is no value; a bound is less than the true value."""

    name: str
    label: str
    unit: str
    value: float | None
    reason: str | None
    is_bound: bool
    formula: str
    words: str
    inputs: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The indicators of one period. `completeness` in per cent."""

    title: str
    first: dt.date
    figures: list[Figure]
    completeness: float

    @property
    def known(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.value is not None]

    @property
    def unknown(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.value is None]


@dataclass(frozen=True, slots=True)
class Table:
    """Periods as rows; the indicators with a value in any of them as columns, the others with a reason below."""

    rows: Sequence[Sheet]

    @property
    def columns(self) -> list[Figure]:
        return [figure for figure in self._any if self._has_value(figure.name)]

    @property
    def cells(self) -> list[tuple[Sheet, list[Figure]]]:
        names = {figure.name for figure in self.columns}
        return [(row, [figure for figure in row.figures if figure.name in names]) for row in self.rows]

    @property
    def left_out(self) -> list[Figure]:
        return [figure for figure in self._any if not self._has_value(figure.name)]

    @property
    def _any(self) -> Sequence[Figure]:
        return self.rows[-1].figures if self.rows else []

    def _has_value(self, name: str) -> bool:
        return any(figure.value is not None for row in self.rows for figure in row.figures if figure.name == name)


@require_safe
def kpis(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    """Cards of the running month and year, and the table the address asks for."""
    plant, now = plant_of(request, plant_id), timezone.now()
    today, life = grid.today(plant.zone, now), store.data_range(plant)
    if life is None:
        return render(request, "plant/kpis.html", {"plant": plant})
    resolution, date, problems = _asked(request.GET, today)
    whole = Period.around(_AROUND[resolution], date, (life[0].replace(day=1), max(life[1], today)))
    spans = [span for span in _spans(resolution, whole) if span.first <= today]
    this = [_around(kind, today) for kind in (Kind.MONTH, Kind.YEAR)]
    found = performance.of_plant(plant, [*this, *spans], now)
    cards = [_sheet(plant, kind, of) for kind, of in zip((Kind.MONTH, Kind.YEAR), found, strict=False)]
    rows = [_sheet(plant, resolution, of) for of in found[2:]]
    context = {
        "plant": plant,
        "problems": problems,
        "resolution": resolution,
        "resolutions": [(kind, _tab_words(kind)) for kind in Kind],
        "whole": whole,
        "date": date,
        "earlier": _step(whole, -1, life[0], today),
        "later": _step(whole, +1, life[0], today),
        "cards": cards,
        "table": Table(rows),
        "bars": _bars(plant, resolution, spans, rows, today),
    }
    return render(request, "plant/kpis.html", context)


def _tab_words(kind: Kind) -> str:
    return {Kind.DAY: _("Days"), Kind.MONTH: _("Months"), Kind.YEAR: _("Years"), Kind.TOTAL: _("Total")}[kind]


def _asked(parameters: QueryDict, today: dt.date) -> tuple[Kind, dt.date, list[str]]:
    """Resolution and date of the address; months of this year where they say nothing, or nothing sensible."""
    problems, resolution, date = [], Kind.MONTH, today
    try:
        resolution = Kind(parameters.get("resolution") or Kind.MONTH)
    except ValueError:
        wrong = {"text": parameters["resolution"][:40], "choices": ", ".join(Kind)}
        problems.append(_("“%(text)s” is none of: %(choices)s.") % wrong)
    try:
        date = parse_date(parameters.get("date") or today.isoformat())
    except ValueError:
        problems.append(_("“%(text)s” is not a date of the form YYYY-MM-DD.") % {"text": parameters["date"][:40]})
    return resolution, date, problems


def _spans(resolution: Kind, whole: Period) -> Iterator[performance.Period]:
    return performance.periods(whole.first, whole.last, resolution.value)


def _around(kind: Kind, day: dt.date) -> performance.Period:
    """The month or year that contains a day."""
    period = Period.around(kind, day, (day, day))
    return performance.Period(kind.value, period.first, period.last)


def _step(whole: Period, by: int, first: dt.date, today: dt.date) -> str:
    """The date of the month or year before or after; empty where the plant has none."""
    if whole.kind is Kind.TOTAL:
        return ""
    beyond = whole.last >= today if by > 0 else whole.first <= first
    return "" if beyond else whole.moved(by).isoformat()


# --- What is shown of a period ----------------------------------------------------------------------------------


def _sheet(plant: Plant, kind: Kind, of: Performance) -> Sheet:
    figures = [_figure(plant, kpi) for kpi in of.kpis]
    return Sheet(_title(kind, of.period.first), of.period.first, figures, round(100 * of.completeness, 1))


def _title(kind: Kind, first: dt.date) -> str:
    if kind is Kind.TOTAL:
        return _("Since the beginning")
    return date_format(first, _("j F Y")) if kind is Kind.DAY else title_of(kind, first)


def _figure(plant: Plant, kpi: Kpi) -> Figure:
    return Figure(
        name=kpi.name,
        label=kpi_words.label(kpi.name),
        unit=kpi_words.in_currency(kpi.unit, plant),
        value=kpi.value,
        reason=kpi.reason,
        is_bound=kpi_words.is_bound(kpi),
        formula=kpi.formula,
        words=kpi_words.formula(kpi),
        inputs=[kpi_words.given(name, value, plant) for name, value in kpi.inputs.items()],
    )


def _bars(
    plant: Plant, resolution: Kind, spans: Iterable[performance.Period], rows: Sequence[Sheet], today: dt.date
) -> Bars | None:
    """Specific yield beside its target, in kWh/kWp; None without targets, and for one period alone."""
    planned = [performance.planned(plant, span.first, min(span.last, today)) for span in spans]
    if len(rows) < 2 or not plant.size or not any(planned):
        return None
    reached = [next(each.value for each in row.figures if each.name == "SpecificYield") for row in rows]
    return bars_of(
        [_short(resolution, row.first) for row in rows],
        reached,
        [None if wh is None else wh / plant.size for wh in planned],
    )


def _short(resolution: Kind, first: dt.date) -> str:
    """What stands below a bar: the number of the day or month, or the year."""
    return {Kind.DAY: str(first.day), Kind.MONTH: str(first.month)}.get(resolution, str(first.year))

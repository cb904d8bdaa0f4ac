"""What a chart shows, as rows: for the table below it and the CSV beside it, full precision, empty where missing."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.web.csv import Cell
from apps.web.units import SIGNS

from .period import Kind, Period
from .series import Chart

Number = float | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """A series (or what it is compared with) as a column."""

    label: str
    unit: str
    decimals: int
    numbers: list[Number]

    @property
    def title(self) -> str:
        return f"{self.label} ({SIGNS.get(self.unit, self.unit)})"

    def text(self, at: int) -> str | None:
        """A number as people write it, with all its digits; None where it is missing."""
        number = self.numbers[at]
        return None if number is None else number_format(number, self.decimals, use_l10n=True, force_grouping=True)


@dataclass(frozen=True, slots=True)
class Row:
    """A point: its beginning as the plant's clocks show it, its name, and one text per column."""

    local: dt.datetime
    title: str
    cells: list[str | None]

    @property
    def iso(self) -> str:
        return self.local.isoformat()


def columns_of(chart: Chart) -> list[Column]:
    """Every series, each followed by what it is compared with."""
    columns = []
    for one in chart.series:
        columns.append(Column(one.label, one.unit, one.channel.decimals, one.numbers))
        if chart.compared and one.compared_numbers is not None:
            label = f"{one.label}, {chart.compared.title}"
            columns.append(Column(label, one.unit, one.channel.decimals, one.compared_numbers))
    return columns


def table_of(chart: Chart) -> tuple[list[Column], list[Row]]:
    """The columns, and a row per point that has begun."""
    columns = columns_of(chart)
    return columns, [
        Row(local := chart.local(at), _time(chart, local, at), [column.text(at) for column in columns])
        for at in range(chart.elapsed)
    ]


def _time(chart: Chart, local: dt.datetime, at: int) -> str:
    """14:05 (+02:00) of a day, otherwise the point's name."""
    offset = f" ({local:%z}" if chart.period.kind is Kind.DAY else ""
    return f"{chart.point_title(at)}{offset[:-2]}:{offset[-2:]})" if offset else chart.point_title(at)


def csv_header(chart: Chart) -> list[str]:
    zone = chart.plant.timezone
    return [_("Local time (%(zone)s)") % {"zone": zone}, _("UTC"), *(column.title for column in columns_of(chart))]


def csv_rows(chart: Chart) -> Iterator[list[Cell]]:
    """A row per point, those to come included: local time with offset, UTC, and the numbers."""
    columns = columns_of(chart)
    for at, start in enumerate(chart.starts):
        utc = f"{start:%Y-%m-%dT%H:%M:%SZ}"
        yield [chart.local(at).isoformat(), utc, *(column.numbers[at] for column in columns)]


def file_name(chart: Chart) -> str:
    """plant-a-2026-06-21.csv: letters, digits and hyphens only."""
    return f"{slugify(chart.plant.label) or 'plant'}-{_period_name(chart.period)}.csv"


def _period_name(period: Period) -> str:
    name = period.first.isoformat()
    return {
        Kind.DAY: name,
        Kind.MONTH: name[:7],
        Kind.YEAR: name[:4],
        Kind.TOTAL: f"{period.first.year}-{period.last.year}",
    }[period.kind]

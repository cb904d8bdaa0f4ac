"""What stands around the chart: tabs, steps, comparisons, and the choice of channels and components. Links and forms
only, so all of it works without scripts; plant.js takes the same links and loads what they show."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from django.utils.translation import gettext as _

from apps.measurements import labels

from . import devices
from .devices import PLANT, Device
from .period import Kind, Period, title_of
from .question import Question, over_a_period, within_a_day
from .series import Chart

ORDER = list(Kind)


@dataclass(frozen=True, slots=True)
class Link:
    """A query of the same page."""

    label: str
    query: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A box that can be ticked: a channel or a component."""

    value: str
    label: str
    ticked: bool
    depth: int = 0


@dataclass(frozen=True)
class Controls:
    """Everything that leads from what is shown to something else.

    `life` are the plant's first day with data and today, `last_day` its last day with data.
    """

    question: Question
    chart: Chart
    devices: Sequence[Device]
    chosen: Sequence[Device]
    life: tuple[dt.date, dt.date]
    last_day: dt.date | None

    @property
    def period(self) -> Period:
        return self.chart.period

    # --- Time ---

    @property
    def tabs(self) -> Iterator[Link]:
        for kind in Kind:
            yield Link(str(kind.label), self.question.query(kind=kind), kind is self.period.kind)

    @property
    def previous(self) -> str | None:
        """The query of the period before; None where the plant has no data that old."""
        if self.period.kind is Kind.TOTAL or self.period.first <= self.life[0]:
            return None
        return self._at(self.period.moved(-1))

    @property
    def next(self) -> str | None:
        """The query of the period after; None where that lies ahead."""
        if self.period.kind is Kind.TOTAL or self.period.last >= self.life[1]:
            return None
        return self._at(self.period.moved(1))

    @property
    def today(self) -> str | None:
        """The query of the period that runs; None where it is shown."""
        return None if self.life[1] in self.period else self._at(self.life[1])

    @property
    def up(self) -> str | None:
        """The query of the longer period around this one."""
        return self._other_kind(1)

    @property
    def down(self) -> str | None:
        """The query of the shorter period inside this one."""
        return self._other_kind(-1)

    def _other_kind(self, by: int) -> str | None:
        at = ORDER.index(self.period.kind) + by
        return self.question.query(kind=ORDER[at]) if 0 <= at < len(ORDER) else None

    def _at(self, date: dt.date) -> str:
        """Another date. What it was compared with moves along, so the distance stays."""
        compare = self.question.compare
        if compare is not None and self.period.kind is Kind.DAY:
            compare += date - self.period.date
        elif compare is not None and self.chart.compared is not None:
            compare = self.chart.compared.moved(_steps(self.period, date))
        return self.question.query(date=date, compare=compare)

    @property
    def here(self) -> str:
        """The query of what is shown."""
        return self.question.query(table=False)

    @property
    def points(self) -> list[str]:
        """Where a bar leads: the day, month or year it stands for."""
        if self.period.kind is Kind.DAY:
            return []
        kind = ORDER[ORDER.index(self.period.kind) - 1]
        return [self.question.query(kind=kind, date=date, compare=None) for date in self.period.points]

    @property
    def last_data(self) -> str | None:
        """The query of the last day with data; None without any."""
        return self.question.query(date=self.last_day, compare=None) if self.last_day else None

    @property
    def last_day_title(self) -> str:
        return title_of(Kind.DAY, self.last_day) if self.last_day else ""

    @property
    def least(self) -> str:
        """The first period with data, as a form field names it."""
        return self._as_input(self.life[0])

    @property
    def most(self) -> str:
        """The period that runs, as a form field names it."""
        return self._as_input(self.life[1])

    def _as_input(self, date: dt.date) -> str:
        return replace(self.period, date=date).input[1]

    # --- Comparison ---

    @property
    def comparisons(self) -> Iterator[Link]:
        """The quick choices: none, the period before, the same a year ago. Not for the plant's whole life."""
        shown = self.chart.compared and self.chart.compared.date
        yield Link(_("Nothing"), self.question.query(compare=None), shown is None)
        before = {Kind.DAY: _("Day before"), Kind.MONTH: _("Month before"), Kind.YEAR: _("Year before")}
        for label, date in ((before[self.period.kind], self.period.moved(-1)), *self._a_year_ago()):
            yield Link(label, self.question.query(compare=date), shown == date)

    @property
    def compare_value(self) -> str:
        """What it is compared with, or the period before, as a form field names it."""
        return (self.chart.compared or replace(self.period, date=self.period.moved(-1))).input[1]

    def _a_year_ago(self) -> Iterator[tuple[str, dt.date]]:
        if self.period.kind is not Kind.YEAR:
            a_year = Period(Kind.YEAR, self.period.date, self.period.first, self.period.last)
            yield _("A year before"), a_year.moved(-1)

    # --- Choice ---

    @cached_property
    def components(self) -> list[Choice]:
        """What was built in at the time, and what else is chosen."""
        chosen = {device.key for device in self.chosen}
        return [
            Choice(
                device.key,
                device.label.rpartition(" · ")[2] if device.depth else device.label,
                device.key in chosen,
                device.depth,
            )
            for device in self.devices
            if device.key in chosen or device.built_in(self.period)
        ]

    @cached_property
    def channels(self) -> list[Choice]:
        """The channels of the chosen devices; ticked are those shown."""
        within_day = self.period.kind is Kind.DAY
        shown = {within_a_day(one.channel.name) for one in self.chart.series}
        names = devices.channels_of(self.chosen, within_day=within_day)
        return [
            Choice(name, str(labels.label(name if within_day else over_a_period(name))), name in shown)
            for name in names
        ]

    @property
    def absent(self) -> list[str]:
        """Chosen components that were not built in at the time."""
        return [device.label for device in self.chosen if device.key != PLANT and not device.built_in(self.period)]

    @property
    def unchosen(self) -> str:
        """The query of the same period with the channels and components shown by default."""
        return self.question.query(devices=(), channels=())

    @property
    def table(self) -> str:
        """The query that shows the table, or hides it."""
        return self.question.query(table=not self.question.table)


def _steps(period: Period, date: dt.date) -> int:
    """How many periods lie between the one shown and the one around `date`."""
    if period.kind is Kind.MONTH:
        return (date.year - period.date.year) * 12 + date.month - period.date.month
    return date.year - period.date.year

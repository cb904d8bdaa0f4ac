"""The table of subscriptions: what of it is asked for, and in which order.

All figures of a portal come from a fixed number of statements (apps/packages/oversight.py), and anomalies can only be
judged with the figures at hand. So filters and order are applied here, to the rows.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.packages.anomalies import Kind
from apps.packages.catalog import Package
from apps.packages.models import Subscription
from apps.packages.oversight import Overview
from apps.web.api_access.comparison import name_of

Status = Subscription.Status
ANY = "any"
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


def owner(subscription: Subscription) -> str:
    """Whom it belongs to, as the table sorts them."""
    member = subscription.membership
    return (member.user.name or member.user.email) if member else subscription.portal.name


def _attention(row: Overview) -> tuple[Any, ...]:
    """What waits for a manager first, then what is unusual, then by name."""
    waits = row.subscription.status == Status.AWAITING
    return (not waits, -len(row.anomalies), owner(row.subscription).casefold())


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be sorted by; `falls`: the first click shows the largest first."""

    label: str | Promise
    key: Callable[[Overview], Any]
    falls: bool = False
    number: bool = False


COLUMNS: dict[str, Column] = {
    "owner": Column(_("Belongs to"), lambda row: owner(row.subscription).casefold()),
    "state": Column(_("State"), lambda row: (row.subscription.status, row.subscription.package)),
    "use": Column(_("Use today"), lambda row: row.use or 0, True, True),
    "peak": Column(_("Peak of 7 days"), lambda row: row.peak_use, True, True),
    "calls": Column(_("Calls in 30 days"), lambda row: row.calls, True, True),
    "clients": Column(_("Clients"), lambda row: row.clients, True, True),
    "secret": Column(_("Oldest secret"), lambda row: -(row.oldest_secret or dt.datetime.now(dt.UTC)).timestamp(), True),
    "used": Column(_("Last used"), lambda row: row.last_used or _LONG_AGO, True),
    "anomalies": Column(_("Anomalies"), lambda row: len(row.anomalies), True),
}


class ListForm(forms.Form):
    """The filters. Whatever cannot be used is left out, so that an old address still shows the list."""

    q = forms.CharField(label=_("Name or e-mail address"), required=False, max_length=200)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Every state")), *Status.choices])
    package = forms.ChoiceField(
        label=_("Package"),
        required=False,
        choices=[("", _("Every package")), *((one.value, name_of(one)) for one in Package)],
    )
    anomaly = forms.ChoiceField(
        label=_("Anomalies"),
        required=False,
        choices=[("", _("With and without anomalies")), (ANY, _("Any anomaly")), *Kind.choices],
    )
    sort = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "filter_%s", **kwargs})
        self.full_clean()
        self.fields["q"].widget.input_type = "search"
        for name in ("state", "package", "anomaly"):
            self.fields[name].widget.attrs["data-submit"] = ""

    def wanted(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "").strip()

    @property
    def narrows(self) -> bool:
        """Whether anything is filtered away."""
        return any(self.wanted(name) for name in ("q", "state", "package", "anomaly"))

    def matches(self, row: Overview) -> bool:
        one = row.subscription
        return (
            self._names(one)
            and self.wanted("state") in ("", one.status)
            and self.wanted("package") in ("", one.package)
            and self._unusual(row)
        )

    def _names(self, one: Subscription) -> bool:
        words = f"{owner(one)} {one.membership.user.email if one.membership else ''}"
        return self.wanted("q").casefold() in words.casefold()

    def _unusual(self, row: Overview) -> bool:
        kind = self.wanted("anomaly")
        return not kind or any(kind in (ANY, one.kind) for one in row.anomalies)

    @property
    def sort_by(self) -> tuple[str, bool]:
        """The column, and whether it falls; "" for what needs attention first."""
        name, falls = self.wanted("sort").removeprefix("-"), self.wanted("sort").startswith("-")
        return (name, falls) if name in COLUMNS else ("", False)

    def ordered(self, rows: Iterable[Overview]) -> list[Overview]:
        """What matches, in the order asked for."""
        found = sorted((row for row in rows if self.matches(row)), key=_attention)
        name, falls = self.sort_by
        return sorted(found, key=COLUMNS[name].key, reverse=falls) if name else found


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading: what a click on it asks for, and how the table is sorted now."""

    label: str | Promise
    query: str
    sorted: str  # for aria-sort: "ascending", "descending" or nothing
    number: bool


def headings(form: ListForm, query: Any) -> list[Heading]:
    """`query` is the QueryDict of the present page."""
    by, falls = form.sort_by
    return [_heading(name, column, query, falls if name == by else None) for name, column in COLUMNS.items()]


def _heading(name: str, column: Column, query: Any, falls: bool | None) -> Heading:
    next_falls = column.falls if falls is None else not falls
    asked = query.copy()
    asked.pop("page", None)
    asked["sort"] = f"-{name}" if next_falls else name
    now = "" if falls is None else "descending" if falls else "ascending"
    return Heading(column.label, asked.urlencode(), now, column.number)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the whole portal has, whatever is filtered."""

    all: int
    active: int
    awaiting: int
    unusual: int


def counts(rows: list[Overview]) -> Counts:
    states = Counter(row.subscription.status for row in rows)
    return Counts(len(rows), states[Status.ACTIVE], states[Status.AWAITING], sum(bool(row.anomalies) for row in rows))

"""Lists that are narrowed to some days: the two fields, and what they mean. Days are UTC days, as the times shown."""

import datetime as dt
from typing import Any, TypeVar

from django import forms
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_Row = TypeVar("_Row", bound=Model)


def _day(label: Any) -> forms.DateField:
    return forms.DateField(required=False, label=label, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


class DaysForm(forms.Form):
    """The first and the last day, both included and both optional."""

    since = _day(gettext_lazy("From"))
    until = _day(gettext_lazy("To"))

    def clean(self) -> None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", _("The end lies before the beginning."))

    def within(self, rows: QuerySet[_Row], column: str) -> QuerySet[_Row]:
        """The rows whose time in `column` lies on these days."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        if since:
            rows = rows.filter(**{f"{column}__gte": _midnight(since)})
        if until:
            rows = rows.filter(**{f"{column}__lt": _midnight(until + dt.timedelta(days=1))})
        return rows


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)

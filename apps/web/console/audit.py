"""The audit log of a portal: narrowed, read page by page, taken along as CSV."""

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from apps.accounts.models import AuditEntry
from apps.web import csv
from apps.web.session import PortalRequest, manager_only

from . import record
from .days import DaysForm

PER_PAGE = 50
AT_A_TIME = 500  # rows read for the CSV at once
COLUMNS = ("time", "who", "from", "act", "subject", "before", "after", "reason")


class AuditFilter(DaysForm):
    """What the log is narrowed to. Days are UTC days, as the times of the log."""

    actor = forms.CharField(required=False, max_length=254, label=gettext_lazy("Who"))
    action = forms.ChoiceField(required=False, label=gettext_lazy("Act"))
    subject = forms.CharField(required=False, max_length=300, label=gettext_lazy("About"))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        action: Any = self.fields["action"]
        words = sorted(((code, str(word)) for code, word in record.ACTIONS.items()), key=lambda row: row[1])
        action.choices = [("", _("All acts")), *words]

    def narrowed(self, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """The entries that fit; none where a filter is at fault."""
        if not self.is_valid():
            return entries.none()
        given = self.cleaned_data
        entries = self.within(entries, "at")
        for column, lookup in (("actor", "icontains"), ("action", "exact"), ("subject", "icontains")):
            if given[column]:
                entries = entries.filter(**{f"{column}__{lookup}": given[column]})
        return entries


@manager_only
@require_safe
def audit(request: PortalRequest) -> HttpResponse:
    """A page of the log, newest first."""
    form = AuditFilter(request.GET)
    page = Paginator(form.narrowed(record.of_portal(request.portal)), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "acts": record.shown(page, request.access)}
    return render(request, "console/audit.html", context)


@manager_only
@require_safe
def audit_csv(request: PortalRequest) -> StreamingHttpResponse:
    """The same rows as CSV; codes instead of words, for programs read this."""
    entries = AuditFilter(request.GET).narrowed(record.of_portal(request.portal))
    response = StreamingHttpResponse(csv.rows_as_csv(COLUMNS, _rows(entries)), content_type="text/csv; charset=utf-8")
    name = f"audit-{request.portal.slug}-{timezone.now():%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _rows(entries: QuerySet[AuditEntry]) -> Iterator[tuple[csv.Cell, ...]]:
    for row in entries.iterator(AT_A_TIME):
        before, after = _json(row.before), _json(row.after)
        yield row.at, row.actor, row.address, row.action, row.subject, before, after, row.reason


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)

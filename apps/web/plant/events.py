"""What happened at a plant: a drawing with one lane per component, and the list behind it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from uuid import UUID

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.events import log
from apps.events.models import ComponentEvent
from apps.measurements import grid
from apps.plants.models import Component, Plant
from apps.web.session import PortalRequest

from .day_field import DayField
from .door import plant_of
from .lanes import Lane, lanes_of

SPANS = (30, 90, 365)  # days that can be looked at
A_PAGE = 50
DAY = dt.timedelta(days=1)
KINDS = {"error": ~Q(error_code=0), "status": Q(error_code=0)}


class EventFilter(forms.Form):
    """Which events; what is not given means all of the last 30 days."""

    days = forms.TypedChoiceField(
        label=_("Period"), required=False, coerce=int, empty_value=None, choices=[(days, str(days)) for days in SPANS]
    )
    component = forms.TypedChoiceField(
        label=_("Component"),
        required=False,
        coerce=UUID,
        empty_value=None,
        widget=forms.Select({"data-submit": True}),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[("", _("States and errors")), ("error", _("Errors only")), ("status", _("States only"))],
        widget=forms.Select({"data-submit": True}),
    )
    until = DayField(label=_("Up to"))
    open = forms.BooleanField(label=_("Only open ones"), required=False)

    def __init__(self, data: Mapping[str, Any], names: Mapping[UUID, str]) -> None:
        super().__init__(data)
        self.fields["component"].choices = [("", _("All components")), *names.items()]  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Question:
    """What the form asks for, with the defaults filled in. `until` None is today."""

    days: int = SPANS[0]
    component: UUID | None = None
    kind: str = ""
    until: dt.date | None = None
    open: bool = False

    @classmethod
    def of(cls, form: EventFilter) -> Self:
        """As far as the form can be understood."""
        form.is_valid()
        return cls(**{name: value for name, value in form.cleaned_data.items() if value})

    @property
    def is_narrowed(self) -> bool:
        return bool(self.component or self.kind or self.open)

    def address(self, page: int = 1, **other: Any) -> str:
        """The same question with something else in it."""
        asked = replace(self, **other)
        given = {field.name: getattr(asked, field.name) for field in fields(asked)} | {"page": page if page > 1 else 0}
        return "?" + urlencode({name: "on" if value is True else value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class Window:
    """The local days looked at, both included."""

    plant: Plant
    first: dt.date
    last: dt.date

    @property
    def begin(self) -> dt.datetime:
        return grid.start(self.plant.zone, self.first)

    @property
    def end(self) -> dt.datetime:
        return grid.start(self.plant.zone, self.last + DAY)

    @property
    def ticks(self) -> Sequence[str]:
        """Five days spread evenly over it, in short."""
        days = [self.first + (self.last - self.first) * quarter // 4 for quarter in range(5)]
        return [date_format(day, gettext("j M")) for day in days]


@require_safe
def events(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    """Events of the chosen days; where a filter cannot be understood it says so and is left out."""
    plant, now = plant_of(request, plant_id), timezone.now()
    names, today = _names(plant), grid.today(plant.zone, now)
    form = EventFilter(request.GET, names)
    question = Question.of(form)
    last = question.until or today
    window = Window(plant, last - (question.days - 1) * DAY, last)
    found = _narrowed(log.during(plant, window.begin, window.end), question)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "plant": plant,
        "form": form,
        "question": question,
        "spans": [(days, question.address(days=days)) for days in SPANS],
        "everything": Question(days=question.days, until=question.until).address(),
        "window": window,
        "lanes": _lanes(found, names, question, window, now),
        "page": page,
        "rows": _rows(page, names, plant),
        **_steps(page, question, window, today),
    }
    return render(request, "plant/events.html", context)


def _names(plant: Plant) -> dict[UUID, str]:
    """The latest name of every device the plant ever had, in the order of the components.

    A device and the one that replaced it often share a name: then the serial number tells them apart.
    """
    rows = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from")
    latest = {device.cross_epoch_id: device for device in rows}
    often = Counter(device.name for device in latest.values())
    in_order = sorted(latest.values(), key=lambda device: (device.sort_order, device.dataindex))
    return {plant.datasource_id: gettext("Whole plant")} | {
        device.cross_epoch_id: f"{device.name} ({device.serial})"
        if often[device.name] > 1 and device.serial
        else device.name
        for device in in_order
    }


def _narrowed(found: "QuerySet[ComponentEvent]", question: Question) -> "QuerySet[ComponentEvent]":
    if question.component:
        found = found.filter(device_id=question.component)
    if question.kind:
        found = found.filter(KINDS[question.kind])
    return found.filter(ended_at=None) if question.open else found


def _lanes(
    found: "QuerySet[ComponentEvent]",
    names: Mapping[UUID, str],
    question: Question,
    window: Window,
    now: dt.datetime,
) -> list[tuple[str, str, Lane]]:
    """Name, address of the events of that component alone, and lane."""
    marks = found.order_by().values_list("device_id", "started_at", "ended_at", "severity")
    drawn = lanes_of(marks, window.begin, window.end, now)
    order = {device: place for place, device in enumerate(names)}
    return [
        (*_labelled(device, names, question), drawn[device])
        for device in sorted(drawn, key=lambda device: order.get(device, len(order)))
    ]


def _labelled(device: UUID, names: Mapping[UUID, str], question: Question) -> tuple[str, str]:
    if device not in names:
        return gettext("Unknown component"), ""
    return names[device], question.address(component=device)


def _rows(page: Page[ComponentEvent], names: Mapping[UUID, str], plant: Plant) -> list[tuple[ComponentEvent, str, str]]:
    """Event, name of its component, and the local day it began on."""
    unknown = gettext("Unknown component")
    return [
        (event, names.get(event.device_id, unknown), grid.locate(plant.zone, event.started_at)[0].isoformat())
        for event in page
    ]


def _steps(page: Page[ComponentEvent], question: Question, window: Window, today: dt.date) -> dict[str, str]:
    """Addresses of the days before and after, and of the pages before and after; empty where there are none."""
    length = dt.timedelta(days=question.days)
    later = window.last + length
    return {
        "earlier": question.address(until=window.last - length),
        "later": question.address(until=later if later < today else None) if window.last < today else "",
        "newer_page": question.address(page.number - 1) if page.has_previous() else "",
        "older_page": question.address(page.number + 1) if page.has_next() else "",
    }

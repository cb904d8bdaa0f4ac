"""What a plant is built of on a day: its components as a tree, and the configurations they belong to."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.measurements import grid
from apps.plants.configurations import Configuration, configurations
from apps.plants.models import Component
from apps.web.session import PortalRequest

from .day_field import DayField
from .door import plant_of

Type = Component.Type
_GROUPS: tuple[tuple[str, Promise, str], ...] = (
    (Type.INVERTER, _("Inverters"), "inverter"),
    (Type.METER, _("Meters"), "meter"),
    (Type.BATTERY, _("Batteries"), "battery"),
    (Type.SENSOR, _("Sensors"), "sensor"),
    (Type.EV_CHARGER, _("EV chargers"), "charger"),
    (Type.HEAT_PUMP, _("Heat pumps"), "heat-pump"),
    (Type.POWER_MANAGEMENT, _("Power management"), "console"),
    (Type.LOGGER, _("Data loggers"), "logger"),
    (Type.DATA_SOURCE, _("Data sources"), "logger"),
)


class DayForm(forms.Form):
    """Which day's configuration to show."""

    date = DayField(label=_("Day"))


@dataclass(frozen=True, slots=True)
class Group:
    """The components of one type; `size` in Wp, 0 where none has modules."""

    label: str | Promise
    icon: str
    components: Sequence[Component]

    @property
    def size(self) -> int:
        return sum(component.size for component in self.components)


@require_safe
def components(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    """The tree of the chosen day (today without one), every configuration, and what it changed."""
    plant = plant_of(request, plant_id)
    form = DayForm(request.GET or None)
    chosen = form.cleaned_data["date"] if form.is_bound and form.is_valid() else None
    today = grid.today(plant.zone, timezone.now())
    day = chosen or today
    known = configurations(plant)
    shown = _on(known, day)
    if shown:
        prefetch_related_objects(shown.components, "trackers__strings", "strings")
    context = {
        "plant": plant,
        "form": form if form.is_bound else DayForm(initial={"date": today}),
        "day": day,
        "is_today": day == today,
        "configurations": known,
        "shown": shown,
        "groups": _groups(shown.components) if shown else [],
    }
    return render(request, "plant/components.html", context)


def _on(known: Iterable[Configuration], day: dt.date) -> Configuration | None:
    return next((one for one in known if day in one.epoch), None)


def _groups(found: Iterable[Component]) -> list[Group]:
    """By type, in the order of the table; types that are not there are left out."""
    by_type: dict[str, list[Component]] = {}
    for component in found:
        by_type.setdefault(component.type, []).append(component)
    return [Group(label, icon, by_type[type_]) for type_, label, icon in _GROUPS if type_ in by_type]

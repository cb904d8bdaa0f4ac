"""What somebody may choose about mails: what about all plants, what about single ones, and when."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.events.choices import Level
from apps.events.models import NoticePlan
from apps.plants.models import Plant, zone_names

AS_ALL = ""  # a single plant has no choice of its own


def _hours() -> list[tuple[int, str]]:
    return [(hour, f"{hour:02}:00") for hour in range(24)]


class PlanForm(forms.Form):
    """What to be told of all plants of the portal, and when mails may come."""

    level = forms.ChoiceField(
        label=gettext_lazy("Mails about"), choices=Level, widget=forms.RadioSelect, initial=Level.NOTHING
    )
    pace = forms.ChoiceField(
        label=gettext_lazy("How often"),
        choices=NoticePlan.Pace,
        widget=forms.RadioSelect,
        initial=NoticePlan.Pace.HOURLY,
    )
    daily_hour = forms.TypedChoiceField(
        label=gettext_lazy("Hour of the daily mail"), choices=_hours, coerce=int, initial=7
    )
    quiet_from = forms.TimeField(
        label=gettext_lazy("No mails from"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    quiet_until = forms.TimeField(
        label=gettext_lazy("No mails until"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, "%H:%M"),
    )
    timezone = forms.ChoiceField(
        label=gettext_lazy("Your time zone"), choices=lambda: [(name, name) for name in sorted(zone_names())]
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        begin, end = given.get("quiet_from"), given.get("quiet_until")
        for field, there, other in (("quiet_until", begin, end), ("quiet_from", end, begin)):
            if there is not None and other is None and field not in self.errors:
                self.add_error(field, _("Quiet hours need a beginning and an end."))
        if begin is not None and begin == end:
            self.add_error("quiet_until", _("Quiet hours end at another time than they begin."))
        return given


class PlantsForm(forms.Form):
    """One choice for each of the plants shown."""

    def __init__(self, plants: Iterable[Plant], levels: Mapping[UUID, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(AS_ALL, _("As for all plants")), *Level.choices]
        self.plants = {str(plant.pk): plant for plant in plants}
        for key, plant in self.plants.items():
            self.fields[key] = forms.ChoiceField(
                label=plant.label, choices=choices, required=False, initial=levels.get(plant.pk, AS_ALL)
            )

    def rows(self) -> list[tuple[Plant, forms.BoundField]]:
        """Each plant with the field of its choice."""
        return [(plant, self[key]) for key, plant in self.plants.items()]

    def chosen(self) -> list[tuple[Plant, Level | None]]:
        """Each plant with what was chosen; None: as for all plants."""
        return [
            (plant, Level(level) if (level := self.cleaned_data[key]) else None) for key, plant in self.plants.items()
        ]

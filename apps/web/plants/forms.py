"""What can be asked of the list of plants: a search, filters and an order, all of it in the address."""

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.plants.models import Fleet, Plant

BY_NAME = "name"
_FIRST, _SECOND = "", "-"  # how an order and its reverse begin in the address
SORTS: tuple[tuple[str, str | Promise, str, str | Promise, str | Promise], ...] = (
    # key, label, direction a first click takes, words ascending, words descending
    ("state", _("State"), _FIRST, _("worst first"), _("best first")),
    (BY_NAME, _("Name"), _FIRST, _("A to Z"), _("Z to A")),
    ("power", _("Power now"), _SECOND, _("lowest first"), _("highest first")),
    ("today", _("Today"), _SECOND, _("lowest first"), _("highest first")),
    ("yield", _("Yield today"), _SECOND, _("lowest first"), _("highest first")),
    ("month", _("This month"), _SECOND, _("lowest first"), _("highest first")),
    ("size", _("Size"), _SECOND, _("smallest first"), _("largest first")),
    ("data", _("Last data"), _SECOND, _("oldest first"), _("newest first")),
)
CLASS_LABELS = (
    ("production", _("Production")),
    ("consumption", _("Consumption")),
    ("battery", _("Battery")),
    ("meter", _("Meter")),
    ("sensors", _("Sensors")),
)
KWP = 1_000  # Wp
NARROWING = ("search", "status", "health", "kwp_from", "kwp_to", "country", "components", "fleet")
HIDDEN_AWAY = ("kwp_from", "kwp_to", "country", "components", "fleet")  # behind “Filters”


def sort_choices() -> list[tuple[str, str]]:
    """Every order in both directions, the one of a first click before its reverse, the usual one first."""
    choices = []
    for key, label, first, ascending, descending in sorted(SORTS, key=lambda row: row[0] != BY_NAME):
        words = {_FIRST: ascending, _SECOND: descending}
        choices += [(way + key, f"{label}, {words[way]}") for way in sorted(words, key=lambda way: way != first)]
    return choices


class _Size(forms.DecimalField):
    """A size in kWp. Not more than a list of plants can hold, so that the database is not asked for nonsense."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            min_value=0,
            max_value=999_999,
            max_digits=9,
            decimal_places=3,
            widget=forms.NumberInput({"step": "any", "inputmode": "decimal"}),
        )


class PlantSearch(forms.Form):
    """The toolbar of the list. `narrowing` is what PlantFilter, the filter set of API and pages, is given."""

    search = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            {"type": "search", "autocomplete": "off", "placeholder": _("Name, city or serial number")}
        ),
    )
    sort = forms.ChoiceField(label=_("Order"), required=False, choices=sort_choices)
    status = forms.ChoiceField(required=False, choices=Plant.Status.choices, widget=forms.HiddenInput)
    health = forms.ChoiceField(required=False, choices=Plant.Health.choices, widget=forms.HiddenInput)
    kwp_from = _Size(_("From (kWp)"))
    kwp_to = _Size(_("To (kWp)"))
    country = forms.ChoiceField(label=_("Country"), required=False)
    components = forms.ChoiceField(
        label=_("Has components for"), required=False, choices=[("", _("Any")), *CLASS_LABELS]
    )
    fleet = forms.ChoiceField(label=_("Fleet"), required=False)

    def __init__(self, given: Any, countries: Collection[str], fleets: Iterable[Fleet]) -> None:
        super().__init__(given, auto_id="filter_%s")
        self._offer("country", _("All countries"), [(name, name) for name in countries], least=2)
        self._offer("fleet", _("All plants"), [(str(fleet.pk), fleet.label) for fleet in fleets])
        self.is_valid()

    def _offer(self, name: str, everything: str | Promise, choices: list[tuple[str, str]], least: int = 1) -> None:
        """Fill a choice with what there is; a choice between everything and the same is none."""
        field = self.fields.pop(name)
        if len(choices) >= least:
            self.fields[name] = forms.ChoiceField(
                label=field.label, required=False, choices=[("", everything), *choices]
            )

    @property
    def order(self) -> str:
        """The chosen order, as it stands in the address."""
        return self.cleaned_data.get("sort") or BY_NAME

    @property
    def narrowing(self) -> dict[str, Any]:
        """The parameters of PlantFilter; what could not be understood is left out and shown at its field."""
        given = {name: self.cleaned_data[name] for name in NARROWING if self.cleaned_data.get(name) not in (None, "")}
        for name, parameter in (("kwp_from", "sizeMin"), ("kwp_to", "sizeMax")):
            if name in given:
                given[parameter] = given.pop(name) * KWP
        if "components" in given:
            given["componentsClass"] = given.pop("components")
        return given

    @property
    def hides_something(self) -> bool:
        """Whether one of the filters behind “Filters” is in use or wrong."""
        return any(self.cleaned_data.get(name) or name in self.errors for name in HIDDEN_AWAY)

    @property
    def filters(self) -> list[forms.BoundField]:
        """The fields behind “Filters”."""
        return [self[name] for name in HIDDEN_AWAY if name in self.fields]

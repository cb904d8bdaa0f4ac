"""Forms of API access. They only read input; what is allowed is decided in apps/packages."""

import datetime as dt
import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.changes import ChangeRefused
from apps.packages.clients import OVERLAPS, access_of
from apps.packages.models import Subscription, Terms
from apps.plants.models import Plant

OFFERED = 50  # plants to tick at once; the search finds the others
OVERLAP_LABELS = {
    "now": gettext_lazy("Now: programs with the old secret stop at their next token"),
    "1h": gettext_lazy("After 1 hour"),
    "24h": gettext_lazy("After 24 hours"),
    "7d": gettext_lazy("After 7 days"),
}


class DomainForm(forms.Form):
    """A form whose input is judged by the domain: its refusals stand at the field they name."""

    def refuse(self, refusal: ChangeRefused) -> None:
        self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal))


class ActivationForm(DomainForm):
    """The box to tick, where the portal has terms. `version` is that of the text on the page the form came from."""

    accept_terms = forms.BooleanField(label=gettext_lazy("I have read the terms of use and accept them."))
    version = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, terms: Terms | None, data: Any = None) -> None:
        super().__init__(data, initial={"version": terms.version if terms else ""})
        if terms is None:
            del self.fields["accept_terms"], self.fields["version"]

    @property
    def accepted(self) -> str:
        """The version that was accepted; empty where there are no terms."""
        return str(self.cleaned_data.get("version", ""))


class ConfirmForm(DomainForm):
    """A word to type before something ends for good."""

    typed = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, word: str, data: Any = None) -> None:
        super().__init__(data)
        self.word = word
        self.fields["typed"].label = _("Type “%(word)s” to confirm") % {"word": word}
        self.fields["typed"].widget.attrs |= {"data-confirm": word, "data-enables": "#confirm"}

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"])
        if typed != self.word:
            raise forms.ValidationError(_("This is not “%(word)s”. Nothing was changed."), params={"word": self.word})
        return typed


class RotateForm(DomainForm):
    """When the present secret ends."""

    overlap = forms.ChoiceField(
        label=gettext_lazy("The old secret ends"),
        choices=[(name, OVERLAP_LABELS[name]) for name in OVERLAPS],
        widget=forms.RadioSelect,
        help_text=gettext_lazy("Until then both work, so you can change your programs one after the other."),
    )
    replaces = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, newest: int, full: bool, data: Any = None) -> None:
        super().__init__(data, initial={"replaces": newest, "overlap": "now" if full else "24h"})


class ClientForm(DomainForm):
    """A new client: its name, and what it is limited to. `opened` tells a form that is sent a second time."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=255,
        help_text=gettext_lazy("So that you recognise the program later, such as Home Assistant or Billing."),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("Plants it may read"),
        choices=[("all", gettext_lazy("All, also those that come later")), ("some", gettext_lazy("Only these:"))],
        initial="all",
        widget=forms.RadioSelect,
    )
    plant_ids = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Plants"), coerce=UUID, required=False, widget=forms.CheckboxSelectMultiple
    )
    networks = forms.CharField(
        label=gettext_lazy("Networks"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "The program is heard from these addresses only: one network or address a line, such as 192.0.2.0/24. "
            "Empty: from anywhere."
        ),
    )
    expires_at = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("It ends for good when this day is over (UTC). Empty: it does not end by itself."),
    )
    opened = forms.DateTimeField(widget=forms.HiddenInput)

    def __init__(self, subscription: Subscription, initial: dict[str, str], data: Any = None) -> None:
        super().__init__(data, initial=initial)
        chosen = data.getlist("plant_ids") if data else ()
        self.plants = plants_offered(subscription, "", chosen)
        self.fields["plant_ids"].choices = self.plants  # type: ignore[attr-defined]

    def clean_networks(self) -> list[str]:
        return [text for text in re.split(r"[\s,;]+", self.cleaned_data["networks"]) if text]

    def clean_expires_at(self) -> dt.datetime | None:
        last: dt.date | None = self.cleaned_data["expires_at"]
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC) if last else None

    def limits(self) -> dict[str, Any]:
        """What create_client takes."""
        data = self.cleaned_data
        some = data["scope"] == "some"
        return {
            "plant_ids": data["plant_ids"] if some else None,
            "networks": data["networks"],
            "expires_at": data["expires_at"],
        }


def opened_now() -> str:
    """What a form remembers of when it was opened."""
    return timezone.now().isoformat()


def plants_offered(subscription: Subscription, search: str, chosen: Collection[str]) -> list[tuple[str, str]]:
    """Ids and labels to tick: those already chosen, then the first that match the search. Two statements."""
    visible = Plant.objects.visible_to(access_of(subscription)).order_by("label", "pk")
    ticked = visible.filter(pk__in=[pk for pk in map(_uuid, chosen) if pk])
    matching = visible.filter(label__icontains=search.replace("\0", "")).exclude(pk__in=ticked.values("pk"))
    rows = [*ticked.values_list("pk", "label"), *matching.values_list("pk", "label")[:OFFERED]]
    return [(str(pk), label) for pk, label in rows]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

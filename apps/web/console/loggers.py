"""Keys of data loggers: which plant has which, made, rotated, revoked.

A secret is in one answer only, the one to the form that makes it: rendered at once, never after a redirect, kept by no
cache. Sending its form again makes no other secret.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.changes import ChangeRefused
from apps.ingest import deliveries, keys
from apps.ingest.models import LoggerKey
from apps.plants.filters import narrowed
from apps.plants.health import SILENT_AFTER
from apps.plants.models import Plant
from apps.web.api_access.forms import ConfirmForm, DomainForm, opened_now
from apps.web.session import PortalRequest, actor, identity_confirmed, manager_only

from . import logger_setup

PER_PAGE = 50
SHOWN_DELIVERIES = 10
form_page = require_http_methods(["GET", "POST"])


# --- The list ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key and what the pages say about it at `now`."""

    key: Any  # with `last_delivery`
    now: dt.datetime

    @property
    def state(self) -> str:
        """Code of what the key does at present."""
        if self.key.revoked_at:
            return "revoked"
        if self.key.plant.status != Plant.Status.ACTIVATED:
            return "closed"
        if self.key.last_used_at is None:
            return "unused"
        return "silent" if self.key.last_used_at < self.now - SILENT_AFTER else "in use"

    @property
    def former_until(self) -> dt.datetime | None:
        """When the former secret ends; None where none works any more."""
        until: dt.datetime | None = self.key.former_until
        return until if until and until > self.now and not self.key.revoked_at else None


@dataclass(frozen=True, slots=True)
class PlantLines:
    """A plant of the list with its keys."""

    plant: Plant
    living: list[KeyLine]
    ended: list[KeyLine]


class PlantNarrowing(forms.Form):
    """Which plants the list shows. `plant` comes from links and shows that one."""

    search = forms.CharField(required=False, max_length=100, label=gettext_lazy("Name, city or serial number"))
    keys = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Keys"),
        choices=[
            ("", gettext_lazy("With and without a key")),
            ("some", gettext_lazy("With a key")),
            ("none", gettext_lazy("Without a key")),
        ],
        widget=forms.Select({"data-submit": ""}),
    )
    plant = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def narrowed(self, plants: QuerySet[Plant]) -> QuerySet[Plant]:
        """The plants that fit; none where a filter is at fault."""
        if not self.is_valid():
            return plants.none()
        given = self.cleaned_data
        if given["plant"]:
            plants = plants.filter(pk=given["plant"])
        if given["keys"]:
            has_key = Exists(LoggerKey.objects.filter(plant=OuterRef("pk"), revoked_at=None))
            plants = plants.filter(has_key if given["keys"] == "some" else ~has_key)
        return narrowed(plants, {"search": given["search"]})


@manager_only
@require_safe
def loggers(request: PortalRequest) -> HttpResponse:
    """All plants with their keys."""
    form = PlantNarrowing(request.GET)
    plants = form.narrowed(Plant.objects.visible_to(request.access).select_related("address"))
    page = Paginator(plants.order_by("label", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "lines": list(_lines(list(page), timezone.now())),
        "narrowed": any(request.GET.values()),
    }
    return render(request, "console/loggers.html", context)


def _lines(plants: list[Plant], now: dt.datetime) -> Iterable[PlantLines]:
    """The plants with their keys, read for all at once."""
    found: dict[UUID, list[KeyLine]] = {plant.pk: [] for plant in plants}
    rows = LoggerKey.objects.filter(plant__in=found).select_related("plant").order_by("-created_at")
    for key in deliveries.with_last_delivery(rows):
        found[key.plant_id].append(KeyLine(key, now))
    for plant in plants:
        lines = found[plant.pk]
        living = [one for one in lines if one.key.revoked_at is None]
        yield PlantLines(plant, living, [one for one in lines if one.key.revoked_at])


# --- One key -----------------------------------------------------------------------------------------------------


def _plant(request: PortalRequest, plant_id: UUID) -> Plant:
    plant = Plant.objects.visible_to(request.access).select_related("portal").filter(pk=plant_id).first()
    if plant is None:
        raise Http404
    return plant


def _key(request: PortalRequest, key_id: UUID, **more: object) -> Any:
    """A key of a plant of this portal; a foreign one is as unknown as none."""
    visible = Plant.objects.visible_to(request.access).order_by()
    rows = LoggerKey.objects.filter(plant__in=visible, pk=key_id, **more).select_related("plant__portal")
    key = next(iter(deliveries.with_last_delivery(rows)), None)
    if key is None:
        raise Http404
    return key


@manager_only
@require_safe
def logger_key(request: PortalRequest, key_id: UUID) -> HttpResponse:
    """State, set-up without the secret, the last deliveries."""
    key = _key(request, key_id)
    visible = Plant.objects.visible_to(request.access).filter(pk=key.plant_id)
    rows = deliveries.counted(deliveries.of_plants(visible).filter(key=key))
    context = {
        "line": KeyLine(key, timezone.now()),
        "examples": logger_setup.texts(key),
        "deliveries": rows[:SHOWN_DELIVERIES],
    }
    return render(request, "console/logger_key.html", context)


# --- A secret, once ------------------------------------------------------------------------------------------------


def _show_once(request: PortalRequest, key: LoggerKey, secret: str) -> HttpResponse:
    line = KeyLine(key, timezone.now())
    context = {"line": line, "secret": secret, "examples": logger_setup.texts(key, secret)}
    response = render(request, "console/logger_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _shown_before(request: PortalRequest, key: LoggerKey) -> HttpResponse:
    return render(request, "console/logger_shown_before.html", {"key": key}, status=409)


class KeyForm(DomainForm):
    """The name of a new key. `opened` tells a form that is sent a second time."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("So that you recognise the logger later, such as Solar-Log in the cellar."),
    )
    opened = forms.DateTimeField(widget=forms.HiddenInput)


@manager_only
@form_page
@identity_confirmed
def new_logger_key(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    """A form with a name to begin with; its answer shows the secret."""
    plant = _plant(request, plant_id)
    living = plant.logger_keys.filter(revoked_at=None).order_by("created_at")
    initial = {"name": _free_name({key.name for key in living}), "opened": opened_now()}
    form = KeyForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        name, opened = form.cleaned_data["name"], form.cleaned_data["opened"]
        before = plant.logger_keys.filter(name=name, created_at__gte=opened).first()
        if before is not None:
            return _shown_before(request, before)
        try:
            key, secret = keys.create_key(plant, name, actor(request))
        except ChangeRefused as refusal:
            form.refuse(refusal)
        else:
            return _show_once(request, key, secret)
    context = {"plant": plant, "form": form, "living": living, "most": keys.MOST_KEYS}
    return render(request, "console/logger_new.html", context)


def _free_name(taken: set[str]) -> str:
    first = _("Data logger")
    numbered = (f"{first} {number}" for number in range(2, len(taken) + 3))
    return next(name for name in (first, *numbered) if name not in taken)


_OVERLAP_LABELS = {
    "now": gettext_lazy("Now: the logger is refused until it has the new one"),
    "1h": gettext_lazy("After 1 hour"),
    "24h": gettext_lazy("After 24 hours"),
    "7d": gettext_lazy("After 7 days"),
}


class RotateForm(DomainForm):
    """When the present secret ends."""

    overlap = forms.ChoiceField(
        label=gettext_lazy("The old secret ends"),
        choices=[(name, _OVERLAP_LABELS[name]) for name in keys.OVERLAPS],
        widget=forms.RadioSelect,
        initial="24h",
        help_text=gettext_lazy("Until then both work, so the logger misses nothing while you set it up."),
    )
    replaces = forms.CharField(max_length=4, widget=forms.HiddenInput)


@manager_only
@form_page
@identity_confirmed
def rotate_logger_key(request: PortalRequest, key_id: UUID) -> HttpResponse:
    """Another secret; the one in use goes on for a while, as chosen."""
    key = _key(request, key_id, revoked_at=None)
    form = RotateForm(request.POST if request.method == "POST" else None, initial={"replaces": key.hint})
    if form.is_valid():
        overlap = keys.OVERLAPS[form.cleaned_data["overlap"]]
        try:
            secret = keys.rotate_key(key, actor(request), overlap, replaces=form.cleaned_data["replaces"])
        except keys.AlreadyRotated:
            return _shown_before(request, key)
        except ChangeRefused as refusal:
            form.refuse(refusal)
        else:
            return _show_once(request, _key(request, key_id), secret)
    return render(request, "console/logger_rotate.html", {"line": KeyLine(key, timezone.now()), "form": form})


# --- The end -------------------------------------------------------------------------------------------------------


class RevokeForm(ConfirmForm):
    """Why, and the key's name typed to confirm it."""

    reason = forms.CharField(
        max_length=500, label=gettext_lazy("Reason"), help_text=gettext_lazy("It is kept in the audit log.")
    )
    field_order = ("reason", "typed")


@manager_only
@form_page
@identity_confirmed
def revoke_logger_key(request: PortalRequest, key_id: UUID) -> HttpResponse:
    """The key ends for good; what it delivered stays."""
    key = _key(request, key_id, revoked_at=None)
    form = RevokeForm(key.name, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            keys.revoke_key(key, actor(request), form.cleaned_data["reason"])
        except ChangeRefused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The key “%(name)s” opens nothing any more.") % {"name": key.name})
            return redirect("web:logger_key", request.portal.slug, key.pk)
    return render(request, "console/logger_revoke.html", {"line": KeyLine(key, timezone.now()), "form": form})

"""Fleets: named groups of plants."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.changes import ChangeRefused
from apps.plants import changes
from apps.plants.models import Fleet
from apps.web.session import PortalRequest, actor, manager_only

from .fleet_energy import energy_of
from .picking import PlantChoice

PER_PAGE = 50


class FleetForm(forms.Form):
    """Name and description; the plants are chosen beside it."""

    label = forms.CharField(max_length=200, label=gettext_lazy("Name"))
    description = forms.CharField(
        max_length=2000,
        required=False,
        label=gettext_lazy("Description"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class DeletionForm(forms.Form):
    """The fleet's name, typed to confirm."""

    confirmation = forms.CharField(max_length=200, label=gettext_lazy("Name of the fleet to confirm"))

    def __init__(self, fleet: Fleet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fleet = fleet
        self.fields["confirmation"].widget.attrs.update(
            {"autocomplete": "off", "data-confirm": fleet.label, "data-enables": "#delete-fleet"}
        )

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self.fleet.label.strip():
            raise forms.ValidationError(_("Type %s to confirm.") % self.fleet.label)
        return typed


def _counted(request: PortalRequest) -> QuerySet[Fleet]:
    rows = Fleet.objects.visible_to(request.access)
    return rows.annotate(plant_count=Count("plants"), size=Sum("plants__size"))


@manager_only
@require_safe
def fleets(request: PortalRequest) -> HttpResponse:
    """Every fleet with its number of plants and their size."""
    search = request.GET.get("search", "").strip()
    rows = _counted(request).filter(label__icontains=search) if search else _counted(request)
    page = Paginator(rows.order_by("label", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "console/fleets.html", {"page": page, "search": search})


@manager_only
@require_http_methods(["GET", "HEAD", "POST"])
def new_fleet(request: PortalRequest) -> HttpResponse:
    """Name a group and choose its plants."""
    sent = request.method == "POST"
    form, choice = FleetForm(request.POST if sent else None), PlantChoice(request, _data(request))
    if sent and form.is_valid() & choice.is_valid():
        try:
            given = form.cleaned_data
            ids = set(choice.rows.values_list("pk", flat=True))
            text = given["description"]
            fleet = changes.create_fleet(request.portal, given["label"], ids, actor(request), description=text)
        except ChangeRefused as refusal:
            _add(form, refusal)
        else:
            messages.success(request, _("The fleet %s was created.") % fleet)
            return redirect("web:fleets", request.portal.slug)
    return render(request, "console/fleet.html", {"form": form, "choice": choice}, status=422 if sent else 200)


@manager_only
@require_http_methods(["GET", "HEAD", "POST"])
def fleet(request: PortalRequest, fleet_id: UUID) -> HttpResponse:
    """What it produced; another name, description or other plants."""
    row, sent = get_object_or_404(_counted(request), pk=fleet_id), request.method == "POST"
    choice = PlantChoice(request, _data(request), _plants_of(row))
    initial = {"label": row.label, "description": row.description}
    form = FleetForm(request.POST if sent else None, initial=initial)
    if sent and form.is_valid() & choice.is_valid():
        try:
            ids = set(choice.rows.values_list("pk", flat=True))
            given = form.cleaned_data
            changes.change_fleet(row, given["label"], given["description"], ids, actor(request))
        except ChangeRefused as refusal:
            _add(form, refusal)
        else:
            messages.success(request, _("The fleet %s was saved.") % given["label"])
            return redirect("web:fleet", request.portal.slug, row.pk)
    return _page(request, row, form, choice, DeletionForm(row), 422 if sent else 200)


@manager_only
@require_POST
def delete_fleet(request: PortalRequest, fleet_id: UUID) -> HttpResponse:
    """End a group; its plants stay."""
    row = get_object_or_404(_counted(request), pk=fleet_id)
    deletion = DeletionForm(row, request.POST)
    if not deletion.is_valid():
        form = FleetForm(initial={"label": row.label, "description": row.description})
        choice = PlantChoice(request, request.GET, _plants_of(row))
        return _page(request, row, form, choice, deletion, 422)
    changes.delete_fleet(row, actor(request))
    messages.success(request, _("The fleet %s was deleted.") % row)
    return redirect("web:fleets", request.portal.slug)


def _page(
    request: PortalRequest, row: Fleet, form: FleetForm, choice: PlantChoice, deletion: DeletionForm, status: int
) -> HttpResponse:
    energy = energy_of(row.plants.all(), request.GET.get("year", ""), timezone.now())
    context = {"fleet": row, "form": form, "choice": choice, "deletion": deletion, "energy": energy}
    return render(request, "console/fleet.html", context, status=status)


def _plants_of(fleet: Fleet) -> set[UUID]:
    return {plant.pk for plant in fleet.plants.only("pk")}


def _data(request: PortalRequest) -> Any:
    return request.POST if request.method == "POST" else request.GET


def _add(form: FleetForm, refusal: ChangeRefused) -> None:
    """Say at the field what stands against it."""
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))

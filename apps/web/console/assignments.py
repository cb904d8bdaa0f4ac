"""Which plants are visible to whom: many plants and many people at once, previewed before it is done."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.changes import ChangeRefused
from apps.plants.changes import Pairs, assign_many, pairs, unassign_many
from apps.plants.models import Assignment
from apps.web.session import PortalRequest, actor, manager_only
from apps.web.units import whole

from .picking import MemberChoice, PlantChoice

PER_PAGE = 25
SHOWN = 5  # names beside a plant or a person; the rest is counted


class ActForm(forms.Form):
    """What to do with what was chosen."""

    act = forms.ChoiceField(
        choices=[("assign", gettext_lazy("Assign")), ("unassign", gettext_lazy("Take away"))],
        initial="assign",
        widget=forms.RadioSelect,
        label=gettext_lazy("What to do"),
    )
    reason = forms.CharField(
        required=False,
        max_length=500,
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("It is kept in the audit log."),
    )


# --- Change ----------------------------------------------------------------------------------------------------


@manager_only
@require_safe
def assignments(request: PortalRequest) -> HttpResponse:
    """Choose plants and people; addresses may bring a choice along (`?members-ids=…`)."""
    return _choosing(request, PlantChoice(request, request.GET), MemberChoice(request, request.GET), ActForm())


def _choosing(
    request: PortalRequest, plants: PlantChoice, members: MemberChoice, form: ActForm, status: int = 200
) -> HttpResponse:
    context = {"plants": plants, "members": members, "form": form, "view": "change"}
    return render(request, "console/assignments.html", context, status=status)


@manager_only
@require_POST
def change_assignments(request: PortalRequest) -> HttpResponse:
    """First the preview, then, with `confirmed`, the act."""
    plants, members = PlantChoice(request, request.POST), MemberChoice(request, request.POST)
    form = ActForm(request.POST)
    if not (form.is_valid() & plants.is_valid() & members.is_valid()):
        return _choosing(request, plants, members, form, 422)
    try:
        found = pairs(plants.rows, members.rows)
        _something_chosen(found)
        if "confirmed" not in request.POST:
            return _preview(request, plants, members, form, found)
        change = assign_many if form.cleaned_data["act"] == "assign" else unassign_many
        done = change(request.portal, plants.rows, members.rows, actor(request), form.cleaned_data["reason"])
    except ChangeRefused as refusal:
        form.add_error(None, str(refusal))
        return _choosing(request, plants, members, form, 422)
    messages.success(request, _said(done, form.cleaned_data["act"]))
    return redirect("web:assignments", request.portal.slug)


def _something_chosen(found: Pairs) -> None:
    if not found.plants:
        raise ChangeRefused("plants", _("Choose at least one plant."))
    if not found.people:
        raise ChangeRefused("members", _("Choose at least one person."))


def _preview(
    request: PortalRequest, plants: PlantChoice, members: MemberChoice, form: ActForm, found: Pairs
) -> HttpResponse:
    assigning = form.cleaned_data["act"] == "assign"
    context: dict[str, Any] = {
        "found": found,
        "assigning": assigning,
        "effect": found.unassigned if assigning else found.assigned,
        "without_effect": found.assigned if assigning else found.unassigned,
        "some_plants": plants.rows[:SHOWN],
        "some_members": members.rows[:SHOWN],
        "form": form,
        "sent_on": {**plants.sent_on, **members.sent_on},
    }
    return render(request, "console/assignments_preview.html", context)


def _said(done: Pairs, act: str) -> str:
    if act == "assign":
        new = ngettext("%s new assignment", "%s new assignments", done.unassigned) % whole(done.unassigned)
        return _("%(new)s, %(old)s were there already.") % {"new": new, "old": whole(done.assigned)}
    gone = ngettext("%s assignment ended", "%s assignments ended", done.assigned) % whole(done.assigned)
    return _("%(gone)s, %(none)s were not there.") % {"gone": gone, "none": whole(done.unassigned)}


# --- Who sees what -----------------------------------------------------------------------------------------------


@manager_only
@require_safe
def assignments_by_plant(request: PortalRequest) -> HttpResponse:
    """Every plant with the people it is assigned to."""
    people = Assignment.objects.select_related("membership__user").order_by("membership__user__email")
    return _table(request, PlantChoice(request, request.GET), people, "by_plant")


@manager_only
@require_safe
def assignments_by_user(request: PortalRequest) -> HttpResponse:
    """Every person with the plants assigned to them."""
    plants = Assignment.objects.select_related("plant").order_by("plant__label", "plant")
    return _table(request, MemberChoice(request, request.GET), plants, "by_user")


def _table(
    request: PortalRequest, choice: PlantChoice | MemberChoice, others: QuerySet[Assignment], view: str
) -> HttpResponse:
    rows: QuerySet[Any] = choice.matching()
    some = Prefetch("assignments", others[:SHOWN], to_attr="some")
    counted = rows.annotate(assignment_count=Count("assignments", distinct=True)).prefetch_related(some)
    page = Paginator(counted, PER_PAGE).get_page(request.GET.get("page"))
    context = {"choice": choice, "page": page, "view": view, "shown": SHOWN}
    return render(request, f"console/assignments_{view}.html", context)

"""The people of a portal: the list, and what a manager does with one of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import changes, invitations, people
from apps.accounts.access import Role
from apps.accounts.changes import ChangeRefused
from apps.accounts.invitations import State, state_of
from apps.accounts.mail import MailNotSent
from apps.accounts.models import Membership
from apps.plants.changes import assign_many, unassign_many
from apps.plants.models import Plant
from apps.web.session import PortalRequest, actor, manager_only

from . import record
from .picking import PlantChoice

PER_PAGE = 50
SHOWN_PLANTS = 50
SHOWN_ACTS = 8
STATES = (
    (State.ACTIVE, gettext_lazy("active")),
    (State.INVITED, gettext_lazy("invited")),
    (State.EXPIRED, gettext_lazy("invitation expired")),
    (State.UNINVITED, gettext_lazy("not invited yet")),
    (State.DISABLED, gettext_lazy("disabled")),
)


# --- The list ------------------------------------------------------------------------------------------------


class Narrowing(forms.Form):
    """What the list of people is narrowed to."""

    search = forms.CharField(required=False, max_length=100, label=gettext_lazy("Search"))
    role = forms.ChoiceField(
        choices=[("", gettext_lazy("All roles")), *Membership.Roles.choices], required=False, label=gettext_lazy("Role")
    )
    state = forms.ChoiceField(
        choices=[("", gettext_lazy("All states")), *((state.value, word) for state, word in STATES)],
        required=False,
        label=gettext_lazy("State"),
    )


@manager_only
@require_safe
def users(request: PortalRequest) -> HttpResponse:
    """Everybody in the portal, searched and paged."""
    form = Narrowing(request.GET)
    found = _narrowed(people.members(request.portal), form)
    rows = found.select_related("subscription").annotate(plant_count=Count("assignments"))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for row in page:
        row.state = state_of(row)  # type: ignore[attr-defined]  # a plain value for the template
    return render(request, "console/users.html", {"form": form, "page": page, "narrowed": any(request.GET.values())})


def _narrowed(rows: QuerySet[Membership], form: Narrowing) -> QuerySet[Membership]:
    if not form.is_valid():
        return rows.none()
    given = form.cleaned_data
    return people.matching(rows, given["search"], given["role"], given["state"])


# --- One of them ---------------------------------------------------------------------------------------------


class RoleForm(forms.Form):
    """What somebody is in the portal."""

    role = forms.ChoiceField(
        choices=Membership.Roles.choices,
        label=gettext_lazy("Role in this portal"),
        help_text=gettext_lazy(
            "Owners and monitoring staff see the plants assigned to them. Managers see every plant and this console."
        ),
    )


class ReasonForm(forms.Form):
    """Why somebody is kept out or let in again."""

    reason = forms.CharField(
        max_length=500, label=gettext_lazy("Reason"), help_text=gettext_lazy("It is kept in the audit log.")
    )


class RemovalForm(forms.Form):
    """Why somebody leaves, and their address typed to confirm it."""

    reason = forms.CharField(
        max_length=500, label=gettext_lazy("Reason"), help_text=gettext_lazy("It is kept in the audit log.")
    )
    address = forms.CharField(max_length=254, label=gettext_lazy("E-mail address to confirm"))

    def __init__(self, membership: Membership, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.membership = membership
        self.fields["address"].widget.attrs.update(
            {"autocomplete": "off", "data-confirm": membership.user.email, "data-enables": "#remove-user"}
        )

    def clean_address(self) -> str:
        typed: str = self.cleaned_data["address"].strip()
        if typed.lower() != self.membership.user.email:
            raise forms.ValidationError(_("Type %s to confirm.") % self.membership.user.email)
        return typed


def _member(request: PortalRequest, member: UUID) -> Membership:
    return get_object_or_404(people.members(request.portal).select_related("subscription", "portal"), pk=member)


@manager_only
@require_safe
def user(request: PortalRequest, member: UUID) -> HttpResponse:
    return _page(request, _member(request, member))


def _page(request: PortalRequest, membership: Membership, status: int = 200, **forms_: forms.Form) -> HttpResponse:
    """The page of a person; `forms_` are those with something to correct."""
    plants = Plant.objects.visible_to(request.access).filter(assignments__membership=membership)
    acts = record.about(request.portal, membership.user.email)
    context = {
        "member": membership,
        "state": state_of(membership),
        "alone": changes.belongs_to_portal_alone(membership),
        "myself": membership.pk == request.membership.pk,
        "plants": plants.select_related("address")[:SHOWN_PLANTS],
        "plant_count": plants.count(),
        "choice": PlantChoice(request, request.GET),
        "acts": record.shown(acts[:SHOWN_ACTS], request.access),
        "role_form": RoleForm(initial={"role": membership.role}),
        "access_form": ReasonForm(auto_id="id_access_%s"),
        "removal_form": RemovalForm(membership, auto_id="id_removal_%s"),
        **forms_,
    }
    return render(request, "console/user.html", context, status=status)


def _back(request: PortalRequest, membership: Membership) -> HttpResponseRedirect:
    return redirect("web:user", request.portal.slug, membership.pk)


@manager_only
@require_POST
def set_role(request: PortalRequest, member: UUID) -> HttpResponse:
    """Make somebody owner, monitoring or manager."""
    membership, form = _member(request, member), RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, membership, 422, role_form=form)
    try:
        changed = changes.set_role(membership, Role(form.cleaned_data["role"]), actor(request))
    except ChangeRefused as refusal:
        form.add_error("role", str(refusal))
        return _page(request, _member(request, member), 422, role_form=form)
    if changed:
        words = {"person": membership.user, "role": membership.get_role_display()}
        messages.success(request, _("%(person)s now has the role “%(role)s”.") % words)
    if membership.pk == request.membership.pk and membership.role != Role.MANAGER:
        return redirect("web:plants", request.portal.slug)  # the console is closed to them now
    return _back(request, membership)


@manager_only
@require_POST
def set_access(request: PortalRequest, member: UUID) -> HttpResponse:
    """Keep somebody out, or let them in again (`active` is 1)."""
    membership, form = _member(request, member), ReasonForm(request.POST, auto_id="id_access_%s")
    active = request.POST.get("active") == "1"
    if form.is_valid():
        try:
            changes.set_member_active(membership, active, actor(request), form.cleaned_data["reason"])
        except ChangeRefused as refusal:
            form.add_error("reason", str(refusal))
    if form.errors:
        return _page(request, membership, 422, access_form=form)
    said = _("%s can log in again.") if active else _("%s is disabled: sessions and tokens are dead.")
    messages.success(request, said % membership.user)
    return _back(request, membership)


@manager_only
@require_POST
def remove(request: PortalRequest, member: UUID) -> HttpResponse:
    """End a membership; the account itself stays."""
    membership = _member(request, member)
    form = RemovalForm(membership, request.POST, auto_id="id_removal_%s")
    if form.is_valid():
        try:
            changes.remove_membership(membership, actor(request), form.cleaned_data["reason"])
        except ChangeRefused as refusal:
            form.add_error(None, str(refusal))
    if form.errors:
        return _page(request, membership, 422, removal_form=form)
    messages.success(request, _("%s is no longer in this portal.") % membership.user)
    if membership.user == request.user:
        return redirect("web:home")
    return redirect("web:users", request.portal.slug)


@manager_only
@require_POST
def set_plants(request: PortalRequest, member: UUID) -> HttpResponse:
    """Assign the chosen plants to a person, or take them away (`act` is unassign)."""
    membership, choice = _member(request, member), PlantChoice(request, request.POST)
    if not choice.is_valid():
        return _page(request, membership, 422, choice=choice)
    change = unassign_many if request.POST.get("act") == "unassign" else assign_many
    person = Membership.objects.filter(pk=membership.pk)
    try:
        found = change(request.portal, choice.rows, person, actor(request))
    except ChangeRefused as refusal:
        choice.add_error(None, str(refusal))
        return _page(request, membership, 422, choice=choice)
    count = found.assigned if change is unassign_many else found.unassigned
    messages.success(request, _("Assignments changed: %d.") % count)
    return _back(request, membership)


# --- Their invitation ------------------------------------------------------------------------------------------


@manager_only
@require_POST
def resend(request: PortalRequest, member: UUID) -> HttpResponse:
    """Write to them again."""
    membership = _member(request, member)
    done = _("A new invitation was sent to %s. The link in the earlier one is dead.") % membership.user
    _try(request, lambda: invitations.resend(membership, actor(request)), done)
    return _back(request, membership)


@manager_only
@require_POST
def cancel(request: PortalRequest, member: UUID) -> HttpResponse:
    """Take the invitation back."""
    membership = _member(request, member)
    email = membership.user.email  # the user may be gone afterwards
    done = _("The invitation of %s is cancelled.") % email
    if _try(request, lambda: invitations.cancel(membership, actor(request)), done):
        return redirect("web:users", request.portal.slug)
    return _back(request, membership)


def _try(request: PortalRequest, act: Callable[[], None], done: str) -> bool:
    """Do it and say so; what stands against it is said instead."""
    try:
        act()
    except ChangeRefused as refusal:
        messages.error(request, str(refusal))
    except MailNotSent:
        messages.error(
            request, _("Everything is saved, but the mail server did not take the letter. Send it again later.")
        )
    else:
        messages.success(request, done)
        return True
    return False

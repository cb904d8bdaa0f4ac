"""Inviting people: several addresses at once, one role, and plants that are theirs from the beginning."""

from dataclasses import dataclass, field

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from apps.accounts import invitations
from apps.accounts.access import Role
from apps.accounts.changes import ChangeRefused
from apps.accounts.mail import MailNotSent
from apps.accounts.models import Membership
from apps.plants.changes import assign_many
from apps.web.session import PortalRequest, actor, manager_only

from .picking import PlantChoice

AT_ONCE = 50  # each is a letter


class InvitationForm(forms.Form):
    """Whom to invite. `good` and `bad` are the addresses that can be invited, and the others with what is wrong."""

    emails = forms.CharField(
        max_length=20_000,
        label=gettext_lazy("E-mail addresses"),
        help_text=gettext_lazy("One per line. Each gets a letter with a link that works for seven days."),
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("Only with a single address. They can change it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        choices=Membership.Roles.choices,
        initial=Role.OWNER,
        label=gettext_lazy("Role"),
        help_text=gettext_lazy(
            "Owners and monitoring staff see the plants assigned to them. Managers see every plant and this console."
        ),
    )

    def clean_emails(self) -> list[str]:
        """The addresses in their order, each once; whether they are any good is told one by one."""
        lines = self.cleaned_data["emails"].replace(",", "\n").replace(";", "\n").splitlines()
        found = list(dict.fromkeys(line.strip().lower() for line in lines if line.strip()))
        if len(found) > AT_ONCE:
            raise ValidationError(_("At most %d people can be invited at once.") % AT_ONCE)
        return found


@dataclass(slots=True)
class Outcome:
    """What became of the addresses: members now, addresses with what was wrong, and those whose letter did not go."""

    invited: list[Membership] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)


@manager_only
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: PortalRequest) -> HttpResponse:
    """Those that can be invited are; the others stay in the form, each with its reason."""
    sent = request.method == "POST"
    choice = PlantChoice(request, request.POST if sent else request.GET)
    form = InvitationForm(request.POST if sent else None)
    if not (sent and form.is_valid() and choice.is_valid()):
        return _page(request, form, choice, 422 if sent else 200)
    outcome = _invite_each(request, form)
    if outcome.invited:
        chosen = Membership.objects.filter(pk__in=[one.pk for one in outcome.invited])
        assign_many(request.portal, choice.rows, chosen, actor(request))
    _tell(request, outcome)
    if not outcome.refused:
        return redirect("web:users", request.portal.slug)
    return _page(request, _with_the_rest(request, outcome), choice, 422)


def _invite_each(request: PortalRequest, form: InvitationForm) -> Outcome:
    outcome, given = Outcome(), form.cleaned_data
    name = given["name"] if len(given["emails"]) == 1 else ""
    for email in given["emails"]:
        try:
            validate_email(email)
            membership = invitations.invite(email, request.portal, Role(given["role"]), actor(request), name=name)
        except ValidationError as error:
            outcome.refused[email] = " ".join(error.messages)
        except ChangeRefused as refusal:
            outcome.refused[email] = str(refusal)
        except MailNotSent:
            outcome.unsent.append(email)
            outcome.invited.append(Membership.objects.get(portal=request.portal, user__email=email))
        else:
            outcome.invited.append(membership)
    return outcome


def _tell(request: PortalRequest, outcome: Outcome) -> None:
    count = len(outcome.invited) - len(outcome.unsent)
    if count:
        said = ngettext("%d person was invited.", "%d people were invited.", count)
        messages.success(request, said % count)
    if outcome.unsent:
        said = _(
            "The mail server did not take the letter to %s. Send the invitation again from the page of the person."
        )
        messages.error(request, said % ", ".join(outcome.unsent))


def _with_the_rest(request: PortalRequest, outcome: Outcome) -> InvitationForm:
    """The form with the addresses that were not invited, each with the reason."""
    data = request.POST.copy()
    data["emails"] = "\n".join(outcome.refused)
    form = InvitationForm(data)
    for email, why in outcome.refused.items():
        form.add_error("emails", f"{email}: {why}")
    return form


def _page(request: PortalRequest, form: InvitationForm, choice: PlantChoice, status: int) -> HttpResponse:
    return render(request, "console/invite.html", {"form": form, "choice": choice}, status=status)

"""What a manager can do to a subscription: each act has a page that says what will happen, asks, and then does it.

Everything is done by apps/packages/subscriptions.py, which locks, decides again and writes the audit record.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.audit import Actor
from apps.packages import subscriptions
from apps.packages.catalog import Package
from apps.packages.models import Subscription
from apps.packages.offers import MOST
from apps.web.api_access.comparison import name_of

Status = Subscription.Status
_ROWS = {"rows": 3}
_READ_BY_OWNER = gettext_lazy("The owner reads this.")
_IN_RECORD = gettext_lazy("It is kept in the audit record.")
CONFIRMATION = gettext_lazy("revoke all")


# --- What is asked ------------------------------------------------------------------------------------------


class ActForm(forms.Form):
    """What every act may ask."""

    def __init__(self, *args: Any, subscription: Subscription, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subscription = subscription


class NoteForm(ActForm):
    reason = forms.CharField(
        label=gettext_lazy("Note"), help_text=_IN_RECORD, required=False, max_length=1000, widget=forms.Textarea(_ROWS)
    )


class ReasonForm(ActForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), help_text=_READ_BY_OWNER, max_length=1000, widget=forms.Textarea(_ROWS)
    )


class RecordedReasonForm(ActForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), help_text=_IN_RECORD, max_length=1000, widget=forms.Textarea(_ROWS)
    )


class PackageForm(NoteForm):
    package = forms.ChoiceField(label=gettext_lazy("New package"), widget=forms.RadioSelect)
    field_order = ("package", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [package for package in Package if package != self.subscription.package]
        self.fields["package"].choices = [(one.value, name_of(one)) for one in others]  # type: ignore[attr-defined]
        self.fields["package"].initial = others[0].value


class LimitsForm(RecordedReasonForm):
    per_minute = forms.IntegerField(
        label=gettext_lazy("Calls per minute"),
        help_text=gettext_lazy("Empty = as in the package."),
        required=False,
        min_value=1,
        max_value=MOST,
    )
    per_day = forms.IntegerField(
        label=gettext_lazy("Calls per day"),
        help_text=gettext_lazy("Empty = as in the package."),
        required=False,
        min_value=1,
        max_value=MOST,
    )
    until = forms.DateField(
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("The limits of the package return after this day (UTC). Empty = until taken back."),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    field_order = ("per_minute", "per_day", "until", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now, one = timezone.now(), self.subscription
        if one.override_until is None or one.override_until > now:
            last = one.override_until - dt.timedelta(days=1) if one.override_until else None
            self.initial = {
                "per_minute": one.override_per_minute,
                "per_day": one.override_per_day,
                "until": last.astimezone(dt.UTC).date() if last else None,
            }

    def clean_until(self) -> dt.datetime | None:
        """The midnight at the end of the day; the domain refuses one in the past."""
        last: dt.date | None = self.cleaned_data["until"]
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC) if last else None


class RevokeForm(RecordedReasonForm):
    confirmation = forms.CharField(
        label=gettext_lazy("Confirmation"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    field_order = ("reason", "confirmation")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["confirmation"]
        field.help_text = _("Type “%(word)s” to confirm.") % {"word": CONFIRMATION}
        field.widget.attrs |= {"data-confirm": str(CONFIRMATION), "data-enables": "#act"}

    def clean_confirmation(self) -> str:
        if self.cleaned_data["confirmation"].strip() != str(CONFIRMATION):
            raise forms.ValidationError(_("Type “%(word)s” to confirm."), params={"word": CONFIRMATION})
        return str(CONFIRMATION)


# --- What is done -------------------------------------------------------------------------------------------

Data = dict[str, Any]


def _change_package(subscription: Subscription, data: Data, actor: Actor) -> None:
    subscriptions.change_package(subscription, Package(data["package"]), actor, data["reason"], approved=True)


def _override_limits(subscription: Subscription, data: Data, actor: Actor) -> None:
    until = data["until"] if data["per_minute"] or data["per_day"] else None
    subscriptions.override_limits(
        subscription,
        actor,
        data["reason"],
        per_minute=data["per_minute"],
        per_day=data["per_day"],
        until=until,
    )


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `name` is the end of its address; `proven`: who acts must have proved their identity lately."""

    name: str
    label: str | Promise
    what: str | Promise
    done: str | Promise
    states: Collection[str]
    form: type[ActForm]
    run: Callable[[Subscription, Data, Actor], object]
    dangerous: bool = False
    proven: bool = False


ACTS: tuple[Act, ...] = (
    Act(
        "approve",
        gettext_lazy("Approve"),
        gettext_lazy("API access works from now on, and so do the clients that were made meanwhile."),
        gettext_lazy("API access is approved."),
        {Status.AWAITING},
        NoteForm,
        lambda one, data, actor: subscriptions.approve(one, actor, data["reason"]),
    ),
    Act(
        "reject",
        gettext_lazy("Reject"),
        gettext_lazy(
            "API access stays off, and clients that were made meanwhile end for good. The owner reads the reason and "
            "may ask again."
        ),
        gettext_lazy("The request is rejected."),
        {Status.AWAITING},
        ReasonForm,
        lambda one, data, actor: subscriptions.reject(one, actor, data["reason"]),
    ),
    Act(
        "package",
        gettext_lazy("Change package"),
        gettext_lazy("The new functions and limits hold from the next call on, for living tokens too."),
        gettext_lazy("The package is changed."),
        {Status.ACTIVE},
        PackageForm,
        _change_package,
        proven=True,
    ),
    Act(
        "limits",
        gettext_lazy("Change limits"),
        gettext_lazy(
            "Gives this subscription limits of its own, higher or lower than those of its package, from the next call "
            "on. What was used today stays counted."
        ),
        gettext_lazy("The limits are changed."),
        set(Status.values),
        LimitsForm,
        _override_limits,
    ),
    Act(
        "suspend",
        gettext_lazy("Suspend"),
        gettext_lazy(
            "Every call is refused at once and living tokens end. Clients and secrets are kept, so that everything "
            "works again after you resume it."
        ),
        gettext_lazy("API access is suspended."),
        {Status.ACTIVE},
        ReasonForm,
        lambda one, data, actor: subscriptions.suspend(one, actor, data["reason"]),
        dangerous=True,
    ),
    Act(
        "resume",
        gettext_lazy("Resume"),
        gettext_lazy("The kept secrets work again at once. Tokens from before the suspension stay dead."),
        gettext_lazy("API access is resumed."),
        {Status.SUSPENDED},
        NoteForm,
        lambda one, data, actor: subscriptions.resume(one, actor, data["reason"]),
    ),
    Act(
        "revoke-all",
        gettext_lazy("Revoke all"),
        gettext_lazy(
            "All clients, secrets and tokens end at once and for good: for credentials that got about. The "
            "subscription keeps its state and its package; the owner has to make new clients and set up every "
            "program anew."
        ),
        gettext_lazy("All clients, secrets and tokens have ended."),
        {Status.ACTIVE, Status.AWAITING, Status.SUSPENDED},
        RevokeForm,
        lambda one, data, actor: subscriptions.revoke_all(one, actor, data["reason"]),
        dangerous=True,
        proven=True,
    ),
)


def acts_for(subscription: Subscription) -> list[Act]:
    """What can be done to it in its present state."""
    return [act for act in ACTS if subscription.status in act.states]

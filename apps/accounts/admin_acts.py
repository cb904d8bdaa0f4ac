"""Actions of the server administration that ask on a page of their own: what will happen, on which rows, and why.

An act is one of a list of rows or of a single row's page. It runs a function of the domain for each row, which decides
once more and writes the audit record; what that refuses is said, and the other rows go on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .addresses import address_of
from .audit import Actor
from .changes import ChangeRefused

MOST_NAMED = 50  # rows the page lists


def actor(request: HttpRequest) -> Actor:
    """Who acts in the admin, and from where."""
    return Actor(request.user.get_username(), address_of(request.META))


class ReasonForm(forms.Form):
    """Why; for the audit record, and where the act says so for the owner."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=1000, widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"})
    )


class NoteForm(forms.Form):
    """A reason that may be left out."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
    )


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `run` gets a row, what was asked, and who acts; `fits`: whether a row's page offers it."""

    name: str
    label: str | Promise
    what: str | Promise
    run: Callable[[Any, dict[str, Any], Actor], object]
    form: type[forms.Form] = ReasonForm
    fits: Callable[[Any], bool] = field(default=_always)
    superusers_only: bool = False


if TYPE_CHECKING:  # generic for the type checker only
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class ActsMixin(_ModelAdmin):
    """Offers `acts` in the list and on the page of each row to who may change rows of the model."""

    acts: ClassVar[tuple[Act, ...]] = ()
    change_form_template = "admin/change_form_with_acts.html"

    def may_act(self, request: HttpRequest, act: Act) -> bool:
        """Read-only pages have acts too, so it is the right itself that is asked for."""
        user: Any = request.user
        if act.superusers_only and not user.is_superuser:
            return False
        return bool(user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_actions(self, request: HttpRequest) -> Any:
        actions: dict[str, Any] = super().get_actions(request)
        for act in self.acts:
            if self.may_act(request, act):
                actions[act.name] = (_asking(act), act.name, act.label)
        return actions

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        row = self.get_object(request, object_id) if object_id else None
        acts = [act for act in self.acts if row is not None and act.fits(row) and self.may_act(request, act)]
        context = {**(extra_context or {}), "acts": acts}
        return super().changeform_view(request, object_id, form_url, context)


def _asking(act: Act) -> Callable[..., HttpResponseBase | None]:
    """The act as Django's admin wants it: a function that returns a page, or nothing when it is done."""

    def ask(model_admin: ActsMixin, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase | None:
        if not model_admin.may_act(request, act):
            raise PermissionDenied
        form = act.form(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            _run(model_admin, request, rows, act, form.cleaned_data)
            return None
        return TemplateResponse(request, "admin/act.html", _context(model_admin, request, rows, act, form))

    return ask


def _run(model_admin: ActsMixin, request: HttpRequest, rows: QuerySet[Any], act: Act, data: dict[str, Any]) -> None:
    done = 0
    for row in rows:
        try:
            act.run(row, data, actor(request))
        except ChangeRefused as refusal:
            model_admin.message_user(request, f"{row}: {refusal}", messages.ERROR)
        else:
            done += 1
    if done:
        text = ngettext("%(act)s: done for %(count)d row.", "%(act)s: done for %(count)d rows.", done)
        model_admin.message_user(request, text % {"act": act.label, "count": done}, messages.SUCCESS)


def _context(
    model_admin: ActsMixin, request: HttpRequest, rows: QuerySet[Any], act: Act, form: forms.Form
) -> dict[str, Any]:
    everything = request.POST.get("select_across") == "1"
    count = rows.count()
    return {
        **model_admin.admin_site.each_context(request),
        "title": str(act.label),
        "opts": model_admin.opts,
        "media": model_admin.media + form.media,
        "act": act,
        "form": form,
        "rows": rows[:MOST_NAMED],
        "more": _("and %d more") % (count - MOST_NAMED) if count > MOST_NAMED else "",
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME)[: 1 if everything else None],
        "select_across": everything,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }

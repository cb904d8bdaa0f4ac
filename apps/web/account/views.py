"""The user's own account: name, language, password and second factors, sessions; and the page of an invitation."""

from http import HTTPStatus
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import check_for_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from apps.accounts import changes, invitations, sessions
from apps.accounts.addresses import address_of
from apps.accounts.changes import ChangeRefused
from apps.accounts.models import Invitation, User
from apps.web.session import actor, memberships

from . import devices
from .forms import InvitationForm, NameForm

INVITATION = "invitation"  # key in the session: the digest of the token somebody came with


class UserRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User


@require_safe
def account(request: UserRequest) -> HttpResponse:
    return _account_page(request, NameForm(initial={"name": request.user.name}))


@require_POST
def rename(request: UserRequest) -> HttpResponse:
    form = NameForm(request.POST)
    if not form.is_valid():
        return _account_page(request, form)
    if changes.rename(request.user, form.cleaned_data["name"], actor(request)):
        messages.success(request, _("Your name is saved."))
    return redirect("web:account")


def _account_page(request: UserRequest, form: NameForm) -> HttpResponse:
    context = {
        "form": form,
        "memberships": memberships(request),
        "factors": _factors(request.user),
        "sessions": [_shown(request, row) for row in sessions.living(request.user)],
    }
    return render(request, "web/account.html", context)


def _factors(user: User) -> dict[str, Any]:
    """How many there are of each type."""
    types = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    kinds = Authenticator.Type
    return {"app": kinds.TOTP in types, "passkeys": types.count(kinds.WEBAUTHN), "codes": kinds.RECOVERY_CODES in types}


def _shown(request: HttpRequest, row: Any) -> dict[str, Any]:
    return {
        "id": row.pk,
        "device": devices.name_of(row.user_agent),
        "address": None if row.ip == sessions.UNKNOWN else row.ip,
        "seen": row.last_seen_at,
        "since": row.created_at,
        "here": row.session_key == request.session.session_key,
    }


@require_POST
def end_sessions(request: UserRequest) -> HttpResponse:
    """Log out elsewhere: the session with the id `session`, or all but this one."""
    only = request.POST.get("session", "")
    if only and not only.isdecimal():
        raise Http404
    ended = sessions.end(request.user, only=int(only) if only else None, keep=request.session.session_key)
    words = ngettext("Logged out on %(count)s device.", "Logged out on %(count)s devices.", ended) % {"count": ended}
    messages.success(request, words)
    return redirect("web:account")


@login_not_required
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language in a cookie, and for mails with the user."""
    code = request.POST.get("language", "")
    user = request.user
    if request.method == "POST" and isinstance(user, User) and check_for_language(code) and user.language != code:
        user.language = code
        user.save(update_fields=["language"])
    answer: HttpResponse = set_language(request)
    return answer


# --- Invitations -----------------------------------------------------------------------------------------------


@login_not_required
@never_cache
@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail. The token leaves the address at once, so that neither history nor Referer keeps it."""
    request.session[INVITATION] = invitations.digest_of(token)
    answer = redirect("web:accept_invitation")
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@sensitive_variables()
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """Choose name and password; then in."""
    digest = request.session.get(INVITATION, "")
    found = invitations.find(digest)
    if found is None:
        return render(request, "web/account_invitation_dead.html", status=HTTPStatus.GONE)
    form = InvitationForm(request.POST or None, initial={"name": found.membership.user.name})
    if request.method == "POST" and form.is_valid():
        try:
            return _accept(request, digest, form)
        except ChangeRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    return _invitation_page(request, form, found)


def _invitation_page(request: HttpRequest, form: InvitationForm, found: Invitation) -> HttpResponse:
    member = found.membership
    context = {"form": form, "invited": member.user, "to": member.portal, "role": member.get_role_display()}
    return render(request, "web/account_invitation.html", context)


def _accept(request: HttpRequest, digest: str, form: InvitationForm) -> HttpResponse:
    user = invitations.accept(
        digest, form.cleaned_data["password"], form.cleaned_data["name"], address_of(request.META)
    )
    logout(request)  # somebody else may use this browser; their session ends, and with it the digest in it
    record_authentication(request, user, "invitation")
    answer: HttpResponse = perform_login(request, user)
    return answer


# --- Limits ------------------------------------------------------------------------------------------------------


def too_many(request: HttpRequest) -> HttpResponse:
    """The page for who asked too often; the limits that lead here end after a minute."""
    answer = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    answer["Retry-After"] = "60"
    return answer

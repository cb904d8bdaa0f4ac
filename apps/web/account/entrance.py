"""The addresses of allauth that are open here, under allauth's names; sign-up and management of e-mail are not.

What shows or changes a second factor asks for a confirmed identity.
"""

from typing import Any

from allauth.account import views as account
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, re_path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.generic import RedirectView

from apps.web.session import Page, identity_confirmed


@method_decorator(login_not_required, name="dispatch")
class PasskeyLoginView(webauthn.LoginWebAuthnView):
    """allauth's, and on to the page that was asked for."""

    def form_invalid(self, form: Any) -> HttpResponse:
        return _refuse_passkey(self.request, "account_login")

    def form_valid(self, form: Any) -> HttpResponse:
        authenticator = form.cleaned_data["credential"]
        login = webauthn.Login(user=authenticator.user, redirect_url=get_next_redirect_url(self.request))
        answer: HttpResponse = perform_passwordless_login(self.request, authenticator, login)
        return answer


class PasskeyConfirmationView(webauthn.ReauthenticateWebAuthnView):
    """allauth's, and back to itself when the passkey is not the right one."""

    def form_invalid(self, form: Any) -> HttpResponse:
        return _refuse_passkey(self.request, "mfa_reauthenticate_webauthn")


def _refuse_passkey(request: HttpRequest, name: str) -> HttpResponse:
    messages.error(
        request, _("This passkey does not belong to an account here, or its request has expired. Try again.")
    )
    return redirect(passthrough_next_redirect_url(request, reverse(name), REDIRECT_FIELD_NAME))


# Passwords, codes and keys pass through allauth's variables: the report of a fault in there must show none of them.
_private = sensitive_variables()


def _guarded(view: Page) -> Page:
    guarded: Page = never_cache(identity_confirmed(_private(view)))
    return guarded


urlpatterns = [
    path("login/", _private(account.login), name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", _private(account.reauthenticate), name="account_reauthenticate"),
    path("password/change/", _private(account.password_change), name="account_change_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9a-f]+)-(?P<key>.+)/$",
        never_cache(_private(account.password_reset_from_key)),
        name="account_reset_password_from_key",
    ),
    path("2fa/", mfa.index, name="mfa_index"),
    path("2fa/authenticate/", _private(mfa.authenticate), name="mfa_authenticate"),
    path("2fa/reauthenticate/", _private(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", _guarded(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", _guarded(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", _guarded(recovery.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/", _guarded(recovery.generate_recovery_codes), name="mfa_generate_recovery_codes"
    ),
    path(
        "2fa/recovery-codes/download/", _guarded(recovery.download_recovery_codes), name="mfa_download_recovery_codes"
    ),
    path("2fa/webauthn/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", _guarded(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path("2fa/webauthn/login/", PasskeyLoginView.as_view(), name="mfa_login_webauthn"),
    path("2fa/webauthn/reauthenticate/", PasskeyConfirmationView.as_view(), name="mfa_reauthenticate_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/edit/", _guarded(webauthn.edit_webauthn), name="mfa_edit_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/remove/", _guarded(webauthn.remove_webauthn), name="mfa_remove_webauthn"),
]

"""Where allauth asks what is ours to decide: no open sign-up, addresses of people and of links, letters, encryption."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.accounts import audit, crypt, mail, sessions
from apps.accounts.addresses import address_of
from apps.accounts.audit import Actor
from apps.accounts.models import User

# What is put on record, by the letter that allauth would send about it.
_ACTS = {
    "mfa/email/totp_activated": "user.totp_added",
    "mfa/email/totp_deactivated": "user.totp_removed",
    "mfa/email/webauthn_added": "user.passkey_added",
    "mfa/email/webauthn_removed": "user.passkey_removed",
    "mfa/email/recovery_codes_generated": "user.recovery_codes_made",
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("E-mail and password do not match. Check both, or reset the password."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("This is not your password."),
        "incorrect_code": _("This code does not work. Codes change every 30 seconds and work once; enter a new one."),
        "too_many_login_attempts": _("Too many failed attempts. Wait five minutes, then try again."),
        "rate_limited": _("Too many attempts. Wait five minutes, then try again."),
        "invalid_password_reset": _("This link no longer works. Ask for a new one."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are invited."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits count by. Who has none (a server behind a socket) shares one limit with all."""
        return address_of(request.META) or sessions.UNKNOWN

    def get_reset_password_from_key_url(self, key: str) -> str:
        """From BASE_URL: the Host header is the sender's to choose."""
        user, _dash, token = key.partition("-")
        return mail.address_of("account_reset_password_from_key", user, token)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Not waited for, because the answer must take as long as for an unknown address. To the stored address."""
        language = user.language or get_language() or settings.LANGUAGE_CODE
        mail.send_aside("password_reset", user.email, language, {"link": context["password_reset_url"]})

    def set_password(self, user: User, password: str) -> None:
        """Whoever had the old password is out everywhere else."""
        super().set_password(user, password)
        request = context.request
        sessions.end(user, keep=request.session.session_key)
        _record(request, "user.password_changed", user)

    def send_notification_mail(self, template_prefix: str, user: User, *_: Any, **__: Any) -> None:
        """Told of every change of the ways in: second factors go on record. No letter is sent."""
        if act := _ACTS.get(template_prefix):
            _record(context.request, act, user)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("web:account")

    def post_login(self, request: HttpRequest, user: User, **login: Any) -> HttpResponse:
        """In the language somebody chose, on a new device too."""
        response: HttpResponse = super().post_login(request, user, **login)
        if user.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, samesite="Lax")
        return response

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        words = {
            "reauthenticate": _("Use your password"),
            "mfa_reauthenticate": _("Use a code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey"),
        }
        return [{**way, "description": words[way["id"]]} for way in super().get_reauthentication_methods(user)]


class MfaAdapter(DefaultMFAAdapter):
    """Secrets are encrypted; the relying party is the host of BASE_URL, whatever name a request came with."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }

    def get_totp_issuer(self) -> str:
        return f"Helioport ({urlsplit(settings.BASE_URL).hostname})"

    def encrypt(self, text: str) -> str:
        return crypt.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypt.decrypt(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": urlsplit(settings.BASE_URL).hostname or "", "name": "Helioport"}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002  (allauth's name)
        from .devices import name_of

        return name_of(context.request.headers.get("User-Agent", ""))


def _record(request: HttpRequest, act: str, user: User) -> None:
    audit.record(Actor(user.email, address_of(request.META)), act, user, portal=None)

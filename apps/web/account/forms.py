"""allauth's forms in our words. Placeholders go, because labels say it; the reset link stands in the templates."""

from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal import auth as totp_auth
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from apps.accounts import crypt
from apps.accounts.models import User

CURRENT = _("Current password")
NEW = _("New password")
REPEATED = _("New password, once more")
PASSWORD_HELP = _("At least 8 characters; not only digits, no common word, nothing like your name or e-mail.")


class Worded:
    """Sets the words of `words` (label, or label and help) and takes placeholders and foreign help away."""

    fields: dict[str, forms.Field]
    words: dict[str, Any] = {}
    first = ""  # the field that has the focus when the page opens

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in self.words.items():
            field = self.fields[name]
            field.label, field.help_text = label, ""
            field.widget.attrs.pop("placeholder", None)
        if self.first:
            self.fields[self.first].widget.attrs["autofocus"] = True


class LoginForm(Worded, account.LoginForm):
    words = {"login": _("E-mail"), "password": _("Password"), "remember": _("Stay logged in on this device")}
    first = "login"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class ReauthenticateForm(Worded, account.ReauthenticateForm):
    words = {"password": _("Password")}
    first = "password"


class NewPassword(Worded):
    """Says below the label what a password must be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = PASSWORD_HELP


class ChangePasswordForm(NewPassword, account.ChangePasswordForm):
    words = {"oldpassword": CURRENT, "password1": NEW, "password2": REPEATED}


class ResetPasswordKeyForm(NewPassword, account.ResetPasswordKeyForm):
    words = {"password1": NEW, "password2": REPEATED}
    first = "password1"


class ResetPasswordForm(Worded, account.ResetPasswordForm):
    words = {"email": _("E-mail")}
    first = "email"
    users: list[User]

    def clean_email(self) -> str:
        """Who has not accepted their invitation sets the password there."""
        email: str = super().clean_email()
        self.users = [user for user in self.users if user.has_usable_password()]
        return email


class NameForm(forms.Form):
    """What a user may change of themselves."""

    name = forms.CharField(
        label=_("Name"), max_length=200, required=False, widget=forms.TextInput({"autocomplete": "name"})
    )


class InvitationForm(NameForm):
    """The name and the first password of somebody invited."""

    password = forms.CharField(
        label=_("Password"),
        help_text=PASSWORD_HELP,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class CodeForm(Worded):
    """A code of an authenticator app works once, also in the periods in which it is tolerated."""

    words = {"code": _("Code")}
    first = "code"
    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]  # of the form this is mixed into
        periods = 2 * settings.MFA_TOTP_TOLERANCE + 1
        if not cache.add(f"code:{self.user.pk}:{normalize_user_code(code)}", True, 30 * periods):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(CodeForm, mfa.AuthenticateForm):
    pass


class ReauthenticateByCodeForm(CodeForm, mfa.ReauthenticateForm):
    pass


class ActivateTotpForm(CodeForm, totp.ActivateTOTPForm):
    """Keeps the new key encrypted in the session while it is set up."""

    words = {"code": _("Code from the app")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session, key = context.request.session, totp_auth.SECRET_SESSION_KEY
        kept = session.get(key)
        super().__init__(*args, **kwargs)
        if self.is_bound and kept:
            self.secret = crypt.decrypt(kept)
        else:
            session[key] = crypt.encrypt(self.secret)


class AddPasskeyForm(Worded, webauthn.AddWebAuthnForm):
    """Of a passkey that replaces the password: static/js/passkey.js asks the device for no other."""

    words = {"name": _("Name of this passkey")}
    passwordless = forms.BooleanField(widget=forms.HiddenInput, initial=True)


class RenamePasskeyForm(Worded, webauthn.EditWebAuthnForm):
    words = {"name": _("Name of this passkey")}

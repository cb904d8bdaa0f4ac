"""The door of the server administration: staff log in like everybody else, and with a second factor."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache


class ServerAdministration(AdminSite):
    """Where ADMIN_REQUIRES_MFA, staff without a second factor are led to its set-up."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and _has_second_factor(request)

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if super().has_permission(request) and not _has_second_factor(request):
            messages.warning(request, _("The server administration asks for a second factor. Set one up first."))
            return redirect("mfa_index")
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return answer

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("account_change_password")


def _has_second_factor(request: Any) -> bool:
    if not settings.ADMIN_REQUIRES_MFA:
        return True
    if not hasattr(request, "_has_second_factor"):  # the admin asks several times a page
        request._has_second_factor = get_adapter().is_mfa_enabled(request.user)
    found: bool = request._has_second_factor
    return found

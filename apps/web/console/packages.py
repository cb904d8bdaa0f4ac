"""The manager's pages of what the portal offers: limits and approval of each package, and the terms of use."""

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.packages import offers
from apps.packages.catalog import (
    DEFAULT_APPROVAL,
    DEFAULT_LIMITS,
    DEFAULT_MAX_CLIENTS,
    Api,
    Approval,
    Limits,
    Package,
)
from apps.packages.errors import Refused, UnknownPackage
from apps.packages.models import PackageSettings, Subscription, Terms
from apps.packages.subscriptions import find_package
from apps.web.api_access.comparison import compare, name_of
from apps.web.session import PortalRequest, actor, manager_only

# --- Packages -------------------------------------------------------------------------------------------------


class SettingsForm(forms.Form):
    """What a manager decides about a package."""

    per_minute = forms.IntegerField(label=gettext_lazy("Calls per minute"), min_value=1, max_value=offers.MOST)
    per_day = forms.IntegerField(label=gettext_lazy("Calls per day"), min_value=1, max_value=offers.MOST)
    max_clients = forms.IntegerField(label=gettext_lazy("Clients at most"), min_value=1, max_value=1000)
    approval = forms.ChoiceField(
        label=gettext_lazy("Approval of a new User API"),
        widget=forms.RadioSelect,
        choices=[
            (Approval.AUTOMATIC.value, gettext_lazy("automatic: it works at once")),
            (Approval.MANAGER.value, gettext_lazy("by a manager: it awaits your yes")),
        ],
    )


class Offer:
    """A package as the page shows it: settings in a form, defaults of the catalog, how many have it."""

    def __init__(self, settings: PackageSettings, subscribers: int, posted: forms.Form | None = None) -> None:
        self.package = Package(settings.package)
        self.name = name_of(self.package)
        self.settings = settings
        self.subscribers = subscribers
        self.defaults: Limits = DEFAULT_LIMITS[self.package]
        self.default_clients = DEFAULT_MAX_CLIENTS
        self.default_approval = dict(PackageSettings._meta.get_field("approval").flatchoices)[DEFAULT_APPROVAL.value]
        self.form = posted or SettingsForm(initial=self._values(), prefix=self.package.value)

    def _values(self) -> dict[str, object]:
        return {name: getattr(self.settings, name) for name in SettingsForm.base_fields}

    @property
    def is_default(self) -> bool:
        given = (self.settings.per_minute, self.settings.per_day, self.settings.max_clients, self.settings.approval)
        return given == (self.defaults.per_minute, self.defaults.per_day, self.default_clients, DEFAULT_APPROVAL.value)


@require_safe
@manager_only
def packages(request: PortalRequest) -> HttpResponse:
    """Both packages, and what belongs to each."""
    return _packages(request)


@require_POST
@manager_only
def package(request: PortalRequest, name: str) -> HttpResponse:
    """Save the settings of one package."""
    found = _package(name)
    form = SettingsForm(request.POST, prefix=found.value)
    if form.is_valid():
        given = {**form.cleaned_data, "approval": Approval(form.cleaned_data["approval"])}
        offers.edit_settings(request.portal, found, request.membership, actor(request), **given)
        messages.success(request, _("The settings of %(package)s are saved.") % {"package": name_of(found)})
        return redirect("web:packages", request.portal.slug)
    return _packages(request, {found: form})


@require_POST
@manager_only
def package_reset(request: PortalRequest, name: str) -> HttpResponse:
    """Back to the defaults of the catalog."""
    found = _package(name)
    offers.reset_settings(request.portal, found, request.membership, actor(request))
    messages.success(request, _("%(package)s has its defaults again.") % {"package": name_of(found)})
    return redirect("web:packages", request.portal.slug)


def _packages(request: PortalRequest, posted: dict[Package, forms.Form] | None = None) -> HttpResponse:
    rows = Subscription.objects.filter(portal=request.portal).exclude(status=Subscription.Status.OFF)
    counts = dict(rows.values_list("package").annotate(Count("pk")).order_by())
    given = [offers.settings_of(request.portal, package) for package in Package]
    context = {
        "offers": [Offer(one, counts.get(one.package, 0), (posted or {}).get(Package(one.package))) for one in given],
        "comparisons": [(api, compare(request.portal, api)) for api in Api],
        "terms": offers.current_terms(request.portal),
    }
    return render(request, "console/packages.html", context)


def _package(name: str) -> Package:
    try:
        return find_package(name)
    except UnknownPackage:
        raise Http404 from None


# --- Terms ----------------------------------------------------------------------------------------------------


class TermsForm(forms.Form):
    """A new version of the terms of use."""

    version = forms.CharField(
        label=gettext_lazy("Version"),
        help_text=gettext_lazy("Such as 2026-11, to tell it from the others."),
        max_length=40,
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        help_text=gettext_lazy("Plain text; an empty line begins a new paragraph."),
        max_length=100_000,
        widget=forms.Textarea({"rows": 12}),
    )
    text_de = forms.CharField(
        label=gettext_lazy("German text"),
        help_text=gettext_lazy("Shown to those who read German. Empty = the text above."),
        required=False,
        max_length=100_000,
        widget=forms.Textarea({"rows": 12}),
    )


@require_safe
@manager_only
def terms(request: PortalRequest) -> HttpResponse:
    """The text that holds, and every earlier version with how many accepted it."""
    accepted = dict(
        Subscription.objects.filter(portal=request.portal)
        .exclude(status=Subscription.Status.OFF)
        .values_list("terms_version")
        .annotate(Count("pk"))
        .order_by()
    )
    versions = list(Terms.objects.filter(portal=request.portal))
    context = {
        "current": versions[0] if versions else None,
        "versions": [(one, accepted.get(one.version, 0)) for one in versions],
        "without": accepted.get("", 0),
    }
    return render(request, "console/terms.html", context)


@require_safe
@manager_only
def terms_version(request: PortalRequest, pk: int) -> HttpResponse:
    """The text of one version."""
    found = Terms.objects.filter(portal=request.portal, pk=pk).first()
    if found is None:
        raise Http404
    return render(request, "console/terms_version.html", {"terms": found})


@require_http_methods(["GET", "POST"])
@manager_only
def terms_new(request: PortalRequest) -> HttpResponse:
    """Write, look at it as owners will, publish. Only the button of the preview publishes."""
    current = offers.current_terms(request.portal)
    start = {"text": current.text, "text_de": current.text_de} if current else {}
    form = TermsForm(request.POST if request.method == "POST" else None, initial=start)
    if form.is_valid() and "publish" in request.POST and _published(request, form):
        messages.success(request, _("The terms are published. They hold for activations from now on."))
        return redirect("web:terms", request.portal.slug)
    shown = form.is_valid() and "edit" not in request.POST
    return render(request, "console/terms_new.html", {"form": form, "preview": shown and form.cleaned_data})


def _published(request: PortalRequest, form: TermsForm) -> bool:
    try:
        offers.publish_terms(request.portal, request.membership, actor(request), **form.cleaned_data)
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return False
    return True

"""API clients: made, shown, rotated, revoked. A secret is in one answer only, the one to the form that makes it.

That answer is rendered at once, never after a redirect, and no cache may keep it. Sending its form again makes no
other secret: it says that this one was shown once.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.packages import clients
from apps.packages.catalog import Package
from apps.packages.errors import AlreadyRotated, Refused
from apps.packages.models import ApiClient, Subscription
from apps.web.session import PortalRequest, actor, identity_confirmed

from .door import OPEN, Holder, Status, in_state, of_api
from .examples import channel_names, first_calls
from .forms import ClientForm, ConfirmForm, RotateForm, opened_now, plants_offered
from .listing import ClientCard, card_of, listing
from .views import form_page

ANY = (*OPEN, Status.SUSPENDED)


@require_safe
@of_api
@in_state(*ANY)
def client(request: PortalRequest, holder: Holder, subscription: Subscription, client_id: UUID) -> HttpResponse:
    """One client: its state, its secrets by their last letters, its limits, and first calls without the secret."""
    card = card_of(subscription, client_id, timezone.now())
    context = {
        "holder": holder,
        "subscription": subscription,
        "card": card,
        "can_act": subscription.status in OPEN,
        **_first_calls(card.client),
    }
    return render(request, "api_access/client.html", context)


def _first_calls(client: ApiClient, *secret: str) -> dict[str, object]:
    subscription = client.subscription
    return {
        "examples": first_calls(client, *secret),
        "channels": channel_names(subscription.api, Package(subscription.package)),
    }


# --- A secret, once ----------------------------------------------------------------------------------------------


def _show_once(
    request: PortalRequest, holder: Holder, client: ApiClient, secret: str, old: object = None
) -> HttpResponse:
    context = {"holder": holder, "client": client, "secret": secret, "old": old, **_first_calls(client, secret)}
    response = render(request, "api_access/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _shown_before(request: PortalRequest, holder: Holder, client: ApiClient) -> HttpResponse:
    return render(request, "api_access/shown_before.html", {"holder": holder, "client": client}, status=409)


# --- New ---------------------------------------------------------------------------------------------------------


@form_page
@of_api
@in_state(*OPEN)
@identity_confirmed
def new(request: PortalRequest, holder: Holder, subscription: Subscription) -> HttpResponse:
    """A form with a name to begin with; its answer shows the secret."""
    existing = listing(subscription, timezone.now())
    initial = {"name": _free_name({card.client.name for card in existing.alive}), "opened": opened_now()}
    form = ClientForm(subscription, initial, request.POST if request.method == "POST" else None)
    if form.is_valid():
        made = subscription.clients.filter(name=form.cleaned_data["name"], created__gte=form.cleaned_data["opened"])
        if (before := made.first()) is not None:
            return _shown_before(request, holder, before)
        try:
            name, limits = form.cleaned_data["name"], form.limits()
            client, secret = clients.create_client(subscription, name, actor(request), **limits)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _show_once(request, holder, client, secret)
    context = {"holder": holder, "subscription": subscription, "form": form, "listing": existing}
    return render(request, "api_access/client_new.html", context)


def _free_name(taken: set[str]) -> str:
    first = _("My program")
    numbered = (f"{first} {number}" for number in range(2, len(taken) + 3))
    return next(name for name in (first, *numbered) if name not in taken)


@require_safe
@of_api
@in_state(*OPEN)
def plants(request: PortalRequest, holder: Holder, subscription: Subscription) -> HttpResponse:
    """Part of the form for a new client: the plants that match a search, those already ticked first."""
    chosen = request.GET.getlist("plant_ids")
    offered = plants_offered(subscription, request.GET.get("search", ""), chosen)
    return render(request, "api_access/_plants.html", {"offered": offered, "chosen": chosen})


# --- Rotated and revoked -----------------------------------------------------------------------------------------


@form_page
@of_api
@in_state(*OPEN)
@identity_confirmed
def rotate(request: PortalRequest, holder: Holder, subscription: Subscription, client_id: UUID) -> HttpResponse:
    """Another secret; the one in use goes on for a while, as chosen."""
    card = _living(card_of(subscription, client_id, timezone.now()))
    form = RotateForm(card.newest, card.full, request.POST if request.method == "POST" else None)
    if form.is_valid():
        overlap, replaces = form.cleaned_data["overlap"], form.cleaned_data["replaces"]
        try:
            secret = clients.rotate(card.client, actor(request), overlap, replaces=replaces)
        except AlreadyRotated:
            return _shown_before(request, holder, card.client)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            old = card_of(subscription, client_id, timezone.now()).secrets[1:]
            return _show_once(request, holder, card.client, secret, old)
    context = {"holder": holder, "subscription": subscription, "card": card, "form": form}
    return render(request, "api_access/rotate.html", context)


def _living(card: ClientCard) -> ClientCard:
    if not card.client.enabled:
        raise Http404
    return card


@form_page
@of_api
@in_state(*ANY)
@identity_confirmed
def revoke_secret(
    request: PortalRequest, holder: Holder, subscription: Subscription, client_id: UUID, secret_id: int
) -> HttpResponse:
    """One secret ends; its last letters are typed, so that it is not the wrong one."""
    card = card_of(subscription, client_id, timezone.now())
    secret = next((one for one in card.secrets if one.pk == secret_id), None)
    if secret is None:
        raise Http404
    return _ending(
        request,
        holder,
        card,
        "api_access/revoke_secret.html",
        word=secret.hint,
        act=lambda: clients.revoke_secret(secret, actor(request)),
        done=_("The secret …%(hint)s opens nothing any more.") % {"hint": secret.hint},
        more={"secret": secret},
    )


@form_page
@of_api
@in_state(*ANY)
@identity_confirmed
def revoke(request: PortalRequest, holder: Holder, subscription: Subscription, client_id: UUID) -> HttpResponse:
    """The client ends for good."""
    card = _living(card_of(subscription, client_id, timezone.now()))
    return _ending(
        request,
        holder,
        card,
        "api_access/revoke_client.html",
        word=card.client.name,
        act=lambda: clients.end_client(card.client, actor(request)),
        done=_("The client “%(name)s” has ended.") % {"name": card.client.name},
    )


@form_page
@of_api
@in_state(*ANY)
@identity_confirmed
def leaked(request: PortalRequest, holder: Holder, subscription: Subscription, client_id: UUID) -> HttpResponse:
    """Somebody else has the credentials: secrets and tokens end now, the client stays."""
    card = _living(card_of(subscription, client_id, timezone.now()))
    return _ending(
        request,
        holder,
        card,
        "api_access/leaked.html",
        word=card.client.name,
        act=lambda: clients.revoke_as_leaked(card.client, actor(request)),
        done=_("All secrets and tokens of “%(name)s” are dead.") % {"name": card.client.name},
    )


def _ending(
    request: PortalRequest,
    holder: Holder,
    card: ClientCard,
    template: str,
    *,
    word: str,
    act: Callable[[], object],
    done: str,
    more: Mapping[str, object] | None = None,
) -> HttpResponse:
    """A page that says what will end, the word to type, and back to the client when it has ended."""
    form = ConfirmForm(word, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            act()
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, done)
            return redirect(holder.url("api_client", card.client.client_id))
    return render(request, template, {"holder": holder, "card": card, "form": form, **(more or {})})

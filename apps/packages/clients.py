"""API clients and their secrets: made, checked, rotated, revoked. Pages, commands and the token endpoint come here.

A secret is a random key (apps/accounts/keys.py) that begins with `hp_`. It is shown once; stored is only its
HMAC-SHA-256 under a pepper from the settings, so that a stolen database opens nothing.
"""

import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.models import AccessToken

from apps.accounts import audit, keys
from apps.accounts.access import Access, Via
from apps.accounts.audit import Actor
from apps.accounts.validity import after_every
from apps.plants.models import Plant

from .catalog import Package
from .errors import AlreadyRotated, DeadSecret, InvalidClient, NotActive, TooManyClients, TooManySecrets
from .models import ApiClient, ClientSecret, Subscription
from .networks import parse_networks
from .offers import settings_of

PREFIX = "hp_"
MAX_LIVE_SECRETS = 2
OVERLAPS = {
    "now": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}


# --- Checking -------------------------------------------------------------------------------------


def verify(client_id: str, secret: str) -> ApiClient | None:
    """The usable client these credentials belong to, with its subscription; None for every kind of refusal.

    One SQL statement that names id and digest together: an unknown id, a wrong secret and a switched-off client
    all end in the same empty answer after the same work.
    """
    now = timezone.now()
    digests = keys.digests(secret)
    row = (
        ClientSecret.objects.live(now)
        .filter(client__in=ApiClient.objects.usable(now), digest__in=digests)
        .filter(client__client_id=client_id.replace("\0", ""))  # PostgreSQL raises on NUL
        .select_related("client__subscription__membership")
        .first()
    )
    stored = row.digest if row else "0" * 64
    matches = [hmac.compare_digest(digest, stored) for digest in digests]
    return row.client if row and any(matches) else None


# --- Making ---------------------------------------------------------------------------------------


@transaction.atomic
def create_client(
    subscription: Subscription,
    name: str,
    actor: Actor,
    *,
    plant_ids: Collection[UUID] | None = None,
    networks: Collection[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiClient, str]:
    """A new client and its first secret, to be shown once. Limits: some plants, some networks, until a day."""
    subscription = _open(subscription.pk)
    _check_room(subscription)
    client = ApiClient(
        subscription=subscription,
        name=_name(name),
        plant_ids=None if plant_ids is None else _own_plants(subscription, plant_ids),
        networks=parse_networks(networks),
        expires_at=_in_future(expires_at),
    )
    try:
        with transaction.atomic():
            client.save()
    except IntegrityError:
        raise InvalidClient(_("There is a client named “%s” already.") % client.name) from None
    limits = {"plants": client.plant_ids, "networks": client.networks, "expires": _text(client.expires_at)}
    _record(actor, "client.created", client, after={"name": client.name, **limits})
    return client, _new_secret(client, actor)


def _check_room(subscription: Subscription) -> None:
    most = settings_of(subscription.portal, Package(subscription.package)).max_clients
    if subscription.clients.programs().alive(timezone.now()).count() >= most:
        raise TooManyClients(_("The package allows %(most)d clients. Revoke one of them first.") % {"most": most})


@transaction.atomic
def issue_secret(client: ApiClient, actor: Actor) -> str:
    """One more live secret beside the present one, to be shown once."""
    client = _locked(client)
    if _live(client).count() >= MAX_LIVE_SECRETS:
        raise TooManySecrets(_("This client has two live secrets. Revoke one of them first."))
    return _new_secret(client, actor)


@transaction.atomic
def rotate(client: ApiClient, actor: Actor, overlap: str = "24h", *, replaces: int | None = None) -> str:
    """A new secret, to be shown once; the present one ends after `overlap`, a key of OVERLAPS. Tokens go on.

    `replaces` names the secret that was the newest when somebody decided this (0 = there was none): AlreadyRotated
    where it no longer is, so that a form sent twice makes one secret.
    """
    if overlap not in OVERLAPS:
        choices = ", ".join(OVERLAPS)
        raise InvalidClient(_("“%(name)s” is none of %(choices)s.") % {"name": overlap, "choices": choices}, "overlap")
    client, now = _locked(client), timezone.now()
    if replaces is not None and replaces != newest_secret(client):
        raise AlreadyRotated(_("This client has got another secret since this form was opened."))
    if overlap == "now":
        _live(client).update(revoked_at=now)
    secret = issue_secret(client, actor)
    ends = now + OVERLAPS[overlap]
    _live(client).exclude(digest__in=keys.digests(secret)).exclude(expires_at__lt=ends).update(expires_at=ends)
    _record(actor, "secret.rotated", client, after={"overlap": overlap, "old_secret_ends": ends.isoformat()})
    return secret


def newest_secret(client: ApiClient) -> int:
    """The key of the latest secret, living or dead; 0 where there was none."""
    return client.secrets.order_by("-id").values_list("id", flat=True).first() or 0


def _new_secret(client: ApiClient, actor: Actor) -> str:
    secret, pepper = keys.random_key(PREFIX), settings.SECRET_PEPPERS[0]
    row = ClientSecret.objects.create(
        client=client, digest=keys.digest(secret, pepper), pepper_id=keys.pepper_id(pepper), hint=secret[-4:]
    )
    _record(actor, "secret.issued", client, after={"secret": row.hint})
    return secret


# --- Ending ---------------------------------------------------------------------------------------


@transaction.atomic
def revoke_secret(secret: ClientSecret, actor: Actor, reason: str = "") -> None:
    """The secret opens nothing from now on; tokens made with it go on until they expire."""
    client = _locked(secret.client, must_be_open=False)
    if not _live(client).filter(pk=secret.pk).update(revoked_at=timezone.now()):
        raise DeadSecret(_("This secret was revoked or has expired before."))
    _record(actor, "secret.revoked", client, before={"secret": secret.hint}, reason=reason)


@transaction.atomic
def revoke_as_leaked(client: ApiClient, actor: Actor, reason: str = "") -> None:
    """Somebody else has the credentials: every secret and every token of the client dies now."""
    client = _locked(client, must_be_open=False)
    ended = _live(client).update(revoked_at=timezone.now())
    client.valid_after = after_every(AccessToken.objects.filter(application=client))
    client.save(update_fields=["valid_after", "updated"])
    _record(actor, "client.leaked", client, after={"secrets_revoked": ended}, reason=reason)


@transaction.atomic
def end_client(client: ApiClient, actor: Actor, reason: str = "") -> int:
    """The client, its secrets and its tokens end now and for good. Returns how many live secrets died."""
    client = _locked(client, must_be_open=False)
    if not client.enabled:
        raise NotActive(_("This client is disabled."), "client")
    ended = _live(client).update(revoked_at=timezone.now())
    client.enabled = False
    client.valid_after = after_every(AccessToken.objects.filter(application=client))
    client.save(update_fields=["enabled", "valid_after", "updated"])
    _record(actor, "client.revoked", client, after={"secrets_revoked": ended}, reason=reason)
    return ended


def end_all(subscription: Subscription) -> int:
    """End every client of a subscription for good; how many live secrets died. The caller holds its lock."""
    now = timezone.now()
    ended = ClientSecret.objects.live(now).filter(client__subscription=subscription).update(revoked_at=now)
    subscription.clients.update(enabled=False)
    return ended


# --- Shared ---------------------------------------------------------------------------------------


def access_of(subscription: Subscription) -> Access:
    """What a client without limits may see: for choosing among plants, before there is a token."""
    member = subscription.membership
    return Access(
        portal=subscription.portal_id,
        portal_slug=subscription.portal.slug,
        via=Via(subscription.api),
        user=member.user_id if member else None,
    )


def _open(pk: UUID) -> Subscription:
    """The locked subscription, if it is active or will be once it is approved."""
    subscription = Subscription.objects.locked(pk)
    if subscription.status not in (Subscription.Status.ACTIVE, Subscription.Status.AWAITING):
        raise NotActive(_("API access is not active."))
    return subscription


def _locked(client: ApiClient, *, must_be_open: bool = True) -> ApiClient:
    """The client as it is now, its subscription's lock held."""
    lock = _open if must_be_open else Subscription.objects.locked
    subscription = lock(client.subscription_id)
    fresh = ApiClient.objects.get(pk=client.pk)
    if must_be_open and not fresh.enabled:
        raise NotActive(_("This client is disabled."))
    if must_be_open and fresh.documentation:
        raise InvalidClient(_("The client of the documentation page has no secret."), "client")
    fresh.subscription = subscription
    return fresh


def _live(client: ApiClient) -> "QuerySet[ClientSecret]":
    return ClientSecret.objects.live(timezone.now()).filter(client=client)


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 255:
        raise InvalidClient(_("A client needs a name of 1 to 255 characters."))
    return name


def _in_future(moment: datetime | None) -> datetime | None:
    if moment is not None and moment <= timezone.now():
        raise InvalidClient(_("The expiry lies in the past."), "expires_at")
    return moment


def _own_plants(subscription: Subscription, plant_ids: Collection[UUID]) -> list[str]:
    """The ids as text; InvalidClient unless the subscription's owner sees every one of them."""
    access = access_of(subscription)
    wanted = set(plant_ids)
    unknown = wanted - set(Plant.objects.visible_to(access).filter(pk__in=wanted).values_list("pk", flat=True))
    if unknown or not wanted:
        raise InvalidClient(_("Choose at least one plant, and only plants you see."), "plant_ids")
    return sorted(map(str, wanted))


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _record(
    actor: Actor,
    action: str,
    client: ApiClient,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    reason: str = "",
) -> None:
    subject, portal = f"{client.subscription} · {client}", client.subscription.portal
    after = {"client_id": client.client_id, **(after or {})}
    audit.record(actor, action, subject, portal=portal, before=before, after=after, reason=reason)

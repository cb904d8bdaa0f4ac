"""API clients as their owner sees them: state, secrets, limits, last use. Everything is read for all at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import Http404

from apps.packages.catalog import Package
from apps.packages.clients import MAX_LIVE_SECRETS, access_of
from apps.packages.models import ApiClient, ClientSecret, Subscription
from apps.packages.offers import settings_of
from apps.plants.models import Plant

NAMED = 3  # plants told by name in the list; more are counted


@dataclass(frozen=True, slots=True)
class ClientCard:
    """A client and what the page says about it. `plants` are labels; None = all its owner sees."""

    client: ApiClient
    plants: tuple[str, ...] | None
    gone: int  # plants it is limited to and its owner no longer sees
    secrets: tuple[ClientSecret, ...]  # those that open the door, newest first
    newest: int  # key of the latest secret, living or dead
    now: datetime

    @property
    def alive(self) -> bool:
        return self.client.enabled and not self.expired

    @property
    def expired(self) -> bool:
        return self.client.expires_at is not None and self.client.expires_at <= self.now

    @property
    def works(self) -> bool:
        """Whether a program gets a token with it, as far as the client itself goes."""
        return self.alive and bool(self.secrets)

    @property
    def named(self) -> Sequence[str]:
        return (self.plants or ())[:NAMED]

    @property
    def more(self) -> int:
        return max(0, len(self.plants or ()) - NAMED)

    @property
    def full(self) -> bool:
        """Whether it has as many living secrets as a client can."""
        return len(self.secrets) >= MAX_LIVE_SECRETS


@dataclass(frozen=True, slots=True)
class Listing:
    """All clients of a subscription; how many may be alive at once."""

    alive: tuple[ClientCard, ...]
    ended: tuple[ClientCard, ...]
    most: int

    @property
    def full(self) -> bool:
        return len(self.alive) >= self.most


def listing(subscription: Subscription, now: datetime) -> Listing:
    """Every client, living ones first. Four statements, however many there are."""
    cards = _cards(subscription, subscription.clients.all().programs().prefetch_related("secrets"), now)
    most = settings_of(subscription.portal, Package(subscription.package)).max_clients
    return Listing(tuple(one for one in cards if one.alive), tuple(one for one in cards if not one.alive), most)


def card_of(subscription: Subscription | None, client_id: UUID, now: datetime) -> ClientCard:
    """One client; 404 where it is not of this subscription, as if there were none."""
    if subscription is None:
        raise Http404
    found = subscription.clients.all().programs().filter(client_id=str(client_id)).prefetch_related("secrets").first()
    if found is None:
        raise Http404
    return _cards(subscription, [found], now)[0]


def _cards(subscription: Subscription, clients: Iterable[ApiClient], now: datetime) -> list[ClientCard]:
    clients = list(clients)
    labels = _labels(subscription, clients)
    for client in clients:
        client.subscription = subscription
    return [_card(client, labels, now) for client in clients]


def _card(client: ApiClient, labels: dict[str, str], now: datetime) -> ClientCard:
    secrets = sorted(client.secrets.all(), key=lambda secret: -secret.pk)
    living = tuple(
        one for one in secrets if one.revoked_at is None and (one.expires_at is None or one.expires_at > now)
    )
    ids = client.plant_ids
    known = None if ids is None else tuple(sorted(labels[pk] for pk in ids if pk in labels))
    gone = 0 if ids is None else len(ids) - len(known or ())
    return ClientCard(client, known, gone, living, secrets[0].pk if secrets else 0, now)


def _labels(subscription: Subscription, clients: Iterable[ApiClient]) -> dict[str, str]:
    """Labels of the plants that clients are limited to, as far as their owner still sees these."""
    wanted = {pk for client in clients for pk in client.plant_ids or ()}
    if not wanted:
        return {}
    rows = Plant.objects.visible_to(access_of(subscription)).filter(pk__in=wanted)
    return {str(pk): label for pk, label in rows.values_list("pk", "label")}

"""Who is told by mail that a client stops working soon. They end by the clock; nothing ends them here."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts import mail
from apps.accounts.access import Role
from apps.accounts.models import Membership, User

from .models import ApiClient, ClientSecret, Subscription

NOTICE = timedelta(days=7)
MOST = 500  # clients of one round; the next round takes the next ones


def warn(now: datetime) -> int:
    """Write once for each end that lies less than NOTICE ahead; how many clients it was about.

    Noted after the mail went: where a round is cut short, somebody may read of the same end twice, but nobody never.
    Raises mail.MailNotSent after all were tried; those that did not go are tried by the next round.
    """
    failure, warned = None, 0
    for client in _ending(now)[:MOST]:
        end = end_of(client, now)
        try:
            for reader in _readers(client.subscription):
                mail.send("client_ends", reader.email, reader.language, _words(client, end, now))
        except mail.MailNotSent as error:
            failure = error
            continue
        ApiClient.objects.filter(pk=client.pk).update(warned_of=end)
        warned += 1
    if failure is not None:
        raise failure
    return warned


def end_of(client: ApiClient, now: datetime) -> datetime:
    """When the client, or the last of its living secrets, ends; `now` where it has neither left."""
    ends = [secret.expires_at for secret in client.secrets.all() if _lives(secret, now)]
    known = [end for end in ends if end is not None]
    last_secret = max(known, default=now) if len(known) == len(ends) else None
    return min(end for end in (client.expires_at, last_secret) if end is not None)


def _lives(secret: ClientSecret, now: datetime) -> bool:
    return secret.revoked_at is None and (secret.expires_at is None or secret.expires_at > now)


def _ending(now: datetime) -> "QuerySet[ApiClient]":
    """Clients that work and end soon, save those whose owners know; the first to end first."""
    soon = now + NOTICE
    secrets = ClientSecret.objects.live(now).filter(client=OuterRef("pk"))
    lasting = secrets.filter(Q(expires_at=None) | Q(expires_at__gt=soon))
    clients = ApiClient.objects.usable(now).programs().filter(Exists(secrets))
    clients = clients.filter(Q(expires_at__lte=soon) | ~Exists(lasting))
    clients = clients.exclude(warned_of__gt=now, warned_of__lte=soon)
    related = clients.select_related("subscription__portal", "subscription__membership__user")
    return related.prefetch_related("secrets").order_by("expires_at", "id")


def _readers(subscription: Subscription) -> list[User]:
    """The member whose API it is, or the managers of the portal."""
    if subscription.membership is not None:
        return [subscription.membership.user]
    managers = Membership.objects.filter(portal=subscription.portal, role=Role.MANAGER, user__is_active=True)
    return [one.user for one in managers.select_related("user").order_by("user__email")]


def _words(client: ApiClient, end: datetime, now: datetime) -> dict[str, object]:
    subscription = client.subscription
    return {
        "portal": subscription.portal.name,
        "client": client.name,
        "expires": client.expires_at == end,
        "end": end,
        "link": mail.address_of("web:api_client", subscription.portal.slug, subscription.api, client.client_id),
    }

"""Access tokens: made for the token endpoint, and short ones for the documentation page. Kept as SHA-256 only.

What a token may do is judged on every call: see apps/api/auth.py.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.models import AccessToken, set_token_value

from apps.accounts import audit
from apps.accounts.audit import Actor
from apps.accounts.keys import random_key
from apps.accounts.models import Membership, User

from .errors import NotActive
from .models import ApiClient, Subscription
from .offers import check_manager

SCOPE = "read"
PREFIX = "hpt_"
DOCUMENTATION_LIFE = timedelta(minutes=5)
DOCUMENTATION_CLIENT = "Documentation page"


@transaction.atomic
def issue(client: ApiClient, life: timedelta) -> str:
    """A new access token for a client as `clients.verify` or the database just gave it.

    NotActive if the client became unusable, or anything of it was revoked, since it was loaded. The lock puts this
    before or after a revocation, never beside it; `created` is never before a `valid_after`.
    """
    subscription = Subscription.objects.locked(client.subscription_id)
    owner = subscription.membership.user if subscription.membership else None
    key, _ends = _issue(client, owner, owner, life)
    return key


@transaction.atomic
def issue_for_documentation(subscription: Subscription, by: Membership, actor: Actor) -> tuple[str, datetime]:
    """A short token with which `by` tries calls in the browser, and when it ends.

    `by` is the member whose User API it is, or a manager of the portal; a token for the Portal API dies with that
    role. Its client has no secret, so nobody can get a token for it elsewhere. NotActive and NotManager say why not.
    """
    subscription = Subscription.objects.locked(subscription.pk)
    by = Membership.objects.select_related("user").select_for_update(of=("self", "user")).get(pk=by.pk)
    if subscription.membership is None:
        check_manager(subscription.portal, by)
    elif subscription.membership_id != by.pk:
        raise NotActive(_("API access is not active."))
    client = _documentation_client(subscription)
    owner = subscription.membership.user if subscription.membership else None
    key, ends = _issue(client, owner, by.user, DOCUMENTATION_LIFE)
    after = {"client_id": client.client_id, "expires": ends.isoformat(timespec="seconds")}
    subject = f"{subscription} · {client}"
    audit.record(actor, "token.issued", subject, portal=subscription.portal, after=after)
    return key, ends


def _documentation_client(subscription: Subscription) -> ApiClient:
    """The client of the documentation page, made where there is none; the caller holds the subscription's lock."""
    client = subscription.clients.filter(documentation=True, enabled=True).first()
    if client is None:
        client = subscription.clients.create(documentation=True, name=DOCUMENTATION_CLIENT)
    client.subscription = subscription
    AccessToken.objects.filter(application=client, expires__lt=timezone.now()).delete()
    return client


def _issue(client: ApiClient, owner: User | None, by: User | None, life: timedelta) -> tuple[str, datetime]:
    """A token that `by` asked for, and its end. The caller holds the subscription's lock; `owner` is as of then."""
    known = {"valid_after": client.valid_after, "subscription__valid_after": client.subscription.valid_after}
    if owner:
        known["subscription__membership__user__valid_after"] = owner.valid_after
    now = timezone.now()
    if not ApiClient.objects.usable(now).filter(pk=client.pk, **known).exists():
        raise NotActive(_("API access is not active."))
    token = AccessToken(user=by, application=client, scope=SCOPE, expires=now + life)
    key = random_key(PREFIX)
    set_token_value(token, key)
    token.save()
    _date_after(token, max(known.values()))
    return key, token.expires


def _date_after(token: AccessToken, moment: datetime) -> None:
    """A revocation in this very microsecond, or by a server whose clock is ahead, must not swallow a later token."""
    if token.created < moment:
        AccessToken.objects.filter(pk=token.pk).update(created=moment)

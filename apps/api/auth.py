"""From a bearer token to an Access: one SQL statement decides, nothing is cached, so a revocation acts at once."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from apps.accounts import addresses, statements
from apps.accounts.access import Access, Credentials, Role, Via
from apps.packages import networks

# What only adds a value is a sub-select: PostgreSQL plans five joined tables in a third of the time it takes for seven.
# Each line after WHERE is one row of the revocation table in docs/threat-model.md, and one test fails without it.
_STATEMENT = """
    SELECT subscription.portal_id, (SELECT slug FROM accounts_portal WHERE id = subscription.portal_id),
           member.user_id, member.role, subscription.package, subscription.id, client.id, client.plant_ids,
           client.networks, client.name, client.expires_at, token.expires,
           COALESCE(CASE WHEN subscription.override_until IS NULL OR subscription.override_until > %s
                    THEN subscription.override_per_minute END,
                    (SELECT per_minute FROM packages_packagesettings settings
                     WHERE settings.portal_id = subscription.portal_id AND settings.package = subscription.package)),
           COALESCE(CASE WHEN subscription.override_until IS NULL OR subscription.override_until > %s
                    THEN subscription.override_per_day END,
                    (SELECT per_day FROM packages_packagesettings settings
                     WHERE settings.portal_id = subscription.portal_id AND settings.package = subscription.package))
    FROM oauth2_provider_accesstoken token
    JOIN packages_apiclient client ON client.id = token.application_id
    JOIN packages_subscription subscription ON subscription.id = client.subscription_id
    LEFT JOIN accounts_membership member ON member.id = subscription.membership_id
    LEFT JOIN accounts_user person ON person.id = member.user_id
    WHERE token.token_checksum = %s
      AND token.expires > %s
      AND token.created >= client.valid_after
      AND token.created >= subscription.valid_after
      AND client.enabled
      AND (client.expires_at IS NULL OR client.expires_at > %s)
      AND subscription.status = 'active'
      AND (subscription.membership_id IS NULL OR person.is_active)
      AND (subscription.membership_id IS NULL OR token.created >= person.valid_after)
      AND (subscription.membership_id IS NOT NULL OR token.user_id IS NULL OR EXISTS (
           SELECT 1 FROM accounts_membership manager JOIN accounts_user who ON who.id = manager.user_id
           WHERE manager.user_id = token.user_id AND manager.portal_id = subscription.portal_id
             AND manager.role = 'manager' AND who.is_active AND token.created >= who.valid_after))
"""


def authenticate(request: HttpRequest) -> Access:
    """Who calls, by the bearer token in the Authorization header; one in the address or the body is never looked at."""
    if "access_token" in request.GET:
        raise _Refused("Send the token in the Authorization header; one that was in an address has leaked.")
    access = access_of(_bearer(request), addresses.address_of(request.META))
    if access is None:
        raise _Refused("The access token is unknown, expired or revoked.")
    return access


def access_of(token: str, address: str | None, now: datetime | None = None) -> Access | None:
    """Who a living token speaks for, called from `address`; None for a dead one, whatever it died of."""
    moment = now or timezone.now()
    rows = statements.fetch(_STATEMENT, [moment, moment, sha256(token.encode()).hexdigest(), moment, moment])
    if not rows or not networks.allows(json.loads(rows[0][8]), address):
        return None
    return _access(rows[0])


def _access(row: tuple[Any, ...]) -> Access:
    portal, slug, user, role, package, subscription, client, plant_ids, *credentials, per_minute, per_day = row
    plants = json.loads(plant_ids) if plant_ids is not None else None
    return Access(
        portal=statements.uuid(portal),
        portal_slug=slug,
        via=Via.PORTAL_API if user is None else Via.USER_API,
        user=None if user is None else statements.uuid(user),
        role=None if role is None else Role(role),
        package=package,
        subscription=statements.uuid(subscription),
        client=client,
        plant_subset=None if plants is None else frozenset(map(UUID, plants)),
        per_minute=per_minute,
        per_day=per_day,
        credentials=_credentials(*credentials),
    )


def _credentials(allowed: str, name: str, client_expires: Any, token_expires: Any) -> Credentials:
    until = None if client_expires is None else statements.moment(client_expires)
    return Credentials(name, tuple(json.loads(allowed)), until, statements.moment(token_expires))


def _bearer(request: HttpRequest) -> str:
    scheme, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = str(token.strip())
    if scheme.lower() != "bearer" or not token or " " in token:
        raise _Refused("Send an access token: Authorization: Bearer <token>.")
    return token


class _Refused(AuthenticationFailed):
    auth_header = 'Bearer realm="Helioport", error="invalid_token"'

"""Logger keys: made, checked, rotated, revoked. Pages, admin and commands call these, so every act is recorded."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts import audit, statements
from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused, save_checked
from apps.accounts.keys import digests, random_key
from apps.accounts.models import Portal
from apps.plants.models import Plant

from .models import LoggerKey

PREFIX = "hpl_"
OVERLAP = timedelta(hours=24)  # how long the former secret works after a rotation
OVERLAPS = {"now": timedelta(), "1h": timedelta(hours=1), "24h": OVERLAP, "7d": timedelta(days=7)}  # to choose from
MOST_KEYS = 10  # living ones of a plant
_USED_EVERY = timedelta(minutes=5)  # how exactly the last use is kept
_LOGIN_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another


class AlreadyRotated(ChangeRefused):
    """The key has got another secret since somebody decided to rotate it."""


@transaction.atomic
def create_key(plant: Plant, name: str, actor: Actor) -> tuple[LoggerKey, str]:
    """A key and its secret, to be shown once."""
    Plant.objects.select_for_update(no_key=True).only("pk").get(pk=plant.pk)
    name, living = name.strip(), LoggerKey.objects.filter(plant=plant, revoked_at=None)
    if living.count() >= MOST_KEYS:
        text = _("A plant has at most %(most)d logger keys. Revoke one of them first.")
        raise ChangeRefused("name", text % {"most": MOST_KEYS})
    if living.filter(name=name).exists():
        raise ChangeRefused("name", _("This plant has a key of that name already."))
    secret = random_key(PREFIX)
    login = "hl-" + "".join(secrets.choice(_LOGIN_LETTERS) for _place in range(10))
    key = LoggerKey(plant=plant, name=name, login=login, digest=digests(secret)[0], hint=secret[-4:])
    save_checked(key)
    _record(actor, "logger_key.created", key)
    return key, secret


@transaction.atomic
def rotate_key(key: LoggerKey, actor: Actor, overlap: timedelta = OVERLAP, *, replaces: str | None = None) -> str:
    """A new secret, to be shown once; the present one works until `overlap` has passed.

    `replaces` is the end of the secret that was in use when somebody decided this: AlreadyRotated where it no longer
    is, so that a form sent twice makes one secret.
    """
    key = _living(key)
    if replaces not in (None, key.hint):
        raise AlreadyRotated("key", _("This key has got another secret since this form was opened."))
    secret = random_key(PREFIX)
    key.former_digest, key.former_until = key.digest, timezone.now() + overlap
    key.digest, key.hint = digests(secret)[0], secret[-4:]
    key.save()
    _record(actor, "logger_key.rotated", key, former_until=key.former_until.isoformat())
    return secret


@transaction.atomic
def revoke_key(key: LoggerKey, actor: Actor, reason: str = "") -> None:
    """Nothing is accepted with this key from now on. What it delivered stays."""
    key = _living(key)
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    _record(actor, "logger_key.revoked", key, reason=reason)


# On the way of every delivery, so it is written out; each line after WHERE is one way for a key to be dead.
_VERIFY = """
    SELECT key.id, key.login, key.last_used_at IS NULL OR key.last_used_at < %s,
           plant.id, plant.portal_id, plant.timezone, plant.datasource_id, portal.slug
    FROM ingest_loggerkey key
    JOIN plants_plant plant ON plant.id = key.plant_id
    JOIN accounts_portal portal ON portal.id = plant.portal_id
    WHERE (key.digest = %s OR key.former_digest = %s AND key.former_until > %s)
      AND key.revoked_at IS NULL
      AND plant.status = 'activated'
"""


def verify(secret: str, login: str | None = None) -> LoggerKey | None:
    """The living key of a secret, with its plant and portal; None for every kind of refusal.

    One statement, and one more every few minutes. What a delivery needs to know is loaded, the rest when it is asked
    for.
    """
    now = timezone.now()
    for digest in digests(secret):
        for row in statements.fetch(_VERIFY, [now - _USED_EVERY, digest, digest, now]):
            key, unnoted = _loaded(row)
            if login in (None, key.login):
                if unnoted:
                    LoggerKey.objects.filter(pk=key.pk).update(last_used_at=now)
                return key
    return None


def _loaded(row: Sequence[Any]) -> tuple[LoggerKey, bool]:
    id_, login, unnoted, plant, portal, zone, source, slug = row
    id_, plant, portal, source = map(statements.uuid, (id_, plant, portal, source))
    key = LoggerKey.from_db("default", ["id", "plant_id", "login"], [id_, plant, login])
    key.plant = Plant.from_db(
        "default", ["id", "portal_id", "timezone", "datasource_id"], [plant, portal, zone, source]
    )
    key.plant.portal = Portal.from_db("default", ["id", "slug"], [portal, slug])
    return key, bool(unnoted)


def _living(key: LoggerKey) -> LoggerKey:
    fresh = LoggerKey.objects.select_for_update(of=("self",)).select_related("plant__portal").get(pk=key.pk)
    if fresh.revoked_at is not None:
        raise ChangeRefused("key", _("The key %(key)s was revoked before.") % {"key": fresh})
    return fresh


def _record(actor: Actor, action: str, key: LoggerKey, reason: str = "", **more: object) -> None:
    subject, after = f"{key.plant.label} · {key.name}", {"login": key.login, "secret": key.hint, **more}
    audit.record(actor, action, subject, portal=key.plant.portal, after=after, reason=reason)

"""Logger keys: made, checked, rotated, revoked. Pages, admin and commands call these, so every act is recorded."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts import audit
from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused, save_checked
from apps.accounts.keys import digests, random_key
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


def verify(secret: str, login: str | None = None) -> LoggerKey | None:
    """The living key of a secret, with its plant and portal; None for every kind of refusal. One statement."""
    found, now = digests(secret), timezone.now()
    rows = LoggerKey.objects.filter(
        Q(digest__in=found) | Q(former_digest__in=found, former_until__gt=now),
        revoked_at=None,
        plant__status=Plant.Status.ACTIVATED,
    )
    if login is not None:
        rows = rows.filter(login=login.replace("\0", ""))
    key = rows.select_related("plant__portal").first()
    if key is not None:
        _note_use(key, now)
    return key


def _note_use(key: LoggerKey, now: datetime) -> None:
    if key.last_used_at is None or now - key.last_used_at > _USED_EVERY:
        key.last_used_at = now
        key.save(update_fields=["last_used_at"])


def _living(key: LoggerKey) -> LoggerKey:
    fresh = LoggerKey.objects.select_for_update(of=("self",)).select_related("plant__portal").get(pk=key.pk)
    if fresh.revoked_at is not None:
        raise ChangeRefused("key", _("The key %(key)s was revoked before.") % {"key": fresh})
    return fresh


def _record(actor: Actor, action: str, key: LoggerKey, reason: str = "", **more: object) -> None:
    subject, after = f"{key.plant.label} · {key.name}", {"login": key.login, "secret": key.hint, **more}
    audit.record(actor, action, subject, portal=key.plant.portal, after=after, reason=reason)

"""Who wants to be told what, and when: what people choose, and how they end it. Sending is in notices.py.

A choice for a single plant goes before the one for all plants of the portal. Without any choice there is no mail.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core import signing
from django.db import transaction
from django.utils import timezone

from apps.accounts import audit
from apps.accounts.audit import Actor
from apps.accounts.changes import save_checked
from apps.accounts.models import Membership, User
from apps.plants.models import Plant

from .models import NoticeChoice, NoticePlan

Level = NoticeChoice.Level
HOUR = dt.timedelta(hours=1)  # between two mails
_SALT = "apps.events.choices.stop"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a member wants to be told: `all_plants`, and of single ones something else. None: nothing was chosen."""

    all_plants: NoticeChoice | None
    single: Mapping[UUID, NoticeChoice]

    def since(self, plant_id: UUID) -> dt.datetime:
        """From when on events of a plant are told."""
        choice = self.single.get(plant_id, self.all_plants)
        return choice.since if choice else dt.datetime.max.replace(tzinfo=dt.UTC)

    def __iter__(self) -> Iterator[NoticeChoice]:
        yield from self.single.values()
        if self.all_plants:
            yield self.all_plants


def wishes_of(membership: Membership) -> Wishes:
    """One statement."""
    rows = list(NoticeChoice.objects.filter(membership=membership))
    single = {row.plant_id: row for row in rows if row.plant_id is not None}
    return Wishes(next((row for row in rows if row.plant_id is None), None), single)


@transaction.atomic
def choose(membership: Membership, plant: Plant | None, level: Level | None, actor: Actor) -> bool:
    """What to be told of a plant (None: of all plants); level None takes the choice back. Whether that is news.

    The caller got the plant through `visible_to`. Only what begins from now on is told.
    """
    rows = NoticeChoice.objects.filter(membership=membership, plant=plant)
    before = rows.values_list("level", flat=True).first()
    if before == level:
        return False
    if level is None:
        rows.delete()
    else:
        NoticeChoice.objects.update_or_create(
            membership=membership, plant=plant, defaults={"level": level, "since": timezone.now()}
        )
    about = {"plant": str(plant.pk)} if plant else {"plants": "all"}
    audit.record(
        actor,
        "notices.chosen",
        membership.user,
        portal=membership.portal,
        before={**about, "level": before},
        after={**about, "level": level},
    )
    return True


def plan_of(user: User) -> NoticePlan | None:
    """When the user gets mail; None for who never chose."""
    return NoticePlan.objects.filter(user=user).first()


@transaction.atomic
def plan(user: User, actor: Actor, **fields: Any) -> bool:
    """Change when somebody gets mail (the fields of NoticePlan); returns whether that changed anything."""
    row = plan_of(user) or NoticePlan(user=user)
    before = {} if row._state.adding else {name: str(getattr(row, name)) for name in fields}
    for name, value in fields.items():
        setattr(row, name, value)
    after = {name: str(value) for name, value in fields.items()}
    if before == after:
        return False
    now = timezone.now()
    row.due_at = next_look(row, max(now, row.mailed_at + HOUR) if row.mailed_at else now)
    save_checked(row)
    audit.record(actor, "notices.planned", user, portal=None, before=before, after=after)
    return True


@transaction.atomic
def stop(user: User, actor: Actor) -> bool:
    """No more mail about plants, in no portal; returns whether there was any."""
    deleted, _rows = NoticeChoice.objects.filter(membership__user=user).delete()
    if deleted:
        audit.record(actor, "notices.stopped", user, portal=None)
    return bool(deleted)


# --- The link in every mail ------------------------------------------------------------------------------------------


def token_of(user: User) -> str:
    """What ends this user's mails without logging in. It can do nothing else, and does not expire."""
    return signing.dumps(user.pk.hex, salt=_SALT)


def user_of(token: str) -> User | None:
    """Whose token it is; None where we did not sign it."""
    try:
        return User.objects.filter(pk=UUID(signing.loads(token, salt=_SALT))).first()
    except signing.BadSignature:
        return None


# --- When ------------------------------------------------------------------------------------------------------------


def next_look(row: NoticePlan, after: dt.datetime) -> dt.datetime:
    """The first moment from `after` on at which a mail may go: at the daily hour, and never in quiet hours."""
    zone = ZoneInfo(row.timezone)
    local = after.astimezone(zone)
    if row.pace == NoticePlan.Pace.DAILY:
        local = _next(local, dt.time(row.daily_hour))
    if row.quiet_until and is_quiet(row, local):
        local = _next(local, row.quiet_until)
    return local.astimezone(dt.UTC)


def is_quiet(row: NoticePlan, moment: dt.datetime) -> bool:
    """Whether a moment lies in the quiet hours, which may go over midnight."""
    begin, end = row.quiet_from, row.quiet_until
    if begin is None or end is None:
        return False
    time = moment.astimezone(ZoneInfo(row.timezone)).time()
    return begin <= time < end if begin <= end else time >= begin or time < end


def _next(local: dt.datetime, time: dt.time) -> dt.datetime:
    """The next moment after `local` at which clocks show `time`."""
    day = local.date() if local.time() < time else local.date() + dt.timedelta(days=1)
    return dt.datetime.combine(day, time, local.tzinfo)

"""Mails about what began or ended at somebody's plants: one digest, at most one an hour, none in quiet hours.

What was told is kept per user and event, so nothing is told twice and nothing is lost when the mail server is away:
what was not told yet goes into the next mail. Which plants somebody may hear of is asked when the mail is made.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts import mail
from apps.accounts.access import Access, Role, Via
from apps.accounts.models import Membership, User
from apps.plants.models import Component, Plant

from . import codes, log
from .choices import HOUR, Level, Wishes, is_quiet, next_look, token_of, wishes_of
from .models import ComponentEvent, NoticePlan, ToldEvent

SOON = dt.timedelta(minutes=1)  # until the next look after nothing was found
AGAIN = dt.timedelta(minutes=15)  # after the mail server took nothing
NEWS = dt.timedelta(days=3)  # what began earlier is history, such as that of an import
KEPT = dt.timedelta(days=90)
LISTED = 50  # events in one mail; further ones are counted
MOST = 1_000  # events of one mail; further ones are told in the next
_Severity = ComponentEvent.Severity
_WANTED: Mapping[str, Q] = {  # of a level that wants anything
    Level.ERRORS: Q(severity=_Severity.ERROR),
    Level.WARNINGS: Q(severity__in=[_Severity.ERROR, _Severity.WARNING]) & ~log.ASLEEP,
    Level.EVERYTHING: Q(severity__in=_Severity.values),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An event as a mail tells it. Words are chosen while the mail is written, in the reader's language."""

    event: ComponentEvent
    plant: Plant
    component: str

    @property
    def text(self) -> str:
        return codes.error_text(self.event) or codes.status_text(self.event) or _("State without a text")

    @property
    def severity(self) -> str:
        return self.event.get_severity_display()

    @property
    def began(self) -> str:
        return self._local(self.event.started_at)

    @property
    def ended(self) -> str:
        return self._local(self.event.ended_at) if self.event.ended_at else ""

    def _local(self, moment: dt.datetime) -> str:
        local = moment.astimezone(self.plant.zone)
        return f"{date_format(local, _('j F Y'))}, {local:%H:%M}"


@dataclass(frozen=True, slots=True)
class Group:
    """What a mail tells of one plant."""

    plant: Plant
    link: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Digest:
    """What one mail tells: the first of `lines` in full, the others as a number."""

    lines: Sequence[Line]

    @property
    def subject(self) -> str:
        if len(self.lines) == 1:
            return f"{self.lines[0].plant.label}: {self.lines[0].text}"
        plants = len({line.plant.pk for line in self.lines})
        at = ngettext("%(number)s plant", "%(number)s plants", plants) % {"number": plants}
        return _("%(events)d events at %(plants)s") % {"events": len(self.lines), "plants": at}

    @property
    def groups(self) -> Iterator[Group]:
        for plant, lines in groupby(self.lines[:LISTED], key=lambda line: line.plant):
            link = mail.address_of("web:plant_events", plant.portal.slug, plant.pk)
            yield Group(plant, link, list(lines))

    @property
    def unlisted(self) -> int:
        return max(0, len(self.lines) - LISTED)


def send_digests(now: dt.datetime, *, limit: int = 200) -> int:
    """Write to everybody who is due and has something to hear; returns how many mails went.

    Bounded: at most `limit` people are looked at, the longest waiting first. Two calls at once share them.
    """
    due = NoticePlan.objects.filter(due_at__lte=now, user__is_active=True).select_related("user")
    sent = sum(_serve(plan, now) for plan in due.order_by("due_at", "pk")[:limit])
    ToldEvent.objects.filter(at__lt=now - KEPT).delete()
    return sent


def _serve(plan: NoticePlan, now: dt.datetime) -> bool:
    mine = NoticePlan.objects.filter(pk=plan.pk, due_at=plan.due_at)
    if is_quiet(plan, now):  # a worker that stood still and goes on in the night
        mine.update(due_at=next_look(plan, now))
        return False
    if not mine.update(due_at=now + AGAIN):
        return False  # somebody else serves them
    digest = digest_for(plan.user, now)
    if not digest.lines:
        NoticePlan.objects.filter(pk=plan.pk).update(due_at=next_look(plan, now + SOON))
        return False
    if not _send(plan.user, digest):
        return False
    _note(plan.user, digest, now)
    NoticePlan.objects.filter(pk=plan.pk).update(mailed_at=now, due_at=next_look(plan, now + HOUR))
    return True


def _send(user: User, digest: Digest) -> bool:
    stop = mail.address_of("web:notices_stop", token_of(user))
    portal = digest.lines[0].plant.portal
    context = {"digest": digest, "stop": stop, "link": mail.address_of("web:notices", portal.slug)}
    headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    try:
        mail.send("digest", user.email, user.language, context, headers)
    except mail.MailNotSent:
        return False  # it is in the log; what was not told stays news
    return True


def _note(user: User, digest: Digest, now: dt.datetime) -> None:
    ToldEvent.objects.bulk_create(
        [
            ToldEvent(user=user, event=line.event, ended=line.event.ended_at is not None, at=now)
            for line in digest.lines
        ],
        update_conflicts=True,
        unique_fields=["user", "event"],
        update_fields=["ended", "at"],
    )


# --- What is news ----------------------------------------------------------------------------------------------------


def digest_for(user: User, now: dt.datetime) -> Digest:
    """What the user wants to know and was not told yet, by plant and time."""
    memberships = Membership.objects.filter(user=user).select_related("portal")
    found = [event for membership in memberships.order_by("portal__name") for event in _news(membership, now)]
    names = _names(found)
    return Digest([Line(event, event.plant, names.get(event.device_id, "")) for event in found[:MOST]])


def _news(membership: Membership, now: dt.datetime) -> Iterable[ComponentEvent]:
    wishes = wishes_of(membership)
    wanted = _wanted(wishes)
    if wanted is None:
        return []
    portal = membership.portal
    access = Access(portal.pk, portal.slug, Via.BROWSER, membership.user_id, Role(membership.role))
    plants = Plant.objects.visible_to(access).filter(status=Plant.Status.ACTIVATED)
    since = max(now - NEWS, min(choice.since for choice in wishes))
    events = _untold(membership.user_id, since, now).filter(wanted, plant__in=plants).select_related("plant__portal")
    ordered = events.order_by("plant__label", "plant_id", "started_at", "id")
    return [event for event in ordered[:MOST] if event.told or event.started_at >= wishes.since(event.plant_id)]


def _wanted(wishes: Wishes) -> Q | None:
    """Which events somebody wants to hear of; None: of none."""
    plants: dict[str, list[UUID]] = defaultdict(list)
    for plant_id, choice in wishes.single.items():
        plants[choice.level].append(plant_id)
    parts = [Q(plant__in=ids) & _WANTED[level] for level, ids in plants.items() if level in _WANTED]
    if wishes.all_plants and wishes.all_plants.level in _WANTED:
        parts.append(~Q(plant__in=list(wishes.single)) & _WANTED[wishes.all_plants.level])
    return reduce(or_, parts) if parts else None


def _untold(user: UUID, since: dt.datetime, now: dt.datetime) -> "QuerySet[ComponentEvent, Any]":
    """What began and was not told, or ended since it was `told`."""
    told = ToldEvent.objects.filter(user=user, event=OuterRef("pk"))
    began = Q(told=False, started_at__gte=since, started_at__lte=now)
    ended = Q(ended_at__isnull=False) & Exists(told.filter(ended=False))
    return ComponentEvent.objects.annotate(told=Exists(told)).filter(began | ended)


def _names(events: Iterable[ComponentEvent]) -> dict[UUID, str]:
    """The latest name of each device."""
    rows = Component.objects.filter(cross_epoch_id__in={event.device_id for event in events})
    return dict(rows.order_by("epoch__active_from").values_list("cross_epoch_id", "name"))

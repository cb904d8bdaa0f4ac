"""What is unusual about how an API subscription is used. Pure: everything known is handed in.

An anomaly accuses nobody: it says where a manager should look. The rules, for active subscriptions only:

- burst: more calls today than five times the daily mean of the 14 days before, and more than 500;
- refused: over 20 % of at least 50 calls of the last 7 days were refused (status 4xx: a right, the quota, a wrong id);
- network: read today from a network (/24, /48) from which nothing was read in the 30 days before;
- old_secret: a live secret older than 365 days was never rotated;
- unused: no call for 90 days.

Something to compare with is needed: the first three days of a subscription are no burst, and the first network of a
client is not a new one. UTC days, as everywhere in the quota.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

BURST_FACTOR, BURST_FLOOR, BURST_DAYS, BURST_NEEDS_DAYS = 5, 500, 14, 3
REFUSED_SHARE, REFUSED_FLOOR = 0.20, 50
SECRET_AGE = dt.timedelta(days=365)
UNUSED = dt.timedelta(days=90)


class Kind(TextChoices):
    """The rules above."""

    BURST = "burst", gettext_lazy("unusually many calls")
    REFUSED = "refused", gettext_lazy("many refused calls")
    NETWORK = "network", gettext_lazy("new network")
    OLD_SECRET = "old_secret", gettext_lazy("old secret")
    UNUSED = "unused", gettext_lazy("unused")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Which rule, and its figures in a sentence."""

    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of one subscription. Networks are those of `usage.network_of`."""

    active_since: dt.datetime | None = None  # None = not active
    calls_today: int = 0
    calls_before: int = 0  # in the BURST_DAYS days before today
    calls_in_week: int = 0
    refused_in_week: int = 0
    networks_today: frozenset[str] = frozenset()
    networks_before: frozenset[str] = frozenset()
    oldest_secret: dt.datetime | None = None  # when the oldest live one was made
    last_used: dt.datetime | None = None


def anomalies(signs: Signs, now: dt.datetime) -> tuple[Anomaly, ...]:
    """Everything unusual, in the order of Kind."""
    return tuple(_found(signs, signs.active_since, now)) if signs.active_since else ()


def _found(signs: Signs, since: dt.datetime, now: dt.datetime) -> Iterator[Anomaly]:
    mean = _daily_mean(signs, since, now)
    if mean is not None and signs.calls_today > max(BURST_FLOOR, BURST_FACTOR * mean):
        numbers = {"calls": signs.calls_today, "mean": round(mean)}
        yield Anomaly(Kind.BURST, _("%(calls)d calls today; the mean before is %(mean)d a day.") % numbers)
    if signs.calls_in_week >= REFUSED_FLOOR and signs.refused_in_week > REFUSED_SHARE * signs.calls_in_week:
        numbers = {"refused": signs.refused_in_week, "calls": signs.calls_in_week}
        yield Anomaly(Kind.REFUSED, _("%(refused)d of %(calls)d calls of the last 7 days were refused.") % numbers)
    new = sorted(signs.networks_today - signs.networks_before) if signs.networks_before else []
    if new:
        text = _("Read from %s, from where nothing was read in the 30 days before.")
        yield Anomaly(Kind.NETWORK, text % ", ".join(new))
    if signs.oldest_secret and now - signs.oldest_secret > SECRET_AGE:
        days = (now - signs.oldest_secret).days
        yield Anomaly(Kind.OLD_SECRET, _("A live secret is %d days old and was not rotated.") % days)
    if now - max(since, signs.last_used or since) > UNUSED:
        days = (now - max(since, signs.last_used or since)).days
        yield Anomaly(Kind.UNUSED, _("No call for %d days.") % days)


def _daily_mean(signs: Signs, since: dt.datetime, now: dt.datetime) -> float | None:
    """Calls a day before today; None for a subscription too young to compare."""
    days = min(BURST_DAYS, (now.date() - since.date()).days)
    return signs.calls_before / days if days >= BURST_NEEDS_DAYS else None

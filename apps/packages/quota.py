"""What a subscription may spend per UTC minute and UTC day, exact however many processes ask at once.

One conditional upsert per call decides and counts (where settings.REDIS_URL is set, one script in Redis that follows
the same rules: see quota_redis.py): whoever finds no room in either window changes nothing. The
counters belong to the subscription, so more clients, another package or switching off and on give no second helping.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from apps.accounts import statements
from apps.accounts.access import Access
from apps.monitoring import counters

from . import quota_redis
from .catalog import DEFAULT_LIMITS, Limits, Package
from .models import QuotaCounter, Subscription
from .offers import limits_now
from .quota_redis import QuotaUnavailable as QuotaUnavailable


@dataclass(frozen=True, slots=True)
class Window:
    """A span of UTC time that repeats; windows are numbered since 1970."""

    name: str
    seconds: int

    def number(self, now: datetime) -> int:
        return int(now.timestamp()) // self.seconds

    def resets_in(self, now: datetime) -> int:
        """Seconds until the next window, at least 1."""
        return self.seconds - int(now.timestamp()) % self.seconds


MINUTE, DAY = Window("minute", 60), Window("day", 86_400)
WINDOWS = (MINUTE, DAY)


@dataclass(slots=True)
class Spent:
    """What one call did to the two windows. Numbers are after the call; a denied call has changed nothing."""

    subscription: UUID
    limits: Limits
    cost: int
    now: datetime
    allowed: bool
    minute_used: int
    day_used: int
    violated: list[str] = field(default_factory=list)
    base: int = 0  # what stays counted of a call that is refused; 0 = all of it

    def limit(self, window: Window) -> int:
        return self.limits.per_minute if window is MINUTE else self.limits.per_day

    def used(self, window: Window) -> int:
        return self.minute_used if window is MINUTE else self.day_used

    def remaining(self, window: Window) -> int:
        """Never negative: a downgrade may leave more used than the new limit."""
        return max(0, self.limit(window) - self.used(window))

    @property
    def retry_after(self) -> int:
        """Seconds until every violated window has begun anew."""
        return max((window.resets_in(self.now) for window in WINDOWS if window.name in self.violated), default=0)

    def settle(self, status: int) -> None:
        """Give back what the answer did not earn.

        All of it for our own failure, the day's part for a 304, and what a long range cost for one that was refused.
        """
        if self.allowed and status >= 500:
            refund(self, self.cost, MINUTE, DAY)
        elif self.allowed and status >= 400 and 0 < self.base < self.cost:
            refund(self, self.cost - self.base, MINUTE, DAY)
        elif self.allowed and status == 304:
            refund(self, self.cost, DAY)

    def headers(self) -> dict[str, str]:
        """RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10, lists of structured fields."""
        policy = [f'"{window.name}";q={self.limit(window)};w={window.seconds}' for window in WINDOWS]
        left = [f'"{window.name}";r={self.remaining(window)};t={window.resets_in(self.now)}' for window in WINDOWS]
        return {"RateLimit-Policy": ", ".join(policy), "RateLimit": ", ".join(left)}


def spend(access: Access, cost: int, now: datetime, base: int = 0) -> Spent:
    """Count a call of that cost against the subscription behind `access`, if both windows have room for it.

    A call never costs more than a whole window holds, so none is out of reach for ever. `base` is what stays
    counted of a call that is refused (4xx); all of it where it is not given.
    """
    subscription, limits = _account(access)
    cost = min(cost, limits.per_minute, limits.per_day)
    spent = take(subscription, limits, cost, now)
    spent.base = base
    if not spent.allowed:
        counters.refused_by_quota(access.via.value, spent.violated)
    return spent


def usage(access: Access, now: datetime) -> Spent:
    """What is used of both windows; counts nothing."""
    return _read(*_account(access), 0, now)


def standing(subscription: Subscription, now: datetime) -> Spent:
    """What is used of both windows by a subscription's owner, as pages show it; counts nothing."""
    return _read(subscription.pk, limits_now(subscription, now), 0, now)


def day_used(subscriptions: "QuerySet[Any]", now: datetime) -> dict[UUID, int]:
    """What is used of the day by each of these (a query of primary keys) that called before; counts nothing."""
    if settings.REDIS_URL:
        counters = quota_redis.read_all([row["pk"] for row in subscriptions])
        rows = [(key, counter[2], counter[3]) for key, counter in counters.items()]
    else:
        rows = list(QuotaCounter.objects.filter(pk__in=subscriptions).values_list("pk", "day", "day_used"))
    return {key: _in_window(day, used, DAY.number(now)) for key, day, used in rows}


def limits_of(access: Access) -> Limits:
    """The limits that hold for this call: the subscription's or the portal's own, else those of the catalog."""
    default = DEFAULT_LIMITS[Package(access.package or "")]
    return Limits(access.per_minute or default.per_minute, access.per_day or default.per_day)


def _account(access: Access) -> tuple[UUID, Limits]:
    if access.subscription is None or access.package is None:
        raise ValueError("Only the APIs have a quota.")
    return access.subscription, limits_of(access)


def take(subscription: UUID, limits: Limits, cost: int, now: datetime) -> Spent:
    """One SQL statement for a call that passes, one more to say why for a call that does not; in Redis always one."""
    if cost > min(limits.per_minute, limits.per_day):  # the first call of all meets no row to compare with
        return _read(subscription, limits, cost, now)
    if settings.REDIS_URL:
        found = quota_redis.take(subscription, limits, cost, MINUTE.number(now), DAY.number(now))
        return _explained(Spent(subscription, limits, cost, now, *found))
    numbers = [MINUTE.number(now), cost, DAY.number(now), cost]
    rows = statements.fetch(_TAKE, [subscription, *numbers, limits.per_minute, limits.per_day])
    if not rows:
        return _read(subscription, limits, cost, now)
    return Spent(subscription, limits, cost, now, True, *rows[0])


# A server whose clock lags by less than a window finds the next window begun already and counts there; else it would
# begin the old one anew, and everybody's count with it.
_CURRENT = "CASE WHEN excluded.{0} = counter.{0} - 1 THEN counter.{0} ELSE excluded.{0} END"
_USED = "CASE WHEN excluded.{0} IN (counter.{0}, counter.{0} - 1) THEN counter.{0}_used ELSE 0 END + excluded.{0}_used"
_TAKE = f"""
    INSERT INTO packages_quotacounter AS counter (subscription_id, minute, minute_used, day, day_used)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (subscription_id) DO UPDATE SET
        minute = {_CURRENT.format("minute")}, minute_used = {_USED.format("minute")},
        day = {_CURRENT.format("day")}, day_used = {_USED.format("day")}
    WHERE {_USED.format("minute")} <= %s AND {_USED.format("day")} <= %s
    RETURNING minute_used, day_used
"""  # noqa: S608  (made of the constants above only)


def _read(subscription: UUID, limits: Limits, cost: int, now: datetime) -> Spent:
    counter = _stored(subscription)
    minute = _in_window(counter[0], counter[1], MINUTE.number(now)) if counter else 0
    day = _in_window(counter[2], counter[3], DAY.number(now)) if counter else 0
    return _explained(Spent(subscription, limits, cost, now, allowed=False, minute_used=minute, day_used=day))


def _stored(subscription: UUID) -> quota_redis.Counter | None:
    if settings.REDIS_URL:
        return quota_redis.read(subscription)
    rows = QuotaCounter.objects.filter(pk=subscription)
    return rows.values_list("minute", "minute_used", "day", "day_used").first()


def _explained(spent: Spent) -> Spent:
    """With the windows that had no room, where it was not allowed."""
    if not spent.allowed:
        # Room may have come back since the denial (a refund): then the minute says when to try again.
        full = [window.name for window in WINDOWS if spent.used(window) + spent.cost > spent.limit(window)]
        spent.violated = full or ([MINUTE.name] if spent.cost else [])
    return spent


def _in_window(number: int, used: int, now: int) -> int:
    return used if number in (now, now + 1) else 0


def refund(spent: Spent, amount: int, *windows: Window) -> None:
    """Give so much of a call's cost back to these windows, unless they have begun anew meanwhile."""
    if settings.REDIS_URL:
        numbers = {window.name: window.number(spent.now) for window in windows}
        quota_redis.refund(spent.subscription, amount, numbers)
    else:
        statements.fetch(_REFUND, [*_given_back(spent, amount, windows), spent.subscription])
    spent.minute_used -= amount if MINUTE in windows else 0
    spent.day_used -= amount if DAY in windows else 0


_LESS = "{0}_used = {0}_used - CASE WHEN {0} IN (%s, %s) AND {0}_used >= %s THEN %s ELSE 0 END"
_REFUND = f"""
    UPDATE packages_quotacounter SET {_LESS.format("minute")}, {_LESS.format("day")}
    WHERE subscription_id = %s RETURNING minute_used, day_used
"""  # noqa: S608  (made of the constants above only)


def _given_back(spent: Spent, amount: int, windows: Sequence[Window]) -> Iterator[int]:
    """The values of _REFUND for both windows; nothing goes to one that is not among `windows`."""
    for window in WINDOWS:
        number, back = window.number(spent.now), amount if window in windows else 0
        yield from (number, number + 1, back, back)

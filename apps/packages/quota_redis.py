"""The two windows of quota.py in Redis, where settings.REDIS_URL is set: the same rules, one atomic script per call.

Each subscription has one hash with the fields of a QuotaCounter. Redis out of reach means QuotaUnavailable, never
unlimited calls. Only quota.py comes here.
"""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha1
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from .catalog import Limits

log = logging.getLogger(__name__)

KEPT_SECONDS = 2 * 86_400  # longer than any window counts
PATIENCE_SECONDS = 1.0
Counter = tuple[int, int, int, int]  # minute, minute_used, day, day_used


class QuotaUnavailable(Exception):
    """Nobody can say what is left of the quota, so the call must wait."""

    retry_after = 5


# As in quota.py: a server whose clock lags by less than a window counts in the next one, which has begun already.
_TAKE = """
local counter = redis.call('HMGET', KEYS[1], 'minute', 'minute_used', 'day', 'day_used')
local function current(number, stored, used)
    if stored == number or stored == number + 1 then return stored, used end
    return number, 0
end
local minute, minute_used = current(tonumber(ARGV[1]), tonumber(counter[1]), tonumber(counter[2]))
local day, day_used = current(tonumber(ARGV[2]), tonumber(counter[3]), tonumber(counter[4]))
local cost = tonumber(ARGV[3])
if minute_used + cost > tonumber(ARGV[4]) or day_used + cost > tonumber(ARGV[5]) then
    return {0, minute_used, day_used}
end
minute_used, day_used = minute_used + cost, day_used + cost
redis.call('HSET', KEYS[1], 'minute', minute, 'minute_used', minute_used, 'day', day, 'day_used', day_used)
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {1, minute_used, day_used}
"""
# ARGV: cost, then name and number of each window. A window that has begun anew, or holds less, is left alone.
_REFUND = """
for place = 2, #ARGV, 2 do
    local name, number = ARGV[place], tonumber(ARGV[place + 1])
    local stored = tonumber(redis.call('HGET', KEYS[1], name))
    local used = tonumber(redis.call('HGET', KEYS[1], name .. '_used'))
    if (stored == number or stored == number + 1) and used >= tonumber(ARGV[1]) then
        redis.call('HINCRBY', KEYS[1], name .. '_used', -ARGV[1])
    end
end
"""


def take(subscription: UUID, limits: Limits, cost: int, minute: int, day: int) -> tuple[bool, int, int]:
    """Whether the call passes, and what is used of minute and day after it."""
    numbers = [minute, day, cost, limits.per_minute, limits.per_day, KEPT_SECONDS]
    allowed, minute_used, day_used = _run(_TAKE, subscription, numbers)
    return bool(allowed), minute_used, day_used


def read(subscription: UUID) -> Counter | None:
    """What is stored, as quota.py reads it from its table; None before the first call."""
    return read_all([subscription]).get(subscription)


def read_all(subscriptions: Sequence[UUID]) -> dict[UUID, Counter]:
    """What is stored of those that called before, in one exchange with the server."""
    pipe = _server(settings.REDIS_URL).pipeline(transaction=False)
    for subscription in subscriptions:
        pipe.hmget(key(subscription), ["minute", "minute_used", "day", "day_used"])
    try:
        found = pipe.execute()
    except redis.RedisError as error:
        raise QuotaUnavailable from error
    counters = zip(subscriptions, found, strict=True)
    return {one: _counter(*numbers) for one, numbers in counters if None not in numbers}


def _counter(minute: Any, minute_used: Any, day: Any, day_used: Any) -> Counter:
    return int(minute), int(minute_used), int(day), int(day_used)


def refund(subscription: UUID, cost: int, windows: Mapping[str, int]) -> None:
    """Give a call's cost back to the windows of these names and numbers; lost where Redis is out of reach."""
    try:
        _run(_REFUND, subscription, [cost, *(part for window in windows.items() for part in window)])
    except QuotaUnavailable as error:
        log.warning("a refund of %d is lost: %s", cost, error.__cause__)


def key(subscription: UUID) -> str:
    return f"helioport:quota:{subscription}"


def _run(script: str, subscription: UUID, arguments: list[Any]) -> Any:
    try:
        return _evaluated(_connection(settings.REDIS_URL), script, [1, key(subscription), *arguments])
    except redis.RedisError as error:
        raise QuotaUnavailable from error


def _evaluated(connection: Any, script: str, arguments: list[Any]) -> Any:
    """What a script answers. Nothing else is tried twice: a command whose answer was lost may have counted already."""
    try:
        connection.send_command("EVALSHA", _digest(script), *arguments)
        return connection.read_response()
    except NoScriptError:  # the server does not know it, or has forgotten it
        connection.send_command("EVAL", script, *arguments)
        return connection.read_response()


@cache
def _digest(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


def _connection(url: str) -> Any:
    """This thread's own, kept open: taking one from the pool costs as much again as the exchange."""
    if _kept.url != url:
        _kept.url, _kept.connection = url, _server(url).connection_pool.make_connection()
    if _kept.connection.is_connected and not _is_open(_kept.connection):
        _kept.connection.disconnect()  # it connects anew with the next command
    return _kept.connection


def _is_open(connection: Any) -> bool:
    """Whether the server has neither closed it nor said what nobody asked for."""
    try:
        return not connection.can_read()
    except redis.RedisError:
        return False


class _Kept(threading.local):
    """A forked process opens its own."""

    url = ""
    connection: Any = None


_kept = _Kept()


def _begin_anew() -> None:
    global _kept
    _kept = _Kept()


os.register_at_fork(after_in_child=_begin_anew)


@cache
def _server(url: str) -> "redis.Redis":
    """Nothing is tried twice, see above."""
    return redis.Redis.from_url(
        url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )

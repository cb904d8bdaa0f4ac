"""PostgreSQL and Redis go away and come back under a portal whose own processes nobody restarts.

Loggers deliver all the time, an owner's program and browser ask. What is answered meanwhile must be right or a clean
refusal with the time to come again, and in the end all that was acknowledged is stored.
"""

import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.faults.accounting import assert_stored
from tests.faults.loggers import IN_TIME, Logger, Script, SolarLog
from tests.faults.polling import TIGHT_DAY, TIGHT_MINUTE, Poller, log_in, pollers, token_of
from tests.faults.stand import Stand, programs_of_postgres
from tests.live import wait_until

AT_ONCE = 4.0  # seconds within which a delivery is answered, whatever is away


@dataclass
class Running:
    """The portal, those who deliver to it, and two owners: one with tight limits."""

    stand: Stand
    loggers: list[Logger]
    tight: dict[str, Any]
    owner: dict[str, Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stand.web_port}"

    def own_processes(self) -> list[int]:
        return [service.process.pid for service in self.stand.services if service.process]

    def wait_for_progress(self) -> None:
        """Return when every logger has got another acknowledgement."""
        before = {logger: logger.acknowledged for logger in self.loggers}
        wait_until(lambda: all(logger.acknowledged > count for logger, count in before.items()), "no progress")
        assert [logger.failure for logger in self.loggers if logger.failure] == []


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    postgres = programs_of_postgres()
    if not (postgres / "initdb").exists():
        pytest.skip("needs the programs of PostgreSQL: install the package postgresql")
    stand, loggers = Stand(tmp_path_factory.mktemp("servers")), list[Logger]()
    try:
        stand.on_servers(postgres, redis_keeps=True)
        stand.environment["DJANGO_SETTINGS_MODULE"] = "tests.faults.portal_settings"
        keys = stand.open(seals=False)
        tight, owner = stand.ask("owners", "make", "2", "0", "1")["owners"]
        url = f"http://127.0.0.1:{stand.web_port}"
        scripts = [Script(name, url, keys[name][1]) for name in ("north", "south")]
        loggers += [*scripts, SolarLog("field", stand.ftp_port, *keys["field"])]
        for logger in loggers:
            logger.start()
        yield Running(stand, loggers, tight, owner)
    finally:
        end(loggers)
        stand.close()


def end(loggers: list[Logger]) -> None:
    for logger in loggers:
        logger.stop()
    for logger in loggers:
        logger.join(IN_TIME)


@contextmanager
def polling(running: Running) -> Iterator[dict[str, Poller]]:
    """Somebody asks all the time; no answer is unclean."""
    found = pollers(running.url, running.owner)
    for poller in found.values():
        poller.start()
    yield found
    for poller in found.values():
        assert poller.stop().unclean == []


def answered(poller: Poller, status: str, more: int = 3) -> None:
    """Return when it got that answer so many times from now on."""
    before = poller.seen.answers[status]
    wait_until(lambda: poller.seen.answers[status] >= before + more, f"{poller.name}: {poller.seen.answers}")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["restart -m fast", "kill -9"])
def test_postgresql_away_means_503_and_all_goes_on_by_itself(running: Running, end: int, capsys: Any):
    postgres, own = running.stand["postgres"], running.own_processes()
    running.wait_for_progress()
    with polling(running) as found:
        for name in found:
            answered(found[name], "200")
        began = time.monotonic()
        postgres.send(end)  # SIGINT is what pg_ctl restart -m fast sends
        answered(found["api"], "503 unavailable")
        answered(found["token"], "503 unavailable")
        answered(found["pages"], "503")
        postgres.start()
        postgres.wait_until_ready()
        back = time.monotonic()
        for name in found:
            answered(found[name], "200")
        running.wait_for_progress()
        well = time.monotonic()
    assert running.own_processes() == own
    with capsys.disabled():
        print(f"\nPostgreSQL away for {back - began:.1f} s, all well {well - back:.1f} s later: {tell(found)}")
        print(f"refused deliveries: {refusals(running)}")


def tell(found: dict[str, Poller]) -> dict[str, dict[str, int]]:
    return {name: dict(poller.seen.answers) for name, poller in found.items()}


def refusals(running: Running) -> dict[str, int]:
    return dict(sum((logger.refusals for logger in running.loggers), Counter()))


def spend(running: Running, owner: dict[str, Any], most: int) -> Counter[str]:
    """Call until one is refused, or `most` passed."""
    found: Counter[str] = Counter()
    with httpx.Client(base_url=running.url, timeout=60) as client:
        bearer = {"Authorization": f"Bearer {token_of(client, owner).json()['access_token']}"}
        while found["200"] < most and found.total() == found["200"]:
            found[str(client.get("/api/v1/polled/me", headers=bearer).status_code)] += 1
    return found


def used(running: Running, owner: dict[str, Any]) -> int:
    """What Redis has counted of the owner's day."""
    with Redis.from_url(running.stand.environment["REDIS_URL"]) as server:
        return int(server.hget(f"helioport:quota:{owner['subscription']}", "day_used") or 0)


def test_redis_away_means_no_call_passes_uncounted(running: Running, capsys: Any):
    redis, own = running.stand["redis"], running.own_processes()
    assert spend(running, running.tight, 4) == {"200": 4}
    running.wait_for_progress()
    with polling(running) as found:
        for name in found:
            answered(found[name], "200")
        for logger in running.loggers:
            logger.longest = 0.0
        redis.send(signal.SIGTERM)
        passed = found["api"].seen.answers["200"]
        answered(found["api"], "503 quota_unavailable", 10)
        # One answer may have been on its way; no call passed while nobody counted.
        assert found["api"].seen.answers["200"] - passed <= 1
        for name in ("token", "pages"):
            answered(found[name], "200")
        refused = log_in(running.url, running.owner)
        running.wait_for_progress()
        longest = max(logger.longest for logger in running.loggers)
        redis.start()
        redis.wait_until_ready()
        answered(found["api"], "200")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "Not available at the moment" in refused.text
    assert log_in(running.url, running.owner).status_code == 302
    assert running.own_processes() == own
    assert longest < AT_ONCE
    assert used(running, running.tight) == 4
    with capsys.disabled():
        print(f"\nRedis away: {tell(found)}; a delivery took {longest:.2f} s at most")


def kill_redis(running: Running, *, lose_all: bool = False) -> None:
    redis = running.stand["redis"]
    redis.send(signal.SIGKILL)
    if lose_all:
        shutil.rmtree(running.stand.folder / "appendonlydir")
    redis.start()
    redis.wait_until_ready()


def test_the_quota_goes_on_where_it_was_when_redis_was_killed(running: Running):
    before = used(running, running.tight)
    kill_redis(running)
    assert used(running, running.tight) == before > 0


def test_a_redis_that_comes_back_empty_gives_no_more_than_the_limits_once_more(running: Running):
    spend(running, running.tight, TIGHT_MINUTE)
    kill_redis(running, lose_all=True)
    assert used(running, running.tight) == 0
    found = spend(running, running.tight, TIGHT_DAY)
    # The minute may have begun anew meanwhile.
    assert found["429"] == 1
    assert TIGHT_MINUTE <= found["200"] <= 2 * TIGHT_MINUTE
    assert used(running, running.tight) == found["200"]


def test_the_worker_goes_on_when_redis_is_back(running: Running):
    logger, url = running.owner["logger"], f"{running.url}/ingest/v1/polled"
    auth = (logger["login"], logger["secret"])
    own_logger = SolarLog.BASE_VARS.replace("4712", "4713")  # the serial number of a logger is of one plant only
    sent = httpx.put(f"{url}/files/base_vars.js", content=own_logger, auth=auth, timeout=60)
    assert sent.status_code == 202

    def told() -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{url}/receipts/{sent.json()['id']}", auth=auth).json()
        return answer

    wait_until(lambda: told()["state"] != "received", "the worker takes nothing")
    assert (told()["state"], told()["error"]) == ("stored", None)


def test_nothing_that_was_acknowledged_is_missing(running: Running, capsys: Any):
    running.wait_for_progress()
    end(running.loggers)
    assert [logger.failure for logger in running.loggers if logger.failure] == []
    for service in running.stand.services:
        service.end()
    expected = assert_stored(running.stand, running.loggers)
    with capsys.disabled():
        acknowledged = sum(logger.acknowledged for logger in running.loggers)
        print(f"\n{acknowledged} deliveries acknowledged, {sum(map(len, expected.values.values()))} values compared")

"""What was acknowledged is stored, once, whoever is killed with SIGKILL and whenever.

Web server, worker, FTP server and the packing of fresh readings are killed at random moments while loggers deliver; on
PostgreSQL the database and Redis are, too. FAULT_ROUNDS says how often (make faults: 50), FAULT_SEED which moments.
"""

import os
import random
import time
from collections.abc import Iterator
from typing import Any

from tests.faults.accounting import assert_stored
from tests.faults.loggers import IN_TIME, Logger, Script, SolarLog
from tests.faults.stand import Stand

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
SEED = int(os.environ.get("FAULT_SEED", "5"))


def victims(stand: Stand, chance: random.Random) -> Iterator[Any]:
    """Everybody in turn, in an order by chance."""
    while True:
        everybody = [*stand.stores, *stand.services]
        chance.shuffle(everybody)
        yield from everybody


def wait_for_progress(stand: Stand, loggers: list[Logger]) -> None:
    """Return when every logger has got another acknowledgement."""
    before = {logger: logger.acknowledged for logger in loggers}
    deadline = time.monotonic() + IN_TIME
    while any(logger.acknowledged == count for logger, count in before.items()):
        assert time.monotonic() < deadline, stand.told()
        assert [logger.failure for logger in loggers if logger.failure] == [], stand.told()
        stand.revive()
        time.sleep(0.05)


def test_what_was_acknowledged_survives_kill_9_of_everybody(stand: Stand, capsys: Any):
    began, chance = time.monotonic(), random.Random(SEED)
    keys = stand.open()
    url = f"http://127.0.0.1:{stand.web_port}"
    scripts = [Script(name, url, keys[name][1]) for name in ("north", "south")]
    loggers: list[Logger] = [*scripts, SolarLog("field", stand.ftp_port, *keys["field"])]
    for logger in loggers:
        logger.start()
    try:
        for _, victim in zip(range(ROUNDS), victims(stand, chance), strict=False):
            if chance.random() < 0.7:  # else it may be killed while it starts
                victim.wait_until_ready()
            time.sleep(chance.uniform(0, 0.8))
            victim.kill(chance)
            wait_for_progress(stand, loggers)
        stand.wait_until_ready()
        wait_for_progress(stand, loggers)
    finally:
        for logger in loggers:
            logger.stop()
        for logger in loggers:
            logger.join(IN_TIME)
    assert [logger.failure for logger in loggers if logger.failure] == []
    for service in stand.services:
        service.end()

    expected = assert_stored(stand, loggers)
    with capsys.disabled():
        kills = {service.name: service.kills for service in (*stand.stores, *stand.services)}
        count = sum(map(len, expected.values.values()))
        acknowledged = sum(logger.acknowledged for logger in loggers)
        attempts = sum(logger.attempts for logger in loggers)
        print(
            f"\n{ROUNDS} rounds, killed {kills}: {acknowledged} deliveries acknowledged in {attempts} attempts, "
            f"{count} values compared, {time.monotonic() - began:.0f} s"
        )

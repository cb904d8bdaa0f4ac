"""Owners poll and loggers push for a while: no errors, quotas exact, and nobody waits much longer than the others.

LOAD_SECONDS says how long (make faults: 300); on PostgreSQL and Redis 200 owners and 50 loggers, on SQLite fewer.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.faults.conftest import IS_SQLITE
from tests.faults.polling import TIGHT_DAY
from tests.faults.stand import Stand
from tests.live import ROOT

SECONDS = int(os.environ.get("LOAD_SECONDS", "300"))
OWNERS, LOGGERS, TIGHT = (40, 10, 5) if IS_SQLITE else (200, 50, 20)
A_DAY = 86_400


@pytest.fixture
def stand(stand: Stand) -> Stand:
    stand.environment["DJANGO_SETTINGS_MODULE"] = "tests.faults.portal_settings"
    stand.open(web=2, seals=False)
    return stand


def poll(stand: Stand, cast: dict[str, Any]) -> dict[str, Any]:
    """Run Locust; what it counted."""
    who, report = stand.folder / "cast.json", stand.folder / "report.json"
    who.write_text(json.dumps(cast))
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", "tests/faults/locustfile.py", "--headless", "--only-summary"),
        *("--users", str(OWNERS + LOGGERS), "--spawn-rate", "5", "--run-time", f"{SECONDS}s", "--stop-timeout", "20"),
        *("--host", f"http://127.0.0.1:{stand.web_port}", "--logfile", str(stand.folder / "locust.log")),
    ]
    environment = {**os.environ, "LOAD_CAST": str(who), "LOAD_REPORT": str(report)}
    subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=SECONDS + 120, capture_output=True)
    assert report.exists(), (stand.folder / "locust.log").read_text()[-3000:]
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def wait_for_a_day_that_is_long_enough() -> None:
    """Quotas of a day are compared: midnight (UTC) must not fall into the run."""
    left = A_DAY - time.time() % A_DAY
    if left < SECONDS + 240:
        time.sleep(left + 1)


def test_many_poll_and_push_without_errors_and_with_exact_quotas(stand: Stand, capsys: Any):
    wait_for_a_day_that_is_long_enough()
    cast = stand.ask("owners", "make", str(OWNERS), str(LOGGERS), str(TIGHT))
    found = poll(stand, cast)
    stand["web"].end()  # it writes down its statistics
    inside = stand.ask("owners", "counted")
    times = sorted(time for part in found["times"].values() for time in part)
    p50, p99 = statistics.median(times), times[int(0.99 * len(times))]
    refused = sum(counts.get("429", 0) for counts in found["counts"].values())
    with capsys.disabled():
        print(f"\n{OWNERS} owners, {LOGGERS} loggers, {SECONDS} s: {len(times)} calls, {len(times) / SECONDS:.1f}/s")
        print(
            f"{refused} refused by quota; p50 {p50:.1f} ms, p99 {p99:.1f} ms, {p99 / p50:.1f} x, max {times[-1]:.0f} ms"
        )
        for name, part in sorted(found["times"].items()):
            print(f"  {name:10} {len(part):6} p50 {statistics.median(part):6.1f} ms")
    assert found["wrong"] == []
    assert len(found["counts"]) == OWNERS
    assert wrong(cast, found["counts"], inside) == []
    assert refused > 0
    assert p99 < 20 * p50


def wrong(cast: dict[str, Any], counts: dict[str, dict[str, int]], inside: dict[str, Any]) -> list[str]:
    """Where clients, the counters of the quota and the statistics do not tell the same."""
    found = []
    for owner in cast["owners"]:
        client = owner["client_id"]
        got, told = counts[client], inside[client]
        by_class = {"2xx": got.get("200", 0), "3xx": got.get("304", 0), "4xx": got.get("429", 0)}
        if {status: number for status, number in by_class.items() if number} != told["calls"]:
            found.append(f"{client}: statistics {told['calls']}, client {got}")
        if told["day"] != got.get("200", 0) or (owner["is_tight"] and told["day"] > TIGHT_DAY):
            found.append(f"{client}: quota {told['day']}, client {got}")
    return found

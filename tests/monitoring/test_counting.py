"""What processes count adds up, whoever asks, and is not lost with them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT, environment_for

COUNT = """
import os, sys
import django
django.setup()
from apps.monitoring import counters, slots
{work}
"""
TELL = """
told = {(s.name, *s.labels.values()): s.value for m in slots.Sums(counters.OWN).collect() for s in m.samples}
print(told.get(("helioport_deliveries_total", "stored"), 0), told.get(("helioport_values_stored_total",), 0))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return environment_for("sqlite://:memory:", METRICS_FOLDER=str(tmp_path / "metrics"), ACCESS_LOG="0")


def start(environment: dict[str, str], work: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", COUNT.format(work=work)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def run(environment: dict[str, str], work: str) -> tuple[str, str]:
    """What such a process says."""
    process = start(environment, work)
    said, complained = process.communicate(timeout=60)
    assert process.returncode == 0, complained
    return said.strip(), complained


def files(environment: dict[str, str]) -> list[str]:
    return sorted(file.name for file in Path(environment["METRICS_FOLDER"]).iterdir())


def test_a_process_goes_on_where_one_before_it_ended(environment):
    for _ in range(3):
        run(environment, "counters.delivery('stored', 5)")
    assert run(environment, TELL)[0] == "3.0 15.0"
    assert files(environment) == ["counter_0.db", "histogram_0.db", "slot_0.lock"]


def test_processes_at_once_count_each_in_files_of_its_own(environment):
    waits = "counters.delivery('stored', 2); print('counted', flush=True); sys.stdin.read()"
    both = [start(environment, waits) for _ in range(2)]
    try:
        assert [process.stdout.readline() for process in both] == ["counted\n", "counted\n"]  # type: ignore[union-attr]
        assert run(environment, TELL)[0] == "2.0 4.0"
    finally:
        for process in both:
            process.communicate("", timeout=60)
    assert [name for name in files(environment) if name.endswith(".db")] == [
        *("counter_0.db", "counter_1.db", "counter_2.db"),
        *("histogram_0.db", "histogram_1.db", "histogram_2.db"),
    ]


def test_what_a_killed_process_counted_stays(environment):
    run(environment, "counters.delivery('stored', 7)\nif os.fork() == 0: os.kill(os.getpid(), 9)\nos.wait()")
    with start(
        environment, "counters.delivery('stored', 1); print('counted', flush=True); sys.stdin.read()"
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert run(environment, TELL)[0] == "2.0 8.0"


def test_a_forked_process_counts_for_itself(environment):
    forked = """
counters.delivery("stored", 1)
child = os.fork()
for _ in range(500):
    counters.delivery("stored", 1)
if child == 0:
    os._exit(0)
os.wait()
"""
    run(environment, forked)
    assert run(environment, TELL)[0] == "1001.0 1001.0"


def test_without_a_folder_a_process_tells_of_itself_and_goes_on(environment, tmp_path):
    (tmp_path / "metrics").write_text("no folder")
    said, complained = run(environment, "counters.delivery('stored', 5)" + TELL)
    assert said == "1.0 5.0"
    assert "What this process counts is told by itself only" in complained


def test_room_for_the_numbers_is_taken_at_once(environment):
    """A full disk would otherwise end the process that writes into its mapped file."""
    run(environment, "counters.delivery('stored', 5)")
    for name in ("counter_0.db", "histogram_0.db"):
        about = (Path(environment["METRICS_FOLDER"]) / name).stat()
        assert about.st_blocks * 512 >= about.st_size == 262_144

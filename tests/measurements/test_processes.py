"""Several processes that write one day of one plant at the same time, on whichever road, lose nothing."""

import json
import subprocess
import sys
from collections.abc import Iterable
from uuid import UUID

from apps.measurements import store
from apps.measurements.models import FreshReading
from tests.live import ROOT
from tests.measurements.sites import INVERTER, known, make_site, month, total

BEGIN = """
import datetime as dt
import json
import sys
from uuid import UUID

import django
import numpy as np

django.setup()
from apps.measurements import store
from apps.plants.models import Plant

task = json.loads(sys.argv[1])
plant = Plant.objects.get(pk=task["plant"])
device = UUID(task["device"])
print("ready", flush=True)
sys.stdin.readline()
"""
WRITER = """
for slot in task["numbers"]:
    values = np.full(288, np.nan)
    values[slot] = slot
    store.write(plant, [store.DayReadings(device, dt.date(2025, 6, 15), {("ProdEtotal", 0): values})])
"""
LOGGER = """
midnight = dt.datetime(2025, 6, 14, 22, 0, tzinfo=dt.UTC)
for part in task["numbers"]:
    store.write_fresh(
        plant,
        [store.Point(device, part, "ProdPdc", midnight + slot * dt.timedelta(minutes=5), part) for slot in range(3)],
    )
"""
SEALER = """
for _ in task["numbers"]:
    store.seal(plant)
"""


def start(
    environment: dict[str, str], program: str, plant: UUID, device: UUID, numbers: Iterable[int]
) -> subprocess.Popen[str]:
    task = json.dumps({"plant": str(plant), "device": str(device), "numbers": list(numbers)})
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program, task],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "portal.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_together(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")


def test_processes_that_write_one_day_lose_nothing(transactional_db: None, process_environment: dict[str, str]):
    plant, [one, two] = make_site(INVERTER, INVERTER)
    tasks = ((one, range(0, 60, 2)), (one, range(1, 60, 2)), (two, range(60)))
    run_together([start(process_environment, WRITER, plant.pk, device, slots) for device, slots in tasks])

    everything = {slot: slot for slot in range(60)}
    assert known(plant, one, "ProdEtotal") == everything
    assert known(plant, two, "ProdEtotal") == everything
    assert total(plant, "ProdEtotal") == {slot: 2 * slot for slot in range(60)}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 118}


def test_loggers_that_deliver_for_the_same_slots_while_they_are_packed_lose_nothing(
    transactional_db: None, process_environment: dict[str, str]
):
    plant, [one] = make_site(INVERTER)
    tasks = ((LOGGER, range(1, 81)), (LOGGER, range(81, 161)), (SEALER, range(15)))
    run_together([start(process_environment, program, plant.pk, one, numbers) for program, numbers in tasks])
    for _ in range(2):
        assert [known(plant, one, "ProdPdc", part=part) for part in range(1, 161)] == [
            {0: part, 1: part, 2: part} for part in range(1, 161)
        ]
        store.seal(plant)
    assert not FreshReading.objects.exists()

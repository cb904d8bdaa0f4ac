"""Several processes that write one day of one plant at the same time lose nothing."""

import json
import subprocess
import sys
from uuid import UUID

from tests.live import ROOT
from tests.measurements.sites import INVERTER, known, make_site, month, total

WRITER = """
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
print("ready", flush=True)
sys.stdin.readline()
for slot in task["slots"]:
    values = np.full(288, np.nan)
    values[slot] = slot
    store.write(plant, [store.DayReadings(UUID(task["device"]), dt.date(2025, 6, 15), {("ProdEtotal", 0): values})])
"""


def start(environment: dict[str, str], plant: UUID, device: UUID, slots: range) -> subprocess.Popen[str]:
    task = json.dumps({"plant": str(plant), "device": str(device), "slots": list(slots)})
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, task],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "portal.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_write_one_day_lose_nothing(transactional_db: None, process_environment: dict[str, str]):
    plant, [one, two] = make_site(INVERTER, INVERTER)
    tasks = ((one, range(0, 60, 2)), (one, range(1, 60, 2)), (two, range(60)))
    writers = [start(process_environment, plant.pk, device, slots) for device, slots in tasks]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert (writer.returncode, errors) == (0, "")

    everything = {slot: slot for slot in range(60)}
    assert known(plant, one, "ProdEtotal") == everything
    assert known(plant, two, "ProdEtotal") == everything
    assert total(plant, "ProdEtotal") == {slot: 2 * slot for slot in range(60)}
    assert month(plant, plant.datasource_id, "ProdEtotal") == {15: 118}

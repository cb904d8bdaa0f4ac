"""How many deliveries a second the real server takes by HTTP, against a bare WSGI app that does the same upsert.

Both are served by granian with the same options, on the same database. wrk sends the same bodies to both: what a
logger of ten devices knows of one slot, 120 values. Every plant has a key, which may deliver 120 times a minute.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import orjson
from django.db.models import Sum
from django.utils import timezone

from apps.accounts.keys import digests, random_key
from apps.accounts.models import Portal
from apps.ingest import keys
from apps.ingest.models import LoggerKey, Upload
from apps.measurements import grid
from apps.measurements.models import FreshReading
from apps.plants.building import DeviceDescription, build_in
from apps.plants.models import Plant

from .frame import Place, Row, in_turns
from .ingest import CHANNELS, DEVICES, portal, reading
from .servers import CONNECTIONS, PRODUCT, Server, serve

AT_LEAST = 0.40
BARE = "tests.bench.upsert:application"
_SLOTS = 96  # those of the last eight hours: enough that hardly any comes a third time


@dataclass(frozen=True, slots=True)
class Logger:
    """One plant, its key, and its devices."""

    plant: Plant
    secret: str
    devices: list[str]


@dataclass
class Sender:
    """wrk, which sends deliveries to one server; `taken` of them were acknowledged, which took it `cpu` seconds."""

    server: Server
    requests: Path
    portal: Portal
    taken: int = 0
    cpu: float = 0.0

    def send_one(self) -> None:
        """Send the first delivery, and wait: a server listens before its workers are there."""
        with self.requests.open() as lines:
            path, authorization, body = next(lines).split("\t")
        headers = {**self.server.headers, "Authorization": authorization, "Content-Type": "application/json"}
        request = Request(self.server.url + path, body.encode(), headers)  # noqa: S310
        with urlopen(request, timeout=60) as response:  # noqa: S310
            assert response.status == 202

    def rate(self, seconds: int) -> float:
        """Answers a second: all of them good, and all that was acknowledged is in the database, till now."""
        before = self.server.cpu()
        told = self._run(seconds)
        self.cpu += self.server.cpu() - before
        self.taken += int(told["answers"])
        assert told["answers"], told
        assert (told["refused"], told["lost"]) == (0, 0), told
        fresh = FreshReading.objects.filter(plant__portal=self.portal)
        assert fresh.aggregate(parts=Sum("parts"))["parts"] >= told["answers"]
        fresh.delete()
        Upload.objects.filter(plant__portal=self.portal).delete()
        return float(told["answers"] / told["seconds"])

    def _run(self, seconds: int) -> dict[str, float]:
        command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
        script = ["--script", str(Path(__file__).with_name("push.lua")), self.server.url, "--", str(self.requests)]
        done = subprocess.run([*command, *script], capture_output=True, text=True, check=True)
        told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return told


def push(place: Place) -> Iterator[Row]:
    """Deliveries a second."""
    seconds, plants = (1, 20) if place.quick else (4, 100)
    with portal("bench-push") as own:
        files = _written(place.folder, [_logger(own, f"Roof {number}") for number in range(plants)])
        servers = [serve(place, application, os.environ["DATABASE_URL"]) for application in (PRODUCT, BARE)]
        ours, theirs = (Sender(server, file, own) for server, file in zip(servers, files, strict=True))
        for sender in (ours, theirs):
            sender.send_one()
            sender.rate(seconds)  # connections are made, statements prepared
        rates = in_turns(lambda: ours.rate(seconds), lambda: theirs.rate(seconds), place.rounds)
    what = f"deliveries of {DEVICES * len(CHANNELS)} values by HTTP"
    mine, other = (1000 * sender.cpu / sender.taken for sender in (ours, theirs))
    note = f"CPU {mine:.2f} : {other:.2f} ms"
    yield Row("push", what, "bare WSGI app, same upsert", "1/s", *rates, AT_LEAST, note=note)


ROWS = {"push": push}


# --- Who sends what ------------------------------------------------------------------------------------------------


def _logger(own: Portal, label: str) -> Logger:
    plant = Plant.objects.create(portal=own, label=label, timezone="Europe/Berlin", size=100_000)
    described = [DeviceDescription("Inverter", f"Inverter {number}", channels=CHANNELS) for number in range(DEVICES)]
    ids = build_in(plant, date(2025, 1, 1), described)
    secret = random_key(keys.PREFIX)
    LoggerKey.objects.create(plant=plant, name="Bench", login=label, digest=digests(secret)[0], hint=secret[-4:])
    return Logger(plant, secret, [str(device) for device in ids.values()])


def _written(folder: Path, loggers: list[Logger]) -> tuple[Path, Path]:
    """The requests for the product and those for the bare app: of every plant the last slots, oldest first."""
    now, dice = timezone.now(), np.random.default_rng(2)
    values = [[reading(dice) for _ in logger.devices] for logger in loggers]
    product, bare = folder / "product", folder / "bare"
    with product.open("w") as ours, bare.open("w") as theirs:
        for slot in range(_SLOTS, 0, -1):
            for logger, found in zip(loggers, values, strict=True):
                body = _body(logger, now - slot * grid.SLOT, found)
                ours.write(f"/ingest/v1/{logger.plant.portal.slug}/readings\tBearer {logger.secret}\t{body}\n")
                theirs.write(f"/{logger.plant.pk}\t\t{body}\n")
    return product, bare


def _body(logger: Logger, at: datetime, values: list[dict[str, float]]) -> str:
    readings = [
        {"component": device, "time": at.isoformat(), "values": found}
        for device, found in zip(logger.devices, values, strict=True)
    ]
    return orjson.dumps({"readings": readings}).decode()

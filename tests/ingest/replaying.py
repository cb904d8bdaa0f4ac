"""A logger in tests: pushes its files one by one, and what the store says afterwards, for comparing with an import."""

import datetime as dt
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.accounts.audit import Actor
from apps.accounts.models import Portal
from apps.events.models import ComponentEvent
from apps.ingest import keys, uploads
from apps.ingest.models import LoggerKey, Upload
from apps.measurements import store
from apps.measurements.channels import BY_NAME
from apps.plants.models import Component, Plant
from tests.ingest.folders import BERLIN, everything

MONA = Actor("mona@sunny.example")
NOT_IMPORTED = {"min_cur.js", "pm.js"}


class Logger:
    """A Solar-Log with a key of a plant of its own."""

    def __init__(self, portal: Portal, label: str = "Pushed") -> None:
        self.plant = Plant.objects.create(portal=portal, label=label, timezone=BERLIN)
        self.key: LoggerKey = keys.create_key(self.plant, "Solar-Log", MONA)[0]

    def push(self, name: str, data: bytes | str) -> Upload:
        """Deliver a file and have it imported at once; returns what became of it."""
        body = data if isinstance(data, bytes) else data.replace("\n", "\r\n").encode()
        upload = uploads.receive_file(self.key, name, body)
        uploads.process(upload.pk)
        upload.refresh_from_db()
        return upload

    def go_quiet(self) -> None:
        """Let enough time pass for everything that waits for other files."""
        for hours in (1, 2, 3):
            uploads.sweep(timezone.now() + dt.timedelta(hours=hours))
        assert not Upload.objects.filter(plant=self.plant, state="received").exists()


def read(folder: Path) -> dict[str, bytes]:
    """The files of a folder that are imported."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name not in NOT_IMPORTED}


def shuffled(files: dict[str, bytes], chance: random.Random) -> list[tuple[str, bytes]]:
    """The files as often as they come, base_vars.js first, then in any order, versions of a file in theirs."""
    versions = {name: grown(data, chance) if name == "min_day.js" else [data] * 2 for name, data in files.items()}
    first = versions.pop("base_vars.js", [])
    names = [name for name, found in versions.items() for _ in found]
    chance.shuffle(names)
    remaining = {name: iter(found) for name, found in versions.items()}
    return [("base_vars.js", data) for data in first] + [(name, next(remaining[name])) for name in names]


def grown(data: bytes, chance: random.Random, pieces: int = 4) -> list[bytes]:
    """A minute file as it grows: the newest record is the first line."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return [data]
    cuts = sorted((chance.randrange(len(lines)) for _ in range(pieces)), reverse=True)
    return [b"".join(lines[cut:]) for cut in cuts] + [data]


def state(plant: Plant) -> dict[str, Any]:
    """All that the store, the events and the epochs of a plant say, without ids."""
    serials = dict(Component.objects.filter(epoch__plant=plant).values_list("cross_epoch_id", "serial"))
    found = {
        "events": sorted(
            (
                serials[event.device_id],
                event.started_at,
                event.status_code,
                event.error_code,
                event.ended_at,
                event.status_text,
                event.error_text,
                event.severity,
            )
            for event in ComponentEvent.objects.filter(plant=plant)
        ),
        "epochs": [
            (epoch.active_from, list(epoch.components.order_by("dataindex").values_list("serial", "name", "channels")))
            for epoch in plant.epochs.order_by("active_from")
        ],
        "months": _months(plant, serials),
    }
    return found | (everything(plant) if store.data_range(plant) else {})


def _months(plant: Plant, serials: dict[Any, str]) -> list[Any]:
    sources = {plant.datasource_id: "plant"} | serials
    channels = [BY_NAME["ProdEtotal"], BY_NAME["ConsEtotal"]]
    sought = [store.Source(device) for device in sources]
    first, years = store.read_lifetime(plant, sought, channels, timezone.now().year)
    found = [(sources[one.source.device], one.channel.name, one.values.tolist()) for one in years]
    for year in range(first.year, timezone.now().year + 1):
        found += [
            (sources[one.source.device], one.channel.name, [year, *one.values.tolist()])
            for one in store.read_year(plant, sought, channels, year)
        ]
    return sorted(found, key=repr)


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Which parts of two states differ; nan equals nan."""
    return [name for name in sorted(one.keys() | other.keys()) if repr(one.get(name)) != repr(other.get(name))]


def waiting(states: Iterable[Upload]) -> list[str]:
    """The names of deliveries that were not stored, with the reason."""
    return [f"{upload.name}: {upload.error}" for upload in states if upload.state not in ("stored", "received")]

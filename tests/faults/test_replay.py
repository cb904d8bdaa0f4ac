"""A real device's folder, pushed file by file by curl and by lftp at live processes, equals its import."""

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.utils import timezone

from apps.accounts.models import Portal
from apps.ingest import keys, uploads
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.faults.stand import PATIENCE, Service, is_healthy, listens
from tests.ingest.folders import BERLIN, import_solarlog, plant_of
from tests.ingest.replaying import MONA, differences, state
from tests.live import free_port


@pytest.fixture
def device(shared_data: Path) -> Path:
    return shared_data / "solarlog-allwang-dev" / "device-2026-08"


@pytest.fixture
def key_and_secret(sunny: Portal) -> tuple[LoggerKey, str]:
    """A key of a plant that nothing is known about."""
    plant = Plant.objects.create(portal=sunny, label="Pushed", timezone=BERLIN)
    return keys.create_key(plant, "Solar-Log", MONA)


@pytest.fixture
def ports(process_environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, int]]:
    """Where web and FTP server listen; a worker is there too. All of them on the database of the test."""
    found = {"web": free_port(), "ftp": free_port()}
    environment = {**process_environment, "BROKER_FOLDER": str(tmp_path / "broker")}
    commands = {
        "web": ["serve", "--port", str(found["web"]), "--workers", "1"],
        "ftp": ["ftpd", "--port", str(found["ftp"])],
        "worker": ["work", "--processes", "1", "--queues", "ingest"],  # no findings of our own among its events
    }
    ready = {"web": lambda _: is_healthy(found["web"]), "ftp": lambda _: listens(found["ftp"])}
    with ExitStack() as ends:
        services = []
        for name, command in commands.items():
            program = [sys.executable, "manage.py", *command]
            is_ready = ready.get(name, lambda service: bool(service.children()))
            services.append(Service(name, program, environment, tmp_path / f"{name}.log", is_ready))
            services[-1].start()
            ends.callback(services[-1].end)
        for service in services:
            service.wait_until_ready()
        yield found


def done(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def assert_equals_its_import(key: LoggerKey, device: Path, other: Portal) -> None:
    """Let the worker do its work, then compare with the import command."""
    told_something = {file.name for file in device.iterdir() if file.stat().st_size}
    assert told_something <= set(Upload.objects.filter(key=key).values_list("name", flat=True))
    deadline = time.monotonic() + PATIENCE
    while Upload.objects.filter(key=key, state="received", next_try__lte=timezone.now()).exists():
        assert time.monotonic() < deadline, "the worker does not import"
        time.sleep(0.1)
    for hours in (1, 2, 3):  # enough for everything that waits for other files
        uploads.sweep(timezone.now() + dt.timedelta(hours=hours))
    assert set(Upload.objects.filter(key=key).values_list("state", flat=True)) == {"stored"}
    # A logger belongs to one plant: the import must not see that the pushing one has it.
    Plant.objects.filter(pk=key.plant_id).update(identifier="")
    imported = plant_of(import_solarlog(device, other))
    told = state(key.plant)
    assert len(told["epochs"]) == 1
    assert differences(state(imported), told) == []


@pytest.mark.curl
def test_pushed_with_curl_over_http(
    curl: str, device: Path, key_and_secret: tuple[LoggerKey, str], other: Portal, ports: dict[str, int]
):
    key, secret = key_and_secret
    for file in sorted(device.iterdir()):
        url = f"http://127.0.0.1:{ports['web']}/ingest/v1/sunny/files/{file.name}"
        login = ("-u", f"{key.login}:{secret}")
        assert done(curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", *login, "-T", str(file), url) == "202"
    assert_equals_its_import(key, device, other)


@pytest.mark.lftp
def test_pushed_with_lftp_over_ftp(
    lftp: str, device: Path, key_and_secret: tuple[LoggerKey, str], other: Portal, ports: dict[str, int]
):
    key, secret = key_and_secret
    opened = f"open -u {key.login},{secret} ftp://127.0.0.1:{ports['ftp']}"
    puts = [f"put {file}" for file in sorted(device.iterdir())]
    done(lftp, "--norc", "-c", "; ".join(["set net:max-retries 1", "set cmd:fail-exit yes", opened, *puts]))
    assert_equals_its_import(key, device, other)

"""Logger files over HTTP: acknowledged when they are in the database, and imported as an import of the folder does."""

import datetime as dt
import gzip
import random
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Portal
from apps.ingest import keys, push, uploads
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.ingest.folders import ONE_INVERTER, day_values, import_solarlog, minute_file, plant_of
from tests.ingest.replaying import MONA, differences, read, shuffled, state

GOOD = "01.07.25 12:00:00|500;550;3000;400"
FILES = "/ingest/v1/sunny/files"


@pytest.fixture
def plant(sunny: Portal) -> Plant:
    return Plant.objects.create(portal=sunny, label="Pushed", timezone="Europe/Berlin")


@pytest.fixture
def made(plant: Plant) -> tuple[LoggerKey, str]:
    return keys.create_key(plant, "Logger", MONA)


@pytest.fixture
def secret(made: tuple[LoggerKey, str]) -> str:
    return made[1]


def put(secret: str, name: str, data: bytes | str, *, method: str = "put", **headers: str) -> Any:
    """Send a file as the body of a request."""
    body = data.encode() if isinstance(data, str) else data
    headers = {"Authorization": f"Bearer {secret}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    client = Client(enforce_csrf_checks=True)
    return getattr(client, method)(f"{FILES}/{name}", body, content_type="application/octet-stream", headers=headers)


@pytest.mark.parametrize("method", ["put", "post"])
def test_a_file_as_the_body_is_kept_when_the_receipt_comes(secret: str, plant: Plant, method: str):
    answer = put(secret, "base_vars.js", ONE_INVERTER, method=method)
    assert answer.status_code == 202
    receipt = answer.json()
    assert (receipt["kind"], receipt["name"], receipt["state"], receipt["error"]) == (
        "file",
        "base_vars.js",
        "received",
        None,
    )
    upload = Upload.objects.get(plant=plant)
    assert gzip.decompress(upload.body or b"") == ONE_INVERTER.encode()


def test_the_receipt_tells_later_what_became_of_the_file(secret: str, plant: Plant):
    put(secret, "base_vars.js", ONE_INVERTER)
    receipt = put(secret, "min250701.js", minute_file(GOOD, "31.02.25 12:00:00|1;1;1;1")).json()
    uploads.sweep()
    headers = {"Authorization": f"Bearer {secret}"}
    told = Client().get(f"/ingest/v1/sunny/receipts/{receipt['id']}", headers=headers).json()
    assert (told["records"], told["values_stored"]) == (1, 6)
    assert told["rejected"] == [
        {"file": "min250701.js", "line": 2, "reason": "impossible date", "value": "31.02.25 12:00:00"}
    ]
    assert not told.keys() & {"memory", "foreignSerial"}
    assert day_values(plant, "2025-07-01", "ProdPac") == {"12:00": 500}


def test_several_files_of_one_form_get_a_receipt_each(secret: str, plant: Plant):
    files = [
        SimpleUploadedFile("base_vars.js", ONE_INVERTER.encode()),
        SimpleUploadedFile("min250701.js", minute_file(GOOD).encode()),
    ]
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "push-1"}
    answers = []
    for _ in range(2):
        for file in files:
            file.seek(0)
        answers.append(Client().post("/ingest/v1/sunny/readings", {"file": files}, headers=headers).json())
    assert [receipt["name"] for receipt in answers[0]] == ["base_vars.js", "min250701.js"]
    assert answers[0] == answers[1]
    assert Upload.objects.count() == 2


def test_gzip_is_unpacked_and_stored_as_sent(secret: str, plant: Plant):
    answer = put(secret, "base_vars.js", gzip.compress(ONE_INVERTER.encode()), Content_Encoding="gzip")
    assert answer.status_code == 202
    assert Upload.objects.get().size == len(ONE_INVERTER)


def test_the_same_idempotency_key_is_one_delivery_and_another_file_is_refused(secret: str, plant: Plant):
    first, second = (put(secret, "base_vars.js", ONE_INVERTER, Idempotency_Key="a").json() for _ in range(2))
    assert first == second
    refused = put(secret, "base_vars.js", ONE_INVERTER + "\n", Idempotency_Key="a")
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")


def test_a_body_of_100_mb_is_refused_before_it_is_read(secret: str):
    class Endless:
        """A body that counts what is read of it."""

        taken = 0

        def read(self, size: int = -1) -> bytes:
            self.taken += size
            return b" " * size

        readline = read

    body = Endless()
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {secret}", "CONTENT_LENGTH": "100000000", "wsgi.input": body}
    answer = Client().put(f"{FILES}/min_day.js", b"", content_type="text/plain", **headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert body.taken == 0
    assert not Upload.objects.exists()


def test_a_zip_bomb_is_refused_as_soon_as_it_is_too_large(secret: str):
    bomb = gzip.compress(b" " * 100_000_000)
    assert len(bomb) < 200_000
    answer = put(secret, "min_day.js", bomb, Content_Encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "name", ["..%2Fmin_day.js", "%2Fetc%2Fpasswd", "a%5Cb.js", ".htaccess", "a%00b.js", "%2e%2e", "x" * 101, "mün.js"]
)
def test_a_name_never_becomes_a_path(secret: str, name: str):
    assert put(secret, name, ONE_INVERTER).status_code in (400, 404)
    assert not Upload.objects.exists()


def test_poison_is_taken_and_named_in_its_receipt(secret: str, plant: Plant):
    receipt = put(secret, "holiday.jpg", bytes(range(256))).json()
    uploads.sweep()
    headers = {"Authorization": f"Bearer {secret}"}
    told = Client().get(f"/ingest/v1/sunny/receipts/{receipt['id']}", headers=headers).json()
    assert (told["state"], told["error"]) == ("quarantined", "No file of this name is imported.")


def test_without_a_living_key_no_file_is_taken(made: tuple[LoggerKey, str]):
    for wrong in ("", "hpl_wrong", made[1][:-1]):
        assert put(wrong, "min_day.js", minute_file(GOOD)).status_code == 401
    keys.revoke_key(made[0], MONA, "stolen")
    assert put(made[1], "min_day.js", minute_file(GOOD)).status_code == 401
    assert not Upload.objects.exists()


def test_login_and_secret_of_a_logger_do_as_basic_authentication(made: tuple[LoggerKey, str]):
    basic = "Basic " + b64encode(f"{made[0].login}:{made[1]}".encode()).decode()
    answer = Client().put(f"{FILES}/min_day.js", minute_file(GOOD).encode(), headers={"Authorization": basic})
    assert answer.status_code == 202


def test_a_key_opens_its_own_portal_only(secret: str):
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().put("/ingest/v1/other/files/min_day.js", b"x", headers=headers).status_code == 404


def test_the_real_folder_over_http_equals_its_import(
    shared_data: Path, sunny: Portal, secret: str, plant: Plant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(push, "PER_MINUTE", 10_000)
    folder = shared_data / "solarlog-allwang-dev" / "device-2026-08"
    for number, (name, data) in enumerate(shuffled(read(folder), random.Random(7))):
        assert put(secret, name, data).status_code == 202
        if number % 5 == 0:
            uploads.sweep()
    for hours in (0, 1, 2, 3):
        uploads.sweep(timezone.now() + dt.timedelta(hours=hours))
    Plant.objects.update(identifier="")
    imported = plant_of(import_solarlog(folder, sunny))
    assert differences(state(imported), state(plant)) == []


@pytest.mark.curl
@pytest.mark.django_db(transaction=True)
def test_curl_delivers_a_folder_as_the_guide_says(
    curl: str, live_server: Any, tmp_path: Path, plant: Plant, secret: str
):
    (tmp_path / "base_vars.js").write_text(ONE_INVERTER)
    (tmp_path / "min250701.js").write_text(minute_file(GOOD))
    for name in ("base_vars.js", "min250701.js"):
        done = subprocess.run(
            [
                curl,
                "-sS",
                "--fail",
                "-H",
                f"Authorization: Bearer {secret}",
                "-T",
                tmp_path / name,
                f"{live_server.url}/ingest/v1/sunny/files/{name}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert '"state":"received"' in done.stdout
    uploads.sweep()
    assert day_values(plant, "2025-07-01", "ProdPac") == {"12:00": 500}

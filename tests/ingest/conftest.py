"""What tests of deliveries share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.audit import Actor
from apps.ingest import keys
from apps.plants.models import Plant
from tests.ingest.ftp_server import Running, running


@pytest.fixture
def ftp(transactional_db: None, plant_a: Plant, tmp_path: Path, settings: Any) -> Iterator[Running]:
    """An FTP server in a thread, and a key of plant A to log in with."""
    settings.VAR_DIR = tmp_path
    with running(*keys.create_key(plant_a, "Logger", Actor("mona@sunny.example"))) as server:
        yield server

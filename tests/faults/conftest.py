"""Which faults are tried when: what takes minutes in `make faults` only, what is about servers where there are some."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.faults.stand import Stand, programs_of_postgres

IS_SQLITE = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
IN_FULL = "FAULT_ROUNDS" in os.environ

collect_ignore = [*([] if IN_FULL else ["test_load.py", "test_worker.py"]), *(["test_servers.py"] if IS_SQLITE else [])]

logging.getLogger("httpx").setLevel(logging.WARNING)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A portal on the kind of database that the tests run on; nothing of it is started."""
    made = Stand(tmp_path)
    try:
        if IS_SQLITE:
            made.on_sqlite()
        else:
            postgres = programs_of_postgres()
            if not (postgres / "initdb").exists():
                pytest.skip("needs the programs of PostgreSQL: install the package postgresql")
            made.on_servers(postgres)
        yield made
    finally:
        made.close()

"""The portal as it is shipped, running, for all tests of a worker."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need
from tests.deploy.stand import Stand, own_redis, printed


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    """Blue serves; green is there and does not."""
    services = need("postgres"), own_redis(need("redis")), need("nginx")
    # Not in pytest's folder: the path of a socket has at most 107 letters.
    made = Stand(Path(tempfile.mkdtemp(prefix="helioport-deploy-")), *services)
    try:
        made.build()
        made.script("blue", "switch.sh")
        made.start_nginx()
        yield made
    finally:
        made.stop()
        made.drop_database()
        shutil.rmtree(made.folder)


@pytest.fixture(scope="session")
def data(stand: Stand) -> dict[str, Any]:
    """A plant with 20 months of values, its owners' credentials, a key of its logger."""
    made = printed(stand.python("-m", "tests.api.live_data"))
    key = printed(stand.script("blue", "manage.sh", "logger_key", "create", made["plant"], "--name", "roof"))
    return {**made, "key": key}

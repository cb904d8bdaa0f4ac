"""What the tests of the gate share."""

import pytest
from django.conf import settings

from tests.gate.clock import Clock

# Both bring databases of their own, so they are tried in the pass on SQLite only.
ONCE = ["test_red_lines.py", "test_live_server_log.py"]
collect_ignore = [] if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") else ONCE


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time as the portal reads it, standing still."""
    return Clock().install(monkeypatch)

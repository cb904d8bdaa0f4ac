"""What every test can ask for: the cast, services, real data, a live server.

Services (markers and fixtures `postgres`, `redis`, `node`, `browser`) skip with one line where they are absent.
With REQUIRE_SERVICES=1 every skip is a failure, save these: the shared measured data lies outside the repository,
so a clone without it may skip; where HELIOPORT_SHARED_DATA names a folder, that folder must exist. Debian packs no
Citus, so the suites on a cluster run where CITUS_DATABASE_URL names one. Some tests are of PostgreSQL's run only, and
a container may forbid to mount the small disks that others fill.
"""

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils import translation

from apps.accounts.models import Portal, User
from apps.packages import usage_buffer
from apps.plants.models import Fleet, Plant
from tests.cast import Cast, make_cast
from tests.distributed.routed import every_statement_is_routed, unrouted  # noqa: F401  (watch every test)
from tests.live import ROOT, LiveServer, environment_for, running_server


@pytest.fixture(autouse=True)
def _default_language() -> None:
    """A request in German leaves its language in the thread; the next test begins in English."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _no_calls_noted() -> None:
    """What an earlier test called is not written down by a later one."""
    usage_buffer.forget()


@pytest.fixture(scope="session", autouse=True)
def _records_may_be_flushed() -> Iterator[None]:
    """Emptying SQLite between tests deletes row by row, which records of acts refuse: their triggers step aside."""
    operations = DatabaseWrapper.ops_class
    flush = operations.execute_sql_flush

    def aside(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%is_kept%'")
            triggers = cursor.fetchall()
            flush(
                self, [*(f"DROP TRIGGER {name}" for name, _sql in triggers), *sql_list, *(sql for _, sql in triggers)]
            )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", aside)
        yield


# --- The cast ------------------------------------------------------------------------------------------------


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def sunny(cast: Cast) -> Portal:
    return cast.sunny


@pytest.fixture
def other(cast: Cast) -> Portal:
    return cast.other


@pytest.fixture
def mona(cast: Cast) -> User:
    return cast.mona


@pytest.fixture
def mo(cast: Cast) -> User:
    return cast.mo


@pytest.fixture
def alice(cast: Cast) -> User:
    return cast.alice


@pytest.fixture
def bob(cast: Cast) -> User:
    return cast.bob


@pytest.fixture
def charlie(cast: Cast) -> User:
    return cast.charlie


@pytest.fixture
def oskar(cast: Cast) -> User:
    return cast.oskar


@pytest.fixture
def plant_a(cast: Cast) -> Plant:
    return cast.plant_a


@pytest.fixture
def plant_b(cast: Cast) -> Plant:
    return cast.plant_b


@pytest.fixture
def plant_o(cast: Cast) -> Plant:
    return cast.plant_o


@pytest.fixture
def fleet_s(cast: Cast) -> Fleet:
    return cast.fleet_s


@pytest.fixture
def fleet_o(cast: Cast) -> Fleet:
    return cast.fleet_o


# --- Processes and servers -----------------------------------------------------------------------------------


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The database of this test, for processes it starts; what the test wrote is committed and visible to them."""
    parts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{parts['NAME']}"
    user, password, host = (quote(parts[part], safe="") for part in ("USER", "PASSWORD", "HOST"))
    return f"postgres://{user}:{password}@{host}:{parts['PORT'] or 5432}/{parts['NAME']}"


@pytest.fixture
def process_environment(database_url: str) -> dict[str, str]:
    """The environment for `manage.py` and other processes on the database of this test."""
    return environment_for(database_url)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running portal with an empty database of its own, shared by the tests of one worker."""
    with running_server(tmp_path_factory.mktemp("live")) as server:
        yield server


# --- Services ------------------------------------------------------------------------------------------------

CLIENTS = ROOT / "tests" / "clients"


def find_postgres() -> str:
    return os.environ.get("TEST_POSTGRES_URL", "")


def find_redis() -> str:
    return os.environ.get("TEST_REDIS_URL", "")


def find_citus() -> str:
    return os.environ.get("CITUS_DATABASE_URL", "")


def find_node() -> str:
    return (shutil.which("node") or "") if (CLIENTS / "node_modules").is_dir() else ""


def find_curl() -> str:
    return shutil.which("curl") or ""


def find_lftp() -> str:
    return shutil.which("lftp") or ""


def find_nginx() -> str:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin") or ""


def find_browser() -> str:
    return shutil.which("chromium") or next((path for path in ("/usr/bin/chromium",) if Path(path).exists()), "")


NO_CITUS = "needs a Citus cluster: set CITUS_DATABASE_URL=postgres://user:password@coordinator/name"
SERVICES: dict[str, tuple[Callable[[], str], str]] = {
    "postgres": (find_postgres, "needs PostgreSQL: set TEST_POSTGRES_URL=postgres://user:password@host/name"),
    "citus": (find_citus, NO_CITUS),
    "redis": (find_redis, "needs Redis: set TEST_REDIS_URL=redis://host:6379/0"),
    "node": (find_node, "needs Node 18+ and the clients of tests/clients: install Node, then run `make test`"),
    "browser": (find_browser, "needs Chromium: install the package chromium"),
    "curl": (find_curl, "needs curl: install the package curl"),
    "lftp": (find_lftp, "needs lftp: install the package lftp"),
    "nginx": (find_nginx, "needs nginx: install the package nginx"),
}


def need(service: str) -> str:
    """Where the service is; skips the test where it is not."""
    find, advice = SERVICES[service]
    return find() or pytest.skip(advice)


@pytest.fixture
def postgres() -> str:
    """The URL of a PostgreSQL server."""
    return need("postgres")


@pytest.fixture
def redis() -> str:
    """The URL of a Redis server."""
    return need("redis")


@pytest.fixture
def citus() -> str:
    """The URL of the coordinator's database of a Citus cluster."""
    return need("citus")


@pytest.fixture
def node() -> str:
    """The path of Node."""
    return need("node")


@pytest.fixture(scope="session")
def browser() -> str:
    """The path of Chromium, for Playwright's `executable_path`."""
    return need("browser")


@pytest.fixture
def curl() -> str:
    """The path of curl."""
    return need("curl")


@pytest.fixture
def lftp() -> str:
    """The path of lftp."""
    return need("lftp")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for service in SERVICES:
        if item.get_closest_marker(service):
            need(service)


# --- Real data -----------------------------------------------------------------------------------------------

NO_SHARED_DATA = "no shared data here: set HELIOPORT_SHARED_DATA to its folder"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real measured data. Read only; never copied into the project."""
    named = os.environ.get("HELIOPORT_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"HELIOPORT_SHARED_DATA names {folder}, which does not exist")
    pytest.skip(NO_SHARED_DATA)


# --- A skip is a failure where services are required ---------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


NOT_ON_SQLITE = "of the run on PostgreSQL only"
NO_MOUNTING = "needs a disk of its own, and mounting is not permitted"
MAY_SKIP = (NO_SHARED_DATA, NO_CITUS, NOT_ON_SQLITE, NO_MOUNTING)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if os.environ.get("REQUIRE_SERVICES") == "1" and not any(known in reason for known in MAY_SKIP):
        report.outcome = "failed"
        report.longrepr = f"{reason}\nA skip is a failure because REQUIRE_SERVICES=1."

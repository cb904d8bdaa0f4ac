"""Runs named tests on a changed copy of the repository: a process with the libraries loaded, forked for every copy.

Started by test_red_lines.py as `python red_runner.py TEMPLATE_DATABASE`. Reads one JSON object per line: the `root` of
a copy and its `tests`. Answers with one line each: the exit code of pytest, and for every test that did not pass when
it ended (setup, call) and the name of the exception. Knows nothing of the portal until it has been forked.
"""

import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

# What every copy would load anew. A name that is gone only costs time.
LIBRARIES = (
    *("pytest", "_pytest.assertion.rewrite", "_pytest.legacypath", "_pytest.junitxml"),
    *("_pytest.monkeypatch", "_pytest.logging", "_pytest.doctest", "_pytest.pastebin"),
    *("numpy", "pandas", "pvlib", "orjson", "environ", "oauthlib.oauth2", "jsonschema_rs", "httpx", "requests"),
    *("django.test", "django.test.client", "django.db.models", "django.db.backends.sqlite3.base", "django.forms"),
    *("django.core.management", "django.views.debug", "django.template.response", "django.contrib.messages"),
    *("django.contrib.postgres.fields", "django.middleware.csrf", "django.contrib.auth.hashers", "django.views.static"),
    *("psycopg", "cryptography.fernet", "pdb", "pygments", "rest_framework", "whitenoise.middleware", "uuid", "ctypes"),
    *("celery", "redis", "jwcrypto.jwk", "uritemplate", "inflection", "yaml", "granian"),
)
LONGEST = 120  # seconds, for a change that makes the portal run in circles


def main(template: str) -> None:
    for name in LIBRARIES:
        with suppress(Exception):  # gone, or it wants settings first
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        folder = Path(asked["root"])
        pid = os.fork()
        if pid == 0:
            _child(folder, template, asked["tests"])
        os.waitpid(pid, 0)
        result = folder / "result.json"
        print(result.read_text() if result.exists() else json.dumps({"exit": -1, "failed": {}}), flush=True)


def _child(root: Path, template: str, tests: list[str]) -> None:
    signal.alarm(LONGEST)
    with (root / "output.txt").open("w") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        os.chdir(root)
        temporary = root / "tmp"
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        sys.path[0] = str(root)
        try:
            result = _run(template, tests)
            (root / "result.json").write_text(json.dumps(result))
        except BaseException:  # noqa: BLE001  (told in output.txt)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)  # the parent's own ends (its standard input, its caches) are not ours to close


class Recorder:
    """What happened to the tests that did not pass."""

    def __init__(self) -> None:
        self.failed: dict[str, list[str]] = {}
        self.passed = 0

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        """Also told of errors while collecting."""
        self.failed[node.nodeid] = [getattr(report, "when", "collect"), type(call.excinfo.value).__name__]

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.passed += report.when == "call" and report.passed


def _run(template: str, tests: list[str]) -> dict[str, Any]:
    import pytest

    _use_database(template)
    recorder = Recorder()
    without = [f"-pno:{name}" for name in ("cacheprovider", "unraisableexception", "threadexception", "faulthandler")]
    options = [*without, "-p", "pytest_django.plugin", "-q", "--tb=short", "--rootdir=."]
    code = pytest.main([*options, *tests], plugins=[recorder])
    return {"exit": int(code), "failed": recorder.failed, "passed": recorder.passed}


def _use_database(template: str) -> None:
    """A copy of a migrated, empty database instead of all migrations anew."""
    from django.test import utils

    def setup_databases(*_args: Any, **_options: Any) -> list[Any]:
        from django.db import connection

        connection.close()
        name = connection.settings_dict["TEST"]["NAME"]
        shutil.copyfile(template, name)
        connection.settings_dict["NAME"] = name
        return []

    utils.setup_databases = setup_databases
    utils.teardown_databases = lambda *_args, **_options: None


if __name__ == "__main__":
    main(sys.argv[1])

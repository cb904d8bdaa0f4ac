"""The suites of the API and of the ways in, on a real cluster. Debian does not pack Citus, so this may skip anywhere.

CITUS_DATABASE_URL names the coordinator's database, which knows its workers; the test databases are made beside it on
every node (see cluster.py). docs/scaling.md says how a cluster is set up.
"""

import os
import subprocess
import sys

import pytest

from tests.live import ROOT

SUITES = ["tests/api", "tests/ingest"]


@pytest.mark.citus
@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_on_a_cluster(citus: str, suite: str):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.distributed.cluster", suite]
    environment = {**os.environ, "DATABASE_URL": citus, "REQUIRE_SERVICES": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout

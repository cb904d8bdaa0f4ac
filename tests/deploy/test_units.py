"""The files an operator copies: systemd, logrotate and sh read them, and nothing in them is a secret."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [file for file in UNITS if file.suffix == ".service"]


@pytest.fixture
def systemd_analyze() -> str:
    return shutil.which("systemd-analyze") or pytest.skip("needs systemd-analyze: install the package systemd")


def test_systemd_understands_every_unit(tmp_path: Path, systemd_analyze: str) -> None:
    for file in UNITS:
        # It looks for the programs, which are where the portal is installed.
        text = re.sub(r"^(Exec\w+=)/opt\S+", r"\1/bin/true", file.read_text(), flags=re.MULTILINE)
        (tmp_path / file.name.replace("@.", "@blue.")).write_text(text)
    files = sorted(tmp_path.iterdir())
    done = subprocess.run([systemd_analyze, "verify", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("file", SERVICES, ids=lambda file: file.name)
def test_services_can_do_no_more_than_they_need(file: Path) -> None:
    lines = set(file.read_text().splitlines())
    assert {
        "User=helioport",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "EnvironmentFile=/etc/helioport/environment",
    } <= lines


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("*.sh")), ids=lambda file: file.name)
def test_scripts_are_sh(file: Path) -> None:
    assert file.stat().st_mode & 0o111
    assert subprocess.run(["dash", "-n", file], capture_output=True, text=True, check=False).stderr == ""


def test_the_example_of_the_environment_names_settings_that_exist_and_no_secret() -> None:
    text = (DEPLOY / "environment.example").read_text()
    settings = (ROOT / "portal" / "settings.py").read_text()
    units = "".join(file.read_text() for file in SERVICES)
    named = re.findall(r"^#?([A-Z_]+)='(.*)'$", text, flags=re.MULTILINE)
    assert [name for name, _value in named if f'"{name}"' not in settings and f"{name}=" not in units] == []
    secret = {name: value for name, value in named if re.search("SECRET|TOKEN$|PASSWORD", name)}
    assert secret == {"SECRET_KEY": "REPLACE", "SECRET_PEPPER": "REPLACE", "METRICS_TOKEN": ""}

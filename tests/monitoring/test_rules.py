"""The alerts we hand out name metrics there are, and each says what to do."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.live import ROOT

RULES = ROOT / "deploy" / "prometheus-rules.yml"
GUIDE = (ROOT / "docs" / "monitoring.md").read_text()


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_metrics_there_are_and_is_explained(rule: dict[str, Any]):
    asked = {re.sub("_(count|bucket)$", "", name) for name in re.findall(r"helioport_\w+", rule["expr"])}
    assert asked <= set(re.findall(r"^\| `(helioport_\w+)`", GUIDE, re.MULTILINE))
    assert f"`{rule['alert']}`" in GUIDE.partition("## Alerts")[2]
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_guide_explains_no_other_alert():
    assert set(re.findall(r"`(Helioport\w+)`", GUIDE)) == {rule["alert"] for rule in rules()}


def test_prometheus_takes_the_rules():
    """Where Prometheus is installed, it judges itself; elsewhere they are YAML with an expression in each."""
    if promtool := shutil.which("promtool"):
        done = subprocess.run([promtool, "check", "rules", RULES], text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert all(rule["expr"].strip() and rule["annotations"]["summary"] for rule in rules())

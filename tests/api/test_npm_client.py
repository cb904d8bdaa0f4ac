"""A third party's client as it is: the npm package solarlog-enerest 1.0.1, run by Node against a live server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT, LiveServer

pytestmark = pytest.mark.node
CLIENTS = ROOT / "tests" / "clients"
DAY = "2025-06-21"


@pytest.fixture
def run(node: str, live: LiveServer, live_data: dict[str, Any]) -> Any:
    """Call methods of the package with the credentials of a package of ours; one result per call."""

    def run(package: str, *calls: list[Any]) -> list[dict[str, Any]]:
        told = {
            "url": live.url,
            "portal": live_data["portal"],
            "clientId": live_data[package]["id"],
            "clientSecret": live_data[package]["secret"],
            "calls": calls,
        }
        command = [node, "solarlog.mjs"]
        done = subprocess.run(
            command, cwd=CLIENTS, input=json.dumps(told), text=True, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        results: list[dict[str, Any]] = json.loads(done.stdout)
        return results

    return run


def test_the_package_is_the_published_one() -> None:
    folder = CLIENTS / "node_modules" / "solarlog-enerest"
    assert json.loads((folder / "package.json").read_text())["version"] == "1.0.1"
    locked = json.loads((CLIENTS / "package-lock.json").read_text())["packages"]["node_modules/solarlog-enerest"]
    assert locked["version"] == "1.0.1"
    assert locked["integrity"].startswith("sha512-")


def test_an_advanced_client_reads_everything(run: Any, live_data: dict[str, Any]) -> None:
    plant, inverters = live_data["plant"], live_data["inverters"]
    found = run(
        "advanced",
        ["components", plant, DAY],
        ["get_inverters", plant, DAY],
        ["channels", plant, DAY, DAY, ["ProdPac", "ProdEtotal"]],
        ["channels", plant, DAY, DAY, ["ProdUdc"], [live_data["tracker"]]],
        ["crossEpochChannels", plant, inverters, ["ProdPdc"], DAY, DAY],
        ["get_channel_data_month", plant, 2025, 6, ["ProdEtotal"]],
        ["get_channel_data_month", plant, "2025", "06", ["ProdEtotal"]],
        ["get_channel_data_year", plant, 2025, ["ProdEtotal", "ProdPac"]],
        ["get_channel_data_lifetime", plant, ["ProdEtotal"]],
        ["get_combined_inverter_data", plant, inverters, DAY, DAY],
    )
    assert [sorted(result) for result in found] == [["value"]] * 10
    components, two, totals, tracker, crossed, month, written_06, year, life, combined = (
        result["value"] for result in found
    )
    assert [component["type"] for component in components] == ["Inverter", "Meter", "Sensor", "Battery", "Inverter"]
    assert [inverter["crossEpochId"] for inverter in two] == inverters
    # Slot n of the day has n W; the counter rises by 100 Wh a slot; two inverters.
    energy, power = sorted(totals, key=lambda entry: str(entry["name"]))
    assert {(entry["deviceId"], entry["deviceType"]) for entry in totals} == {(live_data["datasource"], "Datasource")}
    assert power["dataPoints"]["2025-06-21T12:00:00+02:00"] == 2 * 144
    assert energy["dataPoints"]["2025-06-21T23:55:00+02:00"] == 2 * 28_800
    assert [(entry["deviceType"], set(entry["dataPoints"].values())) for entry in tracker] == [("MppTracker", {401.5})]
    assert {entry["deviceId"]: entry["dataPoints"]["2025-06-21T00:05:00+02:00"] for entry in crossed} == dict.fromkeys(
        inverters, 11
    )
    assert month == written_06
    assert (month[0]["date"], len(month[0]["dataPoints"]), month[0]["dataPoints"]["2025-06-01"]) == (
        "2025-06",
        30,
        28_800,
    )
    assert month[0]["dataPoints"][DAY] == 57_600
    by_name = {entry["name"]: entry["dataPoints"] for entry in year}
    assert by_name["ProdEtotal"]["2025-02"] == 28 * 28_800
    assert by_name["ProdEtotal"]["2025-03"] == 31 * 28_800 - 12 * 100  # one hour less
    assert by_name["ProdPac"]["2025-02"] == 144  # 143.5
    assert by_name["ProdEtotal"]["2025-12"] is None
    # 366 days and 243 days, an hour less in two springs, one more in one autumn, the second inverter's one day
    assert life[0]["dataPoints"] == {
        "2024": 366 * 28_800,
        "2025": 243 * 28_800 - 1200 + 28_800,
        **{str(later): None for later in range(2026, 2026 + len(life[0]["dataPoints"]) - 2)},
    }
    assert sorted(combined) == [f"ProdEtotal_{DAY}", f"ProdPdc_{DAY}"]
    assert combined[f"ProdPdc_{DAY}"]["2025-06-21T12:00:00+02:00"] == 2 * 154
    assert combined[f"ProdEtotal_{DAY}"]["2025-06-21T23:55:00+02:00"] == 2 * 28_800


def test_a_basic_client_reads_totals_and_is_told_the_package_for_the_rest(run: Any, live_data: dict[str, Any]) -> None:
    plant, inverters = live_data["plant"], live_data["inverters"]
    allowed = run(
        "basic",
        ["get_inverters", plant, DAY],
        ["channels", plant, DAY, DAY, ["ProdPac"]],
        ["get_channel_data_month", plant, 2025, 6, ["ProdEtotal"]],
        ["get_channel_data_year", plant, 2025, ["ProdEtotal"]],
        ["get_channel_data_lifetime", plant, ["ProdEtotal"]],
    )
    assert [len(result["value"]) for result in allowed] == [2, 1, 1, 1, 1]
    refused = run(
        "basic",
        ["crossEpochChannels", plant, inverters, ["ProdPdc"], DAY, DAY],
        ["get_combined_inverter_data", plant, inverters, DAY, DAY],
        ["channels", plant, DAY, DAY, ["ProdUdc"], [live_data["tracker"]]],
        ["channels", plant, DAY, DAY, ["ProdUac"]],
    )
    assert [(result["status"], result["data"]["code"], result["data"]["requiredPackage"]) for result in refused] == [
        (403, "package_required", "advanced")
    ] * 4


def test_wrong_credentials_fail_at_login(
    node: str, live: LiveServer, live_data: dict[str, Any], tmp_path: Path
) -> None:
    told = {
        "url": live.url,
        "portal": "clients",
        "clientId": live_data["basic"]["id"],
        "clientSecret": "x",
        "calls": [],
    }
    done = subprocess.run(
        [node, "solarlog.mjs"], cwd=CLIENTS, input=json.dumps(told), text=True, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert "401" in done.stderr

"""Long ranges through a real server: 20 months in one call, streamed, whatever their length in the same memory."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.live import LiveServer

SPAN = "dateFrom=2024-01-01&dateTo=2025-08-31"  # 609 days, two springs and an autumn among them


@pytest.fixture(scope="module")
def client(live: LiveServer, live_data: dict[str, Any]) -> Iterator[httpx.Client]:
    """A program with the User API Advanced, at the plant with 20 months of values."""
    credentials = {"client_id": live_data["advanced"]["id"], "client_secret": live_data["advanced"]["secret"]}
    url = f"{live.url}/auth/realms/quotaapi/protocol/openid-connect/token"
    token = httpx.post(url, data={"grant_type": "client_credentials", **credentials}).json()["access_token"]
    base = f"{live.url}/api/v1/clients/visualization/plant/{live_data['plant']}/"
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    with httpx.Client(base_url=base, headers=headers, timeout=60) as made:
        yield made


def test_20_months_of_a_channel_come_in_one_call(client: httpx.Client) -> None:
    response = client.get(f"channels?{SPAN}&channelNames[]=ProdPac")
    assert response.status_code == 200
    assert response.headers["Transfer-Encoding"] == "chunked"
    days = orjson.loads(response.content)
    assert len(days) == 609
    assert (days[0]["date"], days[-1]["date"]) == ("2025-08-31", "2024-01-01")
    lengths = {day["date"]: len(day["dataPoints"]) for day in days if len(day["dataPoints"]) != 288}
    assert lengths == {"2025-03-30": 276, "2024-10-27": 300, "2024-03-31": 276}
    for day in days:
        inverters = 2 if day["date"] == "2025-06-21" else 1
        assert list(day["dataPoints"].values()) == [inverters * slot for slot in range(len(day["dataPoints"]))]


def test_a_long_answer_can_be_compressed_and_known_already(client: httpx.Client) -> None:
    plain = client.get(f"channels?{SPAN}&channelNames[]=ProdPac")
    packed = client.get(f"channels?{SPAN}&channelNames[]=ProdPac", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    for etag in (plain.headers["ETag"], packed.headers["ETag"]):
        known = client.get(f"channels?{SPAN}&channelNames[]=ProdPac", headers={"If-None-Match": etag})
        assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("span", [SPAN, "dateFrom=2025-06-21&dateTo=2025-06-21"])
def test_head_has_the_headers_of_get_streamed_or_not(span: str, encoding: str, client: httpx.Client) -> None:
    def headers(method: str) -> dict[str, str]:
        response = client.request(
            method, f"channels?{span}&channelNames[]=ProdPac", headers={"Accept-Encoding": encoding}
        )
        assert response.status_code == 200
        assert bool(response.content) == (method == "GET")
        changing = ["date", "ratelimit", "x-request-id", "transfer-encoding"]
        changing += ["content-length"] if encoding == "gzip" else []  # Django adds random bytes to hide lengths
        return {name: value for name, value in response.headers.items() if name not in changing}

    assert headers("HEAD") == headers("GET")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_servers_memory_does_not_grow_with_the_answer(
    client: httpx.Client, live: LiveServer, live_data: dict[str, Any]
) -> None:
    names = "".join(f"&channelNames[]={name}" for name in ("ProdPac", "ProdEtotal", "ProdPdc", "ProdPacNorm"))
    path = f"channels?{SPAN}{names}&componentIds[]={live_data['components'][0]}"
    read(client, path)  # fills the cache of keys
    [worker] = children(live.pid)
    Path(f"/proc/{worker}/clear_refs").write_text("5")  # the peak begins anew
    before = memory(worker, "VmRSS")
    received = read(client, path)
    assert received > 23_000_000
    assert memory(worker, "VmHWM") - before < 5_000_000


def test_a_range_that_would_not_end_is_refused(client: httpx.Client) -> None:
    response = client.get("channels?dateFrom=1970-01-01&dateTo=today&channelNames[]=ProdPac")
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "dateTo"


def read(client: httpx.Client, path: str) -> int:
    """How many bytes an answer has, without keeping them."""
    with client.stream("GET", path) as response:
        assert response.status_code == 200
        return sum(len(piece) for piece in response.iter_raw())


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(file.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        found += [int(file.parent.name)] if parent == pid else []
    return found


def memory(pid: int, name: str) -> int:
    """A figure of /proc/<pid>/status in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))

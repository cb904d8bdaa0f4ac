"""The rehearsal: a portal is dumped, lost, filled again from the dump, and nobody can tell the difference."""

import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.deploy.stand import Stand, printed
from tests.deploy.test_deploy import PUSH, bearer, code_of, plants
from tests.live import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.nginx]


@pytest.fixture
def calls(stand: Stand, data: dict[str, Any]) -> list[str]:
    """Calls for packed months and for what a logger delivered just now, still fresh."""
    reading = {"component": "4711", "time": "2026-06-21T12:05:00+02:00", "values": {"ProdPac": 4200}}
    with stand.https() as client:
        assert client.post(PUSH, json=[reading], headers=bearer(data["key"]["secret"])).status_code == 202
    channels = f"/api/v1/clients/visualization/plant/{data['plant']}/channels?channelNames[]=ProdPac"
    packed, fresh = (f"{channels}&dateFrom={day}&dateTo={day}" for day in ("2025-06-21", "2026-06-21"))
    return [plants(), packed, fresh]


def test_a_lost_portal_comes_back_from_its_dump(stand: Stand, data: dict[str, Any], calls: list[str]) -> None:
    headers, serving = bearer(stand.token(data["advanced"])), stand.serving
    with stand.https() as client:
        before = [client.get(call, headers=headers).content for call in calls]
        assert b"4200" in before[2]
        records = rows(stand, "SELECT count(*) FROM accounts_auditentry")

        stand.systemctl("start", "helioport-backup")
        [dump] = stand.backups.glob("helioport-*.dump")
        stand.systemctl("stop", serving)
        stand.drop_database()
        assert code_of(client.get(calls[0], headers=headers)) == (503, "unavailable")
        assert "Das Portal ist gerade nicht erreichbar" in client.get("/account/login/").text

        stand.make_database()
        told = printed(restore(stand, dump).stdout)
        assert told["rows"] > 600
        stand.systemctl("start", serving)
        wait_until(lambda: client.get("/account/login/").status_code == 200)
        answers = [client.get(call, headers=headers) for call in calls]
        assert [answer.content for answer in answers] == before
        assert stand.token(data["basic"])
        assert client.post(PUSH, json=[], headers=bearer(data["key"]["secret"])).status_code != 401
    assert rows(stand, "SELECT count(*) FROM accounts_auditentry") >= records > 0
    for change in ("DELETE FROM accounts_auditentry", "UPDATE accounts_auditentry SET action = 'none'"):
        with pytest.raises(psycopg.Error, match="kept"):
            rows(stand, f"{change} RETURNING 1")


def test_nothing_is_restored_over_what_is_there(stand: Stand) -> None:
    stand.systemctl("start", "helioport-backup")
    done = restore(stand, max(stand.backups.glob("helioport-*.dump")))
    assert (done.returncode, "not empty" in done.stderr) == (1, True)


def test_a_dump_that_was_changed_is_not_restored(stand: Stand, tmp_path: Path) -> None:
    dump = tmp_path / "helioport-20260621T011500Z.dump"
    dump.write_bytes(b"PGDMP and no more")
    Path(f"{dump}.json").write_text('{"sha256": "of something else", "rows": {}}')
    done = restore(stand, dump)
    assert (done.returncode, "SHA-256 differs" in done.stderr) == (1, True)


def test_old_dumps_are_forgotten_and_the_newest_three_never(stand: Stand) -> None:
    names = [f"helioport-2020010{day}T000000Z.dump" for day in range(1, 6)]
    for name in names:
        for file in (stand.backups / name, stand.backups / f"{name}.json"):
            file.touch()
            subprocess.run(["touch", "-d", "2020-01-01", file], check=True)
    stand.systemctl("start", "helioport-backup")
    kept = sorted(file.name for file in stand.backups.glob("*.dump"))
    assert not set(kept) & set(names[:3])
    assert len(kept) >= 3
    assert all((stand.backups / f"{name}.json").exists() for name in kept)


def test_without_room_or_folder_no_dump_is_begun(stand: Stand, tmp_path: Path) -> None:
    before = set(stand.backups.iterdir())
    huge = tmp_path / "helioport-99990101T000000Z.dump"
    with huge.open("wb") as sparse:
        sparse.truncate(1 << 43)  # says it has 8 TiB: as much is expected of the next one
    assert backup(stand, tmp_path).returncode == 2
    assert [file.name for file in tmp_path.glob("*.dump*")] == [huge.name]
    assert backup(stand, tmp_path / "nowhere").returncode == 1
    assert set(stand.backups.iterdir()) == before


def restore(stand: Stand, dump: Path) -> "subprocess.CompletedProcess[str]":
    return _script(stand, ".venv/bin/python", "-m", "deploy.restore", str(dump))


def backup(stand: Stand, folder: Path) -> "subprocess.CompletedProcess[str]":
    """With a folder of its own, for which the file of settings steps aside."""
    command = f"BACKUP_FOLDER={folder} exec .venv/bin/python -m deploy.backup"
    return _script(stand, "sh", "-c", command)


def _script(stand: Stand, *command: str) -> "subprocess.CompletedProcess[str]":
    script = stand.home / "blue" / "deploy" / "run.sh"
    return subprocess.run([script, *command], env=stand.environment, capture_output=True, text=True, check=False)


def rows(stand: Stand, query: str) -> int:
    """The one number a statement gives."""
    with psycopg.connect(stand.url(stand.database)) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])

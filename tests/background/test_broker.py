"""The broker in a folder: messages are whole or absent, belong to one, and come back when their holder dies."""

import multiprocessing
import os
import signal
import stat
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any, cast

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError

import portal.celery  # noqa: F401  (names the transport)
from apps.background import broker
from apps.background.broker import Channel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "broker"


def open_channel(folder: Path) -> Channel:
    connection = Connection("folder://localhost", transport_options={"folder": str(folder)})
    return cast("Channel", connection.channel())


@pytest.fixture
def channel(folder: Path) -> Iterator[Channel]:
    with open_channel(folder) as opened:
        yield opened


def message(text: str) -> dict[str, Any]:
    return {"body": text, "properties": {"delivery_tag": f"tag of {text}"}}


def files(folder: Path, queue: str = "ingest") -> list[Path]:
    return sorted((folder / queue).iterdir())


def test_messages_come_in_the_order_they_were_sent(channel: Channel):
    for text in ("first", "second", "third"):
        channel._put("ingest", message(text))
    channel._put("mail", message("elsewhere"))
    assert [channel._get("ingest")["body"] for _ in range(3)] == ["first", "second", "third"]
    with pytest.raises(Empty):
        channel._get("ingest")


def test_a_message_is_kept_until_it_is_acknowledged(channel: Channel, folder: Path):
    channel._put("ingest", message("one"))
    channel._get("ingest")
    assert channel._size("ingest") == 1
    channel.basic_ack("tag of one")
    assert files(folder) == []


def test_a_message_that_is_given_back_is_there_for_the_next(channel: Channel):
    channel._put("ingest", message("one"))
    channel._get("ingest")
    channel.basic_reject("tag of one", requeue=True)
    assert channel._get("ingest")["body"] == "one"
    channel.basic_reject("tag of one", requeue=False)
    assert channel._size("ingest") == 0


def _hold(folder: Path, held: Event) -> None:
    with open_channel(folder) as mine:
        mine._get("ingest")
        held.set()
        signal.pause()


def test_what_a_process_holds_nobody_else_gets_until_it_dies_without_a_word(channel: Channel, folder: Path):
    channel._put("ingest", message("one"))
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=_hold, args=(folder, held))
    holder.start()
    assert held.wait(30)
    with pytest.raises(Empty):
        channel._get("ingest")
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()
    assert channel._get("ingest")["body"] == "one"


def test_what_was_half_written_when_the_sender_died_is_no_message(channel: Channel, folder: Path):
    channel._put("ingest", message("one"))
    (folder / "ingest" / ".00000000000000000001-part").write_text('{"body": "tw')
    assert channel._size("ingest") == 1
    assert channel._get("ingest")["body"] == "one"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"properties": 1}', "\x00"])
def test_a_file_that_is_no_message_is_left_out_and_said(channel: Channel, folder: Path, text: str, caplog: Any):
    channel._put("ingest", message("one"))
    (folder / "ingest" / "00000000000000000000-broken").write_text(text)
    assert channel._get("ingest")["body"] == "one"
    assert "00000000000000000000-broken is left out" in caplog.text
    assert len(files(folder)) == 1


def test_nobody_else_on_the_machine_reads_messages(channel: Channel, folder: Path):
    channel._put("ingest", message("one"))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "ingest", *files(folder))]
    assert modes == [0o700, 0o700, 0o600]


def test_the_folder_may_be_deleted_at_any_time(channel: Channel, folder: Path):
    assert channel._size("ingest") == 0
    channel._put("ingest", message("one"))
    channel._get("ingest")
    for path in files(folder):
        path.unlink()
    (folder / "ingest").rmdir()
    folder.rmdir()
    channel.basic_ack("tag of one")
    with pytest.raises(Empty):
        channel._get("ingest")
    channel._put("ingest", message("two"))
    assert channel._get("ingest")["body"] == "two"


def test_without_workers_a_queue_does_not_grow_for_ever(channel: Channel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(broker, "MOST", 2)
    channel._put("ingest", message("one"))
    channel._put("ingest", message("two"))
    with pytest.raises(ChannelError, match="The queue ingest is full: 2 messages wait"):
        channel._put("ingest", message("three"))
    assert channel._purge("ingest") == 2

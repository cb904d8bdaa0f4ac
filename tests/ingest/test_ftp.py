"""Files uploaded by FTP, as devices do it: what was answered with 226 is in the table of uploads, by its name."""

import ftplib
import gzip
import socket
import struct
from io import BytesIO
from pathlib import Path

import pytest

from apps.ingest.ftp import folder
from apps.ingest.models import Upload
from apps.ingest.uploads import sweep
from tests.ingest.ftp_server import Running, answer, refusal, store

DAY = b'm[mi++]="01.07.25 12:00:00|500;550;3000;400"\r\n'
LATER = b'm[mi++]="01.07.25 12:05:00|600;660;3050;401"\r\n'
RECEIVED = "226 Received and safely stored."


@pytest.fixture
def client(ftp: Running) -> ftplib.FTP:
    return ftp.login()


def uploads() -> list[tuple[str, bytes]]:
    """What waits or is kept, in the order of its arrival."""
    return [(row.name, gzip.decompress(row.body)) for row in Upload.objects.order_by("received_at") if row.body]


# --- Uploading -----------------------------------------------------------------------------------------------------


def test_an_upload_is_in_the_database_before_it_is_acknowledged(ftp: Running, client: ftplib.FTP):
    assert store(client, "min_day.js", DAY) == RECEIVED
    [row] = Upload.objects.select_related("key")
    assert (row.name, row.state, row.via, row.size) == ("min_day.js", "received", "FTP", len(DAY))
    assert row.key == ftp.key
    assert uploads() == [("min_day.js", DAY)]


def test_a_file_that_is_overwritten_is_delivered_each_time(client: ftplib.FTP):
    store(client, "min_day.js", DAY)
    store(client, "min_day.js", LATER + DAY)
    assert uploads() == [("min_day.js", DAY), ("min_day.js", LATER + DAY)]
    assert client.size("min_day.js") == len(LATER + DAY)


def test_what_is_appended_is_delivered_as_the_whole_file(client: ftplib.FTP):
    store(client, "log.csv", b"#Date;Time\r\n")
    store(client, "log.csv", b"01.07.25;12:00\r\n", "APPE")
    assert uploads()[-1] == ("log.csv", b"#Date;Time\r\n01.07.25;12:00\r\n")


def test_what_is_appended_to_a_file_of_an_earlier_session_is_delivered_alone(ftp: Running, client: ftplib.FTP):
    store(client, "log.csv", b"#Date;Time\r\n")
    store(ftp.login(), "log.csv", b"01.07.25;12:00\r\n", "APPE")
    assert uploads()[-1] == ("log.csv", b"01.07.25;12:00\r\n")


@pytest.mark.parametrize("passing", ["min_day.tmp", "min_day.js.part", ".in.min_day.js"])
def test_a_file_uploaded_under_a_passing_name_waits_by_its_final_one(client: ftplib.FTP, passing: str):
    store(client, passing, DAY)
    assert client.rename(passing, "min_day.js") == "250 Renaming ok."
    assert uploads() == [("min_day.js", DAY)]
    assert client.nlst() == ["min_day.js"]


def test_a_passing_name_that_went_to_quarantine_comes_back_when_the_file_is_renamed(client: ftplib.FTP):
    store(client, "min_day.tmp", DAY)
    sweep()
    assert [(row.name, row.state) for row in Upload.objects.all()] == [("min_day.tmp", "quarantined")]
    client.rename("min_day.tmp", "min_day.js")
    former, new = Upload.objects.order_by("received_at")
    assert (former.state, former.error) == ("discarded", "The logger renamed it to min_day.js.")
    assert (new.name, new.state, new.via) == ("min_day.js", "received", "FTP")
    assert uploads() == [("min_day.js", DAY)]


def test_a_file_that_was_imported_before_it_was_renamed_is_delivered_again(client: ftplib.FTP):
    store(client, "min_day.js", DAY)
    Upload.objects.update(state="stored", body=None, next_try=None)
    client.rename("min_day.js", "min250701.js")
    assert uploads()[-1] == ("min250701.js", DAY)


def test_a_long_file_that_was_imported_is_not_renamed_silently(client: ftplib.FTP, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder, "_REMEMBERED", 10)
    store(client, "min_day.js", DAY)
    Upload.objects.update(state="stored", body=None, next_try=None)
    said = refusal(lambda: client.rename("min_day.js", "min250701.js"))
    assert said == "550 It has been imported; send it again under this name."
    assert client.nlst() == ["min_day.js"]


def test_text_is_kept_as_it_comes(client: ftplib.FTP):
    assert client.storlines("STOR events.js", BytesIO(b'e[ev++]="1"\r\ne[ev++]="2"\r\n')) == RECEIVED
    assert uploads() == [("events.js", b'e[ev++]="1"\r\ne[ev++]="2"\r\n')]
    client.voidcmd("TYPE A")
    assert answer(client, "SIZE events.js") == "213 26"


def test_active_mode_works_too(client: ftplib.FTP):
    client.set_pasv(False)
    assert store(client, "days.js", b'da[dx++]="01.07.25|3000;500"') == RECEIVED
    assert [name for name, _ in uploads()] == ["days.js"]


def test_an_empty_file_is_acknowledged_and_says_nothing(client: ftplib.FTP):
    assert store(client, "test.txt", b"") == RECEIVED
    assert uploads() == []


def test_a_file_of_some_megabytes_passes_through_the_spool(client: ftplib.FTP, tmp_path: Path):
    large = b"0123456789abcdef" * 200_000
    store(client, "backup.dat", large)
    assert uploads() == [("backup.dat", large)]
    assert list((tmp_path / "ftp").iterdir()) == []  # files of the spool have no names


# --- Folders and listings ------------------------------------------------------------------------------------------


def test_folders_exist_for_the_session_that_enters_or_makes_them(ftp: Running, client: ftplib.FTP):
    assert client.cwd("/solarlog/roof") == '250 "/solarlog/roof" is the current directory.'
    assert client.mkd("2025") == "/solarlog/roof/2025"
    store(client, "2025/min250701.js", DAY)
    store(client, "base_vars.js", b"var AnlagenKWP=5000\r\n")
    assert client.pwd() == "/solarlog/roof"
    assert client.nlst() == ["2025", "base_vars.js"]
    assert client.nlst("/solarlog") == ["roof"]
    assert [name for name, _ in uploads()] == ["min250701.js", "base_vars.js"]
    assert ftp.login().nlst() == []


def test_a_device_that_checks_its_upload_is_content(client: ftplib.FTP):
    store(client, "min_day.js", DAY)
    lines: list[str] = []
    client.dir(lines.append)
    assert lines[0].split()[0] == "--w-------"
    assert lines[0].split()[4:] == [str(len(DAY)), *lines[0].split()[5:8], "min_day.js"]
    assert client.size("min_day.js") == len(DAY)
    assert answer(client, "MDTM min_day.js").startswith("213 20")
    assert [(name, facts["size"]) for name, facts in client.mlsd()] == [("min_day.js", str(len(DAY)))]
    assert answer(client, "STAT min_day.js").startswith("213-Status of")
    assert answer(client, "MLST min_day.js").startswith('250-Listing "/min_day.js"')


def test_deleting_and_removing_are_about_the_sessions_own_view(client: ftplib.FTP):
    store(client, "a/min_day.js", DAY)
    assert refusal(lambda: client.rmd("a")) == "550 The folder is in use."
    assert client.delete("a/min_day.js") == "250 File removed."
    assert client.rmd("a") == "250 Directory removed."
    assert client.nlst() == []
    assert uploads() == [("min_day.js", DAY)]


def test_names_that_are_taken_or_missing_are_refused(client: ftplib.FTP):
    client.mkd("a")
    store(client, "f.js", DAY)
    for act, words in (
        (lambda: client.mkd("a"), "It exists"),
        (lambda: client.cwd("f.js"), "It is a file"),
        (lambda: store(client, "a", DAY), "It is a folder"),
        (lambda: client.rename("a", "b"), "Folders keep their names"),
        (lambda: client.rename("f.js", "a"), "It is a folder"),
        (lambda: client.rename("missing.js", "b.js"), "No such file or directory"),
        (lambda: client.delete("missing.js"), "No such file or folder"),
        (lambda: client.rmd("missing"), "No such file or folder"),
        (lambda: client.size("missing.js"), "/missing.js is not retrievable"),
    ):
        assert refusal(act) == f"550 {words}."


# --- Nothing comes back, nothing leads out -------------------------------------------------------------------------


def test_nothing_can_be_read_back(client: ftplib.FTP):
    store(client, "min_day.js", DAY)
    for path in ("min_day.js", "/etc/passwd", "../../etc/passwd"):
        said = refusal(lambda path=path: client.retrbinary(f"RETR {path}", lambda _: None))  # type: ignore[misc]
        assert said == "550 Not enough privileges."


@pytest.mark.parametrize(
    ("path", "name"),
    [("../../../etc/cron.js", "cron.js"), ("/etc/passwd", "passwd"), ("a/../../b/./days.js", "days.js")],
)
def test_a_path_is_only_a_name(client: ftplib.FTP, path: str, name: str, tmp_path: Path):
    store(client, path, DAY)
    assert uploads() == [(name, DAY)]
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
    assert not Path("/etc/cron.js").exists()


@pytest.mark.parametrize(
    "name",
    [
        "a\0b.js",
        "a\nb.js",
        "..\\..\\boot.ini",
        "x" * 101 + ".js",
        "min_day.js;rm",
        "größe.js",
        "a|b",
        "$(id)",
        "~",
        "..",
    ],
)
def test_strange_names_are_refused(client: ftplib.FTP, name: str):
    client.sock.sendall(f"STOR {name}\r\n".encode())  # type: ignore[union-attr]
    said = refusal(client.getresp)
    assert said[:3] == "550"
    assert uploads() == []
    assert answer(client, "NOOP").startswith("200")


@pytest.mark.parametrize("name", ["a\0b", "x" * 101, "/".join("abcdefghi"), "a\x1bb"])
def test_strange_folders_are_refused(client: ftplib.FTP, name: str):
    client.sock.sendall(f"MKD {name}\r\n".encode())  # type: ignore[union-attr]
    assert refusal(client.getresp).startswith("550 At most 8 folders in each other")
    assert client.nlst() == []


@pytest.mark.parametrize(
    "command", ["SITE CHMOD 777 f.js", "STOU f.js", "MFMT 20250701000000 f.js", "REIN", "AUTH TLS"]
)
def test_commands_no_logger_needs_do_not_exist(client: ftplib.FTP, command: str):
    assert answer(client, command).startswith("500 Command")


def test_data_connections_to_others_are_refused(client: ftplib.FTP):
    assert answer(client, "PORT 192,0,2,1,200,10").startswith("501 Rejected data connection to foreign address")
    assert answer(client, "PORT 127,0,0,1,0,22").startswith("501 PORT against the privileged port")


# --- Transfers that do not end well --------------------------------------------------------------------------------


def cut(ftp: Running, client: ftplib.FTP, name: str, part: bytes) -> socket.socket:
    """The data connection of an upload of which only a part has been sent, and has arrived."""
    client.voidcmd("TYPE I")
    data = client.transfercmd(f"STOR {name}")
    data.sendall(part)
    ftp.wait_until(lambda: ftp.arrived() == len(part))
    return data


def reset(connection: socket.socket) -> None:
    """End a connection as a machine does that lost its power and came back."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_transfer_whose_connection_broke_is_not_accepted_and_can_be_resumed(ftp: Running, client: ftplib.FTP):
    reset(cut(ftp, client, "min_day.js", DAY))
    assert refusal(client.voidresp) == "426 The connection broke off. Nothing was accepted; please send it again."
    assert uploads() == []
    at = client.size("min_day.js")
    assert at is not None
    assert client.storbinary("STOR min_day.js", BytesIO((DAY + LATER)[at:]), rest=at) == RECEIVED
    assert uploads() == [("min_day.js", DAY + LATER)]


def test_an_aborted_transfer_is_not_accepted(ftp: Running, client: ftplib.FTP):
    data = cut(ftp, client, "min_day.js", DAY)
    client.putcmd("ABOR")
    assert client.getmultiline() == "426 Transfer aborted via ABOR."
    assert client.getmultiline() == "226 ABOR command successful."
    data.close()
    assert uploads() == []


def test_a_client_that_vanishes_in_the_middle_leaves_nothing(ftp: Running, client: ftplib.FTP):
    data = cut(ftp, client, "min_day.js", DAY)
    client.sock.close()  # type: ignore[union-attr]
    client.file.close()  # type: ignore[union-attr]
    data.close()
    ftp.inside(lambda: None)
    ftp.login().quit()
    assert uploads() == []


def test_a_position_beyond_what_was_sent_is_refused(ftp: Running, client: ftplib.FTP):
    reset(cut(ftp, client, "min_day.js", DAY))
    refusal(client.voidresp)
    said = refusal(lambda: client.storbinary("STOR min_day.js", BytesIO(DAY), rest=10_000))
    assert said.startswith("554 REST position (10000) > file size")
    said = refusal(lambda: client.storbinary("STOR other.js", BytesIO(DAY), rest=5))
    assert said == "550 It cannot be resumed; send it from its beginning."

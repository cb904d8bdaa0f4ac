"""curl, lftp and Python's ftplib, unmodified, against the server: also by TLS, and against the command as a process."""

import datetime as dt
import ftplib
import gzip
import ipaddress
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from threading import Timer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.accounts.audit import Actor
from apps.ingest import keys
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.ingest.ftp_server import Running, refusal, running, store
from tests.live import ROOT, free_port

MONA = Actor("mona@sunny.example")
DAY = b'm[mi++]="01.07.25 12:00:00|500;550;3000;400"\r\n'
RECEIVED = "226 Received and safely stored."


def uploads() -> list[tuple[str, bytes]]:
    """What waits, in the order of its arrival."""
    return [(row.name, gzip.decompress(row.body)) for row in Upload.objects.order_by("received_at") if row.body]


def done(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """The folder of a device: today's files, and a year below."""
    (tmp_path / "device" / "2025").mkdir(parents=True)
    for name in ("base_vars.js", "min_day.js", "2025/min250701.js", "2025/min250702.js"):
        (tmp_path / "device" / name).write_bytes(name.encode() * 3)
    return tmp_path / "device"


ALL_FILES = {"base_vars.js", "min_day.js", "min250701.js", "min250702.js"}


# --- curl ----------------------------------------------------------------------------------------------------------


def with_curl(curl: str, ftp: Running, path: str, *options: str) -> subprocess.CompletedProcess[str]:
    return done(curl, "-sS", "-u", f"{ftp.key.login}:{ftp.secret}", *options, f"ftp://127.0.0.1:{ftp.port}/{path}")


@pytest.mark.curl
def test_curl_uploads_overwrites_appends_and_renames(curl: str, ftp: Running, device: Path):
    file = str(device / "min_day.js")
    for options in (["-T", file], ["-T", file, "--ftp-port", "-"], ["-T", file, "--disable-epsv"]):
        assert with_curl(curl, ftp, "solar/roof/", *options).returncode == 0
    assert with_curl(curl, ftp, "new/", "--ftp-create-dirs", "-T", file).returncode == 0
    assert with_curl(curl, ftp, "log.csv", "--append", "-T", file).returncode == 0
    rename = ("-Q", "-RNFR upload.tmp", "-Q", "-RNTO base_vars.js")
    assert with_curl(curl, ftp, "upload.tmp", "-T", file, *rename).returncode == 0
    assert uploads() == [(name, b"min_day.js" * 3) for name in [*["min_day.js"] * 4, "log.csv", "base_vars.js"]]


@pytest.mark.curl
def test_curl_reads_nothing_and_is_told_when_its_key_is_wrong(curl: str, ftp: Running):
    assert with_curl(curl, ftp, "").stdout == ""
    assert with_curl(curl, ftp, "etc/passwd").returncode in (19, 78)  # could not retrieve
    assert with_curl(curl, ftp, "", "-u", f"{ftp.key.login}:wrong").returncode == 67  # login denied


# --- lftp ----------------------------------------------------------------------------------------------------------


def with_lftp(lftp: str, ftp: Running, *script: str) -> subprocess.CompletedProcess[str]:
    opened = f"open -u {ftp.key.login},{ftp.secret} ftp://127.0.0.1:{ftp.port}"
    return done(lftp, "--norc", "-c", "; ".join(["set net:max-retries 1", opened, *script]))


@pytest.mark.lftp
def test_lftp_mirrors_the_folder_of_a_device(lftp: str, ftp: Running, device: Path):
    assert with_lftp(lftp, ftp, f"mirror -R {device} solar/roof").stderr == ""
    assert {name for name, _ in uploads()} == ALL_FILES
    assert dict(uploads())["min250702.js"] == (device / "2025/min250702.js").read_bytes()


@pytest.mark.lftp
def test_lftp_uploads_under_passing_names_over_several_connections(lftp: str, ftp: Running, device: Path):
    said = with_lftp(lftp, ftp, "set xfer:use-temp-file yes", f"mirror -R --parallel=3 {device} /")
    assert said.returncode == 0, said.stderr
    assert len(uploads()) == 4
    assert {name for name, _ in uploads()} == ALL_FILES


@pytest.mark.lftp
def test_lftp_sees_what_it_uploaded_and_reads_nothing_back(lftp: str, ftp: Running, device: Path):
    put = f"put {device / 'min_day.js'}"
    assert with_lftp(lftp, ftp, put, "cls").stdout == "min_day.js\n"
    said = with_lftp(lftp, ftp, put, "cat min_day.js")
    assert "550 Not enough privileges" in said.stderr
    assert "min_day.js" * 3 not in said.stdout


# --- TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-made certificate for 127.0.0.1, and its private key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ftp.example.org")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def secure_ftp(ftp: Running, certificate: tuple[Path, Path]) -> Iterator[Running]:
    """A second server that insists on TLS."""
    chain, key = certificate
    with running(ftp.key, ftp.secret, certificate=chain, private_key=key, tls_required=True) as server:
        yield server


def connected_by_tls(server: Running, context: ssl.SSLContext) -> ftplib.FTP_TLS:
    client = ftplib.FTP_TLS(context=context, timeout=20)  # noqa: S321
    server.connect(client)
    return client


def test_with_a_certificate_files_come_by_tls(secure_ftp: Running, certificate: tuple[Path, Path]):
    client = connected_by_tls(secure_ftp, ssl.create_default_context(cafile=str(certificate[0])))
    assert "AUTH TLS" in client.sendcmd("FEAT")
    client.login(secure_ftp.key.login, secure_ftp.secret)
    client.prot_p()
    large = b"0123456789abcdef" * 50_000
    assert store(client, "backup.dat", large) == RECEIVED
    assert uploads() == [("backup.dat", large)]
    assert client.nlst() == ["backup.dat"]


def test_where_tls_is_required_nothing_goes_without_it(secure_ftp: Running, certificate: tuple[Path, Path]):
    assert refusal(secure_ftp.login) == "550 SSL/TLS required on the control channel."
    client = connected_by_tls(secure_ftp, ssl.create_default_context(cafile=str(certificate[0])))
    client.login(secure_ftp.key.login, secure_ftp.secret)
    assert refusal(lambda: store(client, "a.js", DAY)) == "550 SSL/TLS required on the data channel."


def test_where_tls_is_offered_a_logger_that_cannot_do_it_delivers_all_the_same(
    ftp: Running, certificate: tuple[Path, Path]
):
    with running(ftp.key, ftp.secret, certificate=certificate[0], private_key=certificate[1]) as server:
        assert store(server.login(), "a.js", DAY) == RECEIVED


def test_old_versions_of_tls_are_refused(secure_ftp: Running):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    client = connected_by_tls(secure_ftp, context)
    with pytest.raises(ssl.SSLError):
        client.auth()


def test_a_data_connection_that_fails_its_handshake_is_not_a_file(secure_ftp: Running, certificate: tuple[Path, Path]):
    client = connected_by_tls(secure_ftp, ssl.create_default_context(cafile=str(certificate[0])))
    client.login(secure_ftp.key.login, secure_ftp.secret)
    client.prot_p()
    client._prot_p = False  # type: ignore[attr-defined]  # promises TLS and speaks plain text
    assert refusal(lambda: store(client, "a.js", DAY)).startswith("522 SSL handshake failed")
    assert uploads() == []


@pytest.mark.curl
def test_curl_uploads_by_tls(curl: str, secure_ftp: Running, certificate: tuple[Path, Path], device: Path):
    tls = ("--ssl-reqd", "--cacert", str(certificate[0]))
    said = with_curl(curl, secure_ftp, "roof/", *tls, "-T", str(device / "min_day.js"))
    assert said.returncode == 0, said.stderr
    assert uploads() == [("min_day.js", b"min_day.js" * 3)]


@pytest.mark.lftp
def test_lftp_mirrors_by_tls(lftp: str, secure_ftp: Running, certificate: tuple[Path, Path], device: Path):
    tls = ("set ftp:ssl-force yes", "set ftp:ssl-protect-data yes", f"set ssl:ca-file {certificate[0]}")
    said = with_lftp(lftp, secure_ftp, *tls, f"mirror -R {device} /")
    assert said.returncode == 0, said.stderr
    assert {name for name, _ in uploads()} == ALL_FILES


# --- The command ---------------------------------------------------------------------------------------------------


@contextmanager
def process(environment: dict[str, str], port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py ftpd`, ready; killed when the block is left, if it lives then."""
    command = [sys.executable, "manage.py", "ftpd", "--port", str(port), *options]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as found:
        try:
            assert found.stdout is not None
            assert found.stdout.readline() == f"FTP for loggers on 127.0.0.1:{port}\n"
            yield found
        finally:
            found.kill()


@pytest.fixture
def key(transactional_db: None, plant_a: Plant) -> tuple[LoggerKey, str]:
    return keys.create_key(plant_a, "Logger", MONA)


def login(port: int, key: tuple[LoggerKey, str]) -> ftplib.FTP:
    client = ftplib.FTP(timeout=20)  # noqa: S321
    client.connect("127.0.0.1", port)
    client.login(key[0].login, key[1])
    return client


def test_the_command_serves_until_it_is_told_to_end(key: tuple[LoggerKey, str], process_environment: dict[str, str]):
    port, data = free_port(), free_port()
    with process(process_environment, port, "--passive-ports", str(data), "--masquerade", "127.0.0.1") as ftpd:
        client = login(port, key)
        assert f",{data // 256},{data % 256})" in client.sendcmd("PASV")
        assert store(client, "min_day.js", DAY) == RECEIVED
        ftpd.send_signal(signal.SIGTERM)
        assert refusal(client.getresp) == "421 The server ends. Come again soon."
        client.close()
        assert ftpd.wait(10) == 0
    assert uploads() == [("min_day.js", DAY)]


def deliver_until(kill: Timer, client: ftplib.FTP, acknowledged: list[str]) -> None:
    """Upload file after file; from the fourth on the server may be killed at any moment."""
    for number in count():
        if number == 3:
            kill.start()
        name = f"min{len(acknowledged)}.js"
        client.storbinary(f"STOR {name}", BytesIO(DAY))
        acknowledged.append(name)


def test_what_was_acknowledged_survives_that_the_server_is_killed(
    key: tuple[LoggerKey, str], process_environment: dict[str, str]
):
    acknowledged: list[str] = []
    port = free_port()
    for wait in (0, 0.02):
        with process(process_environment, port) as ftpd:
            client = login(port, key)
            with pytest.raises((OSError, EOFError)):
                deliver_until(Timer(wait, ftpd.kill), client, acknowledged)
            client.close()
    assert len(acknowledged) >= 6
    assert set(acknowledged) <= {name for name, _ in uploads()}


def test_an_address_in_use_is_refused(ftp: Running):
    with pytest.raises(CommandError, match=rf"Cannot serve on 127.0.0.1:{ftp.port}: Address already in use"):
        call_command("ftpd", "--port", str(ftp.port))


def test_a_certificate_that_cannot_be_used_is_refused(certificate: tuple[Path, Path], tmp_path: Path):
    (tmp_path / "other.pem").write_text("no certificate")
    for chain, private in ((tmp_path / "other.pem", certificate[1]), (certificate[0], tmp_path / "missing.pem")):
        with pytest.raises(CommandError, match="Certificate and key cannot be used"):
            call_command("ftpd", "--certificate", str(chain), "--key", str(private))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--require-tls"], "--key and --require-tls need a --certificate."),
        (["--port", "70000"], "70000 is no port from 1 to 65535"),
        (["--passive-ports", "50-40"], "50-40 is no range such as 40000-40100"),
        (["--masquerade", "example.org"], "example.org is no IPv4 address"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: list[str], words: str):
    with pytest.raises(CommandError, match=words):
        call_command("ftpd", *options)

"""The portal as deploy/ ships it, in a folder of its own: two places, units, nginx with TLS, PostgreSQL and Redis.

Of the shipped files only the values are replaced that they name as the operator's own: paths, ports, host name.
"""

import datetime as dt
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import sql

from tests.live import ROOT, free_port

HOST = "portal.example"
CODE = ("apps", "portal", "templates", "locale", "static", "deploy", "docs")
LINKED = (".venv", "node_modules")
TOKEN_PATH = "/auth/realms/quotaapi/protocol/openid-connect/token"
METRICS_TOKEN = "a-token-for-tests-only"


@dataclass
class Stand:
    """`https` and `http` are clients at nginx's ports; scripts of deploy/ run with `environment`."""

    folder: Path
    server: str  # URL of PostgreSQL's maintenance database
    redis: str
    nginx: str
    database: str = field(default_factory=lambda: f"deploy_{os.getpid()}")
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("http", "https", "inside")})
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home, self.state, self.run = self.folder / "home", self.folder / "state", self.folder / "run"
        self.logs, self.backups, self.tls = (self.folder / name for name in ("logs", "backups", "tls"))
        self.certificate = self.tls / "fullchain.pem"

    @property
    def serving(self) -> str:
        """The unit of the place that serves now: other tests may have switched over."""
        return f"helioport-web@{(self.home / 'live').resolve().name}"

    # --- Building -----------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Everything but the data and the processes."""
        for folder in (self.home, self.state, self.run, self.logs, self.backups, self.tls, self.folder / "bin"):
            folder.mkdir()
        self._write_certificate()
        self._write_environment()
        self._write_units()
        self._write_nginx()
        self.make_database()
        for place in ("blue", "green"):
            self._make_place(place)
        self.script("blue", "manage.sh", "collectstatic", "--noinput", "--verbosity=0")
        files = self.home / "green" / "staticfiles"
        files.mkdir()  # the names are enough: of the same release, the files are found in blue
        shutil.copy(self.home / "blue" / "staticfiles" / "staticfiles.json", files)
        self.script("blue", "manage.sh", "migrate", "--verbosity=0")

    def url(self, database: str) -> str:
        return self.server.rpartition("/")[0] + f"/{database}"

    def make_database(self) -> None:
        self._administer("CREATE DATABASE {}")

    def drop_database(self) -> None:
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.database)))

    def _make_place(self, place: str) -> None:
        """A release as `git clone` and deploy/install.sh would leave it, its packages those of the tests."""
        folder = self.home / place
        folder.mkdir()
        for name in CODE:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "manage.py", folder)
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        (folder / "var").symlink_to(self.state)
        (folder / "web.sock").symlink_to(self.run / f"{place}.sock")

    def _write_environment(self) -> None:
        """The example, with values of the test."""
        text = (ROOT / "deploy" / "environment.example").read_text()
        own = {
            "SECRET_KEY": "a-key-of-fifty-characters-for-tests-only-0123456789",
            "SECRET_PEPPER": "a-pepper-for-tests-only",
            "METRICS_TOKEN": METRICS_TOKEN,
            "DATABASE_URL": self.url(self.database),
            "REDIS_URL": self.redis,
            "METRICS_FOLDER": str(self.run / "metrics"),
            "BACKUP_FOLDER": str(self.backups),
        }
        for name, value in own.items():
            text, replaced = re.subn(rf"^{name}=.*$", f"{name}='{value}'", text, flags=re.MULTILINE)
            assert replaced == 1, name
        # Ours beside the example's: a reload waits less long for each new worker.
        (self.folder / "environment").write_text(text + "GRANIAN_RESPAWN_INTERVAL='1'\n")

    def _write_units(self) -> None:
        units = self.folder / "units"
        units.mkdir()
        for file in (ROOT / "deploy" / "systemd").iterdir():
            (units / file.name).write_text(self._with_own_paths(file.read_text()))
        systemctl = self.folder / "bin" / "systemctl"
        systemctl.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -m tests.deploy.systemd "$@"\n')
        systemctl.chmod(0o755)
        self.environment = {
            "PATH": f"{systemctl.parent}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HELIOPORT_ENVIRONMENT": str(self.folder / "environment"),
            "HELIOPORT_USER": "root",
            "UNITS": str(units),
            "STATE": str(self.folder),
        }

    def _with_own_paths(self, text: str) -> str:
        for shipped, own in {
            "/opt/helioport": self.home,
            "/run/helioport": self.run,
            "/etc/helioport/environment": self.folder / "environment",
            "/etc/helioport/tls": self.tls,
            "/var/log/helioport": self.logs,
        }.items():
            text = text.replace(shipped, str(own))
        return text

    def _write_nginx(self) -> None:
        """The shipped sites, on free ports of 127.0.0.1, and what Debian's nginx.conf has around them."""
        site = self._with_own_paths((ROOT / "deploy" / "nginx" / "helioport.conf").read_text())
        site = re.sub(r" *listen \[::\].*\n", "", site)
        for shipped, name in (("80", "http"), ("443", "https"), ("127.0.0.1:8090", "inside")):
            site = re.sub(rf"listen {shipped}\b", f"listen 127.0.0.1:{self.ports[name]}", site)
        (self.folder / "site.conf").write_text(site)
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
        user = "user root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"{user} pid {self.folder}/nginx.pid; error_log {self.logs}/nginx.log; worker_processes 1;"
            "events {} http { include /etc/nginx/mime.types; gzip on; sendfile on;"
            f"{temporary} uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi;"
            f"include {self.folder}/site.conf; }}"
        )

    def _write_certificate(self) -> None:
        """Signed by itself, for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        self.certificate.write_bytes(certificate.public_bytes(pem))
        (self.tls / "privkey.pem").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    # --- Running ------------------------------------------------------------------------------------------------

    def script(self, place: str, name: str, *arguments: str) -> str:
        """Run a script of deploy/ in a place; it must succeed. Returns what it prints."""
        return self._run(str(self.home / place / "deploy" / name), *arguments)

    def systemctl(self, *arguments: str) -> str:
        return self._run("systemctl", *arguments)

    def python(self, *arguments: str) -> str:
        """Run our Python in the portal's environment."""
        own = (f"PYTHONPATH={ROOT}", "DJANGO_SETTINGS_MODULE=portal.settings")
        return self.script("blue", "run.sh", "env", *own, sys.executable, *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}{self.log()[-3000:]}"
        return done.stdout

    def start_nginx(self) -> None:
        """It becomes a process of its own; `stop` ends it by its pid."""
        self._run(self.nginx, "-c", str(self.folder / "nginx.conf"))

    def stop(self) -> None:
        for unit in ("helioport-web@blue", "helioport-web@green"):
            self.systemctl("stop", unit)
        pid = self.folder / "nginx.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), 3)  # SIGQUIT: nginx ends when its callers have gone

    def log(self) -> str:
        """All that services and nginx have written."""
        files = [*self.folder.glob("*.log"), *self.logs.iterdir()]
        return "".join(f"--- {file.name}\n{file.read_text()}" for file in sorted(files))

    # --- Calling ------------------------------------------------------------------------------------------------

    def https(self, address: str = "127.0.0.1") -> httpx.Client:
        """A caller from that address, who checks the certificate."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        transport = httpx.HTTPTransport(verify=trust, local_address=address)
        return _Client(transport=transport, base_url=f"https://127.0.0.1:{self.ports['https']}", timeout=30)

    def http(self) -> httpx.Client:
        return _Client(base_url=f"http://127.0.0.1:{self.ports['http']}")

    def inside(self) -> httpx.Client:
        """Monitoring on the machine itself."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.ports['inside']}", timeout=30)

    def token(self, credentials: dict[str, str]) -> str:
        """An access token, as a program gets it."""
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["id"],
            "client_secret": credentials["secret"],
        }
        with self.https() as client:
            answer = client.post(TOKEN_PATH, data=form)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token


class _Client(httpx.Client):
    """Asks an address of this machine for the portal's host name."""

    def request(self, *args: Any, **options: Any) -> httpx.Response:
        headers = {"Host": HOST, **(options.pop("headers", None) or {})}
        return super().request(
            *args, **{**options, "headers": headers, "extensions": {"sni_hostname": headers["Host"]}}
        )


def own_redis(url: str) -> str:
    """The last of a Redis server's sixteen databases: others use the first."""
    return f"{urlsplit(url)._replace(path='/15').geturl()}"


def printed(text: str) -> dict[str, Any]:
    """The JSON object a command printed."""
    found: dict[str, Any] = json.loads(text)
    return found

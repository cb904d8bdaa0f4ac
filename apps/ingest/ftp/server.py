"""The FTP server as a whole: where it listens, its limits, TLS, and an end that lets transfers finish."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from OpenSSL import SSL
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from .session import TLS_COMMANDS, Session

SOCKETS = 512  # control and data connections of all loggers together
SESSIONS_PER_ADDRESS = 50  # many loggers may share one
GRACE = 10  # seconds a transfer has when the server ends

logging.getLogger("pyftpdlib").setLevel(logging.WARNING)


class BadCertificate(Exception):
    """Certificate and key cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """`passive_ports` None: any. `masquerade` is the public IPv4 address where the machine has another one."""

    host: str
    port: int
    passive_ports: range | None = None
    masquerade: str | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    tls_required: bool = False


class Server(FTPServer):
    """Call `turn` until it says False. Raises OSError where the address is taken, BadCertificate."""

    max_cons = SOCKETS
    max_cons_per_ip = SESSIONS_PER_ADDRESS

    def __init__(self, options: Options) -> None:
        (settings.VAR_DIR / "ftp").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ends_at: float | None = None
        self._wait = 0.0
        super().__init__((options.host, options.port), _session_class(options), ioloop=IOLoop())

    def sessions(self) -> list[Session]:
        """Every open session."""
        return [found for found in self.ioloop.socket_map.values() if isinstance(found, Session)]

    def turn(self, seconds: float = 1.0) -> bool:
        """Serve for a moment; False when the server has ended."""
        if self._ends_at is not None:
            self._part()
            if not self.sessions() or time.monotonic() > self._ends_at:
                self.close_all()
                return False
        soonest = self.ioloop.loop(min(seconds, self._wait), blocking=False)
        self._wait = seconds if soonest is None else soonest
        return True

    def end(self) -> None:
        """Accept nobody any more, let transfers finish, then end. May be called by a signal."""
        self._ends_at = self._ends_at or time.monotonic() + GRACE

    def _part(self) -> None:
        self.close()
        for session in self.sessions():
            if session.data_channel is None:
                session.say_goodbye("421 The server ends. Come again soon.")


def _session_class(options: Options) -> type[Session]:
    """Sessions as configured; pyftpdlib reads these from the class."""
    context = _tls(options.certificate, options.private_key) if options.certificate else None
    commands = {name: rule for name, rule in Session.proto_cmds.items() if context or name not in TLS_COMMANDS}
    configured: dict[str, Any] = {
        "ssl_context": context,
        "proto_cmds": commands,
        "tls_control_required": options.tls_required,
        "tls_data_required": options.tls_required,
        "passive_ports": options.passive_ports,
        "masquerade_address": options.masquerade,
    }
    return type("ConfiguredSession", (Session,), configured)


def _tls(certificate: Path, private_key: Path | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(private_key or certificate))
        context.check_privatekey()
    except SSL.Error as error:
        raise BadCertificate(f"Certificate and key cannot be used: {error}") from error
    return context

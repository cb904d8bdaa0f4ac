"""`manage.py ftpd`: take in what loggers deliver by FTP. SIGTERM lets transfers finish, then ends."""

import ipaddress
import signal
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.ingest.ftp.server import BadCertificate, Options, Server


class Command(BaseCommand):
    help = "Take in files of data loggers by FTP. Each logs in with its key's login and secret."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for loggers from outside")
        parser.add_argument("--port", type=_port, default=2121)
        parser.add_argument("--passive-ports", type=_ports, metavar="40000-40100", help="for data; open them as well")
        parser.add_argument("--masquerade", type=_ipv4, metavar="ADDRESS", help="the public address, behind a router")
        parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM chain: offers TLS (AUTH TLS)")
        parser.add_argument("--key", type=Path, metavar="FILE", help="its private key, if not in the same file")
        parser.add_argument("--require-tls", action="store_true", help="refuse loggers that cannot do TLS")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["certificate"] is None and (options["key"] or options["require_tls"]):
            raise CommandError("--key and --require-tls need a --certificate.")
        server = _open(
            Options(
                host=options["host"],
                port=options["port"],
                passive_ports=options["passive_ports"],
                masquerade=options["masquerade"],
                certificate=options["certificate"],
                private_key=options["key"],
                tls_required=options["require_tls"],
            )
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.end())
        self.stdout.write(f"FTP for loggers on {options['host']}:{server.address[1]}")
        self.stdout.flush()
        while server.turn():
            pass


def _open(options: Options) -> Server:
    try:
        return Server(options)
    except OSError as error:
        reason = next((cause.strerror for cause in (*error.args, error) if isinstance(cause, OSError)), error)
        raise CommandError(
            f"Cannot serve on {options.host}:{options.port}: {reason}. Choose another --port."
        ) from error
    except BadCertificate as error:
        raise CommandError(str(error)) from error


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError(f"{text} is no port from 1 to 65535")
    return int(text)


def _ports(text: str) -> range:
    first, _, last = text.partition("-")
    ports = range(_port(first), _port(last or first) + 1)
    if not ports:
        raise ArgumentTypeError(f"{text} is no range such as 40000-40100")
    return ports


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ArgumentTypeError(f"{text} is no IPv4 address; passive mode tells loggers nothing else") from None

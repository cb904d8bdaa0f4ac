"""The arguments the import commands share."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.ingest.target import Target


def add_target(parser: ArgumentParser) -> None:
    """--portal, --label, --timezone and --plant."""
    parser.add_argument("--portal", required=True, metavar="SLUG")
    parser.add_argument("--label", required=True, help="the plant's name; equal labels extend it")
    parser.add_argument("--timezone", required=True, metavar="ZONE", help="such as Europe/Berlin")
    parser.add_argument("--plant", type=UUID, metavar="UUID", help="extend exactly this plant")


def target_of(options: Mapping[str, Any]) -> Target:
    """Where the operator wants the data."""
    return Target(options["portal"], options["label"], options["timezone"], options["plant"])


def watts(text: str) -> int:
    """A plant size: whole Wp, more than none."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise ArgumentTypeError(f"'{text}' is not a size in Wp")
    return int(text)

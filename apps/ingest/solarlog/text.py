"""From bytes to numbered lines and records, whatever the logger, the exporter or the transfer did to the file.

Encoding is decided line by line: one real base_vars.js holds UTF-8 in one line and cp1252 in the next.
"""

import codecs
import errno
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.ingest.report import Report

LARGEST_FILE = 64 * 1024 * 1024  # a logger's year of minute files has 10 MB in all
_LINE_END, _LINE_END_BYTES = re.compile(r"\r\n|\r|\n"), re.compile(rb"\r\n|\r|\n")
_BLANK = " \t\v\f"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Lines = list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class File:
    """A logger's file, wherever it lies: its name, and how to get its bytes. `load` may raise OSError."""

    name: str
    load: Callable[[], bytes]

    @classmethod
    def on_disk(cls, path: Path) -> "File":
        """One in a folder."""
        return cls(path.name, lambda: _load(path))

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> "File":
        """One that was delivered."""
        return cls(name, lambda: data)


def _load(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"larger than {LARGEST_FILE // 2**20} MB")
    return path.read_bytes()


@dataclass(frozen=True, slots=True)
class Record:
    """What stood between the quotes of `name[counter++]="..."`."""

    line: int
    text: str


def read_lines(file: File, report: Report) -> Lines:
    """The lines that are not blank, numbered from 1. A file that cannot be read is reported and empty."""
    try:
        data = file.load()
    except OSError as error:
        report.reject(file.name, 0, f"cannot be read: {error.strerror}")
        return []
    if data.startswith(_UTF16):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        lines = _LINE_END.split(data.decode())
    except UnicodeDecodeError:
        found = enumerate(_LINE_END_BYTES.split(data), start=1)
        lines = [_decode(file.name, number, line, report) for number, line in found]
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip(_BLANK)]


def _decode(file: str, number: int, line: bytes, report: Report) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    report.reject(file, number, "bytes that are neither UTF-8 nor Windows-1252")
    return line.decode("cp1252", "replace")


def records(file: str, lines: Lines, name: str, report: Report) -> Iterator[Record]:
    """The records `name[...]="..."` of a file, in its order; everything else in it is reported."""
    start = re.compile(rf"(?<![\w.]){name}\s*\[")
    whole = re.compile(rf'(?<![\w.]){name}\s*\[[^\]"]{{0,20}}\]\s*=\s*"([^"]*)"')
    usual = re.compile(rf'{name}\[[^\]"\[]{{0,20}}\]="([^"\[]*)"')
    for number, line in lines:
        if (match := usual.fullmatch(line)) is not None:
            yield Record(number, match[1])
            continue
        found = whole.findall(line)
        begun = len(start.findall(line))
        if begun > len(found):
            report.reject(file, number, "cut record", value=line.strip())
        elif not found:
            report.reject(file, number, "not a record", value=line.strip())
        yield from (Record(number, text) for text in found)


def printable(text: str, longest: int = 200) -> str:
    """Text as it may be stored and shown: no control characters, no padding, not too long."""
    return "".join(char for char in text if char.isprintable()).strip()[:longest]

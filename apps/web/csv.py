"""Tables as CSV that a spreadsheet opens and nobody can hide a formula in. Rows leave one by one, as they are read."""

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

Cell = str | int | float | Decimal | dt.date | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet may run what begins so
_NEGATIVE = re.compile(r"-\d+(\.\d+)?")  # a number that was formatted before it came here
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # tells a spreadsheet that this is UTF-8


def cell(value: Cell) -> str:
    """The text of a value: nothing for None, ISO 8601 for times, an apostrophe before what could be a formula."""
    if value is None:
        return ""
    if isinstance(value, dt.date):  # a datetime is one too
        return value.isoformat()
    text = str(value)
    harmless = not isinstance(value, str) or not text.startswith(_FORMULA) or _NEGATIVE.fullmatch(text)
    return text if harmless else f"'{text}"


def rows_as_csv(header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8, line by line; for a StreamingHttpResponse."""
    writer = csv.writer(_Line())
    yield (_BOM + writer.writerow([cell(name) for name in header])).encode()
    for row in rows:
        yield writer.writerow([cell(value) for value in row]).encode()


class _Line:
    """A file for csv.writer that keeps nothing: what is written is what writerow returns."""

    def write(self, line: str) -> str:
        return line

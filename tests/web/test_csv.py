"""CSV: what a spreadsheet could run is defused, numbers stay numbers, nothing is built up in memory."""

import datetime as dt
from decimal import Decimal

import pytest

from apps.web.csv import Cell, cell, rows_as_csv


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("+49 731", "'+49 731"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tcmd", "'\tcmd"),
        ("\rcmd", "'\rcmd"),
        ("-12.5", "-12.5"),
        (-12.5, "-12.5"),
        (Decimal("-0.05"), "-0.05"),
        (0, "0"),
        (None, ""),
        ("Plant A", "Plant A"),
        (dt.datetime(2026, 6, 21, 12, tzinfo=dt.UTC), "2026-06-21T12:00:00+00:00"),
        (dt.date(2026, 6, 21), "2026-06-21"),
    ],
)
def test_a_cell(value: Cell, text: str):
    assert cell(value) == text


def test_lines_come_one_by_one_quoted_where_needed():
    def rows():
        yield "a, b", 1
        raise AssertionError("read too far")

    lines = rows_as_csv(["name", "=x"], rows())
    assert next(lines) == "\N{ZERO WIDTH NO-BREAK SPACE}name,'=x\r\n".encode()
    assert next(lines) == b'"a, b",1\r\n'

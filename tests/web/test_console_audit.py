"""The audit log: this portal's acts in words, narrowed, paged, and as CSV that no spreadsheet runs."""

import ast
import csv
import datetime as dt
import io
import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.web.console.record import ACTIONS
from tests.cast import Cast
from tests.live import ROOT
from tests.web.console_pages import manager

PAGE, CSV = "/p/sunny/console/audit", "/p/sunny/console/audit.csv"


def entry(cast: Cast, subject: str, day: int = 1, **fields: Any) -> AuditEntry:
    """An entry of sunny at noon of a day in March 2026."""
    given: dict[str, Any] = {"portal": cast.sunny, "actor": "mona@sunny.example", "action": "fleet.created"}
    at = dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC)
    return AuditEntry.objects.create(subject=subject, at=at, **{**given, **fields})


def subjects(client: Client, query: str = "") -> list[str]:
    text = client.get(f"{PAGE}{query}").content.decode()
    return [one.strip() for one in re.findall(r"<strong>[^<]*</strong> ([^<]*)<?", text)]


def lines(client: Client, query: str = "") -> list[list[str]]:
    answer: Any = client.get(f"{CSV}{query}")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_newest_act_comes_first_and_other_portals_stay_out(client: Client, cast: Cast):
    entry(cast, "First", 1)
    entry(cast, "Second", 2)
    entry(cast, "Foreign", 3, portal=cast.other)
    entry(cast, "Everybody's", 3, portal=None)
    assert subjects(manager(client, cast)) == ["Second", "First"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?since=2026-03-02", ["Third", "Second"]),
        ("?until=2026-03-02", ["Second", "First"]),
        ("?since=2026-03-02&until=2026-03-02", ["Second"]),
        ("?actor=SEED", ["Third"]),
        ("?action=user.created", ["Second"]),
        ("?subject=ir", ["Third", "First"]),
        ("?subject=ir&actor=mona", ["First"]),
        ("?subject=nothing", []),
    ],
)
def test_filters_narrow_the_page_and_the_csv_alike(client: Client, cast: Cast, query: str, found: list[str]):
    entry(cast, "First", 1)
    entry(cast, "Second", 2, action="user.created")
    entry(cast, "Third", 3, actor="seed_demo")
    manager(client, cast)
    assert subjects(client, query) == found
    assert [line[4] for line in lines(client, query)[1:]] == found


def test_a_filter_at_fault_is_said_at_its_field(client: Client, cast: Cast):
    entry(cast, "First")
    answer = manager(client, cast).get(f"{PAGE}?since=2026-03-02&until=2026-03-01&actor=mona")
    assert "The end lies before the beginning." in answer.content.decode()
    assert 'value="mona"' in answer.content.decode()
    assert "Enter a valid date." in client.get(f"{PAGE}?since=yesterday").content.decode()
    assert lines(client, "?since=yesterday")[1:] == []


def test_before_and_after_are_told_in_words(client: Client, cast: Cast):
    entry(cast, "a", action="membership.role_changed", before={"role": "owner"}, after={"role": "manager"})
    entry(cast, "b", after={"plants": [str(cast.plant_a.pk), str(cast.plant_o.pk)]})
    entry(cast, "c", after={"plants": {str(n): f"Barn {n}" for n in range(11)}})
    entry(cast, "d", before={"active": True}, after={"active": False})
    entry(cast, "d", before={"until": None}, after={"until": "2026-06-21T12:05:00+00:00"})
    entry(cast, "e", action="plant.changed", after={"id": "7", "admin": [{"changed": {"fields": ["size", "label"]}}]})
    entry(cast, "f", address="192.0.2.7", reason="why not", after={"plant": "7", "label": "Plant A"})
    text = manager(client, cast).get(PAGE).content.decode()
    told = [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in re.findall(r"<li><span>.*?</li>", text)]
    assert told == [
        "Plant: Plant A",
        "id: 7",
        "admin: changed: fields: size, label",
        "Until: 21 June 2026, 12:05 (+00:00)",
        "Active: yes → no",
        "Plants: Barn 0, Barn 1, Barn 2, Barn 3, Barn 4, Barn 5, Barn 6, Barn 7 and 3 more",
        f"Plants: Plant A, {cast.plant_o.pk}",
        "Role: owner → manager",
    ]
    assert "192.0.2.7" in text
    assert "why not" in text


def test_long_logs_are_paged_with_few_statements(client: Client, cast: Cast, django_assert_max_num_queries):
    plants = [str(cast.plant_a.pk), str(cast.plant_b.pk)]
    for number in range(60):
        entry(cast, f"Fleet {number}", after={"plants": plants})
    manager(client, cast)
    with django_assert_max_num_queries(10):
        assert len(subjects(client)) == 50
    assert len(subjects(client, "?page=2&subject=Fleet")) == 10
    assert "?subject=Fleet&amp;page=1" in client.get(f"{PAGE}?subject=Fleet&page=2").content.decode()


def test_the_csv_has_every_row_and_runs_nothing(client: Client, cast: Cast):
    for number in range(60):
        entry(cast, f"Fleet {number}")
    entry(cast, "=cmd|' /C calc'!A0", 2, reason="+1", address="192.0.2.7", before={"size": -5})
    found = lines(manager(client, cast))
    assert found[0] == ["time", "who", "from", "act", "subject", "before", "after", "reason"]
    assert found[1] == [
        "2026-03-02T12:00:00+00:00", "mona@sunny.example", "192.0.2.7", "fleet.created",
        "'=cmd|' /C calc'!A0", '{"size": -5}', "", "'+1",
    ]  # fmt: skip
    assert len(found) == 62
    disposition = client.get(CSV).headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="audit-sunny-\d{4}-\d\d-\d\d\.csv"', disposition)


def test_an_empty_log_says_what_will_be_here(client: Client, cast: Cast):
    assert "Nothing has been recorded yet." in manager(client, cast).get(PAGE).content.decode()


def test_every_act_in_the_source_has_its_words():
    """An act is the second argument of `record` and of those that call it: a text such as "fleet.created"."""
    named = re.compile(
        r"(api|client|fleet|invitation|logger_key|membership|package|plants?|portal|secret|terms|token|upload|user)\.[a-z_]+"
    )
    found = {
        node.value
        for app in ("accounts", "plants", "packages", "ingest")
        for file in (ROOT / "apps" / app).glob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in ("record", "record_each", "_record")
        for node in ast.walk(call.args[1] if len(call.args) > 1 else call)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.fullmatch(node.value)
    }
    assert len(found) > 20
    assert found - ACTIONS.keys() == set()

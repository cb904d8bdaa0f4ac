"""What may not stand in a log is not in a line, whoever logs it and however."""

import logging
import time

import pytest
import structlog

from apps.monitoring import logs
from tests.monitoring.lines import listening

KEY = "hp_" + "a1B2" * 12


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (f"no client with {KEY}", "no client with [secret]"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [secret]"),
        ("basic YTpiYzpkZWZn", "basic [secret]"),
        ("grant_type=x&client_secret=s%2Fcret&scope=read", "grant_type=x&client_secret=[secret]&scope=read"),
        ("POST password=open+sesame", "POST password=[secret]"),
        ("{'access_token': 'abc def', 'scope': 'read'}", "{'access_token': '[secret]', 'scope': 'read'}"),
        ('{"refresh_token": "abc"}', '{"refresh_token": "[secret]"}'),
        ("postgres://helio:pa55@db/helioport", "postgres://[secret]@db/helioport"),
        ("redis://:pa55@cache:6379/0", "redis://[secret]@cache:6379/0"),
        ("Key (email)=(mona@sunny.example) exists", "Key (email)=([address]) exists"),
        ("a token of 12 characters", "a token of 12 characters"),
        ("the password was changed", "the password was changed"),
    ],
)
def test_secrets_and_addresses_of_people_are_masked(said: str, written: str):
    with listening() as log:
        logging.getLogger("some.library").warning("%s", said)
    [line] = log.lines("some.library")
    assert line["event"] == written


@pytest.mark.parametrize("name", ["password", "token", "client_secret", "authorization", "cookie", "body", "email"])
def test_a_field_of_that_name_goes(name: str):
    with listening() as log:
        structlog.get_logger("some.module").info("told", n=1, **{name: "s3cret"})
    [line] = log.lines("some.module")
    assert (line["event"], line["n"], line["level"], name in line) == ("told", 1, "info", False)


def test_a_long_line_is_searched_in_no_time():
    began = time.process_time()
    assert logs.masked("@" + "a" * 300_000 + "token").endswith("token")
    assert time.process_time() - began < 5


def test_a_failure_has_its_trace_without_secrets():
    with listening() as log:
        try:
            raise ValueError(f"{KEY} is no key of mona@sunny.example")
        except ValueError:
            logging.getLogger("some.library").exception("It failed")
    [line] = log.lines("some.library")
    assert (line["event"], line["level"]) == ("It failed", "error")
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert line["exception"].endswith("ValueError: [secret] is no key of [address]")


def test_a_message_of_several_lines_is_one_line():
    with listening() as log:
        logging.getLogger("some.library").warning("one\ntwo %s", "\r\nthree")
    assert log.text.count("\n") == 1


def test_for_a_trial_lines_are_readable():
    readable = logs.formatter(readable=True)
    record = logging.makeLogRecord({"name": "portal", "levelname": "INFO", "msg": "It %s", "args": ("works",)})
    text = readable.format(record)
    assert "It works" in text
    assert "portal" in text
    assert not text.startswith("{")

"""How a line of the log looks, and what is never in one.

A record of `logging.getLogger(...)` and an event of structlog take the same way: fields of what is going on are added
(see `about`), known secrets go, and it becomes JSON, or a readable line for a trial. docs/monitoring.md explains it.
"""

import datetime as dt
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar

import orjson
import structlog
from structlog.typing import EventDict

# Says what is going on here and now: fields that every line gets. Asked only when a line is written, so that whoever
# sets it need not know yet what will be known by then.
about: ContextVar[Callable[[], Mapping[str, object]]] = ContextVar("about", default=dict)

SECRET_FIELDS = {
    *("password", "secret", "client_secret", "token", "access_token", "refresh_token", "code", "key", "pepper"),
    *("authorization", "cookie", "set_cookie", "session", "csrfmiddlewaretoken", "body", "query", "email"),
}
_FIELD = r"(?:\w*(?:password|secret|token|pepper)|authorization|cookie|sessionid|code)"
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bhp[a-z]?_[0-9A-Za-z]{16,}"), "[secret]"),  # our own keys, which begin like that
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), r"\1 [secret]"),
    (re.compile(rf"\b({_FIELD})=[^&\s\"'\\]+", re.IGNORECASE), r"\1=[secret]"),
    (re.compile(rf"((?:\\?[\"']){_FIELD}\\?[\"']:\s*\\?[\"']).*?(\\?[\"'])", re.IGNORECASE), r"\1[secret]\2"),
    (re.compile(r"://[^/\s:@\"]*:[^/\s@\"]+@"), "://[secret]@"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "[address]"),
)
_SUSPICIOUS = re.compile(
    r"hp[a-z]?_|bearer|basic|password|secret|token|pepper|authorization|cookie|sessionid|code|@", re.IGNORECASE
)


def formatter(*, readable: bool) -> "Lines":
    """For settings.LOGGING."""
    render = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, timestamp_key="time"
        )
        if readable
        else _json
    )
    return Lines(
        processors=[
            _time,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _without_address,
            _about,
            _without_secrets,
            *(() if readable else (structlog.processors.format_exc_info,)),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            render,
        ]
    )


class Fields(dict[str, object]):
    """A record of our own making, by `write`."""


def write(log: logging.Logger, level: int, event: str, **fields: object) -> None:
    """Log an event with fields that hold nothing anybody sent, so that the line need not be searched for secrets.

    That, and not to look for the caller, takes a tenth of the time; there is such a line for every request.
    """
    if log.isEnabledFor(level):
        found = Fields(event=event, **fields, **about.get()())
        log.handle(logging.LogRecord(log.name, level, __file__, 0, found, None, None))


class Lines(structlog.stdlib.ProcessorFormatter):
    """The last look at a line: an error of a library may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        if type(record.msg) is not Fields:
            return masked(super().format(record))
        line = {"time": _moment(record), "level": record.levelname.lower(), "logger": record.name, **record.msg}
        return str(self.processors[-1](None, record.levelname, line))


def masked(text: str) -> str:
    """The text without what looks like a secret or an e-mail address."""
    if _SUSPICIOUS.search(text):
        for pattern, instead in _SECRETS:
            text = pattern.sub(instead, text)
    return text


def _time(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {"time": _moment(event["_record"]), **event}


def _moment(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _without_address(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Django quotes the path of a request, which may hold the key of an invitation."""
    request = getattr(event.get("_record"), "request", None)
    path = getattr(request, "path", "")
    if len(path) > 1:
        event["event"] = str(event["event"]).replace(path, route_of(request))
    return event


def route_of(request: object) -> str:
    """The pattern of an address, without what stands in its places; "unknown" for an address that leads nowhere."""
    match = getattr(request, "resolver_match", None)
    return f"/{match.route}" if match else "unknown"


def _about(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {**about.get()(), **event}


def _without_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    for name in SECRET_FIELDS.intersection(event):
        del event[name]
    return event


def _json(_logger: object, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


structlog.configure(  # events of structlog become records of logging, and lines like all others
    processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=lambda *names: logging.getLogger(*names),
    wrapper_class=structlog.stdlib.BoundLogger,
)

"""A delivery that is refused as a whole; the API's error handler turns it into a problem body."""

import errno
import sqlite3
from collections.abc import Mapping
from typing import Any

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = "53100"  # SQLSTATE of PostgreSQL


class Refusal(Exception):
    """`code` is a kind of problem; `members` are added to its body, `headers` to the answer."""

    def __init__(self, code: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(code)
        self.code, self.members, self.headers = code, members, dict(headers or {})

    @classmethod
    def of_field(cls, code: str, field: str, message: str) -> "Refusal":
        """One that names the part of the request that is at fault."""
        return cls(code, errors=[{"parameter": field, "message": message}])


def storage_is_full(error: BaseException) -> bool:
    """Whether an error of a file or of the database means that a disk is full; its cause is what their drivers said."""
    return any(
        getattr(one, "errno", None) in _NO_ROOM
        or getattr(one, "sqlstate", None) == _DISK_FULL
        or getattr(one, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        for one in (error, error.__cause__)
    )

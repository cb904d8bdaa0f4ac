"""A delivery that is refused as a whole; the API's error handler turns it into a problem body."""

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """`code` is a kind of problem; `members` are added to its body, `headers` to the answer."""

    def __init__(self, code: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(code)
        self.code, self.members, self.headers = code, members, dict(headers or {})

    @classmethod
    def of_field(cls, code: str, field: str, message: str) -> "Refusal":
        """One that names the part of the request that is at fault."""
        return cls(code, errors=[{"parameter": field, "message": message}])

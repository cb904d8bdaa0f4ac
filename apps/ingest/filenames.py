"""Names of delivered files. A name only says what a file is; it never becomes a path."""

import re

MOST = 100  # characters
_PLAIN = re.compile(r"[\w.\- ()]+", re.ASCII)


class BadName(ValueError):
    """A name that no logger gives a file."""


def checked(name: str) -> str:
    """The name as it is kept. BadName for paths, hidden files and strange signs."""
    if not 1 <= len(name) <= MOST:
        raise BadName(f"A file name has 1 to {MOST} characters.")
    if not _PLAIN.fullmatch(name) or name.startswith("."):
        raise BadName("A file name consists of letters, digits, dots, dashes and blanks, without a path.")
    return name

"""Which files a Solar-Log writes, told by their names. Names are compared without regard to case."""

import datetime as dt
import re

# In the order a folder is imported: what knows more about a time comes first and is not overruled.
KINDS = {
    "base_vars": r"base_vars\.js",
    "minutes": r"min[0-9]{6}\.js",
    "min_day": r"min_day\.js",
    "days_hist": r"days_hist\.js",
    "days": r"days\.js",
    "days_of_all": r"daysall\.js",
    "months": r"months\.js",
    "years": r"years\.js",
    "events": r"events\.js",
    "events_day": r"events_day\.js",
}
# What a Solar-Log writes besides: the present moment, which min_day.js holds too, and parts of its own web page.
NOT_NEEDED = frozenset({"min_cur.js", "pm.js"})


def kind_of(name: str) -> str | None:
    """The kind of a file; None for one that is not imported."""
    return next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, name, re.IGNORECASE)), None)


def day_of(name: str) -> dt.date | None:
    """The day a minute file is named after; None where no day can be meant."""
    digits = name[3:9]
    try:
        return dt.date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return None


def minute_file(day: dt.date) -> str:
    """The name of a day's minute file."""
    return f"min{day:%y%m%d}.js"

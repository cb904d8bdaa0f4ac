"""From verdicts on slots to times of trouble: short ones are no trouble, and short recoveries are none.

Pure. A verdict speaks only for the slots that say something; between them (a night, a gap) a trouble goes on.
What was found up to a slot never depends on later ones, so a day judged every few minutes ends as one judged once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BAD, SILENT, GOOD = 1, 0, -1
Verdict = NDArray[np.int8]  # one of the three per slot of the day
Mask = NDArray[np.bool_]


class Patience(NamedTuple):
    """How many slots must say so before a trouble begins, and before it is over."""

    bad: int
    good: int


class Span(NamedTuple):
    """A trouble on a day: its first slot (None: it lasts since before), the one that ends it (None: it lasts on)."""

    begin: int | None
    end: int | None


def verdict(bad: Mask, good: Mask) -> Verdict:
    """Slots that say nothing are in neither; one in both is bad."""
    return np.where(bad, BAD, np.where(good, GOOD, SILENT)).astype(np.int8)


def troubles(judged: Verdict, patience: Patience, *, lasting: bool = False) -> list[Span]:
    """The troubles of a day. A trouble begins with the first of its bad slots and ends with the first good one."""
    if not lasting and np.count_nonzero(judged == BAD) < patience.bad:
        return []
    found: list[Span] = []
    begin: int | None = None
    first, run = 0, 0  # slots in a row that contradict the present state
    for slot in np.flatnonzero(judged).tolist():
        contradicts = judged[slot] == (GOOD if lasting else BAD)
        first, run = (first if run else slot, run + 1) if contradicts else (0, 0)
        if run < (patience.good if lasting else patience.bad):
            continue
        if lasting:
            found.append(Span(begin, first))
        begin, lasting, run = first, not lasting, 0
    return [*found, Span(begin, None)] if lasting else found

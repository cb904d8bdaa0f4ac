"""From verdicts on slots to troubles with a beginning and an end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.events.spans import Patience, Span, Verdict, troubles

TWO = Patience(bad=2, good=3)
SIGNS = {"b": 1, "g": -1, ".": 0}


def judged(text: str) -> Verdict:
    """b bad, g good, . says nothing."""
    return np.array([SIGNS[sign] for sign in text], dtype=np.int8)


@pytest.mark.parametrize(
    ("text", "lasting", "found"),
    [
        ("gggg", False, []),
        ("gbgbgb", False, []),  # never two in a row
        ("gbbggg", False, [Span(1, 3)]),
        ("gbbggb", False, [Span(1, None)]),  # recovers too shortly
        ("gb....bgg", False, [Span(1, None)]),  # a gap says nothing, neither way
        ("gb....bggg", False, [Span(1, 7)]),
        ("bb", False, [Span(0, None)]),
        ("....", True, [Span(None, None)]),
        ("bggb", True, [Span(None, None)]),
        ("bggg", True, [Span(None, 1)]),
        ("gggbb", True, [Span(None, 0), Span(3, None)]),
        ("bbgggbbggg", False, [Span(0, 2), Span(5, 7)]),
        ("", False, []),
    ],
)
def test_a_trouble_lasts_from_its_first_bad_slot_to_the_first_good_one(text: str, lasting: bool, found: list[Span]):
    assert troubles(judged(text), TWO, lasting=lasting) == found


@given(st.text("bg.", max_size=40), st.booleans(), st.data())
def test_what_was_found_early_in_the_day_stays_when_the_day_goes_on(text: str, lasting: bool, data: st.DataObject):
    cut = data.draw(st.integers(0, len(text)))
    early, whole = (troubles(judged(part), TWO, lasting=lasting) for part in (text[:cut], text))
    over = [span for span in early if span.end is not None]
    assert whole[: len(over)] == over
    assert [span.begin for span in whole[: len(early)]] == [span.begin for span in early]


@given(st.text("bg.", max_size=40), st.integers(0, 40), st.booleans())
def test_a_day_in_two_parts_has_the_troubles_of_the_whole_where_no_run_is_cut(text: str, cut: int, lasting: bool):
    first, second = text[:cut], text[cut:]
    once = Patience(1, 1)  # no runs
    early = troubles(judged(first), once, lasting=lasting)
    lasts = bool(early) and early[-1].end is None
    late = troubles(judged(second), once, lasting=lasts or (lasting and not first))
    whole = troubles(judged(text), once, lasting=lasting)
    assert len([span for span in whole if span.end is not None]) == sum(
        span.end is not None for span in (*early, *late)
    )

"""How much of the time stands behind a sum or a series, as people read it."""

WHOLE = 0.995  # what covers at least this share of the elapsed time is called complete


def percent_of(completeness: float) -> str:
    """99.97 per cent are not all of it, and a little is more than nothing."""
    shown = min(99, round(100 * completeness)) if completeness < 1 else 100
    return f"{max(1, shown) if completeness else 0}"

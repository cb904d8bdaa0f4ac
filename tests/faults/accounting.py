"""Whether all that was acknowledged is stored, once, and nothing else."""

from tests.faults.loggers import Expected, Logger, Script, SolarLog, known, together
from tests.faults.stand import Stand


def assert_stored(stand: Stand, loggers: list[Logger]) -> Expected:
    """Ask a program inside, when nobody else is at work any more; what was compared."""
    expected, found = together(loggers), stand.ask("inside", "account")
    assert found["errors"] == []
    assert found["rejected"] == []
    assert {state.split()[1] for state in found["uploads"]} == {"stored"}
    assert found["components"] == {"north": 1, "south": 1, SolarLog.SERIAL: 1}
    assert found["events"] == expected.events
    # Every receipt is there; with an idempotency key no batch is there twice, however often it was sent.
    receipts = [receipt for logger in loggers if isinstance(logger, Script) for receipt in logger.receipts]
    assert known(receipts) <= set(found["receipts"])
    assert found["uploads"]["readings stored"] == len(receipts)
    for tiers in ("both", "packed"):
        assert wrong(expected.values, found[tiers]["values"]) == [], tiers
        assert wrong(expected.days, found[tiers]["days"]) == [], tiers
    assert found["both"] == found["packed"]
    return expected


def wrong(expected: dict[str, dict[str, float]], found: dict[str, dict[str, float]]) -> list[str]:
    """What is missing or different, and what nobody delivered; nights that an import fills with 0 are nobody's."""
    return [
        f"{name} {at}: {theirs.get(at)} instead of {mine.get(at)}"
        for name in sorted(expected.keys() | found.keys())
        for mine, theirs in [(expected.get(name, {}), found.get(name, {}))]
        for at in sorted(mine.keys() | theirs.keys())
        if mine.get(at) != theirs.get(at) and (at in mine or theirs[at] != 0)
    ]

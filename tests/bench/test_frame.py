"""What a row of the table of benchmarks says."""

from tests.bench.frame import Row, in_turns, table


def row(ours: list[float], theirs: list[float], at_least: float | None = None, at_most: float | None = None) -> Row:
    return Row("calls", "a call", "a bare app", "calls/s", ours, theirs, at_least, at_most)


def test_the_ratio_is_the_median_of_the_rounds_and_not_that_of_the_medians() -> None:
    found = row([1, 20, 300], [10, 100, 200])
    assert (found.ratio, found.spread) == (0.2, (0.1, 1.5))


def test_a_target_is_met_at_its_very_value() -> None:
    assert row([9], [20], at_least=0.45).met is True
    assert row([9], [20], at_least=0.451).met is False
    assert row([9], [6], at_most=1.5).met is True
    assert row([9], [6], at_most=1.49).met is False
    assert row([9], [6]).met is None


def test_both_take_turns_at_being_first() -> None:
    order: list[str] = []

    def candidate(name: str, value: float) -> float:
        order.append(name)
        return value

    assert in_turns(lambda: candidate("ours", 1), lambda: candidate("theirs", 2), 3) == ([1, 1, 1], [2, 2, 2])
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_the_table_shows_figure_baseline_ratio_spread_and_target() -> None:
    text = table({"sqlite": [row([500, 450], [1000, 1000], at_least=0.5)]})
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()] == [
        ["what", "database", "ours", "baseline", "ratio", "lowest..highest", "target", "met"],
        ["-" * len(part) for part in text.splitlines()[1].split("|")[1:-1]],
        [
            *("a call", "sqlite", "475 calls/s", "1,000 calls/s: a bare app"),
            *("0.475", "0.45..0.5", "≥ 0.5", "**no**"),
        ],
    ]


def test_a_row_stands_beside_itself_on_the_other_database() -> None:
    first, second = row([1], [1]), Row("month", "a month", "its days", "1/s", [1], [1])
    lines = table({"sqlite": [first, second], "postgresql": [first, second]}).splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["a call", "a call", "a month", "a month"]

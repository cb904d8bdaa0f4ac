"""docs/scaling.md says what its own inputs give."""

from tests.distributed import scaling


def test_the_table_of_sizes_is_that_of_the_inputs():
    text = scaling.DOCUMENT.read_text()
    assert scaling.table(scaling.inputs(text)) in text


def test_a_plant_of_sixty_series_has_six_million_values_a_year():
    given = scaling.inputs(scaling.DOCUMENT.read_text()) | {"devices": 10, "channels": 6, "bytes_per_value": 1.0}
    assert scaling.table(given).splitlines()[2].split(" | ")[:3] == ["| 1", "6 M", "6 MB"]

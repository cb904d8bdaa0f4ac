"""Every channel, category and level has its name in plain words, and no two channels share one."""

from collections import Counter

import pytest
from django.utils import translation

from apps.measurements import labels
from apps.measurements.channels import CHANNELS, Category, Level


def test_every_channel_has_a_name_of_its_own():
    names = Counter(str(labels.label(channel.name)) for channel in CHANNELS)
    assert [name for name, times in names.items() if times > 1] == []
    assert len(names) == 51


def test_nothing_is_named_that_is_no_channel():
    with pytest.raises(KeyError):
        labels.label("ProdPacMoon")


def test_categories_and_levels_are_named():
    assert set(labels.CATEGORIES) == set(Category)
    assert set(labels.LEVELS) == set(Level)


def test_names_follow_the_language_of_the_reader():
    assert str(labels.label("BatSoc")) == "Battery, state of charge"
    with translation.override("de"):
        assert str(labels.label("BatSoc")) == "Ladezustand der Batterie"
        assert [channel.name for channel in CHANNELS if _same_in_english(channel.name)] == []


def _same_in_english(name: str) -> bool:
    german = str(labels.label(name))
    with translation.override("en"):
        return str(labels.label(name)) == german

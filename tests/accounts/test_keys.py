"""The form of random keys: 256 bits, and a checksum that notices a mistyped one."""

import re

import pytest

from apps.accounts.keys import random_key, well_formed


def test_a_secret_has_a_prefix_43_random_characters_and_a_checksum():
    secret = random_key("hp_")
    assert re.fullmatch(r"hp_[0-9A-Za-z]{49}", secret)
    assert well_formed(secret, "hp_")


def test_the_checksum_of_a_known_secret_never_changes():
    assert well_formed("hp_" + "0" * 43 + "3bzbQh", "hp_")


@pytest.mark.parametrize("place", [0, 3, 20, 45, 46, 51])
def test_one_mistyped_character_is_noticed(place):
    secret = random_key("hp_")
    wrong = "x" if secret[place] != "x" else "y"
    assert not well_formed(secret[:place] + wrong + secret[place + 1 :], "hp_")


@pytest.mark.parametrize("text", ["", "hp_", "hp_short", "a-password", "ü" * 52])
def test_what_is_no_secret_is_not_well_formed(text):
    assert not well_formed(text, "hp_")


def test_secrets_carry_at_least_256_bits():
    assert 62**43 > 2**256
    assert len({random_key("hp_") for _ in range(1000)}) == 1000

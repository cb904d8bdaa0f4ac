"""From where a request comes, and whether a client may call from there."""

import pytest

from apps.accounts.addresses import address_of
from apps.packages.errors import InvalidClient
from apps.packages.networks import allows, parse_networks


def test_networks_are_kept_in_their_normal_form():
    assert parse_networks([" 192.0.2.0/24", "192.0.2.9", "2001:DB8::/32"]) == [
        "192.0.2.0/24",
        "192.0.2.9/32",
        "2001:db8::/32",
    ]


@pytest.mark.parametrize("text", ["", "office", "192.0.2.0/33", "192.0.2.1/24", "192.0.2", "1;drop"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(InvalidClient):
        parse_networks([text])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        (None, False),
        ("nonsense", False),
    ],
)
def test_a_limited_client_calls_from_inside_its_networks_only(address, allowed):
    assert allows(["192.0.2.0/24", "2001:db8::/32"], address) is allowed


@pytest.mark.parametrize("address", ["192.0.2.1", None])
def test_a_client_without_networks_calls_from_anywhere(address):
    assert allows([], address)


def test_a_forwarded_address_of_a_stranger_is_not_believed():
    assert address_of({"REMOTE_ADDR": "198.51.100.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}) == "198.51.100.1"


def test_a_trusted_proxy_says_who_calls(settings):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    assert address_of({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}) == "192.0.2.1"


def test_what_the_caller_wrote_before_the_proxy_is_not_believed(settings):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8", "10.0.0.0/8"]
    forwarded = "192.0.2.1, 198.51.100.1, 10.0.0.5"
    assert address_of({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}) == "198.51.100.1"


@pytest.mark.parametrize("forwarded", ["", "nonsense", " , "])
def test_a_proxy_that_says_nothing_useful_speaks_for_itself(settings, forwarded):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    assert address_of({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}) == "127.0.0.1"


def test_no_address_at_all_is_none():
    assert address_of({"REMOTE_ADDR": ""}) is None

"""Client secrets: their form, checking them, rotation, revocation, and the limits a client may have."""

import datetime as dt
import hashlib
import hmac
from unittest.mock import Mock

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.packages import clients, subscriptions
from apps.packages.errors import DeadSecret, InvalidClient, NotActive, TooManySecrets
from apps.packages.models import ApiClient, ClientSecret
from tests.clients_cast import ROBOT, Key, new_key, portal_key, user_key


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


def secret_row(key: Key) -> ClientSecret:
    return ClientSecret.objects.get(client=key.client)


# --- Storing ----------------------------------------------------------------------------------------


def test_only_a_keyed_hash_of_the_secret_is_stored(key, settings):
    row = secret_row(key)
    pepper = settings.SECRET_PEPPERS[0]
    assert row.digest == hmac.new(pepper.encode(), key.secret.encode(), hashlib.sha256).hexdigest()
    assert row.pepper_id == hashlib.sha256(pepper.encode()).hexdigest()[:8]
    assert row.hint == key.secret[-4:]
    assert key.client.client_secret == ""


def test_a_secret_made_under_an_older_pepper_goes_on_working(key, settings):
    settings.SECRET_PEPPERS = ["a-newer-pepper", *settings.SECRET_PEPPERS]
    assert clients.verify(key.client.client_id, key.secret) == key.client


def test_a_new_secret_uses_the_first_pepper(key, settings):
    old, settings.SECRET_PEPPERS = settings.SECRET_PEPPERS, ["a-newer-pepper", *settings.SECRET_PEPPERS]
    secret = clients.issue_secret(key.client, ROBOT)
    settings.SECRET_PEPPERS = old
    assert clients.verify(key.client.client_id, secret) is None


# --- Checking ---------------------------------------------------------------------------------------


def test_the_right_secret_opens_its_own_client_only(cast, key):
    other = user_key(cast.bob, cast.sunny)
    assert clients.verify(key.client.client_id, key.secret) == key.client
    assert clients.verify(other.client.client_id, key.secret) is None


@pytest.mark.parametrize("secret", ["", "hp_wrong", "\x00", "ü", "\ud800"])
def test_a_wrong_secret_opens_nothing(key, secret):
    assert clients.verify(key.client.client_id, secret) is None


@pytest.mark.parametrize("client_id", ["", "unknown", "a\x00b", "x" * 10_000, "ü"])
def test_an_unknown_client_id_is_refused_like_a_wrong_secret(key, client_id):
    assert clients.verify(client_id, key.secret) is None


@pytest.mark.parametrize("wrong", [{}, {"secret": "wrong"}, {"client_id": "unknown"}])
def test_every_check_is_one_statement_and_the_same_work(key, wrong, monkeypatch, django_assert_num_queries):
    compare, digest = Mock(wraps=hmac.compare_digest), Mock(wraps=hmac.digest)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    monkeypatch.setattr(hmac, "digest", digest)
    with django_assert_num_queries(1):
        clients.verify(**{"client_id": key.client.client_id, "secret": key.secret, **wrong})
    assert (compare.call_count, digest.call_count) == (1, 1)


def test_a_disabled_client_is_not_verified(key):
    ApiClient.objects.update(enabled=False)
    assert clients.verify(key.client.client_id, key.secret) is None


def test_an_expired_client_is_not_verified(key):
    ApiClient.objects.update(expires_at=timezone.now())
    assert clients.verify(key.client.client_id, key.secret) is None


def test_the_toolkit_itself_would_refuse_a_client_that_is_not_usable(key):
    assert key.client.is_usable(request=None)
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    assert not key.client.is_usable(request=None)


# --- Rotation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("overlap", "seconds"), [("1h", 3_600), ("24h", 86_400), ("7d", 604_800)])
def test_the_old_secret_works_until_its_overlap_ends(key, overlap, seconds):
    new = clients.rotate(key.client, ROBOT, overlap)
    assert clients.verify(key.client.client_id, key.secret) == key.client
    assert clients.verify(key.client.client_id, new) == key.client
    ends = ClientSecret.objects.get(hint=key.secret[-4:]).expires_at
    assert ends is not None
    assert abs((ends - timezone.now()).total_seconds() - seconds) < 60
    ClientSecret.objects.filter(hint=key.secret[-4:]).update(expires_at=timezone.now())
    assert clients.verify(key.client.client_id, key.secret) is None
    assert clients.verify(key.client.client_id, new) == key.client


def test_the_overlap_is_24_hours_unless_said_otherwise(key):
    clients.rotate(key.client, ROBOT)
    assert AuditEntry.objects.filter(action="secret.rotated", after__overlap="24h").exists()


def test_rotation_without_overlap_ends_the_old_secret_at_once(key):
    new = clients.rotate(key.client, ROBOT, "now")
    assert clients.verify(key.client.client_id, key.secret) is None
    assert clients.verify(key.client.client_id, new) == key.client


def test_a_third_live_secret_is_refused_and_changes_nothing(key):
    second = clients.rotate(key.client, ROBOT)
    before = list(ClientSecret.objects.values())
    with pytest.raises(TooManySecrets, match="two live secrets"):
        clients.rotate(key.client, ROBOT)
    with pytest.raises(TooManySecrets):
        clients.issue_secret(key.client, ROBOT)
    assert list(ClientSecret.objects.values()) == before
    assert clients.verify(key.client.client_id, second) == key.client


def test_two_live_secrets_can_be_replaced_at_once(key):
    second = clients.issue_secret(key.client, ROBOT)
    third = clients.rotate(key.client, ROBOT, "now")
    alive = [clients.verify(key.client.client_id, secret) is not None for secret in (key.secret, second, third)]
    assert alive == [False, False, True]


def test_rotation_never_prolongs_a_secret_that_ends_earlier(key):
    soon = timezone.now() + dt.timedelta(minutes=5)
    ClientSecret.objects.update(expires_at=soon)
    clients.rotate(key.client, ROBOT, "7d")
    assert ClientSecret.objects.get(hint=key.secret[-4:]).expires_at == soon


def test_an_unknown_overlap_is_refused(key):
    with pytest.raises(InvalidClient, match="now, 1h, 24h, 7d") as refusal:
        clients.rotate(key.client, ROBOT, "forever")
    assert refusal.value.field == "overlap"


# --- Revocation -------------------------------------------------------------------------------------


def test_a_revoked_secret_is_dead_and_the_other_lives(key):
    second = clients.issue_secret(key.client, ROBOT)
    clients.revoke_secret(ClientSecret.objects.get(hint=key.secret[-4:]), ROBOT, "found in a mail")
    assert clients.verify(key.client.client_id, key.secret) is None
    assert clients.verify(key.client.client_id, second) == key.client
    assert AuditEntry.objects.get(action="secret.revoked").reason == "found in a mail"


def test_a_dead_secret_cannot_be_revoked_again(key):
    clients.revoke_secret(secret_row(key), ROBOT)
    with pytest.raises(DeadSecret):
        clients.revoke_secret(secret_row(key), ROBOT)
    assert AuditEntry.objects.filter(action="secret.revoked").count() == 1


def test_a_leak_ends_every_secret_of_that_client_only(cast, key):
    second = clients.issue_secret(key.client, ROBOT)
    other = new_key(key.subscription, "other")
    clients.revoke_as_leaked(key.client, ROBOT, "on GitHub")
    assert clients.verify(key.client.client_id, key.secret) is None
    assert clients.verify(key.client.client_id, second) is None
    assert clients.verify(other.client.client_id, other.secret) == other.client


def test_after_a_leak_the_client_gets_a_new_secret(key):
    clients.revoke_as_leaked(key.client, ROBOT)
    secret = clients.issue_secret(key.client, ROBOT)
    assert clients.verify(key.client.client_id, secret) == key.client


def test_a_leak_can_be_reported_for_a_suspended_subscription_too(key):
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    clients.revoke_as_leaked(key.client, ROBOT)
    subscriptions.resume(key.subscription, ROBOT)
    assert clients.verify(key.client.client_id, key.secret) is None


def test_a_client_that_was_switched_off_gets_no_secret(key):
    subscriptions.deactivate(key.subscription, ROBOT)
    for act in (clients.issue_secret, clients.rotate):
        with pytest.raises(NotActive):
            act(key.client, ROBOT)
    subscriptions.activate_user_api(key.subscription.membership, subscriptions.find_package("basic"), ROBOT)
    with pytest.raises(NotActive, match="disabled"):
        clients.issue_secret(key.client, ROBOT)


# --- Limits of a client -----------------------------------------------------------------------------


def test_a_client_can_be_limited_to_some_of_its_owners_plants(cast):
    key = user_key(cast.alice, cast.sunny, plant_ids=[cast.plant_a.pk])
    assert key.client.plant_ids == [str(cast.plant_a.pk)]


@pytest.mark.parametrize("plant", ["plant_b", "plant_o"])
def test_a_user_client_cannot_be_limited_to_somebody_elses_plant(cast, key, plant):
    with pytest.raises(InvalidClient) as refusal:
        new_key(key.subscription, "greedy", plant_ids=[cast.plant_a.pk, getattr(cast, plant).pk])
    assert refusal.value.field == "plant_ids"
    assert not ApiClient.objects.filter(name="greedy").exists()


def test_a_portal_client_can_be_limited_to_any_plant_of_the_portal_only(cast):
    key = portal_key(cast.mona, cast.sunny, plant_ids=[cast.plant_b.pk])
    assert key.client.plant_ids == [str(cast.plant_b.pk)]
    with pytest.raises(InvalidClient):
        new_key(key.subscription, "greedy", plant_ids=[cast.plant_o.pk])


def test_limited_to_no_plant_is_refused(key):
    with pytest.raises(InvalidClient, match="at least one"):
        new_key(key.subscription, "none", plant_ids=[])


def test_malformed_networks_are_refused(key):
    with pytest.raises(InvalidClient, match="office") as refusal:
        new_key(key.subscription, "office", networks=["192.0.2.0/24", "office"])
    assert refusal.value.field == "networks"


def test_an_expiry_in_the_past_is_refused(key):
    with pytest.raises(InvalidClient, match="past") as refusal:
        new_key(key.subscription, "old", expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert refusal.value.field == "expires_at"


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_a_client_needs_a_name(key, name):
    with pytest.raises(InvalidClient):
        new_key(key.subscription, name)


def test_two_clients_of_a_subscription_have_different_names(key):
    with pytest.raises(InvalidClient, match="“default”"):
        new_key(key.subscription, "default")


def test_a_client_cannot_be_made_for_a_subscription_that_is_off(key):
    subscriptions.deactivate(key.subscription, ROBOT)
    with pytest.raises(NotActive):
        new_key(key.subscription, "late")


# --- Record -----------------------------------------------------------------------------------------


def test_every_act_is_recorded_without_a_secret(key):
    second = clients.rotate(key.client, ROBOT)
    clients.revoke_as_leaked(key.client, ROBOT, "on GitHub")
    rows = AuditEntry.objects.order_by("id")
    assert [row.action for row in rows] == [
        "api.activated",
        "client.created",
        "secret.issued",
        "secret.issued",
        "secret.rotated",
        "client.leaked",
    ]
    who = set(rows.values_list("actor", "address", "portal__slug"))
    assert who == {("robot@test.example", "192.0.2.7", "sunny")}
    everything = str(list(rows.values()))
    assert key.secret not in everything
    assert second not in everything

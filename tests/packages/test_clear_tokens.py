"""Expired access tokens are deleted at night; living ones stay."""

from datetime import timedelta

from django.utils import timezone
from oauth2_provider.models import AccessToken

from apps.packages import tasks
from tests.clients_cast import access_of, user_key


def test_expired_tokens_are_deleted_and_living_ones_go_on(alice, sunny):
    key = user_key(alice, sunny)
    key.token()
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    living = key.token()
    tasks.clear_tokens()
    assert AccessToken.objects.count() == 1
    assert access_of(living).user == alice.pk

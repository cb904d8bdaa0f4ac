"""The API does not ask before every call whether its database connection still works: a broken one costs one call."""

import psycopg
import pytest
from django.db import close_old_connections, connection

from tests.api.conftest import ApiCaller, body_of
from tests.cast import make_cast
from tests.clients_cast import user_key
from tests.conftest import NOT_ON_SQLITE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason=NOT_ON_SQLITE),
]


def hang_up(database_url: str) -> None:
    """The server ends our connection while nobody uses it."""
    with psycopg.connect(database_url, autocommit=True) as other:
        ended = other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]).fetchone()
    assert ended == (True,)


def test_one_call_is_told_to_come_again_and_the_next_one_is_answered(database_url: str) -> None:
    cast = make_cast()
    key = user_key(cast.alice, cast.sunny)
    alice = ApiCaller(key.token(), "sunny", key.subscription)
    assert alice.get("me").status_code == 200
    hang_up(database_url)
    refusal = alice.raw("/api/v1/sunny/me")
    assert (refusal.status_code, refusal["Retry-After"]) == (503, "5")
    assert b'"code":"unavailable"' in body_of(refusal)
    close_old_connections()  # as the server does at the end of every request, but not Django's test client
    assert [alice.get("me").status_code for _ in range(3)] == [200, 200, 200]
    assert alice.json("me")["quota"][0]["used"] == 5  # the lost call was not counted

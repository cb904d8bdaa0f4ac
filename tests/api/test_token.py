"""The token endpoint, revocation and discovery, as OAuth and OpenID client libraries use them."""

import base64
import json
import logging
import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from oauth2_provider.models import AccessToken, RefreshToken

from apps.api import oauth
from apps.packages import clients, subscriptions
from apps.packages.models import ApiClient
from tests.clients_cast import (
    FORM,
    REVOKE_URL,
    ROBOT,
    TOKEN_URL,
    Key,
    ask_token,
    basic,
    call,
    portal_key,
    user_key,
)

DISCOVERY_URL = "/auth/realms/quotaapi/.well-known/openid-configuration"


@pytest.fixture
def key(cast) -> Key:
    return user_key(cast.alice, cast.sunny)


def without(form: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in form.items() if name not in names}


def error_of(response) -> tuple[int, str]:
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"error", "error_description"}
    return response.status_code, body["error"]


# --- The answer ---------------------------------------------------------------------------------------


def test_a_token_lives_an_hour_and_has_a_prefix_and_256_random_bits(key):
    response = ask_token(key.form)
    body = response.json()
    assert response.status_code == 200
    assert re.fullmatch(r"hpt_[0-9A-Za-z]{49}", body.pop("access_token"))
    assert body == {"token_type": "Bearer", "expires_in": 3600, "scope": "read"}
    assert (response["Cache-Control"], response["Pragma"]) == ("no-store", "no-cache")
    assert response["Content-Type"] == "application/json"


def test_a_token_from_the_endpoint_opens_the_api(key):
    assert call(key.token()).status_code == 200


def test_every_request_makes_another_token_and_all_of_them_live(key):
    first, second = key.token(), key.token()
    assert first != second
    assert call(first).status_code == call(second).status_code == 200


def test_the_life_of_a_token_is_a_setting(key, settings):
    settings.TOKEN_SECONDS = 60
    assert ask_token(key.form).json()["expires_in"] == 60
    row = AccessToken.objects.get()
    assert 55 < (row.expires - row.created).total_seconds() <= 60


def test_there_is_no_refresh_token(key):
    assert "refresh_token" not in ask_token(key.form).json()
    assert not RefreshToken.objects.exists()


def test_a_token_of_the_user_api_belongs_to_its_user_and_one_of_the_portal_api_to_nobody(cast, key):
    key.token()
    portal_key(cast.mona, cast.sunny).token()
    assert list(AccessToken.objects.order_by("id").values_list("user", flat=True)) == [cast.alice.pk, None]


# --- Who asks -----------------------------------------------------------------------------------------


def test_a_client_may_authenticate_by_basic(key):
    header = basic(key.client.client_id, key.secret)
    response = ask_token({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header)
    assert call(response.json()["access_token"]).status_code == 200


def test_the_two_parts_of_basic_are_form_encoded(key):
    def quoted(text: str) -> str:
        return "".join(f"%{ord(letter):02X}" for letter in text)

    header = base64.b64encode(f"{quoted(key.client.client_id)}:{quoted(key.secret)}".encode()).decode()
    response = ask_token({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=f"basic {header}")
    assert response.status_code == 200


def test_the_client_id_may_stand_in_the_body_beside_basic(key):
    header = basic(key.client.client_id, key.secret)
    assert ask_token(without(key.form, "client_secret"), HTTP_AUTHORIZATION=header).status_code == 200


@pytest.mark.parametrize("change", [{}, {"client_id": "another", "client_secret": ""}])
def test_both_ways_at_once_are_refused(key, change):
    header = basic(key.client.client_id, key.secret)
    response = ask_token({**key.form, **change}, HTTP_AUTHORIZATION=header)
    assert error_of(response) == (400, "invalid_request")


def test_a_stale_bearer_token_beside_the_body_does_not_matter(key):
    assert ask_token(key.form, HTTP_AUTHORIZATION="Bearer stale").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"client_secret": "hp_wrong"},
        {"client_secret": ""},
        {"client_secret": "a\x00b"},
        {"client_id": ""},
        {"client_id": "6f1c1f0e-0000-4000-8000-000000000000"},
        {"client_id": "a\x00b"},
        {"client_id": "https://client.example/metadata.json"},
    ],
)
def test_every_wrong_credential_gets_the_same_answer_after_the_same_statement(key, change, django_assert_num_queries):
    expected = ask_token({**key.form, "client_secret": "wrong"})
    with django_assert_num_queries(1):
        response = ask_token({**key.form, **change})
    assert error_of(response) == (401, "invalid_client")
    assert response.content == expected.content
    assert response["WWW-Authenticate"] == 'Basic realm="Helioport", charset="UTF-8"'


@pytest.mark.parametrize("header", ["Basic", "Basic ???", "Basic " + base64.b64encode(b"\xff:\xff").decode()])
def test_a_basic_header_that_cannot_be_read_is_an_unknown_client(db, header):
    response = ask_token({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header)
    assert error_of(response) == (401, "invalid_client")
    assert response["WWW-Authenticate"].startswith("Basic ")


def test_a_suspended_client_gets_the_answer_of_an_unknown_one(key):
    subscriptions.suspend(key.subscription, ROBOT, "unpaid")
    assert ask_token(key.form).content == ask_token({**key.form, "client_id": "unknown"}).content


def test_a_client_limited_to_networks_gets_tokens_from_there_only(cast):
    key = user_key(cast.alice, cast.sunny, networks=["192.0.2.0/24"])
    assert ask_token(key.form, REMOTE_ADDR="192.0.2.1").status_code == 200
    assert error_of(ask_token(key.form, REMOTE_ADDR="198.51.100.1")) == (401, "invalid_client")


# --- What is asked for ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"username": "", "password": "", "code": "", "redirect_uri": "", "scope": "openid"},
        {"username": "alice", "password": "x", "totp": "1", "redirect_uri": "https://client.example/"},
        {"scope": "openid profile offline_access"},
        {"scope": "read"},
        {"scope": ""},
        {"resource": "https://api.example/"},
        {"audience": "api", "state": "x", "nonce": "y"},
    ],
)
def test_what_openid_libraries_send_along_is_ignored(key, more):
    body = ask_token({**key.form, **more}).json()
    assert (body["scope"], body["token_type"]) == ("read", "Bearer")


def test_headers_of_the_published_client_do_not_matter(key):
    headers = {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest", "HTTP_PRIORITY": "u=1, i", "HTTP_ORIGIN": "null"}
    assert ask_token(key.form, **headers).status_code == 200


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "authorization_code",
        "refresh_token",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "CLIENT_CREDENTIALS",
        "x",
    ],
)
def test_no_other_grant_is_supported(key, grant):
    response = ask_token({**key.form, "grant_type": grant, "username": "alice", "password": "x", "code": "y"})
    assert error_of(response) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("form", [{}, {"grant_type": ""}])
def test_a_missing_grant_type_is_an_invalid_request(key, form):
    assert error_of(ask_token({**without(key.form, "grant_type"), **form})) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret"])
def test_a_parameter_given_twice_is_an_invalid_request(key, name):
    body = urlencode([*key.form.items(), (name, key.form[name])])
    assert error_of(Client().post(TOKEN_URL, body, content_type=FORM)) == (400, "invalid_request")


# --- How it is asked --------------------------------------------------------------------------------------


def test_a_secret_in_the_address_is_refused(key):
    for url in (f"{TOKEN_URL}?{urlencode(key.form)}", f"{TOKEN_URL}?client_secret={key.secret}"):
        response = ask_token(key.form, url=url)
        assert error_of(response) == (400, "invalid_request")
        assert "leaked" in response.json()["error_description"]
    assert not AccessToken.objects.exists()


def test_json_is_refused_with_a_hint(key):
    response = Client().post(TOKEN_URL, json.dumps(key.form), content_type="application/json")
    assert error_of(response) == (400, "invalid_request")
    assert "application/x-www-form-urlencoded" in response.json()["error_description"]


def test_multipart_is_refused_like_json(key):
    assert error_of(Client().post(TOKEN_URL, key.form)) == (400, "invalid_request")


def test_a_charset_does_not_matter(key):
    response = Client().post(TOKEN_URL, urlencode(key.form), content_type=f"{FORM}; charset=UTF-8")
    assert response.status_code == 200


def test_a_body_of_16_kb_is_read_and_one_byte_more_is_not(key):
    body = urlencode(key.form)
    padding = 16 * 1024 - len(body) - len("&x=")
    for size, status in [(padding, 200), (padding + 1, 413)]:
        response = Client().post(TOKEN_URL, f"{body}&x={'y' * size}", content_type=FORM)
        assert response.status_code == status
    assert error_of(response) == (413, "invalid_request")


def test_thousands_of_fields_are_refused(key):
    response = Client().post(TOKEN_URL, "&".join(f"{number}=" for number in range(2000)), content_type=FORM)
    assert error_of(response) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head", "options"])
@pytest.mark.parametrize("url", [TOKEN_URL, REVOKE_URL])
def test_nothing_but_post_is_answered(db, method, url):
    response = getattr(Client(), method)(url)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


def test_neither_a_cookie_nor_a_csrf_token_is_needed(key):
    client = Client(enforce_csrf_checks=True)
    response = client.post(TOKEN_URL, urlencode(key.form), content_type=FORM)
    assert response.status_code == 200
    assert not response.cookies


def test_a_token_costs_four_statements_and_its_transaction(key, django_assert_num_queries):
    with django_assert_num_queries(6):
        ask_token(key.form)


# --- Revocation -------------------------------------------------------------------------------------------


def test_a_client_revokes_its_own_token(key):
    token, other = key.token(), key.token()
    response = ask_token({**without(key.form, "grant_type"), "token": token}, url=REVOKE_URL)
    assert (response.status_code, response.content) == (200, b"")
    assert call(token).status_code == 401
    assert call(other).status_code == 200


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_the_hint_does_not_matter(key, hint):
    token = key.token()
    form = {**without(key.form, "grant_type"), "token": token, "token_type_hint": hint}
    assert ask_token(form, url=REVOKE_URL).status_code == 200
    assert call(token).status_code == 401


def test_a_client_revokes_by_basic_too(key):
    token = key.token()
    header = basic(key.client.client_id, key.secret)
    assert ask_token({"token": token}, url=REVOKE_URL, HTTP_AUTHORIZATION=header).status_code == 200
    assert call(token).status_code == 401


def test_somebody_elses_token_survives_and_looks_like_an_unknown_one(cast, key):
    token = user_key(cast.bob, cast.sunny).token()
    responses = [ask_token({**key.form, "token": text}, url=REVOKE_URL) for text in (token, "unknown")]
    assert [(response.status_code, response.content) for response in responses] == [(200, b"")] * 2
    assert call(token).status_code == 200


def test_nobody_revokes_without_their_secret(key):
    token = key.token()
    for form in ({"token": token}, {"token": token, "client_id": key.client.client_id}):
        assert error_of(ask_token(form, url=REVOKE_URL)) == (401, "invalid_client")
    assert call(token).status_code == 200


def test_revocation_without_a_token_is_an_invalid_request(key):
    assert error_of(ask_token(key.form, url=REVOKE_URL)) == (400, "invalid_request")


# --- Discovery --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["testserver", "localhost"])
def test_discovery_names_the_configured_address_whatever_the_host_header(settings, host):
    settings.BASE_URL = "https://portal.example"
    issuer = "https://portal.example/auth/realms/quotaapi"
    response = Client().get(DISCOVERY_URL, HTTP_HOST=host)
    assert response["Content-Type"] == "application/json"
    assert response.json() == {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/protocol/openid-connect/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "revocation_endpoint": f"{issuer}/protocol/openid-connect/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["read"],
    }


def test_discovery_leads_to_a_token(key):
    found = Client().get(DISCOVERY_URL).json()
    assert ask_token(key.form, url=found["token_endpoint"].removeprefix("http://testserver")).status_code == 200


def test_discovery_only_reads(db):
    assert Client().head(DISCOVERY_URL).status_code == 200
    assert Client().post(DISCOVERY_URL).status_code == 405


def test_nothing_else_of_the_toolkit_is_mounted():
    routes = [str(pattern.pattern) for pattern in get_resolver().url_patterns if "auth/" in str(pattern.pattern)]
    assert sorted(routes) == [
        "auth/realms/quotaapi/.well-known/openid-configuration",
        "auth/realms/quotaapi/protocol/openid-connect/revoke",
        "auth/realms/quotaapi/protocol/openid-connect/token",
    ]
    assert not any(
        "oauth2_provider" in str(getattr(found, "urlconf_name", "")) for found in get_resolver().url_patterns
    )


@pytest.mark.parametrize("path", ["introspect", "auth", "userinfo", "certs", "logout"])
def test_what_a_keycloak_would_offer_besides_is_unknown(db, path):
    response = Client().post(f"/auth/realms/quotaapi/protocol/openid-connect/{path}")
    assert response.status_code == 404


# --- Hygiene ----------------------------------------------------------------------------------------------


def everything_stored() -> str:
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows += cursor.fetchall()
    return repr(rows)


def test_neither_secret_nor_token_is_in_the_database_or_in_any_log(key, caplog, settings):
    settings.DEBUG = True
    caplog.set_level(logging.DEBUG)
    for name in ("oauthlib", "oauth2_provider", "django", "django.db.backends", "django.request"):
        caplog.set_level(logging.DEBUG, logger=name)
    connection.force_debug_cursor = True
    try:
        secrets = [key.secret, clients.rotate(key.client, ROBOT), key.token()]
        header = basic(key.client.client_id, key.secret)
        by_header = ask_token({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header).json()
        secrets += [by_header["access_token"], oauth.issue_token(ApiClient.objects.get(pk=key.client.pk)), header[6:]]
        call(secrets[2])
        ask_token({**key.form, "client_id": "unknown"})
        ask_token({**key.form, "grant_type": "password"})
        ask_token({**key.form, "token": secrets[3]}, url=REVOKE_URL)
        ask_token({**key.form, "token": secrets[3], "client_id": "unknown"}, url=REVOKE_URL)
    finally:
        connection.force_debug_cursor = False
    stored, logged = everything_stored(), caplog.text
    assert key.client.client_id in stored
    assert "oauthlib" in logged
    assert "packages_clientsecret" in logged
    assert [secret for secret in secrets if secret in stored or secret in logged] == []

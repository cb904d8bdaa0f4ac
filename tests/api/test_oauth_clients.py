"""OAuth client libraries, unmodified, against a live server: discovery, token, call, revocation, wrong secret."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.django_client import OAuth  # type: ignore[import-untyped]
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession  # type: ignore[import-untyped]
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata  # type: ignore[import-untyped]
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]
from keycloak import KeycloakAuthenticationError, KeycloakOpenID
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError  # type: ignore[import-untyped]
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]

from tests.conftest import CLIENTS
from tests.ingest.folders import ONE_INVERTER, write
from tests.live import LiveServer

REALM = "auth/realms/quotaapi"
BODY, BASIC = "client_secret_post", "client_secret_basic"
LABEL = "Roof of the OAuth clients"

# Operators' commands in one process, because the start of one takes longer than all tests here.
RUN_ALL = """
import json, sys
from django.core.management import call_command
for command in json.load(sys.stdin):
    call_command(*command)
"""

pytestmark = pytest.mark.usefixtures("plain_http")


@dataclass(frozen=True, slots=True)
class Door:
    """Everything a program is told: where to ask for a token, where the API is, and its credentials."""

    issuer: str
    api: str
    id: str
    secret: str


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented switches of libraries that insist on https."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def door(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Door:
    """A portal with one plant and its Portal API."""
    slug, manager = "oauth-clients", "manager@oauth-clients.example"
    logger: Path = write(tmp_path_factory.mktemp("oauth") / "logger", base_vars=ONE_INVERTER)
    commands = [
        ["create_portal", slug, "--name", "OAuth clients"],
        ["create_user", manager, "--portal", slug, "--role", "manager"],
        ["import_solarlog", str(logger), "--portal", slug, "--label", LABEL, "--timezone", "Europe/Berlin"],
        ["activate_api", "--portal", slug, "--by", manager, "--package", "advanced"],
    ]
    done = live.manage("shell", "--no-imports", "-c", RUN_ALL, stdin=json.dumps(commands))
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    return Door(f"{live.url}/{REALM}", f"{live.url}/api/v1/{slug}", made["client_id"], made["client_secret"])


@pytest.fixture
def wrong(door: Door) -> Door:
    return replace(door, secret=f"{door.secret[:-1]}{'a' if door.secret[-1] != 'a' else 'b'}")


def opens(get: Callable[[str], Any], door: Door) -> None:
    """`get` answers as the API does for this client."""
    assert get(f"{door.api}/me").json()["package"] == "advanced"
    assert labels(get(f"{door.api}/administration/plants").json()) == [LABEL]


def labels(plants: Any) -> list[str]:
    return [plant["label"] for plant in plants]


# --- python-keycloak: sends the secret in the body with an empty user, password, code and scope=openid --------


def keycloak(door: Door) -> KeycloakOpenID:
    base, realm = door.issuer.split("realms/")
    return KeycloakOpenID(server_url=base, realm_name=realm, client_id=door.id, client_secret_key=door.secret)


def test_python_keycloak_discovers_the_token_endpoint_it_uses(door: Door):
    assert keycloak(door).well_known()["token_endpoint"] == f"{door.issuer}/protocol/openid-connect/token"


def test_a_token_of_python_keycloak_opens_the_api(door: Door):
    token = keycloak(door).token(grant_type="client_credentials")["access_token"]
    opens(lambda url: requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10), door)


def test_python_keycloak_says_that_a_secret_is_wrong(wrong: Door):
    with pytest.raises(KeycloakAuthenticationError, match="invalid_client") as caught:
        keycloak(wrong).token(grant_type="client_credentials")
    assert caught.value.response_code == 401


# --- Authlib --------------------------------------------------------------------------------------------------


@contextmanager
def authlib(door: Door, way: str) -> Iterator[tuple[AuthlibSession, AuthorizationServerMetadata]]:
    """A session, and the discovery document as the library understands it."""
    ways = {"token_endpoint_auth_method": way, "revocation_endpoint_auth_method": way}
    with AuthlibSession(door.id, door.secret, **ways) as session:
        found = session.get(get_well_known_url(door.issuer, external=True), withhold_token=True)
        yield session, AuthorizationServerMetadata(found.json())


def test_authlib_finds_the_discovery_document_valid(door: Door):
    with authlib(door, BASIC) as (_session, metadata):
        metadata.validate()


@pytest.mark.parametrize("way", [BODY, BASIC])
def test_a_token_of_authlib_opens_the_api_until_authlib_revokes_it(door: Door, way: str):
    with authlib(door, way) as (session, metadata):
        token = session.fetch_token(metadata.token_endpoint, grant_type="client_credentials")
        opens(session.get, door)
        session.revoke_token(metadata.revocation_endpoint, token=token["access_token"]).raise_for_status()
        assert session.get(f"{door.api}/me").status_code == 401


@pytest.mark.parametrize("way", [BODY, BASIC])
def test_authlib_says_that_a_secret_is_wrong(wrong: Door, way: str):
    with authlib(wrong, way) as (session, metadata), pytest.raises(OAuthError) as caught:
        session.fetch_token(metadata.token_endpoint, grant_type="client_credentials")
    assert caught.value.error == "invalid_client"


@pytest.mark.parametrize("way", [BODY, BASIC])
def test_the_registry_of_authlib_needs_no_address_but_that_of_the_discovery_document(door: Door, way: str):
    app = OAuth().register(
        "helioport",
        client_id=door.id,
        client_secret=door.secret,
        server_metadata_url=get_well_known_url(door.issuer, external=True),
        client_kwargs={"token_endpoint_auth_method": way},
    )
    token = app.fetch_access_token(grant_type="client_credentials")
    opens(lambda url: app.get(url, token=token), door)


# --- requests-oauthlib: knows no discovery; prepares a revocation and leaves it to the caller to authenticate -----


@dataclass(frozen=True, slots=True)
class RequestsOAuthlib:
    """The library with one of its two ways to authenticate."""

    door: Door
    way: str

    def fetch(self, session: OAuth2Session) -> str:
        """A token, also kept by the session."""
        how: dict[str, Any] = {"client_secret": self.door.secret, "include_client_id": True}
        if self.way == BASIC:
            how = {"auth": HTTPBasicAuth(self.door.id, self.door.secret)}
        token: str = session.fetch_token(self.endpoint("token"), **how)["access_token"]
        return token

    def revoke(self, client: BackendApplicationClient, token: str) -> requests.Response:
        in_body = {"client_id": self.door.id, "client_secret": self.door.secret} if self.way == BODY else {}
        auth = HTTPBasicAuth(self.door.id, self.door.secret) if self.way == BASIC else None
        url, headers, body = client.prepare_token_revocation_request(self.endpoint("revoke"), token, **in_body)
        return requests.post(url, data=body, headers=headers, auth=auth, timeout=10)

    def endpoint(self, name: str) -> str:
        return f"{self.door.issuer}/protocol/openid-connect/{name}"


@pytest.mark.parametrize("way", [BODY, BASIC])
def test_a_token_of_requests_oauthlib_opens_the_api_until_it_is_revoked(door: Door, way: str):
    client, library = BackendApplicationClient(door.id), RequestsOAuthlib(door, way)
    with OAuth2Session(client=client) as session:
        token = library.fetch(session)
        opens(session.get, door)
        assert library.revoke(client, token).status_code == 200
        assert session.get(f"{door.api}/me").status_code == 401


@pytest.mark.parametrize("way", [BODY, BASIC])
def test_requests_oauthlib_says_that_a_secret_is_wrong(wrong: Door, way: str):
    with OAuth2Session(client=BackendApplicationClient(wrong.id)) as session, pytest.raises(InvalidClientError):
        RequestsOAuthlib(wrong, way).fetch(session)


# --- openid-client: reports the challenge of a 401 rather than its body -------------------------------------------


def openid_client(node: str, door: Door, way: str) -> Any:
    """What tests/clients/openid.mjs reports."""
    done = subprocess.run(
        [node, "openid.mjs"],
        cwd=CLIENTS,
        input=json.dumps({**asdict(door), "way": way}),
        text=True,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.node
@pytest.mark.parametrize("way", ["ClientSecretPost", "ClientSecretBasic"])
def test_a_token_of_openid_client_opens_the_api_until_openid_client_revokes_it(door: Door, node: str, way: str):
    seen = openid_client(node, door, way)
    assert seen["me"]["package"] == "advanced"
    assert labels(seen["plants"]) == [LABEL]
    assert (seen["dead"]["status"], seen["dead"]["challenge"]) == (401, "invalid_token")


@pytest.mark.node
@pytest.mark.parametrize("way", ["ClientSecretPost", "ClientSecretBasic"])
def test_openid_client_says_that_a_secret_is_wrong(wrong: Door, node: str, way: str):
    refused = openid_client(node, wrong, way)["refused"]
    assert refused == {
        "name": "WWWAuthenticateChallengeError",
        "status": 401,
        "scheme": "basic",
        "error": "invalid_client",
    }

"""Keys by JWKS, from a real server on the loopback."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from pytest_django import Settings

from billing.accounts import keys, tokens

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OLD, NEW, STRANGER = (ed25519.Ed25519PrivateKey.generate() for _ in range(3))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """An identity provider that publishes keys, counts who asks, and can break."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.location = ""
        self.padding = ""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                self.send_response(provider.status)
                if provider.location:
                    self.send_header("Location", provider.location)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": provider.keys}).encode())
                self.wfile.write(provider.padding.encode())

            def log_message(self, *_words: object) -> None:
                """Stay silent."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.002,))
        self._thread.start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        """Return the moment."""
        return self.seconds


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    made = Provider()
    settings.JWT_JWKS_URL, settings.JWT_JWKS_ALLOWED_CIDRS = made.url, ["127.0.0.1/32"]
    settings.JWT_ALGORITHM = "EdDSA"
    keys._key_set.cache_clear()
    yield made
    made.close()
    keys._key_set.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(keys, "time", made)
    return made


def jwk(key: ed25519.Ed25519PrivateKey, kid: str, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**made, "kid": kid, **more}


def token(key: ed25519.Ed25519PrivateKey, kid: str | None) -> str:
    claims = {"iss": "linggan", "aud": "linggan", "sub": "ada", "exp": int(NOON.timestamp()) + 60}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid} if kid else None)


@pytest.fixture(autouse=True)
def _declared(settings: Settings) -> None:
    settings.JWT_ISSUER = settings.JWT_AUDIENCE = "linggan"


def accepts(whole: str) -> bool:
    try:
        tokens.verify(whole, now=NOON)
    except tokens.InvalidToken:
        return False
    return True


def test_a_key_is_fetched_once_and_remembered(provider: Provider) -> None:
    provider.keys = [jwk(OLD, "old")]

    assert all(accepts(token(OLD, "old")) for _ in range(5))
    assert provider.asked == 1


def test_a_rotated_key_is_found_without_a_restart(provider: Provider, clock: Clock) -> None:
    provider.keys = [jwk(OLD, "old")]
    assert accepts(token(OLD, "old"))

    provider.keys = [jwk(OLD, "old"), jwk(NEW, "new")]
    clock.seconds += 31

    assert accepts(token(NEW, "new"))
    assert accepts(token(OLD, "old"))


def test_a_withdrawn_key_ends_within_the_lifespan(provider: Provider, clock: Clock) -> None:
    provider.keys = [jwk(OLD, "old")]
    assert accepts(token(OLD, "old"))

    provider.keys = [jwk(NEW, "new")]
    clock.seconds += 301

    assert not accepts(token(OLD, "old"))


def test_made_up_names_do_not_storm_the_provider(provider: Provider, clock: Clock) -> None:
    provider.keys = [jwk(OLD, "old")]

    for n in range(50):
        assert not accepts(token(STRANGER, f"made-up-{n}"))
        clock.seconds += 1

    assert provider.asked == 2


def test_a_name_picks_a_key_and_nothing_else(provider: Provider) -> None:
    provider.keys = [jwk(OLD, "old"), jwk(NEW, "new")]

    assert accepts(token(OLD, "old"))
    assert not accepts(token(OLD, "new"))
    assert not accepts(token(STRANGER, "old"))
    assert not accepts(token(STRANGER, "../old"))
    assert not accepts(token(OLD, None))


def test_the_only_key_needs_no_name(provider: Provider) -> None:
    provider.keys = [jwk(OLD, "old")]

    assert accepts(token(OLD, None))
    assert not accepts(token(STRANGER, None))


def test_keys_for_other_uses_are_left_out(provider: Provider) -> None:
    rsa_key = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)
    provider.keys = [
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
        {**rsa_key, "kid": "rsa"},
        jwk(OLD, "encrypts", use="enc"),
        jwk(OLD, "other", alg="ES256"),
        {"kty": "OKP", "kid": "broken", "crv": "Ed25519", "x": "AA"},
        {**jwk(OLD, "x"), "kid": 7},
        jwk(NEW, "good", use="sig", alg="EdDSA"),
    ]

    assert accepts(token(NEW, "good"))
    assert not any(accepts(token(OLD, name)) for name in ("encrypts", "other", "broken", "x"))
    secret = jwt.encode(
        {"iss": "linggan", "aud": "linggan", "sub": "ada", "exp": 2**32},
        b"secretsecretsecretsecretsecretsecret",
        algorithm="HS256",
        headers={"kid": "secret"},
    )
    assert not accepts(secret)


def test_while_the_provider_is_away_the_last_keys_serve_for_an_hour(
    provider: Provider, clock: Clock
) -> None:
    provider.keys = [jwk(OLD, "old")]
    assert accepts(token(OLD, "old"))

    provider.status = 500
    clock.seconds += 3500
    assert accepts(token(OLD, "old"))
    clock.seconds += 200

    with pytest.raises(tokens.KeysAway):
        tokens.verify(token(OLD, "old"), now=NOON)
    provider.status = 200
    clock.seconds += 6
    assert accepts(token(OLD, "old"))


def test_a_provider_that_never_answered_is_asked_again_soon(
    provider: Provider, clock: Clock
) -> None:
    provider.status = 503
    for _ in range(3):
        with pytest.raises(tokens.KeysAway):
            tokens.verify(token(OLD, "old"), now=NOON)
    asked_while_cooling = provider.asked

    provider.status, provider.keys = 200, [jwk(OLD, "old")]
    clock.seconds += 6

    assert asked_while_cooling == 1
    assert accepts(token(OLD, "old"))


def test_a_redirect_is_not_followed(provider: Provider) -> None:
    provider.keys = [jwk(OLD, "old")]
    provider.status, provider.location = 302, provider.url

    with pytest.raises(tokens.KeysAway):
        tokens.verify(token(OLD, "old"), now=NOON)
    assert provider.asked == 1


@pytest.mark.parametrize("published", [[], [7], ["x"], [None]])
def test_a_set_without_keys_is_no_verdict(published: list[Any], provider: Provider) -> None:
    provider.keys = published

    with pytest.raises(tokens.KeysAway):
        tokens.verify(token(OLD, "old"), now=NOON)


def test_a_private_network_is_not_called_unless_it_is_opened(
    provider: Provider, settings: Settings
) -> None:
    provider.keys = [jwk(OLD, "old")]
    settings.JWT_JWKS_ALLOWED_CIDRS = []

    with pytest.raises(tokens.KeysAway):
        tokens.verify(token(OLD, "old"), now=NOON)

    assert provider.asked == 0


@pytest.mark.parametrize("padding", [" " * 256 * 1024, "x", ',"keys":[]}'])
def test_what_is_no_key_set_or_never_ends_is_none(provider: Provider, padding: str) -> None:
    provider.keys, provider.padding = [jwk(OLD, "old")], padding

    with pytest.raises(tokens.KeysAway):
        tokens.verify(token(OLD, "old"), now=NOON)

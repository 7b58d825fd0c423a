"""Settings of tokens that could check none are named before the first token comes."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core import checks
from pytest_django import Settings

from billing.accounts.checks import tokens_can_be_checked
from billing.accounts.keys import PublicKey

RSA = rsa.generate_private_key(65537, 2048).public_key()
ED = ed25519.Ed25519PrivateKey.generate().public_key()
EC = ec.generate_private_key(ec.SECP256R1()).public_key()


def pem(key: PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def said(settings: Settings, *, algorithm: str, key: str, url: str = "") -> list[str]:
    settings.JWT_ALGORITHM, settings.JWT_PUBLIC_KEY, settings.JWT_JWKS_URL = algorithm, key, url
    return [error.msg for error in tokens_can_be_checked()]


def test_the_check_is_made_by_every_command_that_checks_the_system(settings: Settings) -> None:
    assert checks.run_checks() == []
    settings.JWT_PUBLIC_KEY = "x"

    assert [error.id for error in checks.run_checks()] == ["billing.E001"]


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("EdDSA", ED), ("RS256", RSA), ("PS512", RSA), ("ES256", EC)],
    ids=["EdDSA", "RS256", "PS512", "ES256"],
)
def test_a_key_of_its_algorithm_is_good(settings: Settings, algorithm: str, key: PublicKey) -> None:
    assert said(settings, algorithm=algorithm, key=pem(key)) == []


@pytest.mark.parametrize("algorithm", ["HS256", "none", "", "eddsa"])
def test_an_algorithm_that_proves_nothing_is_named(settings: Settings, algorithm: str) -> None:
    [sentence] = said(settings, algorithm=algorithm, key=pem(ED))

    assert sentence.startswith("JWT_ALGORITHM is one of")


@pytest.mark.parametrize(
    "key", ["x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "a shared secret"]
)
def test_a_key_that_is_none_is_named(settings: Settings, key: str) -> None:
    [sentence] = said(settings, algorithm="EdDSA", key=key)

    assert sentence == "JWT_PUBLIC_KEY is not a PEM public key."


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("EdDSA", RSA), ("RS256", ED), ("ES256", RSA), ("RS256", EC)],
    ids=["RSA for EdDSA", "Ed for RS256", "RSA for ES256", "EC for RS256"],
)
def test_a_key_of_another_algorithm_is_named(
    settings: Settings, algorithm: str, key: PublicKey
) -> None:
    [sentence] = said(settings, algorithm=algorithm, key=pem(key))

    assert sentence == f"JWT_PUBLIC_KEY is no key for JWT_ALGORITHM {algorithm}."


def test_a_key_set_is_not_asked_for_at_the_start(settings: Settings) -> None:
    url = "https://127.0.0.1:1999/jwks.json"
    settings.JWT_JWKS_ALLOWED_CIDRS = ["127.0.0.1/32"]

    assert said(settings, algorithm="EdDSA", key="", url=url) == []
    assert said(settings, algorithm="HS256", key="", url=url) != []


@pytest.mark.parametrize(
    "url", ["http://issuer.example.com/jwks", "https://127.0.0.1/jwks", "https://a@b.example/", "x"]
)
def test_a_key_set_that_will_not_be_called_is_named(settings: Settings, url: str) -> None:
    [sentence] = said(settings, algorithm="EdDSA", key="", url=url)

    assert sentence.startswith("JWT_JWKS_URL: ")
    assert "JWT_JWKS_ALLOWED_CIDRS" in sentence

"""Attacks on the users' tokens: each row is a forgery, and none may be let in."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from billing.accounts import tokens

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOW = int(NOON.timestamp())
ED = ed25519.Ed25519PrivateKey.generate()
OTHER_ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
HEADER = {"alg": "EdDSA", "typ": "JWT"}
CLAIMS = {"iss": "linggan", "aud": "linggan", "sub": "ada", "iat": NOW, "exp": NOW + 3600}


class _Without:
    """A claim left out."""

    def __repr__(self) -> str:
        return "left out"


_WITHOUT = _Without()
Key = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def public_pem(key: Key) -> bytes:
    return bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def private_pem(key: Key) -> str:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.decode()


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(
    header: dict[str, Any] | bytes,
    claims: dict[str, Any] | bytes,
    sign: Callable[[bytes], bytes] = ED.sign,
) -> str:
    parts = [
        encoded(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, claims)
    ]
    message = ".".join(parts)
    return f"{message}.{encoded(sign(message.encode()))}"


def token(
    *,
    header: dict[str, Any] | None = None,
    sign: Callable[[bytes], bytes] = ED.sign,
    **claims: object,
) -> str:
    body = {k: v for k, v in {**CLAIMS, **claims}.items() if v is not _WITHOUT}
    return signed({**HEADER, **(header or {})}, body, sign)


def hmac_by(key: bytes, digest: str = "sha256") -> Callable[[bytes], bytes]:
    return lambda message: hmac.new(key, message, getattr(hashlib, digest)).digest()


def by_name(algorithm: str, key: Key) -> Callable[[bytes], bytes]:
    """Sign as PyJWT does for `algorithm`."""
    return lambda message: jwt.get_algorithm_by_name(algorithm).sign(message, key)


def nothing(_message: bytes) -> bytes:
    return b""


def jwk_of(key: ed25519.Ed25519PrivateKey, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**made, **more}


@dataclass(frozen=True)
class Forgery:
    """A token that must prove nothing, and what is wrong with it."""

    name: str
    token: str


def _without_signature(whole: str) -> str:
    return whole.rsplit(".", 1)[0] + "."


def _with(name: str, value: str) -> bytes:
    """Return the claims as bytes with one more member, which may stand there already."""
    kept = {k: v for k, v in CLAIMS.items() if k != "exp" or name != "exp"}
    return json.dumps(kept)[:-1].encode() + f', "{name}": {value}}}'.encode()


def _uncanonical(whole: str) -> str:
    """Return the same bytes, written with other unused bits in the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return whole[:-1] + alphabet[alphabet.index(whole[-1]) ^ 1]


GOOD = token()
PEM = public_pem(ED)
FORGERIES = [
    # The algorithm is the attacker's choice.
    *(
        Forgery(f"alg {alg!r}, no signature", token(header={"alg": alg}, sign=nothing))
        for alg in ("none", "None", "NONE", "nOnE", "", None, "eddsa", ["EdDSA"], {"a": 1}, 0)
    ),
    Forgery("alg none with the good signature", token(header={"alg": "none"})),
    Forgery("no alg at all", signed({"typ": "JWT"}, CLAIMS)),
    Forgery("HS256 by the public PEM", token(header={"alg": "HS256"}, sign=hmac_by(PEM))),
    Forgery("HS256 by the stripped PEM", token(header={"alg": "HS256"}, sign=hmac_by(PEM.strip()))),
    Forgery("HS512 by the PEM", token(header={"alg": "HS512"}, sign=hmac_by(PEM, "sha512"))),
    Forgery("HS256 by an empty secret", token(header={"alg": "HS256"}, sign=hmac_by(b""))),
    Forgery("EdDSA in name, HMAC by the PEM in fact", token(sign=hmac_by(PEM))),
    Forgery(
        "RS256 by a key of his own", token(header={"alg": "RS256"}, sign=by_name("RS256", RSA))
    ),
    Forgery("ES256 by a key of his own", token(header={"alg": "ES256"}, sign=by_name("ES256", EC))),
    # The signature.
    Forgery("another's key", token(sign=OTHER_ED.sign)),
    Forgery("no signature", _without_signature(GOOD)),
    Forgery("signature of zeros", token(sign=lambda _: bytes(64))),
    Forgery("signature cut short", GOOD[:-4]),
    Forgery("signature with a tail", GOOD + "AAAA"),
    Forgery(
        "claims exchanged under the signature",
        ".".join([GOOD.split(".")[0], token(sub="eve").split(".")[1], GOOD.split(".")[2]]),
    ),
    # Where the key is to be found is the attacker's choice.
    *(
        Forgery(f"kid {kid!r} by another's key", token(header={"kid": kid}, sign=OTHER_ED.sign))
        for kid in (
            "../../../../dev/null",
            "/proc/self/environ",
            "x' UNION SELECT 'key' --",
            "https://evil.example/jwks.json",
            "file:///etc/passwd",
            "key|cat /etc/passwd",
            "",
        )
    ),
    Forgery(
        "kid /dev/null and HMAC of nothing",
        token(header={"alg": "HS256", "kid": "../../dev/null"}, sign=hmac_by(b"\0")),
    ),
    *(
        Forgery(f"kid {kid!r}", token(header={"kid": kid}))
        for kid in (None, 1, ["a"], {"a": 1}, True)
    ),
    Forgery("jwk brings its key", token(header={"jwk": jwk_of(OTHER_ED)}, sign=OTHER_ED.sign)),
    *(
        Forgery(
            f"{name} brings its key",
            token(header={name: "https://evil.example/k"}, sign=OTHER_ED.sign),
        )
        for name in ("jku", "x5u")
    ),
    Forgery("x5c brings its key", token(header={"x5c": ["MIIB"]}, sign=OTHER_ED.sign)),
    # Extensions and other purposes.
    *(
        Forgery(f"crit {crit!r}", token(header={"crit": crit, "exp": NOW + 9}))
        for crit in (["exp"], ["x-unknown"], ["b64"], [], "exp", None)
    ),
    Forgery("b64 false", token(header={"b64": False, "crit": ["b64"]})),
    Forgery("b64 true, and critical", token(header={"b64": True, "crit": ["b64"]})),
    Forgery("b64 without crit", token(header={"b64": False})),
    Forgery("compressed", token(header={"zip": "DEF"})),
    Forgery("encrypted in name", token(header={"enc": "A256GCM"})),
    *(
        Forgery(f"typ {typ!r}", token(header={"typ": typ}))
        for typ in ("dpop+jwt", "JWE", "logout+jwt", None, 1)
    ),
    # Who made it, and for whom.
    *(
        Forgery(f"iss {iss!r}", token(iss=iss))
        for iss in ("evil", "Linggan", "linggan ", "", None, ["linggan"], _WITHOUT)
    ),
    *(
        Forgery(f"aud {aud!r}", token(aud=aud))
        for aud in ("evil", "lingga", "", None, [], ["evil"], [1], {"linggan": 1}, _WITHOUT)
    ),
    *(
        Forgery(f"sub {sub!r}", token(sub=sub))
        for sub in (
            "",
            None,
            7,
            ["ada"],
            "a b",
            " ada",
            "ada\n",
            "a\0b",
            "x" * 129,
            "\ud800",
            "a\u202eb",
            "\u3000",
            _WITHOUT,
        )
    ),
    # When.
    *(
        Forgery(f"exp {exp!r}", token(exp=exp))
        for exp in (
            NOW - 60,
            NOW - 6,
            0,
            -1,
            None,
            str(NOW + 60),
            True,
            [NOW + 60],
            NOW + 10 * 366 * 86400,
            253402300799,
            2**62,
            _WITHOUT,
        )
    ),
    *(
        Forgery(f"{name} {value!r}", signed(HEADER, {**CLAIMS, name: value}))
        for name in ("nbf", "iat")
        for value in (NOW + 60, NOW + 86400, str(NOW), None, True)
    ),
    *(
        Forgery(f"exp is {number[:9]}", signed(HEADER, _with("exp", number)))
        for number in ("NaN", "Infinity", "1e999", "9" * 400)
    ),
    # One text, two meanings.
    *(
        Forgery(f"{name} twice", signed(HEADER, _with(name, value)))
        for name, value in (
            ("sub", '"eve"'),
            ("iat", "1"),
            ("iss", '"linggan"'),
            ("aud", '"linggan"'),
        )
    ),
    Forgery("alg twice", signed(b'{"alg":"none","alg":"EdDSA"}', CLAIMS)),
    Forgery(
        "crit hidden by a second crit", signed(b'{"alg":"EdDSA","crit":["a"],"crit":[]}', CLAIMS)
    ),
    Forgery("claims are a list", signed(HEADER, b"[]")),
    Forgery("claims are a text", signed(HEADER, b'"ada"')),
    Forgery("header is a list", signed(b"[]", CLAIMS)),
    Forgery("claims are not UTF-8", signed(HEADER, b'{"sub":"\xff"}')),
    Forgery("claims are nested too deep", signed(HEADER, b"[" * 4000 + b"]" * 4000)),
    # The form.
    Forgery("empty", ""),
    Forgery("dots", ".."),
    Forgery("two segments", GOOD.rsplit(".", 1)[0]),
    Forgery("four segments", GOOD + ".e30"),
    Forgery("five segments", GOOD + ".e30.e30"),
    Forgery("padded", GOOD.replace(".", "=.", 1)),
    Forgery("a line break inside", GOOD[:10] + "\n" + GOOD[10:]),
    Forgery("standard base64", GOOD + "+/"),
    Forgery("not ASCII", GOOD[:-1] + "é"),
    Forgery("JSON serialization", json.dumps({"payload": "e30", "signatures": []})),
    Forgery("9 KiB", token(padding="x" * 9000)),
    Forgery("unused bits set", _uncanonical(GOOD)),
    # The sandbox.
    *(
        Forgery(f"sandbox {value!r}", token(sandbox=value))
        for value in ("true", 1, 0, None, "", [True])
    ),
]


@pytest.fixture(autouse=True)
def _declared(settings: Settings) -> None:
    settings.JWT_ISSUER = settings.JWT_AUDIENCE = "linggan"
    settings.JWT_ALGORITHM = "EdDSA"
    settings.JWT_JWKS_URL = ""
    settings.JWT_PUBLIC_KEY = PEM.decode()


def test_there_are_enough_forgeries() -> None:
    assert len({forgery.token for forgery in FORGERIES}) >= 60


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_proves_nothing(forgery: Forgery) -> None:
    with pytest.raises(tokens.InvalidToken):
        tokens.verify(forgery.token, now=NOON)


@pytest.mark.parametrize(
    ("good", "subject", "is_sandbox"),
    [
        (GOOD, "ada", False),
        (token(sandbox=True), "ada", True),
        (token(sandbox=False), "ada", False),
        (token(aud=["other", "linggan"]), "ada", False),
        (token(sub="auth0|63f0c0ffee"), "auth0|63f0c0ffee", False),
        (token(sub="李雷@example.com"), "李雷@example.com", False),
        (token(sub="x" * 128), "x" * 128, False),
        (token(header={"kid": "whatever it is called"}), "ada", False),
        (token(header={"typ": "at+jwt"}), "ada", False),
        (token(header={"jku": "https://elsewhere.example"}), "ada", False),
        (token(exp=NOW - 4), "ada", False),
        (token(nbf=NOW + 4, iat=NOW + 4), "ada", False),
        (token(iat=_WITHOUT), "ada", False),
        (token(exp=NOW + 60.5), "ada", False),
        (signed({"alg": "EdDSA"}, CLAIMS), "ada", False),
    ],
    ids=count(),
)
def test_a_good_token_says_whose_it_is(good: str, subject: str, is_sandbox: bool) -> None:  # noqa: FBT001 (a column of the table)
    bearer = tokens.verify(good, now=NOON)

    assert bearer == tokens.Bearer(subject=subject, is_sandbox=is_sandbox)


def test_a_shared_secret_cannot_be_declared(settings: Settings) -> None:
    settings.JWT_ALGORITHM = "HS256"
    settings.JWT_PUBLIC_KEY = "a secret that whoever checks could also sign with"

    with pytest.raises(ImproperlyConfigured, match="JWT_ALGORITHM is one of"):
        tokens.verify(token(header={"alg": "HS256"}, sign=hmac_by(b"x")), now=NOON)


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("PS256", RSA), ("ES256", EC)])
def test_each_kind_of_signature_serves_only_where_it_is_declared(
    algorithm: str, key: Key, settings: Settings
) -> None:
    settings.JWT_ALGORITHM = algorithm
    settings.JWT_PUBLIC_KEY = public_pem(key).decode()
    good = token(header={"alg": algorithm}, sign=by_name(algorithm, key))
    confused = [
        token(header={"alg": "HS256"}, sign=hmac_by(public_pem(key))),
        token(header={"alg": algorithm}, sign=hmac_by(public_pem(key))),
        token(header={"alg": "none"}, sign=nothing),
        GOOD,
        *(
            token(header={"alg": other}, sign=by_name(other, RSA))
            for other in ("RS256", "RS512", "PS256", "PS512")
            if other != algorithm
        ),
    ]

    assert tokens.verify(good, now=NOON).subject == "ada"
    for forged in confused:
        with pytest.raises(tokens.InvalidToken):
            tokens.verify(forged, now=NOON)


def test_a_token_that_we_sign_is_one_that_we_accept(settings: Settings) -> None:
    settings.JWT_PRIVATE_KEY = private_pem(ED)

    made = tokens.sign("ada", lifetime=timedelta(hours=720), is_sandbox=True, now=NOON)

    assert tokens.verify(made, now=NOON) == tokens.Bearer(subject="ada", is_sandbox=True)


@pytest.mark.parametrize(
    ("external_id", "private_key", "lifetime"),
    [
        ("", private_pem(ED), timedelta(hours=1)),
        ("a b", private_pem(ED), timedelta(hours=1)),
        ("ada", private_pem(ED), timedelta(hours=-1)),
        ("ada", private_pem(ED), timedelta(days=367)),
        ("ada", private_pem(OTHER_ED), timedelta(hours=1)),
        ("ada", private_pem(RSA), timedelta(hours=1)),
        ("ada", "no key", timedelta(hours=1)),
        ("ada", "", timedelta(hours=1)),
    ],
    ids=count(),
)
def test_a_token_that_would_not_be_accepted_is_not_signed(
    external_id: str, private_key: str, lifetime: timedelta, settings: Settings
) -> None:
    settings.JWT_PRIVATE_KEY = private_key

    with pytest.raises(tokens.InvalidToken):
        tokens.sign(external_id, lifetime=lifetime, now=NOON)

"""The keys that users' tokens are checked against: one PEM, or a fetched and remembered set."""

import logging
import threading
import time
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing import egress
from billing.http.parsing import loads_strict
from billing.transactions import forbid_transaction

# Signatures only: with a shared secret, whoever can check a token could also make one.
ALGORITHMS: Final = (
    *("EdDSA", "ES256", "ES384", "ES512"),
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
)
PublicKey = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
)
_LIFESPAN_SECONDS: Final = 300
_COOLDOWN_SECONDS: Final = 30
_COOLDOWN_AFTER_FAILURE_SECONDS: Final = 5
_TIMEOUT_SECONDS: Final = 3.0
_SET_BYTES_MAX: Final = 256 * 1024
_STALE_SECONDS_MAX: Final = 3600
_log = logging.getLogger(__name__)


class KeysAway(Exception):
    """The key set cannot be fetched and none is remembered."""


def declared_algorithm() -> str:
    """Return JWT_ALGORITHM.

    Raises:
        ImproperlyConfigured: it is none of `ALGORITHMS`.
    """
    algorithm: str = settings.JWT_ALGORITHM
    if algorithm not in ALGORITHMS:
        raise ImproperlyConfigured(f"JWT_ALGORITHM is one of {', '.join(ALGORITHMS)}.")
    return algorithm


def key_for(name: str | None) -> PublicKey | jwt.PyJWK | None:
    """Return the configured key of that name, or None.

    With JWT_PUBLIC_KEY there is one key, whatever a token calls it. With JWT_JWKS_URL the name is
    a look-up in the set; a token without a name gets the only key, if there is only one.

    Raises:
        KeysAway: the set cannot be fetched.
    """
    if settings.JWT_JWKS_URL:
        return _key_set(settings.JWT_JWKS_URL).find(name)
    return _pem(settings.JWT_PUBLIC_KEY)


def require_usable() -> None:
    """Return if the declared algorithm exists and the configured key serves it.

    Of a key set only its address is looked at: its issuer may be away for the moment.

    Raises:
        ImproperlyConfigured: names the setting that is wrong.
    """
    algorithm = declared_algorithm()
    if settings.JWT_JWKS_URL:
        try:
            egress.check_url(settings.JWT_JWKS_URL, _policy())
        except ValueError as reason:
            raise ImproperlyConfigured(
                f"JWT_JWKS_URL: {reason} JWT_JWKS_ALLOWED_CIDRS opens private networks."
            ) from None
        return
    try:
        jwt.get_algorithm_by_name(algorithm).prepare_key(_pem(settings.JWT_PUBLIC_KEY))
    except (jwt.PyJWTError, TypeError, ValueError) as wrong:
        raise ImproperlyConfigured(
            f"JWT_PUBLIC_KEY is no key for JWT_ALGORITHM {algorithm}."
        ) from wrong


class KeySet:
    """A remembered key set. While its address fails, the last set stays good for an hour.

    An unknown name asks the address anew, since keys rotate, but at most every half minute, so
    that made-up names cannot turn this service against its identity provider.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = self._next_try_at = -float("inf")  # on the monotonic clock

    def find(self, name: str | None) -> jwt.PyJWK | None:
        """Return the key of that name; None's is the only key, if there is only one."""
        age = time.monotonic() - self._fetched_at
        if age > _LIFESPAN_SECONDS or (name is not None and name not in self._keys):
            self._refresh()
        if not self._keys or time.monotonic() - self._fetched_at > _STALE_SECONDS_MAX:
            raise KeysAway
        if name is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(name)

    def _refresh(self) -> None:
        """Fetch the set, unless that was tried a moment ago; a failure keeps what there is."""
        forbid_transaction("fetching the key set")
        with self._lock:
            if time.monotonic() < self._next_try_at:
                return
            try:
                self._keys = _usable_keys(_fetched(self._url))
            except (egress.Unreachable, egress.TooLarge, jwt.PyJWTError, ValueError) as wrong:
                _log.warning("the key set cannot be fetched", exc_info=wrong)
                self._next_try_at = time.monotonic() + _COOLDOWN_AFTER_FAILURE_SECONDS
            else:
                self._fetched_at = time.monotonic()
                self._next_try_at = self._fetched_at + _COOLDOWN_SECONDS


def _policy() -> egress.FetchPolicy:
    """Return where a key set may stand: on the public network, or in what the setting opens.

    A redirect is none of its answers: who moves it tells the operator.
    """
    return egress.FetchPolicy(
        allowed=egress.networks(tuple(settings.JWT_JWKS_ALLOWED_CIDRS)),
        timeout_seconds=_TIMEOUT_SECONDS,
        redirects_max=0,
    )


def _fetched(url: str) -> Any:  # noqa: ANN401 (JSON is what it is)
    """Return the document at `url`.

    Raises:
        Unreachable: it cannot be had, or may not be called.
        TooLarge: it is longer than any key set.
        ValueError: it is no JSON.
    """
    document = BytesIO()
    egress.fetch(url, document, bytes_max=_SET_BYTES_MAX, policy=_policy())
    return loads_strict(document.getvalue())


def _usable_keys(document: object) -> dict[str, jwt.PyJWK]:
    """Return the named signing keys of a JWKS that serve the declared algorithm.

    A key that serves another algorithm, or none that we know, is left out: a provider may publish
    it for others.
    """
    algorithm = declared_algorithm()
    usable = {}
    published = document.get("keys") if isinstance(document, dict) else None
    for entry in published if isinstance(published, list) else []:
        if not isinstance(entry, dict):
            continue
        name = entry.get("kid")
        signs = entry.get("use", "sig") == "sig" and entry.get("alg", algorithm) == algorithm
        if isinstance(name, str) and signs and entry.get("kty") != "oct":
            try:
                usable[name] = jwt.PyJWK(entry, algorithm=algorithm)
            except jwt.PyJWTError:
                _log.info("a key of the set serves another algorithm", extra={"kid": name})
    return usable


@lru_cache(maxsize=4)
def _key_set(url: str) -> KeySet:
    return KeySet(url)


@lru_cache(maxsize=4)
def _pem(text: str) -> PublicKey:
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as wrong:
        raise ImproperlyConfigured("JWT_PUBLIC_KEY is not a PEM public key.") from wrong
    if not isinstance(key, PublicKey):
        raise ImproperlyConfigured("JWT_PUBLIC_KEY cannot check signatures.")
    return key

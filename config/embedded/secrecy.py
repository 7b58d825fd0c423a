"""The secrets that a laptop's service needs, made once."""

import base64
import secrets
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

# Shown once and then forgotten; every other secret is there for good.
_FORGOTTEN: Final = {"operator_password"}


def missing_from(made: Mapping[str, str]) -> dict[str, str]:
    """Return, fresh, what a folder of an older version has not."""
    return {
        name: secret
        for name, secret in make().items()
        if name not in made and name not in _FORGOTTEN
    }


def make() -> dict[str, str]:
    """Return fresh secrets by name; all are safe inside a URL but the three keys."""
    private, public = _key_pair()
    return {
        "secret_key": secrets.token_urlsafe(48),
        "postgres_password": secrets.token_urlsafe(24),
        "postgres_application_password": secrets.token_urlsafe(24),
        "valkey_password": secrets.token_urlsafe(24),
        "gpu_token": secrets.token_urlsafe(24),
        "operator_password": secrets.token_urlsafe(12),
        "operator_totp_secret": base64.b32encode(secrets.token_bytes(20)).decode(),
        # Named as Stripe names its own, so that whoever reads them knows that they are a test's.
        "stripe_emulator_key": f"sk_test_{secrets.token_hex(24)}",
        "stripe_emulator_webhook_secret": f"whsec_{secrets.token_hex(24)}",
        "jwt_private_key": private,
        "jwt_public_key": public,
        "receipt_key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


def variables(made: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of `config.settings` that these secrets fill."""
    return {
        "SECRET_KEY": made["secret_key"],
        "JWT_ISSUER": "linggan",
        "JWT_AUDIENCE": "linggan",
        "JWT_ALGORITHM": "EdDSA",
        "JWT_PRIVATE_KEY": made["jwt_private_key"],
        "JWT_PUBLIC_KEY": made["jwt_public_key"],
        "RECEIPT_KEY": made["receipt_key"],
        "LAPTOP_TOTP_SECRET": made["operator_totp_secret"],
    }


def _key_pair() -> tuple[str, str]:
    """Return an Ed25519 key pair as PEM: private, public."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()

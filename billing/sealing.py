"""Texts that only this service reads again: sealed with SECRET_KEY, opened by former ones too."""

import base64

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def seal(text: str, *, salt: str) -> str:
    """Return `text` so that it can be kept where others read.

    Args:
        salt: what it is sealed for; a text that was sealed for another purpose opens nowhere else.
    """
    return _box(salt).encrypt(text.encode()).decode()


def opened(sealed: str, *, salt: str) -> str:
    """Return the text again.

    Raises:
        InvalidToken: it was sealed by a key that is here no more, or for another purpose.
    """
    return _box(salt).decrypt(sealed.encode()).decode()


def _box(salt: str) -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_key_from(key, salt)) for key in keys])


def _key_from(secret_key: str, salt: str) -> bytes:
    digest = salted_hmac(salt, "fernet", secret=secret_key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest)

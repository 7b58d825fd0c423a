"""The address at which a backend reports: our attempt id and our signature stand in its path.

Most backends sign nothing, and those with a bearer token use one for all attempts. The token
in the path is what ties a callback to one attempt.
"""

from typing import Final

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from billing.gpu.errors import CallbackUnauthenticated

_SALT: Final = "billing.gpu.callbacks"
_TOKEN_LENGTH_MAX: Final = 200


def callback_token(attempt_id: str) -> str:
    """Return `<attempt id>.<signature>`: what a callback for this attempt must carry."""
    return f"{attempt_id}.{_signature(attempt_id, settings.SECRET_KEY)}"


def attempt_of(token: str) -> str:
    """Return the attempt id of a token that we made.

    A token made under a key in SECRET_KEY_FALLBACKS still counts: attempts outlive a rotation.

    Raises:
        CallbackUnauthenticated: we did not make it.
    """
    attempt_id, _dot, signature = token[:_TOKEN_LENGTH_MAX].rpartition(".")
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    # All keys are tried, so that the time taken does not tell which one was near.
    good = [constant_time_compare(signature, _signature(attempt_id, key)) for key in keys]
    if not attempt_id or not any(good):
        raise CallbackUnauthenticated(_("This callback address is not one of ours."))
    return attempt_id


def callback_url(backend: str, attempt_id: str) -> str:
    """Return the address that the backend named `backend` calls about this attempt."""
    base: str = settings.BACKEND_WEBHOOK_BASE_URL
    return f"{base}/webhooks/backends/{backend}/{callback_token(attempt_id)}"


def _signature(attempt_id: str, key: str | bytes) -> str:
    return salted_hmac(_SALT, attempt_id, secret=key, algorithm="sha256").hexdigest()

"""Says at the start what a token would else be the first to find."""

from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from billing.accounts import keys


def tokens_can_be_checked(**_more: Any) -> list[CheckMessage]:  # noqa: ANN401 (as Django calls it)
    """Return what is wrong with JWT_ALGORITHM and JWT_PUBLIC_KEY; no key set is fetched."""
    try:
        keys.require_usable()
    except ImproperlyConfigured as wrong:
        return [Error(str(wrong), id="billing.E001")]
    return []

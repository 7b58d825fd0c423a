"""Says at the start what the first receipt would else be the first to find."""

from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from billing.receipts import keys


def receipts_can_be_signed(**_more: Any) -> list[CheckMessage]:  # noqa: ANN401 (as Django calls it)
    """Return what is wrong with RECEIPT_KEY."""
    try:
        keys.signing_key()
    except ImproperlyConfigured as wrong:
        return [Error(str(wrong), id="billing.E002")]
    return []

"""How values are read out of what Stripe answers. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billing.payments.money import micros_of


def id_of(value: object) -> str:
    """Return the id of an object that is given whole or by its id; "": there is none."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return str(value) if value else ""


def moment(seconds: int) -> datetime:
    """Return an instant that Stripe counts in seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: int | None) -> datetime | None:
    """Return an instant that may be missing."""
    return None if seconds is None else moment(seconds)


def micros(amount: int | None, currency: str) -> int:
    """Return an amount in millionths of the unit of the currency, in any case of letters."""
    return micros_of(amount or 0, currency.upper())


def words(value: object) -> dict[str, str]:
    """Return what stands in `metadata`."""
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def part(value: Any, *path: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return what stands at the end of the path; None: something on the way is missing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def fingerprint(method: object) -> str:
    """Return the seal of the card or wallet that a way to pay is; "": it has none."""
    kind = part(method, "type")
    return str(part(method, kind, "fingerprint") or "") if kind else ""

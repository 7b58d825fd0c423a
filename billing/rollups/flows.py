"""What a movement of credits is to the one who sells them. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from billing.ledger.journal import CAUSES, Kind


class Flow(StrEnum):
    """Where credits come from, or where they go; between is only what is set aside."""

    SOLD = "sold"  # money was paid for them
    FREE = "free"  # given without money
    USED = "used"  # a job took them, or a debt
    EXPIRED = "expired"
    REFUNDED = "refunded"  # taken back with the money
    TAKEN = "taken"  # taken back otherwise
    MOVED = "moved"  # they went on as other credits, or came as such


_SELLS: Final = frozenset({"pack", "subscription", "allowance"})
# Whatever else brings credits hands on some that were there before: they are not given twice.
_GIVES: Final = _SELLS | {*("service_grant", "operator", "campaign", "adjustment", "compensation")}
_GOES: Final[Mapping[str, Flow]] = {
    Kind.CAPTURE: Flow.USED,
    Kind.REPAY: Flow.USED,
    Kind.EXPIRE: Flow.EXPIRED,
    Kind.LAPSE: Flow.EXPIRED,
    Kind.TRANSFER: Flow.MOVED,
}
_TAKES: Final = frozenset({Kind.REVOKE, Kind.WITHDRAW})
_STILL: Final = frozenset({Kind.HOLD, Kind.RELEASE})
assert {*_GOES, *_TAKES, *_STILL, Kind.GRANT} == set(Kind), "every kind is told of"
assert set(CAUSES) >= _GIVES, "the ledger knows these causes"


def flow_of(kind: str, cause: str, *, is_bought: bool) -> Flow | None:
    """Return what a movement is; None: credits are set aside, or free again.

    Args:
        kind, cause: the entry's.
        is_bought: money lies on its grant.
    """
    if kind == Kind.GRANT:
        if cause not in _GIVES:
            return Flow.MOVED
        return Flow.SOLD if is_bought and cause in _SELLS else Flow.FREE
    if kind in _TAKES:
        if cause == "refund":
            return Flow.REFUNDED
        return Flow.MOVED if cause in {"conversion", "rollover"} else Flow.TAKEN
    return _GOES.get(kind)

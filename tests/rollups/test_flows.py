"""What a movement is to the seller: each kind by its cause, and nothing twice."""

import pytest

from billing.ledger.journal import CAUSES, Kind
from billing.rollups.flows import Flow, flow_of


@pytest.mark.parametrize(
    ("kind", "cause", "is_bought", "flow"),
    [
        ("grant", "pack", True, Flow.SOLD),
        ("grant", "pack", False, Flow.FREE),  # by a code
        ("grant", "allowance", True, Flow.SOLD),
        ("grant", "allowance", False, Flow.FREE),
        ("grant", "operator", False, Flow.FREE),
        ("grant", "compensation", False, Flow.FREE),
        ("grant", "transfer", True, Flow.MOVED),
        ("grant", "conversion", False, Flow.MOVED),
        ("grant", "rollover", True, Flow.MOVED),
        ("capture", "job", False, Flow.USED),
        ("repay", "debt", True, Flow.USED),
        ("expire", "expiry", True, Flow.EXPIRED),
        ("lapse", "job", False, Flow.EXPIRED),
        ("revoke", "refund", True, Flow.REFUNDED),
        ("withdraw", "refund", True, Flow.REFUNDED),
        ("revoke", "adjustment", False, Flow.TAKEN),
        ("revoke", "conversion", False, Flow.MOVED),
        ("transfer", "transfer", True, Flow.MOVED),
        ("hold", "job", True, None),
        ("release", "job", True, None),
    ],
)
def test_each_movement_is_one_flow(
    *, kind: str, cause: str, is_bought: bool, flow: Flow | None
) -> None:
    assert flow_of(kind, cause, is_bought=is_bought) == flow


def test_what_is_neither_set_aside_nor_free_again_is_a_flow_whatever_caused_it() -> None:
    for kind in Kind:
        for cause in CAUSES:
            is_still = flow_of(kind, cause, is_bought=True) is None
            assert is_still == (kind in {Kind.HOLD, Kind.RELEASE})

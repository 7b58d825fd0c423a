"""The pricing lab: effects of drafts, links to them, requests to publish, and who is told.

Lock order: the request, then the turn of publishers; a recipient's row, then its account's event
counter.
"""

from billing.lab.services.announcing import announce
from billing.lab.services.publishing import (
    Telling,
    approve_publication,
    refuse_publication,
    request_publication,
    require_reason,
    take_back_publication,
    withdraw_publication,
)
from billing.lab.services.sharing import revoke_share, share, shared
from billing.lab.services.simulating import request_simulation, simulate

__all__ = [
    "Telling",
    "announce",
    "approve_publication",
    "refuse_publication",
    "request_publication",
    "request_simulation",
    "require_reason",
    "revoke_share",
    "share",
    "shared",
    "simulate",
    "take_back_publication",
    "withdraw_publication",
]

"""Organizations, verb by verb.

All but `change`, `change_member`, `remove` and `collect_due` are steps of the caller's
transaction. Lock order: the wallets concerned, in the order of their ids, then everything else.
"""

from billing.organizations.services.allotting import allot, collect, take_back
from billing.organizations.services.founding import change, found
from billing.organizations.services.joining import (
    Ceiling,
    accept,
    change_member,
    decline,
    invite,
    remove,
)
from billing.organizations.services.sweeping import collect_due
from billing.organizations.services.transferring import transfer

__all__ = [
    "Ceiling",
    "accept",
    "allot",
    "change",
    "change_member",
    "collect",
    "collect_due",
    "decline",
    "found",
    "invite",
    "remove",
    "take_back",
    "transfer",
]

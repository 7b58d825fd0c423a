"""What a link to pages says, and how it is signed: the address is the only proof.

A page has no cookie, so that it works inside a frame of another site. Whoever has the address has
what it allows, until it ends; so it ends soon, allows as little as its purpose needs, and leaves
this service by no `Referer` and no log line.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from django.core import signing

_SALT: Final = "billing.pages.link"
_LENGTH_MAX: Final = 512


class Page(StrEnum):
    """A page that a link can open."""

    PRICING = "pricing"
    BALANCE = "balance"
    VIDEOS = "videos"
    CHECK_IN = "check-in"
    PLAN = "plan"


class Right(StrEnum):
    """What a link allows; each allows what those before it allow."""

    RETURN = "return"  # to see how the payment stands from which one comes back: Stripe knows it
    READ = "read"
    ACT = "act"  # to check in, to go and pay, to end the plan and resume it

    def covers(self, needed: "Right") -> bool:
        """Say whether it allows what `needed` does."""
        order = list(Right)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says.

    Attributes:
        account_id: whose pages it opens.
        series: of the account's links; those of an earlier one are revoked.
        expires_at: until when, in whole seconds.
        language, theme: how the pages are shown; "": as the visitor's browser asks.
        is_embedded: they are shown inside another site.
    """

    account_id: str
    series: int
    right: Right
    expires_at: datetime
    language: str = ""
    theme: str = ""
    is_embedded: bool = False


def sign(link: Link) -> str:
    """Return the link as the part of an address that proves it."""
    said = [
        *(link.account_id, link.series, link.right.value, int(link.expires_at.timestamp())),
        *(link.language, link.theme, int(link.is_embedded)),
    ]
    return signing.dumps(said, salt=_SALT)


def read(token: str, *, now: datetime) -> Link | None:
    """Return the link that a token proves; None: it proves nothing, or has ended."""
    if len(token) > _LENGTH_MAX:
        return None
    try:
        account_id, series, right, ends, language, theme, embedded = signing.loads(
            token, salt=_SALT
        )
    except signing.BadSignature:
        return None
    expires_at = datetime.fromtimestamp(ends, UTC)
    if now >= expires_at:
        return None
    return Link(account_id, series, Right(right), expires_at, language, theme, bool(embedded))

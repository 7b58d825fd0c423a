"""The platform on which pairs of operations meet, and what each pair may come to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.http.idempotency import Answer
from billing.jobs.models import Job
from billing.ledger.models import Grant, Hold, Transfer
from billing.packs.models import PackPurchase
from billing.promotions.models import CampaignGrant, Redemption
from billing.subscriptions.models import Subscription
from plans.credits import format_micros
from tests import factories

_WORDS: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (Hold, lambda held: f"{held.state} {format_micros(held.captured_micros)}"),
    (Grant, lambda grant: f"granted {format_micros(grant.amount_micros)}"),
    (Job, lambda job: job.status),
    (Transfer, lambda sent: f"sent {format_micros(sent.amount_micros)}"),
    (Answer, lambda answer: f"{answer.status}{' again' if answer.replayed else ''}"),
    (CampaignGrant, lambda _share: "shared"),
    (Redemption, lambda _redemption: "redeemed"),
    (PackPurchase, lambda _purchase: "bought"),
    (Subscription, lambda subscription: subscription.plan),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A fresh account, or two, on which two operations are about to meet.

    Attributes:
        seen: returns what is to be seen when both are over.
    """

    left: Callable[[], object]
    right: Callable[[], object]
    seen: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two operations, and all that may come of them: what each says, and what is seen then."""

    name: str
    scene: Callable[[str], Scene]
    allowed: frozenset[tuple[str, str, str]]

    def __str__(self) -> str:
        return self.name


def told(outcome: object) -> str:
    """Return in a word what an operation returned or raised."""
    if isinstance(outcome, Exception):
        return outcome.code if isinstance(outcome, DomainError) else type(outcome).__name__
    for kind, word in _WORDS:
        if isinstance(outcome, kind):
            return word(outcome)
    return "-" if outcome is None else str(outcome)


def balance(account: Account) -> str:
    """Return what is free and what is held, in credits."""
    wallet = factories.wallet_of(account)
    free, held = format_micros(factories.free_micros(account)), format_micros(wallet.held_micros)
    return f"{free}+{held}"


def forget_the_campaigns() -> None:
    """Let the next schedule find its campaign's budget untouched; what was granted stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET session_replication_role = replica;"
            "DELETE FROM billing_campaigngrant; DELETE FROM billing_campaignbudget;"
            "SET session_replication_role = DEFAULT"
        )


def allowed(*outcomes: str) -> frozenset[tuple[str, str, str]]:
    """Return the outcomes written as "left / right / seen"."""
    parts = [tuple(part.strip() for part in one.split("/")) for one in outcomes]
    assert all(len(part) == len(("left", "right", "seen")) for part in parts)
    return frozenset(parts)  # type: ignore[arg-type]  # three each

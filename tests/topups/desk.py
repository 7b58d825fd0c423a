"""A small shop that sells one pack, and what a test does with an account that buys it."""

from datetime import UTC, datetime
from typing import Final

from billing.accounts.models import Account
from billing.payments.services.customers import ensure_customer
from billing.topups import services
from billing.topups.models import AutoTopUp, TopUp
from billing.topups.services import Wish
from plans.credits import MICROS
from tests.jobs import shop
from tests.stripe_peer.driver import Peer

PACKS: Final = """
[[book]]
code = "mainland"
currencies = ["CNY"]

[[pack]]
code = "hundred"
name = { en = "100 credits", zh = "一百点" }
credits = "100"
expiry = "P30D"
prices = [{ currency = "CNY", list = "66" }]
"""
MAY_BUY: Final = shop.FREE.replace("concurrency = 100", "concurrency = 100\n  packs = true")


def open_shop(*, plans: str = MAY_BUY, packs: str = PACKS) -> None:
    """Put the catalog in force."""
    shop.open_shop(packs, plans=plans)


def wish(*, threshold: int = 10, limit: int = 1000, currency: str = "CNY") -> Wish:
    """Return the wish to have one pack below so many credits, for so much money a month."""
    return Wish(
        threshold_micros=threshold * MICROS,
        pack="hundred",
        quantity=1,
        limit_micros=limit * MICROS,
        currency=currency,
    )


def save_card(account: Account, peer: Peer, card: str = "visa") -> str:
    """Let the account's customer leave a test card with Stripe; return the card's id."""
    customer = ensure_customer(account, language="zh-hans", now=datetime.now(UTC))
    cards = peer.client().v1.payment_methods
    return cards.attach(f"pm_card_{card}", {"customer": customer.stripe_id}).id


def switch_on(account: Account, *, threshold: int = 10, limit: int = 1000) -> AutoTopUp:
    """Have the account topped up."""
    settings = services.configure(
        account=account,
        wish=wish(threshold=threshold, limit=limit),
        language="",
        now=datetime.now(UTC),
    )
    assert settings is not None
    return settings


def look(account: Account) -> TopUp | None:
    """Let a worker look whether the account runs low; return what is in flight then."""
    services.look(account_id=account.pk, now=datetime.now(UTC))
    return TopUp.objects.filter(account=account, state="asked").first()


def go_on(top_up: TopUp) -> TopUp:
    """Let a worker go on with a top-up; return it as it stands then."""
    services.go_on(top_up_id=top_up.pk, now=datetime.now(UTC))
    top_up.refresh_from_db()
    return top_up


def run(account: Account) -> TopUp:
    """Let workers look, and pay; return the top-up."""
    top_up = look(account)
    assert top_up is not None, "it does not run low"
    return go_on(top_up)


def payments(peer: Peer) -> list[tuple[str, int]]:
    """Return how each payment at Stripe stands, and what was received."""
    made = peer.objects().get("payment_intent", [])
    return [(one["status"], one["amount_received"]) for one in made]

"""Money that came and went back, as a look at Stripe tells of it: nothing here asks anybody."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Final

from django.contrib.auth.models import Permission, User
from django.db import connection, transaction

from billing.accounts.models import Account
from billing.ledger.models import Hold
from billing.payments.gateway import ACCOUNT, CHECKOUT, FACT, PACK, QUANTITY, VERSION
from billing.payments.gateway.seen import SeenDispute, SeenPayment, SeenRefund
from billing.payments.models import Purchase
from billing.payments.services import purchases, refunding
from billing.payments.services.refunding import Wish
from plans import selectors as plans
from plans.credits import MICROS
from plans.models import CatalogVersion
from tests import factories
from tests.packs import shelf

PAID: Final = 90 * MICROS  # for 100 credits and a bonus of 20
CENT: Final = 10_000
DUE_AT: Final = datetime(2027, 1, 1, tzinfo=UTC)
PACKS: Final = """
[[pack]]
code = "hundred"
name = { en = "Hundred", zh = "一百" }
credits = "100"
expiry = "P30D"
prices = [{ currency = "CNY", list = "90" }]

  [pack.bonus]
  credits = "20"
  expiry = "P30D"
  source = "present"

[[pack]]
code = "waits"
name = { en = "Waits", zh = "等待" }
credits = "100"
expiry = "P30D"
activate_within = "P20D"
prices = [{ currency = "CNY", list = "90" }]

  [pack.bonus]
  credits = "20"
  expiry = "P30D"
  source = "present"
"""
RULE: Final = """
[payments.cooling_off]
within = "P7D"
"""
_numbers = count(1)


def open_shop(rule: str = RULE) -> CatalogVersion:
    """Put a catalog in force whose packs can go back by `rule`."""
    return shelf.publish_shop(shelf.shop_text() + PACKS + rule)


def payment(
    account: Account, pack: str = "hundred", *, paid_micros: int = PAID, currency: str = "CNY"
) -> SeenPayment:
    """Return a payment for a pack that nobody has told of yet."""
    number, now = next(_numbers), datetime.now(UTC)
    return SeenPayment(
        id=f"pi_{number}",
        customer_id="cus_1",
        invoice_id="",
        status="succeeded",
        currency=currency,
        amount_micros=paid_micros,
        received_micros=paid_micros,
        created_at=now,
        paid_at=now,
        card="",
        declined="",
        metadata={
            CHECKOUT: f"co_{number}",  # bought by hand, on a page that is lost
            FACT: f"stripe:co_{number}",
            ACCOUNT: account.pk,
            PACK: pack,
            QUANTITY: "1",
            VERSION: str(plans.current().version_id),
        },
    )


def refund(
    micros: int, status: str = "succeeded", *, key: str = "re_1", ours: str = ""
) -> SeenRefund:
    """Return a refund as Stripe has it; `ours` is the row of which it was made."""
    metadata = {"linggan_refund": ours} if ours else {}
    return SeenRefund(key, micros, status, "", "", datetime.now(UTC), metadata)


def dispute(
    micros: int = PAID, status: str = "needs_response", *, key: str = "dp_1"
) -> SeenDispute:
    """Return a dispute as Stripe has it."""
    return SeenDispute(key, micros, status, "fraudulent", DUE_AT, datetime.now(UTC))


@transaction.atomic
def look(
    seen: SeenPayment, refunds: Iterable[SeenRefund] = (), disputes: Iterable[SeenDispute] = ()
) -> Purchase:
    """Apply how a payment stands, as a look does; return its purchase."""
    told = replace(seen, refunds=tuple(refunds), disputes=tuple(disputes))
    purchases.apply(told, now=datetime.now(UTC))
    return Purchase.objects.get(stripe_id=seen.id)


def buy(account: Account, pack: str = "hundred", *, paid_micros: int = PAID) -> Purchase:
    """Return the purchase of a pack that was paid for."""
    return look(payment(account, pack, paid_micros=paid_micros))


def spend(account: Account, credits_: int) -> Hold:
    """Let the account use up whole credits."""
    held = factories.hold(account, credits_)
    return factories.capture(account, held, credits_ * MICROS)


def operator(name: str, *permissions: str) -> User:
    """Return an operator who may do this."""
    person, _is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return User.objects.get(pk=person.pk)


def ask(
    purchase: Purchase,
    amount_micros: int | None = None,
    *,
    rule: str = "goodwill",
    key: str = "",
    by: str = "grace",
) -> str:
    """Have an operator request a refund; return its id."""
    asked = refunding.request_refund(
        purchase_id=purchase.pk,
        wish=Wish(rule=rule, reason="kind", amount_micros=amount_micros, text="She asked nicely."),
        requester=operator(by, "request_refund"),
        key=key or f"k{next(_numbers)}",
        now=datetime.now(UTC),
    )
    return asked.pk


def approve(refund_id: str, *, by: str = "hedy") -> None:
    """Have another operator approve it; Stripe is asked by nobody yet."""
    person = operator(by, "approve_refund")
    refunding.approve_refund(refund_id=refund_id, approver=person, now=datetime.now(UTC))


def make_rows(account: Account, *, pack: str) -> None:
    """Make a purchase of which a part was paid back, and that is disputed."""
    look(payment(account, pack), [refund(PAID // 3)], [dispute(PAID // 3)])


def standing(account: Account) -> tuple[int, int]:
    """Return what is free and what is owed, in whole credits."""
    wallet = factories.wallet_of(account)
    return wallet.available_micros // MICROS, wallet.debt_micros // MICROS


def as_at_the_commit() -> None:
    """Have the database judge what it judges at a commit, within a test's own transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")

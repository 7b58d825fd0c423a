"""Writes to who pays: at the address that Stripe knows of him, in his language.

Each is a step of who changes something, before it publishes events, and is one letter a fact.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from billing.accounts.models import Account
from billing.notices import services as notices
from billing.notices.kinds import Fact, Kind, Money
from billing.notices.services import Addressee
from billing.payments.models import Contract, Customer, Dispute, Invoice, Purchase, Refund
from billing.transactions import require_transaction
from plans import selectors as plans

_RENEWAL: Final = "subscription_cycle"  # Stripe's word for why a bill was written
# Where people read Chinese, by the account's time zone, as long as nothing better is known.
_CHINESE_ZONES: Final = frozenset(
    {
        *("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin"),
        *("Asia/Kashgar", "Asia/Macau", "Asia/Macao", "Asia/Hong_Kong", "Asia/Taipei", "PRC"),
    }
)


def mail(
    kind: Kind, account: Account, facts: Mapping[str, Fact | None], *, fact: str, now: datetime
) -> None:
    """A letter to the account's payer is on its way. A repeat with the same fact is none.

    Args:
        facts: what it tells, by the names in `notices.kinds`.
        fact: business key, unique among all letters.
        now: the real instant.
    """
    require_transaction("payments.mail")
    notices.post(kind, account, facts, to=_payer_of(account), fact=fact, now=now)


def write_payment(purchase: Purchase, *, now: datetime) -> None:
    """Who has paid reads for what; of a period that follows another, that his plan goes on.

    An automatic top-up writes a letter of its own, and nothing is written where nothing was paid.
    """
    if purchase.kind == Purchase.Kind.TOP_UP or not purchase.amount_micros:
        return
    bill = purchase.invoice
    facts: dict[str, Fact | None] = {
        "amount": Money(purchase.amount_micros, purchase.currency),
        "receipt_url": (bill.page_url or None) if bill is not None else None,
    }
    fact = f"{purchase.pk}:paid"
    is_renewal = bill is not None and bill.reason == _RENEWAL
    if is_renewal and purchase.contract is not None and purchase.period_ends_at is not None:
        facts |= {"plan": name_of(purchase.contract), "paid_until": purchase.period_ends_at}
        mail(Kind.SUBSCRIPTION_RENEWED, purchase.account, facts, fact=fact, now=now)
    else:
        facts["what"] = _bought(purchase)
        mail(Kind.PAYMENT_RECEIVED, purchase.account, facts, fact=fact, now=now)


def write_failure(invoice: Invoice, contract: Contract, *, now: datetime) -> None:
    """Who has not paid reads when it is tried again, and where he can pay; once an attempt."""
    facts: dict[str, Fact | None] = {
        "amount": Money(invoice.amount_micros - invoice.paid_micros, invoice.currency),
        "what": name_of(contract),
        "next_attempt_at": invoice.next_attempt_at,
        "pay_url": invoice.page_url or None,
    }
    fact = f"{invoice.pk}:failed:{invoice.attempts}"
    mail(Kind.PAYMENT_FAILED, invoice.account, facts, fact=fact, now=now)


def write_action(invoice: Invoice, contract: Contract, *, now: datetime) -> None:
    """Who must prove himself to his bank reads where; once an attempt."""
    facts: dict[str, Fact | None] = {
        "amount": Money(invoice.amount_micros - invoice.paid_micros, invoice.currency),
        "what": name_of(contract),
        "pay_url": invoice.page_url,
    }
    fact = f"{invoice.pk}:action:{invoice.attempts}"
    mail(Kind.PAYMENT_ACTION_REQUIRED, invoice.account, facts, fact=fact, now=now)


def write_refund(purchase: Purchase, refund: Refund, *, now: datetime) -> None:
    """Who is paid back reads how much, once it is on its way for good."""
    if refund.state != Refund.State.SUCCEEDED:
        return
    facts: dict[str, Fact | None] = {
        "amount": Money(refund.amount_micros, purchase.currency),
        "what": _bought(purchase),
    }
    mail(Kind.REFUND_MADE, purchase.account, facts, fact=f"{refund.pk}:made", now=now)


def write_dispute(purchase: Purchase, dispute: Dispute, *, now: datetime) -> None:
    """The operators read that a payment is contested, and by when they can answer."""
    facts: dict[str, Fact | None] = {
        "amount": Money(dispute.amount_micros, purchase.currency),
        "account": purchase.account.external_id,
        "dispute": dispute.pk,
        "reason": dispute.reason or None,
        "evidence_due_at": dispute.evidence_due_at,
    }
    mail(Kind.DISPUTE_OPENED, purchase.account, facts, fact=f"{dispute.pk}:opened", now=now)


def name_of(contract: Contract) -> Fact:
    """Return what a contract's plan is called; its code, if its catalog has lost it."""
    plan = plans.version(contract.catalog_version_id).catalog.plan(contract.plan)
    return plan.name.model_dump() if plan is not None else contract.plan


def _bought(purchase: Purchase) -> Fact:
    """Return what a purchase was of, as people call it."""
    pack = purchase.pack_purchase
    if pack is not None:
        known = plans.version(pack.catalog_version_id).catalog.pack(pack.pack)
        return known.name.model_dump() if known is not None else pack.pack
    return name_of(purchase.contract) if purchase.contract is not None else purchase.kind


def _payer_of(account: Account) -> Addressee:
    customer = Customer.objects.filter(account=account).first()
    told = account.metadata.get("language")
    guessed = "zh" if account.zone in _CHINESE_ZONES else "en"
    language = (customer and customer.language) or (told if isinstance(told, str) else "")
    return Addressee(customer.email if customer else "", language or guessed)

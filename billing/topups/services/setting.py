"""What an account wants to be bought for it."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import services as packs
from billing.payments.errors import PaymentsAway, PaymentsRefused
from billing.payments.gateway import StripeAway, StripeRefused, charging
from billing.payments.services.customers import ensure_customer, wire_for
from billing.topups.errors import CardNeeded, WrongLimit
from billing.topups.models import AutoTopUp
from billing.topups.services.locking import lock, save
from billing.transactions import forbid_transaction
from plans import selectors as plans
from plans.credits import format_micros


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be bought, when, and for how much a calendar month at most."""

    threshold_micros: int
    pack: str
    quantity: int
    limit_micros: int
    currency: str


def configure(
    *, account: Account, wish: Wish | None, language: str, now: datetime
) -> AutoTopUp | None:
    """The account is topped up as it wishes from now on. A repeat changes nothing.

    Outside any transaction: Stripe is asked for a saved card. What was declined is forgotten.

    Args:
        wish: None: no more; what is in flight goes on.
        language: in which the account's payer is written to; "": as before.
        now: the real instant.

    Raises:
        PaymentsNotConfigured, PaymentsAway, PaymentsRefused: nothing can be paid here, or now.
        CardNeeded: there is no saved card.
        UnknownPack, NotOnSale, NotIncluded, QuantityOutOfRange, NoPrice: as the sale of packs.
        WrongLimit: one top-up costs more, or another currency.
    """
    forbid_transaction("topups.configure")
    if wish is None:
        return _switch_off(account, now=now)
    try:
        customer = ensure_customer(account, language=language, now=now)
        card = charging.saved_card(wire_for(account), customer.stripe_id)
    except StripeAway:
        raise PaymentsAway from None
    except StripeRefused as refusal:
        raise PaymentsRefused(reason=str(refusal)) from None
    if card is None:
        raise CardNeeded
    wallet = ledger.open_wallet(account, catalog=plans.current().catalog)
    return _switch_on(account, wish, at=ledger_selectors.instant(wallet), now=now)


@transaction.atomic(durable=True)
def _switch_on(account: Account, wish: Wish, *, at: datetime, now: datetime) -> AutoTopUp:
    asked = packs.offer(account=account, pack=wish.pack, quantity=wish.quantity, at=at)
    currency = asked.price.currency
    if currency != wish.currency or asked.amount_micros > wish.limit_micros:
        raise WrongLimit(price=format_micros(asked.amount_micros), currency=currency)
    facts = {**asdict(wish), "changed_at": now}
    # Two that switch it on at once: whoever comes second changes what the first has made.
    AutoTopUp.objects.bulk_create([AutoTopUp(account=account, **facts)], ignore_conflicts=True)
    settings = lock(account.pk)
    assert settings is not None, "it was made above"
    for name, fact in facts.items():
        setattr(settings, name, fact)
    settings.is_on, settings.stopped = True, ""
    settings.failures, settings.retry_at = 0, None
    save(settings)
    outbox.post(TaskName.LOOK_AT_TOP_UP, now=now, account_id=account.pk)
    return settings


@transaction.atomic(durable=True)
def _switch_off(account: Account, *, now: datetime) -> AutoTopUp | None:
    settings = lock(account.pk)
    if settings is not None and (settings.is_on or settings.stopped):
        settings.is_on, settings.stopped, settings.changed_at = False, "", now
        settings.failures, settings.retry_at = 0, None
        save(settings)
    return settings

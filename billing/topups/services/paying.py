"""Takes the money for a top-up from the saved card, and finds out what became of it.

Stripe is asked outside any transaction; what it answered is written down under the account's
lock. Each step may be repeated after a crash at any point: the payment is found again by its fact.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings as django_settings
from django.db import transaction

from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.payments.gateway import (
    ACCOUNT,
    FACT,
    PACK,
    QUANTITY,
    VERSION,
    StripeRefused,
    Wire,
    charging,
    sessions,
)
from billing.payments.gateway.charging import Charge, Page, SavedCard, Tried
from billing.payments.models import Checkout, Customer, Purchase
from billing.payments.services import applying
from billing.payments.services.customers import wire_for
from billing.payments.services.returns import language_of
from billing.topups import backoff
from billing.topups.models import AutoTopUp, TopUp
from billing.topups.services import telling
from billing.topups.services.deciding import stop
from billing.topups.services.locking import lock, save
from billing.transactions import forbid_transaction
from plans import selectors as plans

Stop = AutoTopUp.Stop
State = TopUp.State
# From so long before its end on, a card's owner is told.
_CARD_ENDS: Final = timedelta(days=45)

_log = structlog.get_logger(__name__)


def go_on(*, top_up_id: str, now: datetime) -> None:
    """The top-up is paid, or declined, or its buyer is asked; or it goes on later.

    Outside any transaction. A repeat finds what was made, and takes no money twice.

    Raises:
        PaymentsNotConfigured, StripeAway: it is tried again.
        DomainError: it was paid, and its credits have no room; it is tried again.
    """
    forbid_transaction("topups.go_on")
    top_up = TopUp.objects.select_related("account").get(pk=top_up_id)
    if Purchase.objects.filter(fact=top_up.fact).exists():
        _succeed(top_up, now=now)
        return
    wire = wire_for(top_up.account)
    if top_up.state == State.ASKED:
        _pay(wire, top_up, now=now)
    elif top_up.state == State.WAITING:
        _look_at_page(wire, top_up, now=now)


def _pay(wire: Wire, top_up: TopUp, *, now: datetime) -> None:
    customer = Customer.objects.filter(account=top_up.account).exclude(stripe_id="").first()
    if customer is None:
        _end(top_up, "no_customer", now=now, why=Stop.NO_CARD)
        return
    charge, page = _charge_of(top_up, customer), None
    try:
        card = charging.saved_card(wire, customer.stripe_id)
        tried = charging.tried(wire, charge)
        if tried is None and card is not None:
            tried = charging.take(wire, charge, card)
        if tried is not None and _wants_its_buyer(tried):
            charging.give_up(wire, tried.payment_id)
            page = charging.open_page(
                wire, charge, success_url=_way_back(top_up), language=language_of(customer.language)
            )
    except StripeRefused as refusal:
        _log.error("top_up_refused", top_up_id=top_up.pk, code=refusal.code)
        _end(top_up, refusal.code, now=now, why=Stop.REFUSED)
        return
    if tried is None:
        _end(top_up, "no_card", now=now, why=Stop.NO_CARD)
    elif page is not None:
        _ask_buyer(top_up, page, now=now)
    elif tried.status in charging.PAID:
        _look_at_payment(top_up, tried, card, now=now)
    else:
        _end(top_up, tried.declined or tried.status, now=now)


def _wants_its_buyer(tried: Tried) -> bool:
    """Say whether the bank wants to see its customer.

    Nobody but us gives a payment of ours up: the page of one that is given up was to be opened.
    """
    return tried.declined == charging.AUTHENTICATION or tried.status == charging.CANCELED


def _look_at_payment(top_up: TopUp, tried: Tried, card: SavedCard | None, *, now: datetime) -> None:
    """Let what was paid be given; while it is under way, it goes on being in flight."""
    applying.look(kind="payment_intent", stripe_id=tried.payment_id, now=now)
    if Purchase.objects.filter(fact=top_up.fact).exists():
        _succeed(top_up, now=now)
    if card is not None:
        _note_card(top_up, card, now=now)


def _look_at_page(wire: Wire, top_up: TopUp, *, now: datetime) -> None:
    seen = sessions.session(wire, top_up.page_id)
    if seen.payment_id:
        applying.look(kind="payment_intent", stripe_id=seen.payment_id, now=now)
    if Purchase.objects.filter(fact=top_up.fact).exists():
        _succeed(top_up, now=now)
    elif seen.status == "expired":
        _end(top_up, charging.AUTHENTICATION, now=now)


@transaction.atomic(durable=True)
def _succeed(top_up: TopUp, *, now: datetime) -> None:
    """It was paid, however late; the card is good again."""
    settings, top_up = _locked(top_up)
    if top_up.state == State.SUCCEEDED:
        return
    _close(top_up, State.SUCCEEDED, "", now=now)
    if settings.is_on and settings.failures:
        settings.failures, settings.retry_at = 0, None
        save(settings)
    telling.tell_success(top_up, now=now)


@transaction.atomic(durable=True)
def _end(top_up: TopUp, decline: str, *, now: datetime, why: str = "") -> None:
    """It was declined. The card is left alone for a while, or for good.

    Args:
        decline: the bank's word, or ours.
        why: it is of no use to try again; "": as the number of declines says.
    """
    settings, top_up = _locked(top_up)
    if not top_up.is_in_flight:
        return
    _close(top_up, State.DECLINED, decline, now=now)
    settings.failures += 1
    pause = None if why else backoff.pause_after(settings.failures)
    settings.retry_at = _instant(top_up) + pause if pause and settings.is_on else None
    if pause is None and settings.is_on:
        stop(settings, why or Stop.DECLINED, now=now)
    else:
        save(settings)
    telling.tell_decline(top_up, retry_at=settings.retry_at, now=now)


@transaction.atomic(durable=True)
def _ask_buyer(top_up: TopUp, page: Page, *, now: datetime) -> None:
    """The buyer is asked to pay on a page, for his bank wants to see him."""
    _settings, top_up = _locked(top_up)
    if top_up.state != State.ASKED:
        return
    top_up.state = State.WAITING
    top_up.page_id, top_up.page_url, top_up.page_expires_at = page.id, page.url, page.expires_at
    top_up.ring_at = now + TopUp.PAUSE
    top_up.save(update_fields=["state", "page_id", "page_url", "page_expires_at", "ring_at"])
    telling.tell_action(top_up, now=now)


@transaction.atomic(durable=True)
def _note_card(top_up: TopUp, card: SavedCard, *, now: datetime) -> None:
    """Tell the payer if his card ends soon."""
    if f"{now + _CARD_ENDS:%Y-%m}" >= card.expires:
        telling.tell_card(top_up, card=card.said, card_id=card.id, expires=card.expires, now=now)


def _locked(top_up: TopUp) -> tuple[AutoTopUp, TopUp]:
    settings = lock(top_up.account_id)
    assert settings is not None, "what is bought was wished for"
    locked = TopUp.objects.select_for_update(of=("self",)).select_related("account")
    return settings, locked.get(pk=top_up.pk)


def _instant(top_up: TopUp) -> datetime:
    """Return what time it is for the account, by whose clock pauses are over."""
    wallet = ledger.open_wallet(top_up.account, catalog=plans.current().catalog)
    return ledger_selectors.instant(wallet)


def _close(top_up: TopUp, state: str, decline: str, *, now: datetime) -> None:
    top_up.state, top_up.decline = state, decline[:64]
    top_up.ended_at, top_up.ring_at = now, None
    top_up.save(update_fields=["state", "decline", "ended_at", "ring_at"])


def _charge_of(top_up: TopUp, customer: Customer) -> Charge:
    pack = plans.version(top_up.catalog_version_id).catalog.pack(top_up.pack)
    assert pack is not None, "a top-up's version has its pack"
    return Charge(
        key=top_up.pk,
        customer_id=customer.stripe_id,
        amount_micros=top_up.price_micros,
        currency=top_up.currency,
        name=pack.name.zh if customer.language.startswith("zh") else pack.name.en,
        metadata={
            FACT: top_up.fact,
            ACCOUNT: top_up.account_id,
            PACK: top_up.pack,
            QUANTITY: str(top_up.quantity),
            VERSION: top_up.catalog_version_id,
        },
    )


def _way_back(top_up: TopUp) -> str:
    """Return where the buyer goes from the page: where his last checkout led, else to us."""
    last = Checkout.objects.filter(account=top_up.account_id).order_by("-id").first()
    return last.success_url if last is not None else str(django_settings.PUBLIC_URL)

"""Whether an account runs low, and may be topped up: decided under its lock, paid for later."""

from datetime import datetime

from django.db import transaction

from billing.accounts import selectors as accounts
from billing.errors import DomainError
from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import services as packs
from billing.packs.offers import Asked
from billing.topups import selectors
from billing.topups.models import AutoTopUp, TopUp
from billing.topups.services import telling
from billing.topups.services.locking import lock, save
from plans import selectors as plans

Stop = AutoTopUp.Stop


@transaction.atomic(durable=True)
def look(*, account_id: str, now: datetime) -> None:
    """If the account runs low, a top-up is under way, or it is written down why not.

    One is in flight at most, and with it the month's limit is kept: two looks at once are one
    after the other. A repeat changes nothing.

    Args:
        now: the real instant; whether a pause is over, and whose month it is, says the wallet's.
    """
    settings = lock(account_id)
    if settings is None or not settings.is_on:
        return
    account, published = settings.account, plans.current()
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    if not _is_due(settings, locked) or accounts.frozen(account) is not None:
        return
    asked = _price_of(settings, at=locked.now)
    if asked is None:
        stop(settings, Stop.NOT_FOR_SALE, now=now)
        return
    month = selectors.month_of(account, at=locked.now)
    if month.spent_micros + asked.amount_micros > settings.limit_micros:
        settings.retry_at = month.ends_at
        save(settings)
        return
    _ask(settings, asked, version_id=published.version_id, at=locked.now, now=now)


def stop(settings: AutoTopUp, why: str, *, now: datetime) -> None:
    """Nothing more is bought for the account until it switches that on again; it is told why."""
    settings.is_on, settings.stopped, settings.retry_at = False, why, None
    settings.changed_at = now
    save(settings)
    telling.tell_stop(settings, now=now)


def _is_due(settings: AutoTopUp, locked: LockedWallet) -> bool:
    if settings.retry_at is not None and locked.now < settings.retry_at:
        return False
    if locked.timeline.available_micros >= settings.threshold_micros:
        return False
    return selectors.in_flight(settings.account) is None


def _price_of(settings: AutoTopUp, *, at: datetime) -> Asked | None:
    """Return what the account is asked for its wish; None: it may not buy it in its currency."""
    try:
        asked = packs.offer(
            account=settings.account, pack=settings.pack, quantity=settings.quantity, at=at
        )
    except DomainError:
        return None
    is_payable = asked.price.currency == settings.currency and asked.amount_micros > 0
    return asked if is_payable else None


def _ask(
    settings: AutoTopUp, asked: Asked, *, version_id: str, at: datetime, now: datetime
) -> None:
    top_up = TopUp.objects.create(
        account=settings.account,
        pack=settings.pack,
        quantity=settings.quantity,
        catalog_version_id=version_id,
        currency=asked.price.currency,
        price_micros=asked.amount_micros,
        created_at=at,
        ring_at=now + TopUp.PAUSE,
    )
    outbox.post(TaskName.PAY_TOP_UP, now=now, top_up_id=top_up.pk)

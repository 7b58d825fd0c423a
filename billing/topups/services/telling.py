"""Tells an account's systems, and its payer, what became of a top-up; after all else of it."""

from datetime import datetime

from billing.notices.kinds import Kind, Money
from billing.payments.money import written
from billing.payments.services import mailing
from billing.topups.models import AutoTopUp, TopUp
from billing.webhooks import services as webhooks
from plans import selectors as plans


def tell_success(top_up: TopUp, *, now: datetime) -> None:
    """The payer reads that he was charged. What the money brought, the purchase has published."""
    facts = {"amount": _amount(top_up), "what": _name(top_up.pack, top_up.catalog_version_id)}
    mailing.mail(Kind.TOP_UP_MADE, top_up.account, facts, fact=f"{top_up.pk}:made", now=now)


def tell_decline(top_up: TopUp, *, retry_at: datetime | None, now: datetime) -> None:
    """It is known that the card was declined, and when it is tried again, if it is."""
    if retry_at is not None:  # else a letter says that it was switched off, and why
        mailing.mail(
            Kind.TOP_UP_DECLINED,
            top_up.account,
            {
                "amount": _amount(top_up),
                "what": _name(top_up.pack, top_up.catalog_version_id),
                "retry_at": retry_at,
            },
            fact=f"{top_up.pk}:declined",
            now=now,
        )
    webhooks.publish(
        account=top_up.account,
        type="payment.failed",
        data={
            **_asked(top_up),
            "reason": top_up.decline,
            "retry_at": retry_at.isoformat() if retry_at else None,
        },
        now=now,
    )


def tell_action(top_up: TopUp, *, now: datetime) -> None:
    """It is known that the payer must confirm the payment himself, and where."""
    mailing.mail(
        Kind.PAYMENT_ACTION_REQUIRED,
        top_up.account,
        {
            "amount": _amount(top_up),
            "what": _name(top_up.pack, top_up.catalog_version_id),
            "pay_url": top_up.page_url,
            "expires_at": top_up.page_expires_at,
        },
        fact=f"{top_up.pk}:action",
        now=now,
    )
    webhooks.publish(
        account=top_up.account,
        type="payment.action_required",
        data={
            **_asked(top_up),
            "url": top_up.page_url,
            "expires_at": top_up.page_expires_at and top_up.page_expires_at.isoformat(),
        },
        now=now,
    )


def tell_stop(settings: AutoTopUp, *, now: datetime) -> None:
    """The payer reads that nothing more is bought for him, and why."""
    name = _name(settings.pack, plans.current().version_id)
    facts = {"what": name, "reason": str(settings.stopped)}
    fact = f"{settings.account_id}:stopped:{now.isoformat()}"
    mailing.mail(Kind.TOP_UP_STOPPED, settings.account, facts, fact=fact, now=now)


def tell_card(top_up: TopUp, *, card: str, card_id: str, expires: str, now: datetime) -> None:
    """The payer reads that his card is valid for a short while only; once a card and month."""
    facts = {"card": card, "expires": expires}
    fact = f"{card_id}:expires:{expires}"
    mailing.mail(Kind.CARD_EXPIRES, top_up.account, facts, fact=fact, now=now)


def _asked(top_up: TopUp) -> dict[str, object]:
    return {
        "kind": "top_up",
        "top_up": top_up.pk,
        "asked": written(top_up.price_micros, top_up.currency),
        "pack": top_up.pack,
        "quantity": top_up.quantity,
    }


def _amount(top_up: TopUp) -> Money:
    return Money(top_up.price_micros, top_up.currency)


def _name(pack: str, version_id: str) -> dict[str, str] | str:
    """Return what a pack is called; its code, if the catalog knows it no more."""
    known = plans.version(version_id).catalog.pack(pack)
    return known.name.model_dump() if known is not None else pack

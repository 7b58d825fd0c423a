"""What a plan or a pack costs in money at an instant, and which prices are announced. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from plans.catalog.offers import Pack, Plan, PlanPrice

_EVER: Final = datetime.min.replace(tzinfo=UTC)
_Key = tuple[str, str | None, str | None]


def prices_of(offer: Plan | Pack, *, at: datetime, book: str | None) -> Sequence[PlanPrice]:
    """Return what is asked at the instant `at`: one price for each currency and interval.

    Args:
        book: the account's price book; its own prices come before those of no book. None: an
            account of no book, who pays the prices of no book.
    """
    found: dict[tuple[str, str | None], PlanPrice] = {}
    for price in in_force(offer.prices, at=at):
        if price.book is None or price.book == book:
            key = (price.currency, price.interval)
            if key not in found or price.book is not None:
                found[key] = price
    return tuple(found.values())


def price_of(
    offer: Plan | Pack, *, currency: str, interval: str | None, at: datetime, book: str | None
) -> PlanPrice | None:
    """Return what is asked at `at` in one currency for one interval (None: once); None: nothing."""
    return next(
        (
            price
            for price in prices_of(offer, at=at, book=book)
            if price.currency == currency and price.interval == interval
        ),
        None,
    )


def in_force(prices: Iterable[PlanPrice], *, at: datetime) -> Sequence[PlanPrice]:
    """Return the prices that are asked at `at`, in the order of the file.

    Of several for one currency, interval and book the one that began last is asked: a rise is
    announced by a second price with its `from`, without an end of the first.
    """
    found: dict[_Key, PlanPrice] = {}
    for price in prices:
        if not _counts(price, at):
            continue
        other = found.get(_key(price))
        if other is None or _began(other) <= _began(price):
            found[_key(price)] = price
    return tuple(found.values())


def upcoming(prices: Iterable[PlanPrice], *, at: datetime) -> Sequence[PlanPrice]:
    """Return the announced prices that begin after `at`, the soonest first."""
    later = [price for price in prices if price.starts_at is not None and price.starts_at > at]
    return tuple(sorted(later, key=lambda price: (price.starts_at, price.currency)))


def first_micros(price: PlanPrice) -> int:
    """Return what is asked for the first period, in micros of its currency."""
    return price.list_micros if price.first_micros is None else price.first_micros


def renewal_micros(price: PlanPrice) -> int:
    """Return what is asked for each later period, in micros of its currency."""
    return price.list_micros if price.renewal_micros is None else price.renewal_micros


def is_on_sale(offer: Plan | Pack, *, at: datetime) -> bool:
    """Say whether it can be chosen at `at`; who has it already keeps it."""
    return (offer.starts_at is None or offer.starts_at <= at) and (
        offer.ends_at is None or at < offer.ends_at
    )


def _key(price: PlanPrice) -> _Key:
    return (price.currency, price.interval, price.book)


def _counts(price: PlanPrice, at: datetime) -> bool:
    return (price.starts_at is None or price.starts_at <= at) and (
        price.ends_at is None or at < price.ends_at
    )


def _began(price: PlanPrice) -> datetime:
    return price.starts_at or _EVER

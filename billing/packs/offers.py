"""Who may buy a pack, and what it costs him: questions to the catalog alone. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plans import prices
from plans.catalog.offers import Pack, Plan, PlanPrice
from plans.catalog.policies import Book
from plans.catalog.schema import Catalog


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid for something, in millionths of a unit of the currency ("" for nothing)."""

    amount_micros: int
    currency: str


NOTHING: Final = Paid(0, "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for so many of a pack.

    Attributes:
        price: the one of the catalog that counts.
        each_micros: of each but the first one.
        amount_micros: of all of them, in millionths of the currency's unit.
    """

    price: PlanPrice
    each_micros: int
    amount_micros: int

    @property
    def currency(self) -> str:
        """In which currency all of it is asked."""
        return self.price.currency


def may_buy(plan: Plan | None, pack: str) -> bool:
    """Say whether an account on `plan` may buy the pack; one on no plan may buy nothing."""
    if plan is None:
        return False
    packs = plan.entitlements.packs
    return packs if isinstance(packs, bool) else pack in packs


def required_plan(catalog: Catalog, pack: str) -> str | None:
    """Return the smallest plan that may buy the pack; None: no plan may."""
    return next((plan.code for plan in catalog.plans if may_buy(plan, pack)), None)


def is_on_sale(pack: Pack, at: datetime) -> bool:
    """Say whether the pack is sold at the instant `at`."""
    return (pack.starts_at is None or pack.starts_at <= at) and (
        pack.ends_at is None or at < pack.ends_at
    )


def price_of(
    pack: Pack,
    *,
    quantity: int,
    at: datetime,
    book: Book | None,
    currency: str | None,
    is_first: bool,
) -> Asked | None:
    """Return what so many of the pack cost at `at`; None: it has no price that fits.

    A price of the account's own book counts before one that is of no book. Where the currency is
    not said, the one that stands first counts.

    Args:
        currency: in which the account buys; None: in any.
        is_first: the account never paid for it, so that one of them, no more, is to be had for
            the first price, where there is one.
    """
    asked = prices.prices_of(pack, at=at, book=book.code if book is not None else None)
    fitting = [price for price in asked if currency in {None, price.currency}]
    fitting.sort(key=lambda price: price.book is None)
    if not fitting:
        return None
    price = fitting[0]
    each_micros = prices.renewal_micros(price)
    one_micros = prices.first_micros(price) if is_first else each_micros
    return Asked(price, each_micros, one_micros + each_micros * (quantity - 1))

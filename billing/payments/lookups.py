"""What of the catalog Stripe asks money for, and by which names it knows it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from plans import periods, prices
from plans.catalog.offers import Pack, Plan, PlanPrice
from plans.catalog.schema import Catalog

_HEAD: Final = "linggan"
_NONE: Final = "-"
_ONCE: Final = "once"
_PARTS: Final = 7
_NAME_LENGTH_MAX: Final = 250


@dataclass(frozen=True, slots=True)
class Lookup:
    """One price of one offer: what stands in Stripe's `lookup_key`.

    Attributes:
        kind: "plan" or "pack".
        interval: the ISO period that it pays for; "": once.
        book: the price book; "": none.
    """

    slug: str
    kind: str
    code: str
    currency: str
    interval: str = ""
    book: str = ""

    def __str__(self) -> str:
        return ":".join(
            (
                *(_HEAD, self.slug, self.kind, self.code, self.currency),
                *(self.interval or _ONCE, self.book or _NONE),
            )
        )


def read(key: str) -> Lookup | None:
    """Return what a lookup key stands for; None: it is none of ours."""
    parts = key.split(":")
    if len(parts) != _PARTS or parts[0] != _HEAD or parts[2] not in {"plan", "pack"}:
        return None
    slug, kind, code, currency, interval, book = parts[1:]
    return Lookup(
        slug=slug,
        kind=kind,
        code=code,
        currency=currency,
        interval="" if interval == _ONCE else interval,
        book="" if book == _NONE else book,
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """One price of a plan or a pack, as Stripe shall ask it.

    Attributes:
        name: what its buyer reads, in both languages of the service.
        amount_micros: of each later period; of a pack, each time.
        months, days: so long is what it pays for; neither: it is paid once.
    """

    lookup_key: str
    product_id: str
    name: str
    currency: str
    amount_micros: int
    months: int
    days: int


def offers(catalog: Catalog, *, at: datetime) -> Iterator[Offer]:
    """Yield all that the catalog sells for money at the instant `at`."""
    for kind, sold in (("plan", catalog.plans), ("pack", catalog.packs)):
        for one in sold:
            for price in prices.in_force(one.prices, at=at):
                yield offer_of(catalog.slug, kind, one, price)


def offer_of(slug: str, kind: str, sold: Plan | Pack, price: PlanPrice) -> Offer:
    """Return how Stripe asks one price of a plan or a pack."""
    length = periods.parse_period(price.interval) if price.interval else None
    return Offer(
        lookup_key=str(
            Lookup(
                slug=slug,
                kind=kind,
                code=sold.code,
                currency=price.currency,
                interval=price.interval or "",
                book=price.book or "",
            )
        ),
        product_id=product_of(slug, kind, sold.code),
        name=named(sold),
        currency=price.currency,
        amount_micros=prices.renewal_micros(price),
        months=length.months if length else 0,
        days=length.days if length else 0,
    )


def product_of(slug: str, kind: str, code: str) -> str:
    """Return the id of the product that a plan or a pack is at Stripe."""
    return f"linggan_{slug}_{kind}_{code}"


def named(sold: Plan | Pack) -> str:
    """Return the name that a buyer reads: a product has one, so it says both languages."""
    name = sold.name
    return (name.zh if name.zh == name.en else f"{name.en} {name.zh}")[:_NAME_LENGTH_MAX]


def coupon_of(lookup_key: str, off_micros: int) -> str:
    """Return the id of the coupon that takes so much off the first bill of a price."""
    digest = sha256(f"{lookup_key} {off_micros}".encode()).hexdigest()
    return f"linggan_first_{digest[:24]}"


def is_of(key: str, slug: str) -> bool:
    """Say whether a lookup key is of this catalog."""
    found = read(key)
    return found is not None and found.slug == slug

"""What is found of a text, each way by one look at an index."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from billing.accounts import services as accounts
from billing.accounts.errors import InvalidSignal
from billing.accounts.members import Organization
from billing.accounts.models import Account
from billing.accounts.signals import Signal
from billing.console.search.shapes import Way, ways_of
from billing.http import links
from billing.jobs.models import Attempt
from billing.ledger.models import Entry
from billing.outbox.models import Message
from billing.payments.models import (
    Checkout,
    Contract,
    Customer,
    Dispute,
    Invoice,
    Purchase,
    Refund,
    StripeEvent,
)
from billing.promotions import codes
from billing.promotions.models import Redemption, RedemptionCode

HITS_MAX: Final = 20
Rows = Iterable[Model]
# By which rows one comes from a row to whose it is.
_WAYS_UP: Final = (
    *("account", "wallet", "purchase", "job", "attempt", "organization", "sender", "event"),
    *("endpoint", "membership", "debt"),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    Attributes:
        path: the page of an account, or the window of the row.
        account: whose it is; None: nobody's, or of several.
    """

    row: Model
    path: str
    account: Account | None

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return str(self.row._meta.verbose_name)  # noqa: SLF001 (Django's own name for it)

    @property
    def account_path(self) -> str:
        """The page of its account; empty: it has none."""
        return "" if self.account is None else links.account_path(self.account.pk)


def find(text: str, *, operator: User) -> list[Hit]:
    """Return what the operator may see of all that a text names, `HITS_MAX` at most."""
    found: dict[tuple[str, str], Model] = {}
    for way in ways_of(text):
        for row in _FINDERS[way](text):
            found.setdefault((row._meta.label, str(row.pk)), row)  # noqa: SLF001 (as above)
    seen = [row for row in found.values() if _may_see(operator, row)]
    return [_hit(row) for row in seen[:HITS_MAX]]


def owner_of(row: Model) -> Account | None:
    """Return whose a row is; None: nobody's, or of several."""
    if isinstance(row, Account):
        return row
    if isinstance(row, StripeEvent):
        customer = Customer.objects.filter(stripe_id=_said(row, "customer") or "-").first()
        return None if customer is None else customer.account
    for name in _WAYS_UP:
        nearer = getattr(row, name, None)
        if isinstance(nearer, Model):
            return owner_of(nearer)
    return None


def _may_see(operator: User, row: Model) -> bool:
    return operator.has_perm(f"{row._meta.app_label}.view_{row._meta.model_name}")  # noqa: SLF001 (as above)


def _hit(row: Model) -> Hit:
    is_account = isinstance(row, Account)
    path = links.account_path(row.pk) if is_account else links.row_path(row)
    return Hit(row, path, owner_of(row))


def _first(rows: QuerySet[Any]) -> list[Model]:
    """Return the first rows in no order of SQL's: a LIMIT with one may shun the index."""
    return list(rows.order_by()[:HITS_MAX])


def _by_our_id(text: str) -> Iterator[Model]:
    prefix = text.partition("_")[0]
    windows = {links.WINDOWS.get(prefix), "referral" if prefix == "rf" else None} - {None}
    for window in sorted(filter(None, windows)):
        for row in _first(apps.get_model("billing", window)._default_manager.filter(pk=text)):  # noqa: SLF001 (as above)
            # Its account bears the same name, and tells more.
            yield row.account if isinstance(row, Organization) else row


# Where an id of Stripe's stands, by its prefix; each of these columns is unique.
_AT_STRIPE: Final[Mapping[str, tuple[tuple[type[Model], str], ...]]] = {
    "pi": ((Purchase, "stripe_id"),),
    "py": ((Purchase, "stripe_id"),),
    "ch": (),
    "in": ((Invoice, "stripe_id"), (Purchase, "stripe_id")),
    "sub": ((Contract, "stripe_id"),),
    "cus": ((Customer, "stripe_id"),),
    "cs": ((Checkout, "stripe_id"),),
    "re": ((Refund, "stripe_id"),),
    "pyr": ((Refund, "stripe_id"),),
    "dp": ((Dispute, "stripe_id"),),
    "du": ((Dispute, "stripe_id"),),
    "evt": ((StripeEvent, "id"),),
}


def _by_stripes_id(text: str) -> list[Model]:
    places = _AT_STRIPE[text.partition("_")[0]]
    found = [
        row
        for model, column in places
        for row in _first(model._default_manager.filter(**{column: text}))  # noqa: SLF001 (as above)
    ]
    return found or _told_of(text)


def _told_of(stripe_id: str) -> list[Model]:
    """Return what Stripe has told of an object that no row is of: its payment, or the events."""
    events = list(StripeEvent.objects.filter(object_id=stripe_id).order_by()[:HITS_MAX])
    payments = {_said(event, "payment_intent") for event in events} - {""}
    return _first(Purchase.objects.filter(stripe_id__in=payments)) or [*events]


def _said(event: StripeEvent, name: str) -> str:
    """Return an id that an event's object names; empty: it names none."""
    try:
        said = json.loads(event.raw)["data"]["object"].get(name)
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""
    named = said.get("id") if isinstance(said, dict) else said
    return named if isinstance(named, str) else ""


def _by_name(text: str) -> list[Model]:
    return _first(Account.objects.filter(external_id=text))


def _by_email(text: str) -> list[Model]:
    billed = Customer.objects.filter(email__iexact=text).exclude(email="").select_related("account")
    return [*_seen_with(Signal.EMAIL, text), *(one.account for one in billed.order_by()[:HITS_MAX])]


def _by_phone(text: str) -> list[Model]:
    return _seen_with(Signal.PHONE, text)


def _by_mark(text: str) -> list[Model]:
    return [*_seen_with(Signal.CARD, text), *_seen_with(Signal.DEVICE, text)]


def _seen_with(kind: Signal, text: str) -> list[Model]:
    try:
        return _first(accounts.seen_with(kind, text))
    except InvalidSignal:
        return []


def _by_code(text: str) -> list[Model]:
    code = codes.read(text)
    assert code is not None, "its shape says so"
    known = RedemptionCode.objects.filter(digest=codes.digest_of(code)).first()
    if known is None:
        return []
    return [known, *_first(Redemption.objects.filter(code=known).select_related("account"))]


def _by_task(text: str) -> list[Model]:
    tries = Attempt.objects.filter(provider_id=text).exclude(provider_id="")
    return [one.job for one in tries.select_related("job__account").order_by()[:HITS_MAX]]


def _by_request(text: str) -> list[Model]:
    entries = Entry.objects.filter(request_id=text).exclude(request_id="")
    errands = Message.objects.filter(request_id=text).exclude(request_id="")
    return [*_first(entries), *_first(errands)]


_FINDERS: Final[Mapping[Way, Callable[[str], Rows]]] = {
    Way.ROW: _by_our_id,
    Way.STRIPE: _by_stripes_id,
    Way.NAME: _by_name,
    Way.EMAIL: _by_email,
    Way.PHONE: _by_phone,
    Way.MARK: _by_mark,
    Way.CODE: _by_code,
    Way.TASK: _by_task,
    Way.REQUEST: _by_request,
}
assert set(_FINDERS) == set(Way)

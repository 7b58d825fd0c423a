"""From pages to Stripe's and back: what is bought, the portal, the end of a plan and its going on.

It is done by the services that REST calls, and kept under a key in the same way: a form that is
sent twice opens one checkout.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http import errors, idempotency
from billing.http.idempotency import Key
from billing.pages import links, saying
from billing.pages.edge import Visit
from billing.pages.links import Right
from billing.payments import selectors
from billing.payments import services as payments
from billing.payments.errors import PaymentsNotConfigured
from billing.payments.models import Checkout
from billing.payments.services import ChangeWish, Wish
from billing.subscriptions.errors import NotSubscribed
from plans import selectors as plans
from plans.credits import parse_micros

_OK_BELOW: Final = 300
_KEY_LENGTH_MAX: Final = 64
_DIGITS_MAX: Final = 6
_SESSION: Final = "{CHECKOUT_SESSION_ID}"  # Stripe writes its own id there
_WISHES: Final = ("plan", "interval", "pack", "quantity")


@dataclass(frozen=True, slots=True)
class Refused:
    """A purchase that was refused, now or when the same form was sent before."""

    status: int
    detail: str


def can_pay(account: Account) -> bool:
    """Say whether the account can be sent to pay at all."""
    try:
        payments.wire_for(account)
    except PaymentsNotConfigured:
        return False
    return True


def checkout_for(visit: Visit) -> str | Refused:
    """Return the page of Stripe's on which is paid what the visitor's form asks for.

    The same form again leads to the same page, or is refused as before.

    Raises:
        Malformed: the form is not one of ours.
        DomainError: Stripe is away; the same form goes on.
    """
    form = visit.request.POST
    said = {name: str(form[name]) for name in _WISHES if form.get(name)}
    wish = Wish(
        success_url=_way_back(visit, session=_SESSION),
        cancel_url=_way_back(visit),
        plan=said.get("plan", ""),
        interval=said.get("interval", ""),
        pack=said.get("pack", ""),
        quantity=_whole(said.get("quantity", "1")),
        language=visit.language,
    )
    account, now = visit.account, visit.now
    answer = idempotency.answer_in_steps(
        _key_of(visit, said, what="checkout"),
        intend=lambda: payments.ask(account=account, wish=wish, now=now).pk,
        carry_out=lambda checkout_id: payments.open_page(checkout_id=checkout_id, now=now),
        tell=lambda checkout_id: {"url": selectors.checkout(account, checkout_id).url},
        now=now,
    )
    told = json.loads(answer.body)
    if answer.status >= _OK_BELOW:
        return Refused(answer.status, told["detail"])
    return str(told["url"])


def portal_for(visit: Visit) -> str:
    """Return the page on which Stripe shows the visitor his cards and bills.

    Raises:
        DomainError: Stripe shows none, or is away.
    """
    back = _way_back(visit)
    payments.require_portal(visit.account, return_url=back)
    return payments.open_portal(
        visit.account, return_url=back, language=visit.language, now=visit.now
    )


def changed_plan(visit: Visit) -> Refused | None:
    """Change the plan as its visitor has seen it beforehand; None: it is done, or on its way.

    The same form again goes on with the same change, or is refused as before.

    Raises:
        Malformed: the form is not one of ours.
        DomainError: Stripe is away; the same form goes on.
    """
    form, account, now = visit.request.POST, visit.account, visit.now
    said = {name: str(form.get(name, "")) for name in ("plan", "interval", "due")}
    wish = ChangeWish(plan=said["plan"], interval=said["interval"])
    try:
        agreed_micros = parse_micros(said["due"])
    except ValueError:
        raise _strange() from None

    def intend() -> str:
        return payments.ask_change(
            account=account, wish=wish, agreed_micros=agreed_micros, now=now
        ).pk

    answer = idempotency.answer_in_steps(
        _key_of(visit, said, what="change"),
        intend=intend,
        carry_out=lambda change_id: payments.carry_out(change_id=change_id, now=now),
        tell=lambda change_id: {"change": change_id},
        now=now,
    )
    if answer.status < _OK_BELOW:
        return None
    return Refused(answer.status, json.loads(answer.body)["detail"])


def end_plan(visit: Visit) -> None:
    """Let the plan end when what is paid for ends. A repeat changes nothing.

    Raises:
        NotSubscribed: nothing is collected.
        DomainError: Stripe is away.
    """
    payments.end_contract(contract_id=_contract_of(visit), at_once=False, now=visit.now)


def resume_plan(visit: Visit) -> None:
    """Let the plan go on that was to end. A repeat changes nothing.

    Raises:
        AccountFrozen: an operator has frozen the account.
        NotSubscribed, DomainError: as `end_plan`.
    """
    payments.resume_contract(contract_id=_contract_of(visit), now=visit.now)


def returned(visit: Visit) -> dict[str, Any]:
    """Return what is shown to who comes back from Stripe: of what he has paid, or not."""
    stripe_id = str(visit.request.GET.get("session", ""))
    checkout = selectors.checkout_at_stripe(visit.account, stripe_id) if stripe_id else None
    if checkout is None:
        return {"state": "back"}
    catalog = plans.version(checkout.catalog_version_id).catalog
    is_plan = checkout.kind == Checkout.Kind.PLAN
    sold = catalog.plan(checkout.code) if is_plan else catalog.pack(checkout.code)
    return {
        "state": _state(checkout),
        "what": sold.name.said() if sold is not None else checkout.code,
        "quantity": checkout.quantity,
        "amount": saying.price(checkout.amount_micros, checkout.currency),
        "is_trial": bool(checkout.trial),
    }


def _state(checkout: Checkout) -> str:
    if checkout.state == Checkout.State.COMPLETED:
        return "paid"
    over = {Checkout.State.EXPIRED, Checkout.State.FAILED}
    return "over" if checkout.state in over else "waiting"


def _way_back(visit: Visit, **query: str) -> str:
    """Return where Stripe leads back to: by a link that shows how this payment stands, no more.

    The address passes through Stripe and stands in our rows, so it must not be one that acts.
    """
    assert visit.link is not None, "who pays came by a link"
    back = replace(visit.link, right=Right.RETURN, is_embedded=False, language=visit.language)
    # Stripe's word for its own id stands in it as it is: it would not know an escaped one.
    asked = "".join(f"?{name}={value}" for name, value in query.items())
    return f"{settings.PUBLIC_URL}{reverse('page-return', args=[links.sign(back)])}{asked}"


def _key_of(visit: Visit, said: dict[str, str], *, what: str) -> Key:
    once = str(visit.request.POST.get("once", ""))
    if not (once.isascii() and once.isprintable() and 0 < len(once) <= _KEY_LENGTH_MAX):
        raise _strange()
    return Key(
        caller=visit.account.pk,
        route=f"POST pages {what}",
        key=once,
        body_hash=hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest(),
    )


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= _DIGITS_MAX):
        raise _strange()
    return int(text)


def _strange() -> errors.Malformed:
    return errors.Malformed(_("The form is not one of these pages."))


def _contract_of(visit: Visit) -> str:
    contract = selectors.living_contract(visit.account)
    if contract is None:
        raise NotSubscribed
    return contract.pk

"""The page of the plan: what the account is on, how it is paid, and what was paid so far."""

from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.ids import new_id
from billing.pages import paying, saying, words
from billing.pages.edge import Visit
from billing.pages.links import Page
from billing.payments import selectors
from billing.payments import services as payments
from billing.payments.api.changes import previewed
from billing.payments.api.changes import shown as told_of
from billing.payments.models import Invoice, PlanChange, Purchase
from billing.payments.services import ChangeWish
from plans import selectors as plans
from plans.catalog.schema import Catalog
from plans.credits import parse_micros

_ROWS: Final = 12


def facts(visit: Visit) -> dict[str, Any]:
    """Return what the page shows: `GET /v1/subscription`, purchases and invoices in words."""
    account = visit.account
    catalog = plans.current().catalog
    told = told_of(account)
    living = selectors.living_contract(account)
    purchases = selectors.purchases(account).select_related("pack_purchase", "contract")
    return {
        "unit": catalog.credit.name.said(),
        "plan": _name(told, visit),
        "is_free": told["id"] is None,
        "rows": _rows(told, catalog),
        "payment": _payment(told),
        "is_living": living is not None,
        "is_ending": living is not None and living.cancel_at is not None,
        "can_pay": visit.may_act and paying.can_pay(account),
        "payments": [_paid(one, catalog) for one in purchases.order_by("-id")[:_ROWS]],
        "invoices": [_bill(one) for one in selectors.invoices(account)[:_ROWS]],
        "pricing": visit.path(Page.PRICING),
        "change": _change(visit) if living is not None else None,
        "bank_url": _bank_url(account),
        "once": new_id("key"),
    }


def _name(told: dict[str, Any], visit: Visit) -> str:
    name = told["name"]
    if name is None:
        return words.of_plan()["none"]
    return str(name["zh" if visit.language.startswith("zh") else "en"])


def _rows(told: dict[str, Any], catalog: Catalog) -> list[dict[str, str]]:
    """Return what there is to say of the plan, a term and its words each."""
    price, coming = told["price"], told["next_change"]
    found = [("since", _day(told["since"]))]
    if price is not None and told["interval"]:
        said = f"{_money(price['renewal'])} / {saying.each(told['interval'])}"
        found.append(("price", said))
    found.append(("trial", _day(told["trial_ends_at"])))
    ends = _day(told["ends_at"])
    paid_until = _day(told["paid_until"])
    found.append(("ends", ends) if ends else ("renews", paid_until))
    if coming is not None and coming["plan"] and coming["kind"] != "ends":
        plan = catalog.plan(coming["plan"])
        name = plan.name.said() if plan is not None else coming["plan"]
        found.append(("changes", f"{_day(coming['at'])} · {name}"))
    return [{"term": term, "said": said} for term, said in found if said]


def _change(visit: Visit) -> dict[str, Any] | None:
    """Return what the change would come to that the visitor wants to see; None: he wants none."""
    plan, interval = (str(visit.request.GET.get(name, "")) for name in ("change", "interval"))
    if not plan or not visit.may_act:
        return None
    try:
        judged = payments.preview(account=visit.account, wish=ChangeWish(plan, interval))
    except DomainError as refusal:
        return {"refusal": refusal.message}
    told = previewed(judged)
    return {
        "plan": plan,
        "interval": interval,
        "name": judged.plan.name.said(),
        "due": told["due"]["amount"],
        "due_said": _money(told["due"]),
        "renewal": f"{_money(told['after']['renewal'])} / {saying.each(judged.interval)}",
        "at": saying.day(judged.at),
        "is_now": judged.when == "now",
        "lines": [
            {"label": line["label"], "amount": line["amount"] and _money(line["amount"])}
            for line in told["lines"]
        ],
    }


def _bank_url(account: Account) -> str:
    """Return where a change is paid of which the bank wants to see the card's holder."""
    waits = PlanChange.objects.filter(account=account, state=PlanChange.State.BILLED)
    return waits.order_by("-id").values_list("pay_url", flat=True).first() or ""


def _money(told: dict[str, str]) -> str:
    return saying.price(parse_micros(told["amount"]), told["currency"])


def _payment(told: dict[str, Any]) -> dict[str, Any] | None:
    payment = told["payment"]
    if payment is None:
        return None
    return {
        "status": saying.standing(payment["status"]),
        "is_due": payment["pay_url"] is not None,
        "pay_url": payment["pay_url"],
    }


def _paid(purchase: Purchase, catalog: Catalog) -> dict[str, str]:
    back_micros = purchase.refunded_micros + purchase.disputed_micros
    return {
        "day": saying.day(purchase.paid_at),
        "what": _what(purchase, catalog),
        "amount": saying.price(purchase.amount_micros, purchase.currency),
        "credits": saying.amount(purchase.credited_micros),
        "back": saying.price(back_micros, purchase.currency) if back_micros else "",
    }


def _what(purchase: Purchase, catalog: Catalog) -> str:
    """Return what was paid for, by the name that it has now."""
    if purchase.pack_purchase is not None:
        code = purchase.pack_purchase.pack
        pack = catalog.pack(code)
        return pack.name.said() if pack is not None else code
    code = purchase.contract.plan if purchase.contract is not None else ""
    plan = catalog.plan(code)
    return plan.name.said() if plan is not None else code or purchase.get_kind_display()


def _bill(invoice: Invoice) -> dict[str, str]:
    return {
        "day": saying.day(invoice.created_at),
        "number": invoice.number or invoice.stripe_id,
        "amount": saying.price(invoice.amount_micros, invoice.currency),
        "status": saying.invoice(invoice.status),
        "url": invoice.page_url,
    }


def _day(told: str | datetime | None) -> str:
    at = parse_datetime(told) if isinstance(told, str) else told
    return saying.day(at) if at is not None else ""

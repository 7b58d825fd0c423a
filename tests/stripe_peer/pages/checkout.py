"""The hosted page of a Checkout Session: what is bought, and how it is paid."""

from html import escape

from tests.stripe_peer import checkout
from tests.stripe_peer.money import worded
from tests.stripe_peer.objects import payment_methods
from tests.stripe_peer.pages.layout import button, card_fields, digits_of, field, form, framed
from tests.stripe_peer.pages.words import words_of
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, Page, page
from tests.stripe_peer.world import Thing, World


@page("GET", "/c/pay/{id}")
def show(world: World, asked: Asked) -> Page:
    """What is bought, and the ways to pay it."""
    session = world.get("checkout.session", asked.ids["id"])
    words = words_of(session["locale"], asked.languages)
    error = str(asked.params.get("error", ""))
    return _shown(session, words, error=words.get(error, error))


@page("POST", "/c/pay/{id}")
def pay(world: World, asked: Asked) -> Page:
    """Pay it: `method` card (number, exp, cvc), alipay or wechat_pay; `email`, `name`.

    It works without a browser too: 303 leads on, 402 is the page with the decline.
    """
    session = world.get("checkout.session", asked.ids["id"])
    words = words_of(session["locale"], asked.languages)
    fields = asked.params
    if session["status"] != "open":
        return _shown(session, words)
    try:
        checkout.change(world, session, fields)
        checkout.know_payer(world, session, fields.get("email", ""), fields.get("name", ""))
        method = _method(world, session, fields)
        return Page(location=checkout.pay(world, session, method))
    except Refused as refusal:
        return _shown(session, words, error=str(refusal), status=402)


def _method(world: World, session: Thing, fields: Thing) -> Thing:
    who = session["customer_details"]
    billing = {"email": who["email"], "name": who["name"], "address": who["address"]}
    kind = fields.get("method", "card")
    if kind not in session["payment_method_types"]:
        raise Refused(f"This checkout cannot be paid with {kind}.")
    if kind == "card":
        return payment_methods.from_digits(world, digits_of(fields), billing)
    return payment_methods.make(world, kind, "", billing)


def _shown(session: Thing, words: dict[str, str], *, error: str = "", status: int = 200) -> Page:
    if session["status"] != "open":
        body = f"<p>{escape(words['is_' + session['status']])}</p>"
        return framed(words, body, error=error, status=status)
    total = worded(session["amount_total"], session["currency"])
    fields = _items(session, words) + _ways(session, words)
    is_plan = session["mode"] == "subscription"
    buttons = button("pay", "pay", f"{words['subscribe' if is_plan else 'pay']} {total}")
    body = form(f"/c/pay/{session['id']}", fields, buttons)
    if session["cancel_url"]:
        back = escape(session["cancel_url"])
        body += f'<p><a id="cancel" href="{back}">{escape(words["back"])}</a></p>'
    return framed(words, body, error=error, status=status)


def _items(session: Thing, words: dict[str, str]) -> str:
    rows = "".join(
        f"<tr><td>{escape(item['description'])} × {item['quantity']}</td>"  # noqa: RUF001 (times)
        f"<td>{escape(worded(item['amount_subtotal'], item['currency']))}</td></tr>"
        for item in session["_items"]
    )
    discount = session["total_details"]["amount_discount"]
    if discount:
        off = escape(worded(discount, session["currency"]))
        rows += f"<tr><td>{escape(words['discount'])}</td><td>-{off}</td></tr>"
    total = escape(worded(session["amount_total"], session["currency"]))
    rows += f'<tr><td>{escape(words["today"])}</td><td id="total">{total}</td></tr>'
    adjustable = "".join(
        field(f"quantity_{item['id']}", words["quantity"], str(item["quantity"]), "number")
        for item in session["_items"]
        if item["adjustable_quantity"] and item["adjustable_quantity"]["enabled"]
    )
    return f"<table>{rows}</table>{adjustable}"


def _ways(session: Thing, words: dict[str, str]) -> str:
    kinds = session["payment_method_types"]
    ways = "".join(
        f'<label><input type="radio" name="method" id="method_{kind}" value="{kind}"'
        f"{' checked' if kind == kinds[0] else ''}> {escape(words[kind])}</label>"
        for kind in kinds
    )
    code = field("promotion_code", words["promotion"]) if session["allow_promotion_codes"] else ""
    who = field("email", words["email"], session["customer_email"] or "")
    digits = field("name", words["name"]) + card_fields(words) if "card" in kinds else ""
    return who + code + ways + digits

"""Payment methods, and how they come to a customer: https://docs.stripe.com/api/payment_methods."""

import datetime as dt
from typing import Final

from stripe import params

from tests.stripe_peer.cards import CARDS, NAMES, Card, Decline, card_of, fault_of
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.refusals import Refused, absent, declined, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import Thing, World, merge_metadata

WALLETS: Final = ("alipay", "wechat_pay")
_URL: Final = "/v1/payment_methods"
_YEARS_AHEAD: Final = 3
_NOBODY: Final = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
_NOWHERE: Final = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def make(world: World, kind: str, number: str = "", billing: Thing | None = None) -> Thing:
    """Make a payment method that belongs to nobody yet."""
    method: Thing = {
        "id": world.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {**_NOBODY, "address": dict(_NOWHERE), **(billing or {})},
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        "_number": number,
        "_is_set_up": False,
        kind: {},
    }
    if kind == "card":
        method["card"] = _card(world, number, CARDS[number])
    return world.add(method)


def from_digits(world: World, digits: Thing, billing: Thing | None = None) -> Thing:
    """Make a payment method of what somebody has typed in: number, exp_month, exp_year, cvc.

    Raises:
        Refused: 402; the digits cannot be those of a test card.
    """
    number = str(digits.get("number", "")).replace(" ", "")
    today = dt.datetime.fromtimestamp(world.now(), dt.UTC)
    fault = fault_of(
        number,
        int(digits.get("exp_month") or 0),
        int(digits.get("exp_year") or 0),
        str(digits.get("cvc", "123")),
        (today.year, today.month),
    )
    if fault is not None:
        raise card_error(fault)
    method = make(world, "card", number, billing)
    method["card"] |= {"exp_month": int(digits["exp_month"]), "exp_year": _full(digits["exp_year"])}
    return method


def resolve(world: World, identity: str, param: str = "payment_method") -> Thing:
    """Return a payment method; a name like `pm_card_visa` is a new one each time.

    Raises:
        Refused: there is none.
    """
    name = identity.removeprefix("pm_card_")
    if identity.startswith("pm_card_") and name in NAMES:
        return make(world, "card", NAMES[name])
    return world.get("payment_method", identity, param)


def attach(world: World, method: Thing, customer: Thing) -> Thing:
    """Give a payment method to a customer, and tell it. A repeat changes nothing.

    Raises:
        Refused: the bank says no, or it is another's.
    """
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None:
        raise Refused(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    card = card_of(method)
    if card.decline is not None and not card.is_attachable:
        raise card_error(card.decline, payment_method=method["id"])
    method["customer"] = customer["id"]
    world.emit("payment_method.attached", method)
    return method


def card_error(fault: Decline, **more: object) -> Refused:
    """Return the refusal that a decline becomes."""
    return declined(fault.message, fault.code, fault.decline_code, **more)


@operation("POST", _URL, params.PaymentMethodCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Of raw digits (only test mode takes them), of a token, or of a wallet."""
    return from_data(world, asked.params)


def from_data(world: World, given: Thing) -> Thing:
    """Make a payment method of `payment_method_data`.

    Raises:
        Refused: no type, a type that the emulator has not, or digits that are no test card.
    """
    kind = given.get("type")
    if kind is None:
        raise missing("type")
    billing = {key: value or None for key, value in given.get("billing_details", {}).items()}
    if kind in WALLETS:
        method = make(world, kind, "", billing)
    elif kind != "card":
        raise Refused(f"This emulator has no payment method of type {kind}.", param="type")
    elif "token" in given.get("card", {}):
        name = given["card"]["token"].removeprefix("tok_")
        if name not in NAMES:
            raise absent("token", given["card"]["token"], "card[token]", status=400)
        method = make(world, "card", NAMES[name], billing)
    else:
        method = from_digits(world, given.get("card", {}), billing)
    merge_metadata(method, given)
    return method


@operation("GET", _URL, params.PaymentMethodListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """Of one customer, else those of nobody's customer."""
    owner = {"customer": None, **asked.params}
    return listed(matching(world.all("payment_method"), owner, "customer", "type"), owner, _URL)


@operation(
    "GET", "/v1/customers/{customer}/payment_methods", params.CustomerPaymentMethodListParams
)
def list_of_customer(world: World, asked: Asked) -> Thing:
    """What a customer can pay with."""
    customer = world.get("customer", asked.ids["customer"])
    owner = {**asked.params, "customer": customer["id"]}
    known = matching(world.all("payment_method"), owner, "customer", "type")
    return listed(known, owner, f"/v1/customers/{customer['id']}/payment_methods")


@operation("GET", f"{_URL}/{{id}}", params.PaymentMethodRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return (
        resolve(world, asked.ids["id"])
        if asked.ids["id"].startswith("pm_card_")
        else (world.get("payment_method", asked.ids["id"]))
    )


@operation("POST", f"{_URL}/{{id}}", params.PaymentMethodUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Its digits are for ever; when it ends, and whose it is, can change."""
    method = world.get("payment_method", asked.ids["id"])
    method["billing_details"] |= asked.params.get("billing_details", {})
    method["card"] = method.get("card") and method["card"] | asked.params.get("card", {})
    merge_metadata(method, asked.params)
    world.emit("payment_method.updated", method)
    return method


@operation("POST", f"{_URL}/{{id}}/attach", params.PaymentMethodAttachParams)
def attach_to(world: World, asked: Asked) -> Thing:
    """Give it to a customer."""
    if "customer" not in asked.params:
        raise missing("customer")
    method = resolve(world, asked.ids["id"], "payment_method")
    return attach(world, method, world.get("customer", asked.params["customer"], "customer"))


@operation("POST", f"{_URL}/{{id}}/detach", params.PaymentMethodDetachParams)
def detach(world: World, asked: Asked) -> Thing:
    """Take it from its customer."""
    method = world.get("payment_method", asked.ids["id"])
    owner = method["customer"]
    if owner is None:
        raise Refused(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param="payment_method",
        )
    settings = world.get("customer", owner).get("invoice_settings", {})
    if settings.get("default_payment_method") == method["id"]:
        settings["default_payment_method"] = None
    method["customer"] = None
    world.emit("payment_method.detached", method, {"customer": owner})
    return method


def _full(year: int | str) -> int:
    return int(year) if int(year) > 2000 else int(year) + 2000


def _card(world: World, number: str, card: Card) -> Thing:
    this_year = dt.datetime.fromtimestamp(world.now(), dt.UTC).year
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": this_year + _YEARS_AHEAD,
        "fingerprint": f"emulated{number[-8:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }

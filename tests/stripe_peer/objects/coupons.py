"""Coupons and promotion codes: https://docs.stripe.com/api/coupons."""

from typing import Final

from stripe import params

from tests.stripe_peer.listing import includable, listed, matching
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import Thing, World, merge_metadata

_COUPONS: Final = "/v1/coupons"
_CODES: Final = "/v1/promotion_codes"
_CODE_LETTERS: Final = 8
_ALL: Final = 100


@includable("coupon", "applies_to")
def products_of(_world: World, coupon: Thing) -> Thing | None:
    """Return the products that a coupon is for; None are all."""
    return None if coupon["_products"] is None else {"products": coupon["_products"]}


@operation("POST", _COUPONS, params.CouponCreateParams)
def create_coupon(world: World, asked: Asked) -> Thing:
    """Make a coupon: so much, or so many per cent, off."""
    given = asked.params
    _check(world, given)
    coupon: Thing = {
        "id": given.get("id") or world.new_id("x", _CODE_LETTERS)[2:],
        "object": "coupon",
        "amount_off": given.get("amount_off"),
        "created": world.now(),
        "currency": given.get("currency"),
        "duration": given.get("duration", "once"),
        "duration_in_months": given.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": {},
        "name": given.get("name"),
        "percent_off": given.get("percent_off"),
        "redeem_by": given.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
        "_products": (given.get("applies_to") or {}).get("products"),
    }
    if "currency_options" in given:
        coupon["currency_options"] = given["currency_options"]
    merge_metadata(coupon, given)
    world.add(coupon)
    world.emit("coupon.created", coupon)
    return coupon


def _check(world: World, given: Thing) -> None:
    if ("amount_off" in given) == ("percent_off" in given):
        raise Refused("You must pass either amount_off or percent_off, and not both.")
    if "amount_off" in given and "currency" not in given:
        raise missing("currency")
    if given.get("amount_off", 1) <= 0:
        raise Refused(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount_off"
        )
    if not 0 < given.get("percent_off", 1) <= _ALL:
        raise Refused("percent_off must be above 0 and at most 100.", param="percent_off")
    if (given.get("duration") == "repeating") != ("duration_in_months" in given):
        raise Refused(
            "duration_in_months goes with a duration of repeating, and with no other.",
            param="duration_in_months",
        )
    if given.get("id") in world.kinds.get("coupon", {}):
        raise Refused("Coupon already exists.", code="resource_already_exists", param="id")


@operation("GET", _COUPONS, params.CouponListParams)
def list_coupons(world: World, asked: Asked) -> Thing:
    """The newest first."""
    return listed([_judged(world, one) for one in world.all("coupon")], asked.params, _COUPONS)


@operation("GET", f"{_COUPONS}/{{id}}", params.CouponRetrieveParams)
def retrieve_coupon(world: World, asked: Asked) -> Thing:
    """Whether it is still valid is told too."""
    return _judged(world, world.get("coupon", asked.ids["id"]))


@operation("POST", f"{_COUPONS}/{{id}}", params.CouponUpdateParams)
def update_coupon(world: World, asked: Asked) -> Thing:
    """Only its name, metadata and further currencies: what it takes off never changes."""
    coupon = world.get("coupon", asked.ids["id"])
    merge_metadata(coupon, asked.params)
    for name in ("name", "currency_options"):
        if name in asked.params:
            coupon[name] = asked.params[name]
    world.emit("coupon.updated", coupon)
    return _judged(world, coupon)


@operation("DELETE", f"{_COUPONS}/{{id}}", params.CouponDeleteParams)
def delete_coupon(world: World, asked: Asked) -> Thing:
    """Nobody can redeem it any more; who has, keeps his discount."""
    coupon = world.get("coupon", asked.ids["id"])
    del world.kinds["coupon"][coupon["id"]]
    world.emit("coupon.deleted", coupon)
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


@operation("POST", _CODES, params.PromotionCodeCreateParams)
def create_code(world: World, asked: Asked) -> Thing:
    """Make a code that a customer types for a coupon."""
    given = asked.params
    coupon = world.get("coupon", given["promotion"].get("coupon", ""), "promotion[coupon]")
    word = given.get("code") or world.new_id("x", _CODE_LETTERS)[2:].upper()
    if any(_is_live(world, one) for one in world.all("promotion_code") if _same(one, word)):
        raise Refused(f"An active promotion code with `code: {word}` already exists.", param="code")
    limits = given.get("restrictions") or {}
    code: Thing = {
        "id": world.new_id("promo"),
        "object": "promotion_code",
        "active": given.get("active", True),
        "code": word,
        "created": world.now(given.get("customer")),
        "customer": given.get("customer"),
        "customer_account": None,
        "expires_at": given.get("expires_at"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": {},
        "promotion": {"type": "coupon", "coupon": coupon["id"]},
        "restrictions": {
            "first_time_transaction": limits.get("first_time_transaction", False),
            "minimum_amount": limits.get("minimum_amount"),
            "minimum_amount_currency": limits.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
    }
    merge_metadata(code, given)
    world.add(code)
    world.emit("promotion_code.created", code)
    return code


@operation("GET", _CODES, params.PromotionCodeListParams)
def list_codes(world: World, asked: Asked) -> Thing:
    """By code, coupon, customer or whether they are active."""
    given = asked.params
    known = [
        code
        for code in matching(world.all("promotion_code"), given, "active", "customer")
        if ("code" not in given or _same(code, given["code"]))
        and given.get("coupon") in (None, code["promotion"]["coupon"])
    ]
    return listed(known, given, _CODES)


@operation("GET", f"{_CODES}/{{id}}", params.PromotionCodeRetrieveParams)
def retrieve_code(world: World, asked: Asked) -> Thing:
    """By its id, not by its word."""
    return world.get("promotion_code", asked.ids["id"])


@operation("POST", f"{_CODES}/{{id}}", params.PromotionCodeUpdateParams)
def update_code(world: World, asked: Asked) -> Thing:
    """Whether it is active, and its metadata."""
    code = world.get("promotion_code", asked.ids["id"])
    if "active" in asked.params:
        code["active"] = asked.params["active"]
    merge_metadata(code, asked.params)
    world.emit("promotion_code.updated", code)
    return code


def _judged(world: World, coupon: Thing) -> Thing:
    """Return a coupon that says whether it can still be redeemed."""
    spent = coupon["max_redemptions"] is not None and (
        coupon["times_redeemed"] >= coupon["max_redemptions"]
    )
    late = coupon["redeem_by"] is not None and coupon["redeem_by"] < world.now()
    coupon["valid"] = not spent and not late
    return coupon


def _is_live(world: World, code: Thing) -> bool:
    ended = code["expires_at"] is not None and code["expires_at"] <= world.now()
    return bool(code["active"]) and not ended


def _same(code: Thing, word: str) -> bool:
    return bool(code["code"].lower() == word.lower())

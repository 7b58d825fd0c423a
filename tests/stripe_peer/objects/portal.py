"""The customer portal: https://docs.stripe.com/api/customer_portal/sessions."""

import copy
from typing import Any, Final

import stripe.billing_portal
from stripe.params import billing_portal as params

from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata

SESSION: Final = "billing_portal.session"
CONFIGURATION: Final = "billing_portal.configuration"
_SESSIONS: Final = "/v1/billing_portal/sessions"
_CONFIGURATIONS: Final = "/v1/billing_portal/configurations"
_FEATURES: Final[Thing] = {
    "customer_update": {"allowed_updates": ["email"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "continue_trial",
    },
}


@operation("POST", _CONFIGURATIONS, params.ConfigurationCreateParams)
def create_configuration(world: World, asked: Asked) -> Thing:
    """Say what the portal lets a customer do; a feature that is left out is off."""
    features = copy.deepcopy(_FEATURES)
    for feature in features.values():
        feature["enabled"] = False
    return _configured(world, asked.params, features, is_default=False)


@operation("GET", _CONFIGURATIONS, params.ConfigurationListParams)
def list_configurations(world: World, asked: Asked) -> Thing:
    """By whether they are active, or the default."""
    known = matching(world.all(CONFIGURATION), asked.params, "active", "is_default")
    return listed(known, asked.params, _CONFIGURATIONS)


@operation("GET", f"{_CONFIGURATIONS}/{{id}}", params.ConfigurationRetrieveParams)
def retrieve_configuration(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get(CONFIGURATION, asked.ids["id"])


@operation("POST", f"{_CONFIGURATIONS}/{{id}}", params.ConfigurationUpdateParams)
def update_configuration(world: World, asked: Asked) -> Thing:
    """Change what is given."""
    configuration = world.get(CONFIGURATION, asked.ids["id"])
    _change(configuration, asked.params)
    if "active" in asked.params:
        configuration["active"] = asked.params["active"]
    configuration["updated"] = world.now()
    world.emit("billing_portal.configuration.updated", configuration, {})
    return configuration


@operation("POST", _SESSIONS, params.SessionCreateParams)
def create_session(world: World, asked: Asked) -> Thing:
    """Make a page where a customer manages what he has; a flow shows him one thing only."""
    given = asked.params
    if "customer" not in given:
        raise missing("customer")
    customer = world.get("customer", given["customer"], "customer")
    session: Thing = {
        **nulls(stripe.billing_portal.Session),
        "id": world.new_id("bps"),
        "object": SESSION,
        "configuration": _configuration_for(world, given)["id"],
        "created": world.now(customer["id"]),
        "customer": customer["id"],
        "flow": _flow(world, given.get("flow_data"), customer),
        "livemode": False,
        "locale": given.get("locale"),
        "return_url": given.get("return_url"),
    }
    session["url"] = f"{world.address}/p/session/{session['id']}"
    world.add(session)
    world.emit("billing_portal.session.created", session)
    return session


def _configuration_for(world: World, given: Thing) -> Thing:
    if "configuration" in given:
        return world.get(CONFIGURATION, given["configuration"], "configuration")
    for known in world.all(CONFIGURATION):
        if known["is_default"]:
            return known
    return _configured(world, {}, copy.deepcopy(_FEATURES), is_default=True)


def _configured(world: World, given: Thing, features: Thing, *, is_default: bool) -> Thing:
    now = world.now()
    configuration: Thing = {
        **nulls(stripe.billing_portal.Configuration),
        "id": world.new_id("bpc"),
        "object": CONFIGURATION,
        "active": True,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": now,
        "features": features,
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "updated": now,
    }
    _change(configuration, given)
    world.add(configuration)
    world.emit("billing_portal.configuration.created", configuration)
    return configuration


def _change(configuration: Thing, given: Thing) -> None:
    for name, feature in (given.get("features") or {}).items():
        configuration["features"][name] |= feature
    configuration["business_profile"] |= given.get("business_profile") or {}
    for name in ("default_return_url", "name"):
        if name in given:
            configuration[name] = given[name] or None
    merge_metadata(configuration, given)


def _flow(world: World, given: Thing | None, customer: Thing) -> Thing | None:
    if given is None:
        return None
    kinds: tuple[Any, ...] = (
        "customer_update",
        "subscription_cancel",
        "subscription_pause",
        "subscription_update",
        "subscription_update_confirm",
    )
    details = given.get(given["type"])
    if details is not None:
        subscription = world.get("subscription", details["subscription"], "flow_data")
        if subscription["customer"] != customer["id"]:
            raise Refused(
                f"No such subscription: '{subscription['id']}'",
                code="resource_missing",
                param="flow_data",
            )
    elif given["type"].startswith("subscription"):
        raise missing(f"flow_data[{given['type']}]")
    after = given.get("after_completion") or {"type": "portal_homepage"}
    return {
        **dict.fromkeys(kinds),
        given["type"]: details,
        "after_completion": {"hosted_confirmation": None, "redirect": None, **after},
        "type": given["type"],
    }

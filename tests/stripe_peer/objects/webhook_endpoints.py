"""Webhook endpoints and events: https://docs.stripe.com/api/webhook_endpoints."""

from stripe import params

from tests.stripe_peer.listing import listed
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import API_VERSION, Thing, World, merge_metadata, shown

_DAYS_30: int = 30 * 86_400


def ensure_endpoint(world: World, url: str, secret: str | None) -> Thing:
    """Make an endpoint that hears of everything, unless this address is one."""
    for endpoint in world.all("webhook_endpoint"):
        if endpoint["url"] == url:
            endpoint["secret"] = secret or endpoint["secret"]
            return endpoint
    return _made(world, {"url": url, "enabled_events": ["*"]}, secret)


def _made(world: World, params: Thing, secret: str | None = None) -> Thing:
    endpoint = {
        "id": world.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": world.now(),
        "description": params.get("description") or None,
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": {},
        "secret": secret or world.new_id("whsec", 32),
        "status": "enabled",
        "url": params["url"],
    }
    merge_metadata(endpoint, params)
    return world.add(endpoint)


@operation("POST", "/v1/webhook_endpoints", params.WebhookEndpointCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """The secret is told here, and never again."""
    if asked.params.get("api_version", API_VERSION) != API_VERSION:
        raise Refused(f"This emulator speaks {API_VERSION}.", param="api_version")
    return _made(world, asked.params)


@operation("GET", "/v1/webhook_endpoints", params.WebhookEndpointListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """Without their secrets."""
    known = [_secretive(endpoint) for endpoint in world.all("webhook_endpoint")]
    return listed(known, asked.params, "/v1/webhook_endpoints")


@operation("GET", "/v1/webhook_endpoints/{id}", params.WebhookEndpointRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """Without its secret."""
    return _secretive(world.get("webhook_endpoint", asked.ids["id"]))


@operation("POST", "/v1/webhook_endpoints/{id}", params.WebhookEndpointUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Change where it is, what it hears, and whether it does."""
    endpoint = world.get("webhook_endpoint", asked.ids["id"])
    given = dict(asked.params)
    if "disabled" in given:
        endpoint["status"] = "disabled" if given.pop("disabled") else "enabled"
    merge_metadata(endpoint, given)
    given.pop("metadata", None)
    endpoint |= {name: value or None for name, value in given.items()}
    return _secretive(endpoint)


@operation("DELETE", "/v1/webhook_endpoints/{id}", params.WebhookEndpointDeleteParams)
def delete(world: World, asked: Asked) -> Thing:
    """Nothing is sent there any more."""
    endpoint = world.get("webhook_endpoint", asked.ids["id"])
    del world.kinds["webhook_endpoint"][endpoint["id"]]
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


@operation("GET", "/v1/events", params.EventListParams)
def list_events(world: World, asked: Asked) -> Thing:
    """Those of the last 30 days."""
    given = asked.params
    since = world.now() - _DAYS_30
    kinds = given.get("types") or ([given["type"]] if "type" in given else [])
    known = [
        event
        for event in world.all("event")
        if event["_emitted_at"] >= since and (not kinds or _is_of(event["type"], kinds))
    ]
    if "delivery_success" in given:
        known = [e for e in known if (e["pending_webhooks"] == 0) == given["delivery_success"]]
    return listed(known, given, "/v1/events")


@operation("GET", "/v1/events/{id}", params.EventRetrieveParams)
def retrieve_event(world: World, asked: Asked) -> Thing:
    """As it was when it happened."""
    return world.get("event", asked.ids["id"])


def _secretive(endpoint: Thing) -> Thing:
    return {key: value for key, value in shown(endpoint).items() if key != "secret"}


def _is_of(kind: str, patterns: list[str]) -> bool:
    return any(
        kind == pattern or (pattern.endswith("*") and kind.startswith(pattern[:-1]))
        for pattern in patterns
    )

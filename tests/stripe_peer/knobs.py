"""What a test may order and ask: `/_emulator/…`, in JSON. Stripe has nothing of this."""

import time
from dataclasses import asdict
from typing import Final

from tests.stripe_peer import paying
from tests.stripe_peer.courier import Courier, Policy, signature_of, written
from tests.stripe_peer.faults import Faults
from tests.stripe_peer.objects import disputes, refunds
from tests.stripe_peer.objects.webhook_endpoints import ensure_endpoint
from tests.stripe_peer.routing import KNOBS, Asked, knob
from tests.stripe_peer.timetable import run_until
from tests.stripe_peer.world import Thing, World, shown

_LONG_AGO_SECONDS: Final = 3600


@knob("POST", "/clock")
def advance(world: World, asked: Asked) -> Thing:
    """Put the world's clock forward by `seconds`; what falls due on the way happens."""
    until = world.now() + int(asked.params["seconds"])
    run_until(world, None, until)
    world.ahead_seconds += int(asked.params["seconds"])
    return {"now": world.now()}


@knob("GET", "/objects")
def everything(world: World, asked: Asked) -> Thing:
    """Return all objects, by kind."""
    return {kind: list(map(shown, things.values())) for kind, things in world.kinds.items()}


@knob("GET", "/requests")
def requests(world: World, asked: Asked) -> Thing:
    """Return which operations were asked for, in order."""
    return {"requests": list(world.requests)}


@knob("POST", "/webhooks/endpoint")
def listen(world: World, asked: Asked) -> Thing:
    """Send events to `url`, signed with `secret`."""
    return shown(ensure_endpoint(world, asked.params["url"], asked.params["secret"]))


# -- what only the Dashboard, a bank or time does ----------------------------------------------
@knob("POST", "/payments/{id}")
def end_payment(world: World, asked: Asked) -> Thing:
    """Let a payment that is under way end: `outcome` succeeded or failed."""
    intent = world.get("payment_intent", asked.ids["id"])
    return shown(
        paying.answer_challenge(world, intent, is_passed=asked.params["outcome"] == "succeeded")
    )


@knob("POST", "/payments/{id}/refund")
def refund(world: World, asked: Asked) -> Thing:
    """Refund a payment as a person does in the Dashboard: `amount`, `reason`, `status`."""
    given = dict(asked.params)
    status = given.pop("status", None)
    return shown(refunds.make(world, _charge_of(world, asked), given, status=status))


@knob("POST", "/payments/{id}/dispute")
def dispute(world: World, asked: Asked) -> Thing:
    """Dispute a payment: `reason`, `amount`, `is_inquiry`."""
    return shown(disputes.make(world, _charge_of(world, asked), **asked.params))


@knob("POST", "/disputes/{id}")
def end_dispute(world: World, asked: Asked) -> Thing:
    """End a dispute: `is_won`."""
    found = world.get("dispute", asked.ids["id"])
    return shown(disputes.close(world, found, is_won=asked.params["is_won"]))


@knob("POST", "/refunds/{id}")
def end_refund(world: World, asked: Asked) -> Thing:
    """Say what became of a refund: `status` succeeded or failed."""
    found = world.get("refund", asked.ids["id"])
    return shown(refunds.settle(world, found, asked.params["status"]))


@knob("POST", "/next_refund")
def next_refund(world: World, asked: Asked) -> Thing:
    """Let the next refund that the API is asked for begin with a `status`."""
    world.next_refund.append(asked.params["status"])
    return {}


def _charge_of(world: World, asked: Asked) -> Thing:
    intent = world.get("payment_intent", asked.ids["id"])
    return world.get("charge", intent["latest_charge"] or "")


# -- the wire ----------------------------------------------------------------------------------
def install(faults: Faults, courier: Courier) -> None:
    """Add the knobs that turn a server's own faults and its courier."""
    webhooks = _Webhooks(courier)

    def reset(world: World, _asked: Asked) -> Thing:
        faults.orders.clear()
        courier.forget()
        world.forget()
        return {}

    def order(_world: World, asked: Asked) -> Thing:
        return asdict(faults.order(asked.params))

    def clear(_world: World, _asked: Asked) -> Thing:
        faults.orders.clear()
        return {}

    KNOBS.add("POST", "/_emulator/faults", None, order)
    KNOBS.add("DELETE", "/_emulator/faults", None, clear)
    KNOBS.add("POST", "/_emulator/reset", None, reset)
    KNOBS.add("POST", "/_emulator/webhooks/forge", None, webhooks.forge)
    KNOBS.add("GET", "/_emulator/webhooks", None, webhooks.counts)
    KNOBS.add("POST", "/_emulator/webhooks/policy", None, webhooks.set_policy)
    KNOBS.add("POST", "/_emulator/webhooks/release", None, webhooks.release)
    KNOBS.add("POST", "/_emulator/webhooks/again/{event}", None, webhooks.again)


class _Webhooks:
    """The knobs of what the courier does."""

    def __init__(self, courier: Courier) -> None:
        self.courier = courier

    def counts(self, _world: World, _asked: Asked) -> Thing:
        told = {"policy": asdict(self.courier.policy), "log": list(self.courier.log)}
        return {**self.courier.counts(), **told}

    def set_policy(self, _world: World, asked: Asked) -> Thing:
        self.courier.policy = Policy(**asked.params)
        return asdict(self.courier.policy)

    def release(self, _world: World, asked: Asked) -> Thing:
        given = asked.params
        sent = self.courier.release(seed=given.get("seed"), copies=given.get("copies", 1))
        return {"sent": sent}

    def again(self, world: World, asked: Asked) -> Thing:
        return {"sent": self.courier.send_again(world.get("event", asked.ids["event"])["id"])}

    def forge(self, world: World, asked: Asked) -> Thing:
        event = world.get("event", asked.params["event"])
        answers = []
        for endpoint in world.all("webhook_endpoint"):
            body, signature = forged(event, endpoint["secret"], asked.params["how"])
            answers.append(self.courier.post(endpoint, body, signature))
        return {"answers": answers}


def forged(event: Thing, secret: str, how: str) -> tuple[bytes, str | None]:
    """Return the message and the signature of an event that must not be believed.

    Args:
        how: "signature" is signed with another secret, "unsigned" not at all, "stale" an hour
            ago, "ahead" in an hour, "altered" after it was signed, "truncated" is cut in half.

    Raises:
        ValueError: there is no such way.
    """
    body = written(event)
    now = int(time.time())
    if how == "signature":
        return body, signature_of(body, "whsec_of_somebody_else")
    if how == "unsigned":
        return body, None
    if how == "stale":
        return body, signature_of(body, secret, now - _LONG_AGO_SECONDS)
    if how == "ahead":
        return body, signature_of(body, secret, now + _LONG_AGO_SECONDS)
    if how == "altered":
        return body.replace(b"evt_", b"evt_0", 1), signature_of(body, secret)
    if how == "truncated":
        half = body[: len(body) // 2]
        return half, signature_of(half, secret)
    raise ValueError(f"There is no forgery {how}.")

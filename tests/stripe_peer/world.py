"""What the emulator remembers: every object, the answers it gave, and what each clock says."""

import copy
import secrets
import string
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from tests.stripe_peer.refusals import absent

API_VERSION: Final = "2026-10-28.endive"
TEST_CLOCK: Final = "test_helpers.test_clock"
_LETTERS: Final = string.ascii_letters + string.digits
_SHORT: Final = frozenset({"cus", "prod", "sub", "si", "clock", "bps", "bpc"})
_SHORT_LETTERS: Final = 14
_LONG_LETTERS: Final = 24
_REQUESTS_MAX: Final = 10_000
# An object as Stripe writes it. What begins with "_" is known to the emulator alone.
Thing = dict[str, Any]


class World:
    """All that was made; whoever reads or writes it holds `lock`."""

    def __init__(self, address: str = "") -> None:
        self.lock = threading.RLock()
        self.address = address
        self.forget()

    def forget(self) -> None:
        """Begin anew: nothing was ever made."""
        self.kinds: dict[str, dict[str, Thing]] = {}
        self.answers: dict[str, Thing] = {}  # by idempotency key
        self.ahead_seconds = 0  # of the world's clock before the real one
        self.moment: int | None = None  # what the world's clock says while it catches up
        self.unsent: list[Thing] = []  # events that no courier has taken yet
        self.requests: deque[str] = deque(maxlen=_REQUESTS_MAX)  # "POST /v1/customers", in order
        self.next_refund: list[str] = []  # what the next refunds are to be, for a test
        self.request: Thing = {"id": None, "idempotency_key": None}

    # -- objects -------------------------------------------------------------------------------
    def new_id(self, prefix: str, letters: int | None = None) -> str:
        """Return an id that nothing has: `cus_` and 14 letters, `pi_` and 24."""
        count = letters or (_SHORT_LETTERS if prefix in _SHORT else _LONG_LETTERS)
        return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(count))

    def add(self, thing: Thing) -> Thing:
        """Keep a new object under its `object` and `id`."""
        self.kinds.setdefault(thing["object"], {})[thing["id"]] = thing
        return thing

    def get(self, kind: str, identity: str, param: str | None = None) -> Thing:
        """Return an object.

        Args:
            param: the parameter that named it, when it was not the address.

        Raises:
            Refused: `resource_missing`: 404 for an address, 400 for a parameter.
        """
        thing = self.kinds.get(kind, {}).get(identity)
        if thing is None or (param is not None and thing.get("deleted")):
            raise absent(kind, identity, param or "id", status=400 if param else 404)
        return thing

    def find(self, identity: str) -> Thing | None:
        """Return the object of any kind that has this id."""
        for things in self.kinds.values():
            if identity in things:
                return things[identity]
        return None

    def all(self, kind: str) -> Iterable[Thing]:
        """Return the objects of one kind, the oldest first; a copy, so that more may be made."""
        return list(self.kinds.get(kind, {}).values())

    # -- time ----------------------------------------------------------------------------------
    def now(self, customer: str | None = None) -> int:
        """Return the second that it is for a customer: on his test clock, else on the world's."""
        owner = self.kinds.get("customer", {}).get(customer or "", {})
        return self.clock_says(owner.get("test_clock"))

    def clock_says(self, clock: str | None) -> int:
        """Return the second that it is on a test clock, else on the world's clock."""
        if clock is not None:
            return int(self.kinds[TEST_CLOCK][clock]["frozen_time"])
        if self.moment is not None:
            return self.moment
        return int(time.time()) + self.ahead_seconds

    # -- events --------------------------------------------------------------------------------
    def emit(self, kind: str, thing: Thing, previous: Thing | None = None) -> Thing:
        """Tell the webhooks what has happened to an object, as the object is this moment.

        Args:
            kind: "customer.created" and the like.
            previous: the values that an update replaced.
        """
        customer = thing["id"] if thing["object"] == "customer" else thing.get("customer")
        data: Thing = {"object": shown(thing)}
        if previous is not None:
            data["previous_attributes"] = copy.deepcopy(previous)
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "account": None,
            "api_version": API_VERSION,
            "context": None,
            "created": self.clock_says(clock_of(self, thing, customer)),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": dict(self.request),
            "type": kind,
            "_emitted_at": self.clock_says(None),  # a test clock may stand years away
        }
        self.unsent.append(self.add(event))
        return event


def clock_of(world: World, thing: Thing, customer: str | None) -> str | None:
    """Return the test clock that an object lives under."""
    if thing["object"] == TEST_CLOCK:
        return str(thing["id"])
    own = thing.get("test_clock") or thing.get("_test_clock")
    if own:
        return str(own)
    clock: str | None = world.kinds.get("customer", {}).get(customer or "", {}).get("test_clock")
    return clock


def shown(thing: Thing) -> Thing:
    """Return a copy of an object without what only the emulator knows."""
    return {key: _shown(value) for key, value in thing.items() if not key.startswith("_")}


def _shown(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    if isinstance(value, dict):
        return shown(value)
    if isinstance(value, list):
        return [_shown(part) for part in value]
    return value


def merge_metadata(thing: Thing, params: Thing) -> None:
    """Merge new metadata into the old: "" takes a key out, and "" for all takes all out."""
    given = params.get("metadata")
    if given is None:
        return
    merged = {} if given == "" else {**(thing.get("metadata") or {}), **given}
    thing["metadata"] = {key: value for key, value in merged.items() if value != ""}

"""A request of the API: who asks, whether it was asked before, what is answered."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from tests.stripe_peer.checking import checked
from tests.stripe_peer.forms import decoded
from tests.stripe_peer.listing import answered
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import OPERATIONS, Asked, Route
from tests.stripe_peer.world import Thing, World

_OK: Final = 200
_KEY_SECONDS: Final = 86_400  # so long a key is remembered
_UNKEPT: Final = frozenset({401, 409, 429})  # an answer of these is not the answer of the key


@dataclass
class Request:
    """What came over the wire."""

    method: str
    path: str
    form: str  # of the body, or the query
    headers: dict[str, str]  # names in small letters


@dataclass
class Answer:
    """What goes back."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def require_key(request: Request, key: str) -> None:
    """Refuse whoever has not the secret key.

    Raises:
        Refused: 401.
    """
    given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not given:
        raise Refused(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY').",
            status=401,
        )
    if given != key:
        shown = f"{given[:7]}{'*' * 8}{given[-4:]}"
        raise Refused(f"Invalid API Key provided: {shown}", status=401)


def begin(world: World, request: Request) -> Answer | None:
    """Return what this idempotency key was answered before; None if it is new, and now begun.

    Raises:
        Refused: the key was used for something else, or another request with it is under way.
    """
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None
    mark = hashlib.sha256(f"{request.path}\n{_sorted(request.form)}".encode()).hexdigest()
    known = world.answers.get(key)
    if known is None or known["at"] + _KEY_SECONDS < world.now():
        world.answers[key] = {"mark": mark, "status": None, "body": None, "at": world.now()}
        return None
    if known["mark"] != mark:
        raise Refused(
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a "
            "different request.",
            kind="idempotency_error",
        )
    if known["status"] is None:
        raise Refused(
            "There is currently another in-progress request using this Stripe-Idempotent-Key "
            "(that probably means you submitted twice, and the other request is still going "
            f"through): {key}. Please try again later.",
            status=409,
            kind="idempotency_error",
            code="idempotency_key_in_use",
        )
    return Answer(known["status"], known["body"], {"Idempotent-Replayed": "true"})


def end(world: World, request: Request, answer: Answer, *, is_kept: bool) -> None:
    """Keep the answer of an idempotency key, or forget that it was begun."""
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST" or key not in world.answers:
        return
    if is_kept and answer.status not in _UNKEPT:
        world.answers[key] |= {"status": answer.status, "body": answer.body}
    else:
        del world.answers[key]


def perform(world: World, request: Request, request_id: str) -> tuple[Answer, bool]:
    """Return the answer of an operation, and whether it was begun at all.

    The caller holds the world's lock. What was refused for its parameters alone was not begun:
    its idempotency key is still free.
    """
    is_begun = False
    try:
        route, ids = _route(request)
        params = checked(route.spec, decoded(request.form)) if route.spec else {}
        expand = params.pop("expand", [])
        is_begun = True
        world.request = {
            "id": request_id,
            "idempotency_key": request.headers.get("idempotency-key"),
        }
        thing: Thing = route.answer(world, Asked(ids, params, request.path))
        return Answer(_OK, answered(world, thing, expand)), True
    except Refused as refusal:
        return Answer(refusal.status, refusal.body), is_begun
    finally:
        world.request = {"id": None, "idempotency_key": None}


def _route(request: Request) -> tuple[Route, dict[str, str]]:
    found = OPERATIONS.find(request.method, request.path)
    if found is None:
        raise Refused(
            f"Unrecognized request URL ({request.method}: {request.path}). This is an emulator "
            "of Stripe: it has the operations that tests/stripe_peer/README.md names.",
            status=404,
        )
    return found


def _sorted(form: str) -> str:
    return json.dumps(decoded(form), sort_keys=True)

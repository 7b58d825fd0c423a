"""One effect for one key, and the first answer again, byte for byte, for whoever asks again."""

import hashlib
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from billing.errors import DomainError
from billing.http import errors, problems
from billing.http.models import KEPT_STATUSES, KEY_LENGTH_MAX, IdempotentAnswer
from billing.ids import new_id
from plans import asking

HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotent-Replayed"
_VISIBLE_ASCII: Final = re.compile(rf"[\x21-\x7e]{{1,{KEY_LENGTH_MAX}}}")
_OK_BELOW: Final = 400
_CLAIM: Final = "SELECT pg_try_advisory_xact_lock(%(number)s)"


@dataclass(frozen=True)
class Key:
    """What makes two requests the same one.

    Attributes:
        caller: who asks, and for which account: another caller's key is another key.
        route: method and route, without the ids in the path.
        key: as the caller wrote it.
        body_hash: SHA-256 of method, path and body; the same key must not ask for two things.
    """

    caller: str
    route: str
    key: str
    body_hash: bytes


class _Known(NamedTuple):
    """An answer that was given, as its row says."""

    body_hash: bytes
    status: int
    body: bytes


@dataclass(frozen=True)
class Answer:
    """A status and the exact bytes of a body."""

    status: int
    body: bytes
    replayed: bool = False


def read_key(request: Request, *, required: bool) -> Key | None:
    """Return the request's idempotency key; None where it is optional and absent.

    The body counts in a canonical form (parsed, keys sorted), so that a client which writes the
    same order anew is still the same request.

    Raises:
        Malformed: the header is missing though required, empty, longer than 255 or not visible
            ASCII; or the body cannot be read.
    """
    given = request.headers.get(HEADER)
    if given is None:
        if required:
            raise errors.Malformed(
                _("Send the header %(header)s: a fresh value for each order.") % {"header": HEADER},
                header=HEADER,
            )
        return None
    if not _VISIBLE_ASCII.fullmatch(given):
        raise errors.Malformed(
            _("%(header)s takes 1 to %(longest)d visible ASCII characters.")
            % {"header": HEADER, "longest": KEY_LENGTH_MAX},
            header=HEADER,
        )
    match = request.resolver_match
    route = match.route if match else request.path
    return Key(
        caller=_asked_by(request),
        route=f"{request.method} {route}",
        key=given,
        body_hash=_body_hash(str(request.method), request.path, request.data),
    )


@transaction.atomic(durable=True)
def answer_once(
    key: Key | None, work: Callable[[], tuple[int, object]], *, now: datetime
) -> Answer:
    """Do `work` and keep its answer in one transaction; a repeat does nothing and says it again.

    Everything that may refuse on the merits belongs inside `work`: a refusal of status 402, 403,
    404 or 422 undoes the work and is kept as the answer, so that a late duplicate cannot start what
    its caller was told had been refused. Any other error undoes everything, and the key stays free.

    Args:
        key: None for a request without a key: then nothing is kept and every refusal is raised.
        work: makes the effect and returns the status and what the body shall say.
        now: when the answer is given.

    Raises:
        IdempotencyInProgress: another request holds this key at this moment.
        IdempotencyMismatch: the key was used for another request.
        DomainError: a refusal that is not kept; with key None, any refusal of `work`.
    """
    if key is None:
        return _rendered(*work())
    known = _claim(key)
    if known is not None:
        return _replay(known, key)
    answer = _first_answer(work)
    row = IdempotentAnswer(
        id=new_id("ans"),
        caller=key.caller,
        route=key.route,
        key=key.key,
        body_hash=key.body_hash,
        status=answer.status,
        body=answer.body,
        created_at=now,
    )
    asking.create(row)
    return answer


def answer_in_steps(
    key: Key | None,
    *,
    intend: Callable[[], str],
    carry_out: Callable[[str], object],
    tell: Callable[[str], object],
    now: datetime,
) -> Answer:
    """Answer what needs another service: the intent is committed, then carried out, then told.

    Wherever it breaks off, a repeat with the key goes on with the same intent. Without a key, each
    request is an intent of its own.

    Args:
        intend: judges, and writes down what shall be done; returns its id. In a transaction.
        carry_out: does it, outside of any transaction; once it is done, nothing any more.
        tell: what the answer says of it, with status 201.
        now: when the answer is given.

    Raises:
        IdempotencyInProgress, IdempotencyMismatch: as `answer_once`.
        DomainError: a refusal of any step that is not kept.
    """
    asked = answer_once(_of_intent(key), lambda: (202, intend()), now=now)
    if asked.status >= _OK_BELOW:
        return asked
    intent_id: str = json.loads(asked.body)
    refusal = None if _is_answered(key) else _refusal_of(carry_out, intent_id)

    def work() -> tuple[int, object]:
        if refusal is not None:
            raise refusal
        return 201, tell(intent_id)

    return answer_once(key, work, now=now)


def respond(answer: Answer) -> HttpResponse:
    """Return the answer as HTTP; says when it is an old one."""
    response = HttpResponse(
        answer.body,
        status=answer.status,
        content_type="application/json" if answer.status < _OK_BELOW else problems.CONTENT_TYPE,
    )
    if answer.replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return response


def _of_intent(key: Key | None) -> Key | None:
    """Return the key under which the intent of a request is kept."""
    return None if key is None else replace(key, route=f"{key.route} intent")


def _is_answered(key: Key | None) -> bool:
    if key is None:
        return False
    return IdempotentAnswer.objects.filter(caller=key.caller, route=key.route, key=key.key).exists()


def _refusal_of(carry_out: Callable[[str], object], intent_id: str) -> DomainError | None:
    """Carry an intent out; return a refusal that is an answer too, and raise any other."""
    try:
        carry_out(intent_id)
    except DomainError as refusal:
        if not _is_kept(refusal):
            raise
        return refusal
    return None


def _asked_by(request: Request) -> str:
    """Return what `accounts` calls the caller; this package knows no account."""
    name: str = request.user.caller_id  # type: ignore[union-attr]  # the stubs know Django's own users only
    return name


def _claim(key: Key) -> _Known | None:
    """Hold the key until this transaction ends, and return its answer if it has one; never waits.

    The lock is given back after the commit is visible to others, so whoever gets it next reads
    our answer. An advisory lock, because there is no row to lock before the first answer, and an
    INSERT would make the second request wait for the first instead of telling it.
    """
    name = f"idempotency\0{key.caller}\0{key.route}\0{key.key}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)
    claims, answers = asking.ask(
        (_CLAIM, {"number": number}),
        _answer.question(caller=key.caller, route=key.route, key=key.key),
    )
    if claims != [(True,)]:
        raise errors.IdempotencyInProgress(
            _("The first request with this key is still running; ask again in a second."),
            retry_after_seconds=1,
        )
    return next(itertools.starmap(_Known, answers), None)


_answer = asking.Prepared(
    lambda: IdempotentAnswer.objects.filter(
        caller=asking.Given("caller"), route=asking.Given("route"), key=asking.Given("key")
    ).values_list("body_hash", "status", "body")
)


def _replay(known: _Known, key: Key) -> Answer:
    if bytes(known.body_hash) != key.body_hash:
        raise errors.IdempotencyMismatch(
            _("This %(header)s was used for another request; a new order takes a new key.")
            % {"header": HEADER}
        )
    return Answer(known.status, bytes(known.body), replayed=True)


def _first_answer(work: Callable[[], tuple[int, object]]) -> Answer:
    try:
        with transaction.atomic():  # a savepoint: a refusal must leave nothing but its answer
            return _rendered(*work())
    except Exception as exc:
        answer = _kept(exc)  # no name here is left with the refusal, which knows this frame
        if answer is None:
            raise
        return answer


def _kept(exc: Exception) -> Answer | None:
    """Return the answer to a refusal that is kept; None: it is none, or is not."""
    refusal = problems.as_refusal(exc)
    if refusal is None or not _is_kept(refusal):
        return None
    return _rendered(*problems.problem(refusal))


def _is_kept(refusal: DomainError) -> bool:
    return problems.status_of(refusal) in KEPT_STATUSES


def _rendered(status: int, body: object) -> Answer:
    assert status in KEPT_STATUSES, f"{status} is not an answer that can be kept."
    return Answer(status, JSONRenderer().render(body))


def _body_hash(method: str, path: str, body: Any) -> bytes:  # noqa: ANN401 (any JSON)
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{method}\0{path}\0{canonical}".encode()).digest()

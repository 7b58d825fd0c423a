"""Cog's HTTP protocol: one PUT hands over, a callback brings the end, nothing can be polled.

What the protocol does not say was found by running coglet 0.23.1 and stands in
docs/adr/0013-a-backend-is-asked-never-assumed.md.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import structlog
from django.conf import settings
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from billing.gpu import wire
from billing.gpu.adapters.cog.answers import read_status, refusal_text
from billing.gpu.errors import CallbackMalformed, CallbackUnauthenticated
from billing.gpu.kinds import Connection, Kind
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    Backend,
    BackendError,
    CancelResult,
    Caps,
    Fail,
    Health,
    Output,
    Readiness,
    Rejected,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable, read_object
from billing.gpu.replies import callback_read, require_accepted
from billing.telemetry import tracing
from billing.transactions import forbid_transaction

log = structlog.get_logger(__name__)

# "output" is left out: it would send the whole video once more, just before "completed" does.
_EVENTS: Final = ("start", "logs", "completed")
# coglet repeats a final callback twelve times, doubling from 0.2 s: 409 s in all.
_CALLBACK_RETRY_SECONDS: Final = 420
# The coglet releases whose order of checks was seen: an id in flight is recognised before the
# input is validated. Where it is the other way round, `find` would call a running job absent.
_PROBED_RELEASES: Final = ("0.23.",)
# What a Cog server itself says when every slot is taken, or while it sets itself up.
_BUSY: Final = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)
# Base64 takes four characters for three bytes; the rest of a callback is small.
_CALLBACK_EXTRA_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class CogBackend:
    """One Cog server.

    Attributes:
        base_url: without a trailing slash.
        secret: what the server was given as WEBHOOK_AUTH_TOKEN. It is also sent with our calls,
            for a proxy in front to check; Cog itself checks nothing.
        concurrency: how many predictions the server runs at once.
    """

    base_url: str
    secret: str = field(repr=False)
    concurrency: int = 1

    @property
    def caps(self) -> Caps:
        """What Cog can do: found by running it, not by its documents alone."""
        return Caps(
            client_id="idempotent_inflight",
            find=True,
            cancel_queued=True,
            cancel_running=True,
            callback="bearer",
            callback_retry_seconds=_CALLBACK_RETRY_SECONDS,
            output="inline",
            retention_seconds=0,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return nothing: Cog is asked by our own id, where the entry says."""
        return {}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one PUT under its id.

        Sent again while it runs, the same id is accepted and starts nothing. Sent again after
        it has ended, it would run again: only the caller's lease prevents that.
        """
        order = {
            "input": dict(attempt.input),
            "webhook": attempt.callback_url,
            "webhook_events_filter": _EVENTS,
        }
        reply = self._put(attempt.id, order)
        if reply.status == HTTPStatus.CONFLICT:
            return self._own_or_at_capacity(attempt)
        require_accepted(reply, reason=refusal_text(reply.body), later=_BUSY)
        status = self._status(reply, attempt.id)
        if status.state == State.FAILED:
            raise Rejected(status.message, fail=status.fail or Fail.PROVIDER)
        return status

    def poll(self, attempt: AttemptView) -> Status:
        """Raise Unsupported: Cog remembers no prediction that has ended."""
        raise Unsupported("Cog has no polling; ask `find` whether it is in flight.")

    def find(self, attempt: AttemptView) -> Status | None:
        """Return RUNNING with progress, ABSENT, or None when the server cannot tell.

        ABSENT means "not in flight now": the end may still be on its way to us, for
        `caps.callback_retry_seconds`.

        An order without its required fields is PUT under the attempt's id. In flight, the
        server answers with the live prediction and ignores the body; otherwise it refuses the
        body. Nothing starts either way. Where that is not certain, the health answer decides.
        """
        try:
            version, readiness = self._health()
            if readiness == Readiness.DOWN:
                return None
            if version.startswith(_PROBED_RELEASES) and self._refuses_empty_orders():
                return self._probe(attempt)
            if readiness == Readiness.READY and self.concurrency == 1:
                return Status(state=State.ABSENT)
        except (BackendError, Unreadable):
            return None
        return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Ask Cog to stop the prediction; the final callback says what came of it.

        coglet 0.23.1 answers 200 and forgets a cancel that comes within about two milliseconds
        of the start. Asked again, it obeys: the caller repeats until a final state is known.
        """
        reply = self._call("POST", f"/predictions/{quote(attempt.id, safe='')}/cancel")
        if reply.status == HTTPStatus.NOT_FOUND:
            return CancelResult.ABSENT
        require_accepted(reply, reason=refusal_text(reply.body), later=_BUSY)
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the mp4 that came inline with the final callback, as checked temporary files."""
        return read_outputs(status.outputs)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`, after checking the bearer token."""
        given = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
        if not self.secret or not constant_time_compare(given, f"Bearer {self.secret}"):
            raise CallbackUnauthenticated(_("This callback does not carry the backend's token."))
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`."""
        bytes_max: int = settings.OUTPUT_BYTES_MAX
        if len(raw_body) > bytes_max // 3 * 4 + _CALLBACK_EXTRA_BYTES:
            raise CallbackMalformed(_("This callback is larger than any output may be."))
        with callback_read():
            return read_status(read_object(raw_body), attempt.id)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: Cog tries no address out."""
        return None

    def health(self) -> Health:
        """Return READY when a slot is free; Cog does not say how many are."""
        try:
            version, readiness = self._health()
        except (BackendError, Unreadable) as error:
            return Health(readiness=Readiness.DOWN, message=str(error))
        return Health(readiness=readiness, version=version)

    def _own_or_at_capacity(self, attempt: AttemptView) -> Status:
        """Return the attempt's status if the 409 was about itself; else raise AtCapacity."""
        found = self.find(attempt)
        if found is not None and found.state != State.ABSENT:
            return found
        raise AtCapacity("Every slot of this Cog server is taken.")

    def _probe(self, attempt: AttemptView) -> Status | None:
        reply = self._put(attempt.id, {"input": {}})
        if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return Status(state=State.ABSENT)
        if reply.status != HTTPStatus.ACCEPTED:
            return None
        if "input" not in read_object(reply.body):
            # The answer of a fresh start, which the schema should have made impossible.
            log.error("gpu.probe_started_a_prediction", attempt=attempt.id)
            self.cancel(attempt)
            return None
        return self._status(reply, attempt.id)

    def _refuses_empty_orders(self) -> bool:
        """Whether the server validates, and an order without any field is invalid."""
        reply = self._call("GET", "/openapi.json")
        if reply.status != HTTPStatus.OK:
            return False
        schema: Any = read_object(reply.body)
        for step in ("components", "schemas", "Input", "required"):
            schema = schema.get(step) if isinstance(schema, dict) else None
        return isinstance(schema, list) and bool(schema)

    def _health(self) -> tuple[str, Readiness]:
        """Return coglet's version ("" for Cog's older Python server) and whether it can work."""
        reply = self._call("GET", "/health-check")
        if reply.status != HTTPStatus.OK:
            raise Unreadable(f"The health check answered {reply.status}.")
        said = read_object(reply.body)
        versions = said.get("version")
        coglet = versions.get("coglet") if isinstance(versions, dict) else None
        words = {"READY": Readiness.READY, "BUSY": Readiness.BUSY}
        return str(coglet or ""), words.get(str(said.get("status")), Readiness.DOWN)

    def _status(self, reply: wire.Reply, attempt_id: str) -> Status:
        try:
            return read_status(read_object(reply.body), attempt_id)
        except Unreadable as flaw:
            raise Ambiguous(f"The backend answered {reply.status}, unreadably. {flaw}") from None

    def _put(self, attempt_id: str, order: Mapping[str, object]) -> wire.Reply:
        return self._call("PUT", f"/predictions/{quote(attempt_id, safe='')}", order)

    def _call(
        self, method: str, path: str, order: Mapping[str, object] | None = None
    ) -> wire.Reply:
        forbid_transaction("A call to a Cog server")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.secret}"}
        headers |= tracing.headers()
        body = b""
        if order is not None:
            body = json.dumps(order).encode()
            headers |= {"Content-Type": "application/json", "Prefer": "respond-async"}
        return wire.call(method, f"{self.base_url}{path}", headers=headers, body=body)


def _build(connection: Connection) -> Backend:
    return CogBackend(
        base_url=connection.url, secret=connection.secret, concurrency=connection.concurrency
    )


KIND: Final = Kind(build=_build, is_own=True)

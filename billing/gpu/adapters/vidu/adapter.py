"""Vidu's API: one POST hands over, our attempt id rides along as `payload`, and any time tells."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from django.utils.translation import gettext as _

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.vidu import answers
from billing.gpu.adapters.vidu.orders import order_of
from billing.gpu.adapters.vidu.signature import is_signed
from billing.gpu.callbacks import callback_url
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.kinds import Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    Backend,
    BackendError,
    CancelResult,
    Caps,
    Health,
    Output,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable, read_object
from billing.gpu.replies import callback_read, health_by
from billing.transactions import forbid_transaction

_DAY: Final = 86_400
_LIST: Final = "/ent/v2/tasks?pager.pagesz=100"
_NOT_CANCELABLE: Final = "BadRequest"


class ViduOptions(Options):
    """What only Vidu has to be told.

    Attributes:
        sound_models: beginnings of the names of those models that can make sound themselves.
    """

    sound_models: list[str] = ["viduq3"]


@dataclass(frozen=True, kw_only=True)
class ViduBackend:
    """One account at Vidu; `secret` is its API key, which also signs callbacks."""

    name: str
    base_url: str
    secret: str = field(repr=False)
    options: ViduOptions = field(default_factory=ViduOptions)
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What Vidu can do, by its documents. Its signature leaves the body out: a mere bearer."""
        return Caps(
            poll=True,
            find=True,
            list=True,
            cancel_queued=True,
            callback="bearer",
            output_ttl_seconds=_DAY,
            retention_seconds=7 * _DAY,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over, and whether its film is marked."""
        marked = {"watermark": "yes"} if attempt.input.get("watermark") is True else {}
        return {"base_url": self.base_url} | marked

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST. Sent again, it would run again."""
        path, order = order_of(attempt, sound_models=self.options.sound_models)
        reply = self._call("POST", f"{self.base_url}/ent/v2/{path}", order)
        answers.require_taken(reply)
        try:
            return answers.read_taken(reply.body, attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"Vidu said yes, and nobody knows to what. {flaw}") from None

    def poll(self, attempt: AttemptView) -> Status:
        """Return what Vidu says of the task; ABSENT when it knows no such task."""
        reply = self._ask("GET", attempt, "/creations")
        if self._is_unknown(reply):
            return Status(state=State.ABSENT)
        answers.require_taken(reply)
        try:
            return answers.read_status(read_object(reply.body), attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"Vidu answered unreadably. {flaw}") from None

    def find(self, attempt: AttemptView) -> Status | None:
        """Return the task that carries our attempt id, by its own id or among the newest ones.

        None where it is not among them: the list has an end, and a name is not proved by it.
        """
        try:
            if attempt.provider_id:
                return self.poll(attempt)
            reply = self._call("GET", f"{self._base_of(attempt)}{_LIST}")
            answers.require_taken(reply)
            return answers.find_in(reply.body, attempt)
        except (BackendError, Unreadable):
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Ask Vidu to drop a task that still waits; what came of it, a poll says."""
        reply = self._ask("POST", attempt, "/cancel", {"id": attempt.provider_id})
        if self._is_unknown(reply):
            return CancelResult.ABSENT
        if reply.status == HTTPStatus.BAD_REQUEST and answers.reason_of(reply) == _NOT_CANCELABLE:
            return CancelResult.TOO_LATE
        answers.require_taken(reply)
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films at the addresses that Vidu names, as checked temporary files."""
        return read_outputs(status.outputs, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`, after checking Vidu's signature."""
        url = attempt.callback_url or callback_url(self.name, attempt.id)
        if not is_signed(url, headers, secret=self.secret, now=now):
            raise CallbackUnauthenticated(_("This callback is not signed by the backend."))
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`."""
        with callback_read():
            return answers.read_reported(raw_body, attempt)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: Vidu tries no address out."""
        return None

    def health(self) -> Health:
        """Return READY when Vidu answers our key; it does not say what is free."""
        url = f"{self.base_url}/ent/v2/tasks?pager.pagesz=1"
        return health_by(lambda: answers.require_taken(self._call("GET", url)))

    def _ask(
        self, method: str, attempt: AttemptView, what: str, body: Mapping[str, object] | None = None
    ) -> wire.Reply:
        """Ask about the attempt's own task, where it was ordered."""
        if not attempt.provider_id:
            raise Unsupported("Nobody knows its id at Vidu; ask `find`.")
        task = quote(attempt.provider_id, safe="")
        return self._call(method, f"{self._base_of(attempt)}/ent/v2/tasks/{task}{what}", body)

    def _is_unknown(self, reply: wire.Reply) -> bool:
        return reply.status == HTTPStatus.NOT_FOUND and answers.reason_of(reply) == "TaskNotFound"

    def _base_of(self, attempt: AttemptView) -> str:
        return attempt.context.get("base_url", self.base_url)

    def _call(self, method: str, url: str, body: Mapping[str, object] | None = None) -> wire.Reply:
        forbid_transaction("A call to Vidu")
        headers = {"Accept": "application/json", "Authorization": f"Token {self.secret}"}
        if body is None:
            return wire.call(method, url, headers=headers)
        headers["Content-Type"] = "application/json"
        return wire.call(method, url, headers=headers, body=json.dumps(body).encode())


def _build(connection: Connection) -> Backend:
    options = ViduOptions.model_validate(connection.options.model_dump())
    return ViduBackend(
        name=connection.name,
        base_url=connection.url,
        secret=connection.secret,
        options=options,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=ViduOptions)

"""MiniMax's video API: a POST hands over, polls tell the end, callbacks hint at it.

Two versions live side by side. v2 names the film's address, and can cancel what waits. v1 names
a file, whose address is one more question.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.minimax import answers
from billing.gpu.adapters.minimax.orders import order_of_v1, order_of_v2
from billing.gpu.kinds import Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    Backend,
    BackendError,
    BadOutput,
    CancelResult,
    Caps,
    Health,
    Output,
    Readiness,
    Rejected,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable, read_object
from billing.gpu.replies import callback_read
from billing.transactions import forbid_transaction

_DAY: Final = 86_400
_FILM_SECONDS: Final = 9 * 3600
_NO_TASK: Final = "0"


class MinimaxOptions(Options):
    """What only MiniMax has to be told.

    Attributes:
        version: of its API: v2 makes MiniMax-H3, v1 the models called Hailuo and before.
        ratio: of v2's films by text alone, where an order names none.
    """

    version: Literal["v1", "v2"] = "v2"
    ratio: str = "16:9"


@dataclass(frozen=True, kw_only=True)
class MinimaxBackend:
    """One account at MiniMax; `secret` is its API key."""

    base_url: str
    secret: str = field(repr=False)
    options: MinimaxOptions = field(default_factory=MinimaxOptions)
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What this version can do, by its documents; how long v1 remembers is not among them."""
        is_v2 = self.options.version == "v2"
        return Caps(
            poll=True,
            cancel_queued=is_v2,
            callback="unsigned",
            output="url_ttl" if is_v2 else "file_api",
            output_ttl_seconds=_FILM_SECONDS,
            retention_seconds=7 * _DAY if is_v2 else _DAY,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where, and by which version, the attempt is handed over."""
        return {"base_url": self.base_url, "version": self.options.version}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST. Sent again, it would run again."""
        version = self.options.version
        order = (
            order_of_v2(attempt, ratio=self.options.ratio)
            if version == "v2"
            else order_of_v1(attempt)
        )
        reply = self._call("POST", f"{self.base_url}/{version}/video_generation", order)
        answers.require_taken(reply)
        try:
            task_id = answers.read_taken(reply.body)
        except Unreadable as flaw:
            raise Ambiguous(f"MiniMax said yes, and nobody knows to what. {flaw}") from None
        return Status(state=State.QUEUED, provider_id=task_id, raw={"task_id": task_id})

    def poll(self, attempt: AttemptView) -> Status:
        """Return what MiniMax says of the task; ABSENT when it knows no such task."""
        if not attempt.provider_id:
            raise Unsupported("Nobody knows its id at MiniMax.")
        base_url, version = self._place_of(attempt.context)
        reply = self._call("GET", _task_url(base_url, version, attempt.provider_id))
        if answers.is_unknown(reply):
            return Status(state=State.ABSENT)
        answers.require_taken(reply)
        try:
            status = answers.read_status(read_object(reply.body), attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"MiniMax answered unreadably. {flaw}") from None
        # Where a file of v1 can be asked for.
        return replace(status, context={"base_url": base_url, "version": version})

    def find(self, attempt: AttemptView) -> Status | None:
        """Return what a poll says where the task is known; else None.

        v2 lists its tasks, and nothing of ours stands in the list: which one it is, nobody knows.
        """
        if not attempt.provider_id:
            return None
        try:
            return self.poll(attempt)
        except BackendError:
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Ask v2 to drop a task that still waits.

        The same DELETE erases a task that has ended, film and all: it is sent only for one
        that was just seen waiting.
        """
        base_url, version = self._place_of(attempt.context)
        if version == "v1":
            return CancelResult.UNSUPPORTED
        state = self.poll(attempt).state
        if state != State.QUEUED:
            return CancelResult.ABSENT if state == State.ABSENT else CancelResult.TOO_LATE
        task = quote(attempt.provider_id, safe="")
        try:
            answers.require_taken(self._call("DELETE", f"{base_url}/v2/video_generation/{task}"))
        except Rejected:
            return CancelResult.TOO_LATE  # it has started meanwhile
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films as checked temporary files; a file of v1 is asked for its address first.

        The key goes along with that question alone; the address opens itself.

        Raises:
            BackendError: MiniMax did not say where the file stands; ask again.
        """
        places = [self._address_of(word, status.context) for word in status.outputs]
        return read_outputs(places, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`; nothing in it shows from whom it comes."""
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`."""
        with callback_read():
            return answers.read_reported(raw_body, attempt)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return the challenge as it came: MiniMax wants to see it within three seconds."""
        return answers.echo_of(raw_body)

    def health(self) -> Health:
        """Return READY when MiniMax answers our key: it is asked about a task that cannot be."""
        try:
            reply = self._call("GET", _task_url(self.base_url, self.options.version, _NO_TASK))
            if not answers.is_unknown(reply):
                answers.require_taken(reply)
        except BackendError as error:
            return Health(readiness=Readiness.DOWN, message=error.message)
        return Health(readiness=Readiness.READY)

    def _address_of(self, word: str, context: Mapping[str, str]) -> str:
        if not word.startswith(answers.FILE_WORD):
            return word
        base_url, _version = self._place_of(context)
        file_id = quote(word.removeprefix(answers.FILE_WORD), safe="")
        reply = self._call("GET", f"{base_url}/v1/files/retrieve?file_id={file_id}")
        answers.require_taken(reply)
        try:
            address = answers.read_file_address(reply.body)
        except Unreadable as flaw:
            raise Ambiguous(f"MiniMax answered unreadably about a file. {flaw}") from None
        if not address:
            raise BadOutput("MiniMax has a file of this name, and no address of it.")
        return address

    def _place_of(self, context: Mapping[str, str]) -> tuple[str, str]:
        """Return where, and by which version, an attempt was handed over."""
        return (
            context.get("base_url", self.base_url),
            context.get("version", self.options.version),
        )

    def _call(self, method: str, url: str, body: Mapping[str, object] | None = None) -> wire.Reply:
        forbid_transaction("A call to MiniMax")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.secret}"}
        if body is None:
            return wire.call(method, url, headers=headers)
        headers["Content-Type"] = "application/json"
        return wire.call(method, url, headers=headers, body=json.dumps(body).encode())


def _task_url(base_url: str, version: str, task_id: str) -> str:
    task = quote(task_id, safe="")
    where = f"/{task}" if version == "v2" else f"?task_id={task}"
    return f"{base_url}/{version}/query/video_generation{where}"


def _build(connection: Connection) -> Backend:
    options = MinimaxOptions.model_validate(connection.options.model_dump())
    return MinimaxBackend(
        base_url=connection.url, secret=connection.secret, options=options, fetch=connection.fetch
    )


KIND: Final = Kind(build=_build, options=MinimaxOptions)

"""Ark's tasks: one POST hands over, a listing finds what was doubted, callbacks are hints."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, cast
from urllib.parse import quote

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.ark import answers, orders
from billing.gpu.kinds import Connection, Kind, Options, key_name
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    AuthError,
    Backend,
    BackendError,
    CancelResult,
    Caps,
    Health,
    Output,
    State,
    Status,
)
from billing.gpu.reading import Unreadable, read_object
from billing.gpu.replies import callback_read, health_by

_TASKS: Final = "/contents/generations/tasks"
_DAY_SECONDS: Final = 86_400
# Ark does not say how long it repeats a callback, nor how soon a task stands in the listing: for
# so long a denial is not believed.
_CALLBACK_RETRY_SECONDS: Final = 600
# A page must fit into 1 MiB; three are all that fits into a look of the sweep.
_PAGE_TASKS: Final = 200
_PAGES_MAX: Final = 3


class ArkOptions(Options):
    """What only Ark has to be told.

    Attributes:
        service_tier: "flex" is cheaper, and may take a day.
    """

    service_tier: Literal["default", "flex"] = "default"


@dataclass(frozen=True, kw_only=True)
class ArkBackend:
    """One account at Ark.

    Attributes:
        base_url: with `/api/v3`, without a trailing slash.
        secret: the API key.
    """

    base_url: str
    secret: str = field(repr=False)
    service_tier: str = "default"
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What Ark can do, by its documents and its own client."""
        return Caps(
            poll=True,
            list=True,
            cancel_queued=True,
            callback="unsigned",
            callback_retry_seconds=_CALLBACK_RETRY_SECONDS,
            output_ttl_seconds=_DAY_SECONDS,
            # It lists seven days, and promises one.
            retention_seconds=_DAY_SECONDS,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over, and with which key."""
        return {"base_url": self.base_url, "key": key_name(self.secret)}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST; our id goes along as `safety_identifier`."""
        order = orders.read_order(attempt, service_tier=self.service_tier)
        reply = self._call("POST", f"{self.base_url}{_TASKS}", order)
        said = answers.require_said(reply)
        handed = AttemptView(id=attempt.id, context=attempt.context)
        try:
            return answers.read_accepted(said, handed)
        except Unreadable as flaw:
            raise Ambiguous(f"Ark answered {reply.status}, unreadably. {flaw}") from None

    def poll(self, attempt: AttemptView) -> Status:
        """Return what Ark says of the task, asked by its id, or looked for where it gave none.

        Raises:
            AuthError: it denies a task that was handed over with another key than today's.
            Ambiguous: it denies a task of which it gave the id, and nobody knows to which key.
        """
        if not attempt.provider_id:
            return self._looked_up(attempt)
        reply = self._call("GET", self._task_url(attempt))
        if not answers.is_unknown(reply):
            return self._task(answers.require_said(reply), attempt)
        self._require_same_key(attempt)
        return Status(state=State.ABSENT)

    def find(self, attempt: AttemptView) -> Status | None:
        """Return the task that carries our id, ABSENT when the whole listing lacks it, or None."""
        try:
            return self._looked_up(attempt)
        except BackendError:
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Take a queued task out of the queue.

        Ark's DELETE would also erase the record of a task that has ended, its film among it: only
        one that says now that it waits is deleted.
        """
        status = self.poll(attempt)
        if status.state == State.ABSENT:
            return CancelResult.ABSENT
        if status.state == State.RUNNING:
            return CancelResult.UNSUPPORTED
        if status.state != State.QUEUED:
            return CancelResult.TOO_LATE
        queued = AttemptView(id=attempt.id, provider_id=status.provider_id, context=attempt.context)
        answers.require_said(self._call("DELETE", self._task_url(queued)))
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the film from where Ark keeps it for a day."""
        return read_outputs(status.outputs, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`; nobody vouches for it but its path."""
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`: it is a task as the answers tell it."""
        with callback_read():
            return answers.read_task(read_object(raw_body), attempt)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: Ark tries no address out."""
        return None

    def health(self) -> Health:
        """Return READY when Ark lists our tasks; how many may run, it does not say."""
        url = f"{self.base_url}{_TASKS}?page_num=1&page_size=1"
        return health_by(lambda: answers.read_listing(self._call("GET", url)))

    def _looked_up(self, attempt: AttemptView) -> Status:
        """Return the listed task that carries our id; ABSENT where it would stand if it were.

        Raises:
            Ambiguous: the listing is not whole, or does not tell whose its tasks are.
            AuthError: the attempt was handed over with another key, which may list others.
        """
        listed = self._listed(attempt)
        for task in listed:
            if answers.owner(task) == attempt.id:
                return self._task(task, attempt)
        if listed and not any(map(answers.owner, listed)):
            raise Ambiguous("Ark lists its tasks without saying whose they are.")
        self._require_same_key(attempt)
        return Status(state=State.ABSENT)

    def _listed(self, attempt: AttemptView) -> list[Mapping[str, Any]]:
        base_url = attempt.context.get("base_url") or self.base_url
        listed: list[Mapping[str, Any]] = []
        for page in range(1, _PAGES_MAX + 1):
            query = f"page_num={page}&page_size={_PAGE_TASKS}"
            reply = self._call("GET", f"{base_url}{_TASKS}?{query}")
            tasks, total = answers.read_listing(reply)
            listed += tasks
            if len(listed) >= total or attempt.id in map(answers.owner, tasks):
                return listed
        raise Ambiguous(f"Ark lists more than {len(listed)} tasks; ours may be among the rest.")

    def _require_same_key(self, attempt: AttemptView) -> None:
        key = attempt.context.get("key")
        if key is None and attempt.provider_id:
            raise Ambiguous("Ark denies a task that it knew. Nobody knows by which key.")
        if key not in (None, key_name(self.secret)):
            raise AuthError("Ark denies a task that another key has handed over. Ask with that.")

    def _task(self, task: Mapping[str, Any], attempt: AttemptView) -> Status:
        try:
            return answers.read_task(task, attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"Ark answered unreadably. {flaw}") from None

    def _task_url(self, attempt: AttemptView) -> str:
        base_url = attempt.context.get("base_url") or self.base_url
        return f"{base_url}{_TASKS}/{quote(attempt.provider_id, safe='')}"

    def _call(self, method: str, url: str, order: Mapping[str, object] | None = None) -> wire.Reply:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.secret}"}
        body = b""
        if order is not None:
            body = json.dumps(order).encode()
            headers["Content-Type"] = "application/json"
        return wire.call(method, url, headers=headers, body=body)


def _build(connection: Connection) -> Backend:
    options = cast("ArkOptions", connection.options)
    return ArkBackend(
        base_url=connection.url,
        secret=connection.secret,
        service_tier=options.service_tier,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=ArkOptions)

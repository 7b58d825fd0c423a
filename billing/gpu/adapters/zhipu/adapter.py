"""Zhipu's video API: one POST hands over, polls tell the end, and there is nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.zhipu import answers
from billing.gpu.adapters.zhipu.orders import order_of
from billing.gpu.kinds import CallsNobody, Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    Ambiguous,
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
from billing.transactions import forbid_transaction

_DAY: Final = 86_400
_API: Final = "/api/paas/v4"


class ZhipuOptions(Options):
    """What only Zhipu has to be told.

    Attributes:
        leaves_unmarked: the account has signed that it may have films without a watermark.
    """

    leaves_unmarked: bool = False


@dataclass(frozen=True, kw_only=True)
class ZhipuBackend(CallsNobody):
    """One account at Zhipu or Z.ai; `secret` is its API key."""

    base_url: str
    secret: str = field(repr=False)
    options: ZhipuOptions = field(default_factory=ZhipuOptions)
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What it can do. How long it remembers is not documented: a day is a guess."""
        return Caps(poll=True, output_ttl_seconds=_DAY, retention_seconds=_DAY)

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over."""
        return {"base_url": self.base_url}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST. `request_id` is a name, and no promise."""
        order = order_of(attempt, leaves_unmarked=self.options.leaves_unmarked)
        reply = self._call("POST", f"{self.base_url}{_API}/videos/generations", order)
        answers.require_taken(reply)
        try:
            status = answers.read_taken(reply.body, attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"Zhipu said yes, and nobody knows to what. {flaw}") from None
        if status.state == State.FAILED:
            raise Rejected(status.message, fail=status.fail or Fail.PROVIDER)
        return Status(state=status.state, provider_id=status.provider_id, raw=status.raw)

    def poll(self, attempt: AttemptView) -> Status:
        """Return what Zhipu says of the task; ABSENT when it knows no such task."""
        if not attempt.provider_id:
            raise Unsupported("Nobody knows its id at Zhipu.")
        base_url = attempt.context.get("base_url", self.base_url)
        reply = self._call("GET", _result_url(base_url, attempt.provider_id))
        if answers.is_unknown(reply):
            return Status(state=State.ABSENT)
        answers.require_taken(reply)
        try:
            return answers.read_status(read_object(reply.body), attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"Zhipu answered unreadably. {flaw}") from None

    def find(self, attempt: AttemptView) -> Status | None:
        """Return what a poll says where the task is known; else None: Zhipu lists nothing."""
        if not attempt.provider_id:
            return None
        try:
            return self.poll(attempt)
        except BackendError:
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Return UNSUPPORTED: Zhipu stops nothing."""
        return CancelResult.UNSUPPORTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films at the addresses that Zhipu names, as checked temporary files."""
        return read_outputs(status.outputs, policy=self.fetch)

    def health(self) -> Health:
        """Return READY when Zhipu answers our key: it is asked about a task that cannot be."""
        try:
            reply = self._call("GET", _result_url(self.base_url, "0"))
            if not answers.is_unknown(reply):
                answers.require_taken(reply)
        except Rejected:
            return Health(readiness=Readiness.READY)  # it knows us, and not this task
        except BackendError as error:
            return Health(readiness=Readiness.DOWN, message=error.message)
        return Health(readiness=Readiness.READY)

    def _call(self, method: str, url: str, body: Mapping[str, object] | None = None) -> wire.Reply:
        forbid_transaction("A call to Zhipu")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.secret}"}
        if body is None:
            return wire.call(method, url, headers=headers)
        headers["Content-Type"] = "application/json"
        return wire.call(method, url, headers=headers, body=json.dumps(body).encode())


def _result_url(base_url: str, task_id: str) -> str:
    return f"{base_url}{_API}/async-result/{quote(task_id, safe='')}"


def _build(connection: Connection) -> Backend:
    options = ZhipuOptions.model_validate(connection.options.model_dump())
    return ZhipuBackend(
        base_url=connection.url, secret=connection.secret, options=options, fetch=connection.fetch
    )


KIND: Final = Kind(build=_build, options=ZhipuOptions)

"""DashScope's asynchronous tasks: one POST hands over, twenty questions a second may be asked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import quote

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.dashscope import answers, orders
from billing.gpu.kinds import CallsNobody, Connection, Kind, Options, key_name
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
    Readiness,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable

_DAY_SECONDS: Final = 86_400
# It calls nobody; but it does not say how soon a new task can be asked about, and for so long
# a denial is not believed.
_DENIAL_SECONDS: Final = 600


class DashScopeOptions(Options):
    """What only DashScope has to be told.

    Attributes:
        workspace: the business space that pays; "": that of the key.
        prompt_extend: a model of theirs writes the prompt anew first, as is their default.
    """

    workspace: str = ""
    prompt_extend: bool = True


@dataclass(frozen=True, kw_only=True)
class DashScopeBackend(CallsNobody):
    """One account at DashScope.

    Attributes:
        base_url: the region's host with `/api/v1`, without a trailing slash.
        secret: the API key, of that region.
    """

    base_url: str
    secret: str = field(repr=False)
    options: DashScopeOptions = field(default_factory=DashScopeOptions)
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What DashScope can do, by its documents and its own client."""
        return Caps(
            poll=True,
            cancel_queued=True,
            callback_retry_seconds=_DENIAL_SECONDS,
            output_ttl_seconds=_DAY_SECONDS,
            retention_seconds=_DAY_SECONDS,
            # Twenty questions a second and account: 300 tasks at once, asked in turn.
            poll_seconds=15,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over, and with which key."""
        return {"base_url": self.base_url, "key": key_name(self.secret)}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST. DashScope keeps nothing of ours with it."""
        order = orders.read_order(attempt, prompt_extend=self.options.prompt_extend)
        reply = self._call("POST", f"{self.base_url}{order.path}", order.body)
        return self._task(reply, AttemptView(id=attempt.id, context=attempt.context))

    def poll(self, attempt: AttemptView) -> Status:
        """Return what DashScope says of the task; ABSENT for one that it knows no more, or never.

        Raises:
            Unsupported: nobody knows the task's id, and DashScope cannot be asked by ours.
            AuthError: it denies a task that was handed over with another key than today's.
        """
        if not attempt.provider_id:
            raise Unsupported("DashScope gave no id, and keeps none of ours.")
        status = self._task(self._call("GET", self._task_url(attempt)), attempt)
        now = key_name(self.secret)
        if status.state == State.ABSENT and attempt.context.get("key", now) != now:
            raise AuthError("DashScope denies what another key has handed over. Ask with that.")
        return status

    def find(self, attempt: AttemptView) -> Status | None:
        """Return None: its listing holds nothing by which a task could be told from another."""
        return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Take a task out of the queue; one that has begun is made to its end."""
        if not attempt.provider_id:
            return CancelResult.UNSUPPORTED
        reply = self._call("POST", f"{self._task_url(attempt)}/cancel", {})
        if answers.waits_no_more(reply):
            ended = self.poll(attempt).state not in (State.QUEUED, State.RUNNING)
            return CancelResult.TOO_LATE if ended else CancelResult.UNSUPPORTED
        answers.require_said(reply)
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the film from where DashScope keeps it for a day."""
        return read_outputs(status.outputs, policy=self.fetch)

    def health(self) -> Health:
        """Return READY when DashScope lists our tasks; how many may run, it does not say."""
        try:
            reply = self._call("GET", f"{self.base_url}/tasks?page_no=1&page_size=1")
            if not answers.require_said(reply):
                raise Ambiguous("DashScope listed its tasks unreadably.")
        except BackendError as answer:
            return Health(readiness=Readiness.DOWN, message=answer.message)
        return Health(readiness=Readiness.READY)

    def _task(self, reply: wire.Reply, attempt: AttemptView) -> Status:
        try:
            return answers.read_task(answers.require_said(reply), attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"DashScope answered {reply.status}, unreadably. {flaw}") from None

    def _task_url(self, attempt: AttemptView) -> str:
        base_url = attempt.context.get("base_url") or self.base_url
        return f"{base_url}/tasks/{quote(attempt.provider_id, safe='')}"

    def _call(self, method: str, url: str, order: Mapping[str, object] | None = None) -> wire.Reply:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.secret}"}
        if self.options.workspace:
            headers["X-DashScope-WorkSpace"] = self.options.workspace
        body = b""
        if order is not None:
            body = json.dumps(order).encode()
            headers |= {"Content-Type": "application/json", "X-DashScope-Async": "enable"}
        return wire.call(method, url, headers=headers, body=body)


def _build(connection: Connection) -> Backend:
    options = cast("DashScopeOptions", connection.options)
    return DashScopeBackend(
        base_url=connection.url, secret=connection.secret, options=options, fetch=connection.fetch
    )


KIND: Final = Kind(build=_build, options=DashScopeOptions)

"""ComfyUI's HTTP API: a workflow under our attempt id, looked for in its history and its queue.

Both live in memory alone: after a restart the server denies what it had. What the protocol does
not say was found by running ComfyUI 0.3.64.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import Field

from billing.egress import PUBLIC, FetchPolicy, trusting
from billing.gpu import wire
from billing.gpu.adapters.comfyui import answers
from billing.gpu.adapters.comfyui.orders import workflow_of
from billing.gpu.adapters.comfyui.templates import Template
from billing.gpu.kinds import CallsNobody, Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    FINAL_STATES,
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
)
from billing.gpu.reading import Unreadable
from billing.gpu.replies import require_accepted
from billing.telemetry import tracing
from billing.transactions import forbid_transaction


class ComfyuiOptions(Options):
    """What only ComfyUI has to be told.

    Attributes:
        templates: the workflows by name; `models` of the entry maps our codes to these names.
    """

    templates: Annotated[dict[str, Template], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ComfyuiBackend(CallsNobody):
    """One ComfyUI server; `secret` is sent as a bearer, for a proxy in front to check."""

    base_url: str
    secret: str = field(repr=False)
    templates: Mapping[str, Template]
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What ComfyUI can do. It remembers until it is restarted: for how long, nobody knows."""
        return Caps(
            client_id="accepted_not_unique",
            poll=True,
            find=True,
            cancel_queued=True,
            cancel_running=True,
            output="file_api",
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over."""
        return {"base_url": self.base_url}

    def submit(self, attempt: AttemptView) -> Status:
        """Queue the workflow with one POST under the attempt's id.

        ComfyUI does not recognise an id that it has: sent again, it would run again.
        """
        template = self.templates.get(attempt.model)
        if template is None:
            raise AuthError(f"No template is named {attempt.model}: see options of this backend.")
        order = {"prompt": workflow_of(attempt, template), "prompt_id": attempt.id}
        reply = self._call("POST", f"{self.base_url}/prompt", order)
        answers.require_taken(reply)
        try:
            answers.read_taken(reply.body, attempt.id)
        except Unreadable as flaw:
            raise Ambiguous(f"ComfyUI said yes, and nobody knows to what. {flaw}") from None
        return Status(state=State.QUEUED, provider_id=attempt.id)

    def poll(self, attempt: AttemptView) -> Status:
        """Return what the server says; ABSENT when it has the attempt nowhere.

        The history is read twice: between two readings an attempt moves from the queue to it.
        """
        base_url, prompt_id = self._place_of(attempt)
        history = f"{base_url}/history/{quote(prompt_id, safe='')}"
        try:
            found = (
                answers.read_history(self._get(history), prompt_id)
                or answers.read_queue(self._get(f"{base_url}/queue"), prompt_id)
                or answers.read_history(self._get(history), prompt_id)
            )
        except Unreadable as flaw:
            raise Ambiguous(f"ComfyUI answered unreadably. {flaw}") from None
        if found is None:
            return Status(state=State.ABSENT)
        return replace(found, context={"base_url": base_url})

    def find(self, attempt: AttemptView) -> Status | None:
        """Return what a poll says, for the id is ours; None when the server does not answer."""
        try:
            return self.poll(attempt)
        except BackendError:
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Take the attempt out of the queue, or interrupt it by its id.

        An interrupt without an id would end whatever runs. What was taken out leaves no trace:
        that it is nowhere is then the proof.
        """
        base_url, prompt_id = self._place_of(attempt)
        state = self.poll(attempt).state
        if state == State.QUEUED:
            self._post(f"{base_url}/queue", {"delete": [prompt_id]})
            state = self.poll(attempt).state
            if state == State.ABSENT:
                return CancelResult.CANCELED
        if state == State.ABSENT:
            return CancelResult.ABSENT
        if state in FINAL_STATES:
            return CancelResult.TOO_LATE
        if state == State.RUNNING:
            self._post(f"{base_url}/interrupt", {"prompt_id": prompt_id})
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films that the server has saved, as checked temporary files.

        They stand at the server itself, which may be a private one: the entry names it.
        """
        base_url = status.context.get("base_url", self.base_url)
        return read_outputs(
            [
                f"{base_url}/view?{word.removeprefix(answers.VIEW_WORD)}"
                for word in status.outputs
                if word.startswith(answers.VIEW_WORD)
            ],
            policy=trusting(self.fetch, base_url),
            headers={"Authorization": f"Bearer {self.secret}"},
        )

    def health(self) -> Health:
        """Return READY when the server describes itself; its queue is no matter of health."""
        try:
            version = answers.read_version(self._get(f"{self.base_url}/system_stats"))
        except (BackendError, Unreadable) as error:
            return Health(readiness=Readiness.DOWN, message=str(error))
        return Health(readiness=Readiness.READY, version=version)

    def _place_of(self, attempt: AttemptView) -> tuple[str, str]:
        """Return where the attempt was queued, and under which id; it is ours from the start."""
        base_url = attempt.context.get("base_url", self.base_url)
        return base_url, attempt.provider_id or attempt.id

    def _get(self, url: str) -> bytes:
        reply = self._call("GET", url)
        require_accepted(reply, reason="ComfyUI does not answer this question.")
        return reply.body

    def _post(self, url: str, body: Mapping[str, object]) -> None:
        require_accepted(self._call("POST", url, body), reason="ComfyUI does not obey.")

    def _call(self, method: str, url: str, body: Mapping[str, object] | None = None) -> wire.Reply:
        forbid_transaction("A call to ComfyUI")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.secret}"}
        headers |= tracing.headers()
        if body is None:
            return wire.call(method, url, headers=headers)
        headers["Content-Type"] = "application/json"
        return wire.call(method, url, headers=headers, body=json.dumps(body).encode())


def _build(connection: Connection) -> Backend:
    options = ComfyuiOptions.model_validate(connection.options.model_dump())
    return ComfyuiBackend(
        base_url=connection.url,
        secret=connection.secret,
        templates=options.templates,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=ComfyuiOptions, is_own=True)

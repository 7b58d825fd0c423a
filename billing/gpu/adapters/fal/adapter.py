"""fal's queue: one POST hands over, a signed callback or two GETs bring the end."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from django.utils.translation import gettext as _
from pydantic import Field

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.fal import answers
from billing.gpu.adapters.fal.signing import is_signed
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.kinds import Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.phrases import ANY_MODEL, Phrases, phrased
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    AuthError,
    Backend,
    BackendError,
    CancelResult,
    Caps,
    Fail,
    Health,
    Output,
    Readiness,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable, part, read_object
from billing.gpu.replies import callback_read, require_accepted

_START_SECONDS_MIN: Final = 2  # fal takes what is above one second
_DAY: Final = 86_400
# Namespaces that stand before the owner; everything else begins with the owner itself.
_NAMESPACES: Final = ("workflows", "comfy")
# The statuses by which a response tells that its request has failed for a reason of its own.
_ENDED_ILL: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class FalOptions(Options):
    """What an entry of this kind must be told; README.md has an example.

    Attributes:
        models: by the vendor's name of a model, how it is told an order; "*" for all others.
        keys_url: where fal publishes the keys that sign its callbacks.
        priority: where our orders stand in fal's queue.
        health_app: an app that is asked about a request that never was, to see that our key counts.
    """

    models: Annotated[dict[str, Phrases], Field(min_length=1)]
    keys_url: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")] = (
        "https://rest.fal.ai/.well-known/jwks.json"
    )
    priority: Literal["normal", "low"] = "normal"
    health_app: Annotated[str, Field(pattern=r"^\w[\w.-]*/\w[\w.-]*$")] = "fal-ai/fast-sdxl"


@dataclass(frozen=True, kw_only=True)
class FalBackend:
    """One account at fal.

    Attributes:
        base_url: the queue's, without a trailing slash.
        key: sent as `Authorization: Key …`.
    """

    base_url: str
    key: str = field(repr=False)
    options: FalOptions
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What fal can do, by its documents and its own client."""
        return Caps(
            poll=True,
            cancel_queued=True,
            cancel_running=True,
            callback="ed25519_jwks",
            callback_retry_seconds=2 * 3600,
            output="url_ttl",
            output_ttl_seconds=_DAY,
            retention_seconds=_DAY,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over, and which app is asked about it."""
        _place, app = _place_of(attempt.model)
        return {"base_url": self.base_url, "app": app}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST; fal takes no id of ours."""
        models = self.options.models
        phrases = models.get(attempt.model) or models.get(ANY_MODEL)
        if phrases is None:
            raise AuthError(f"The options say nothing of the model {attempt.model!r}.")
        place, _app = _place_of(attempt.model)
        order = phrased(attempt.input, phrases)
        report_to = quote(attempt.callback_url, safe="")
        reply = self._call(
            "POST", f"{self.base_url}/{place}?fal_webhook={report_to}", order, self._wishes(attempt)
        )
        _require_accepted(reply)
        try:
            said = read_object(reply.body)
            return Status(state=State.QUEUED, provider_id=answers.request_id(said))
        except Unreadable as flaw:
            raise Ambiguous(f"The backend answered {reply.status}, unreadably. {flaw}") from None

    def poll(self, attempt: AttemptView) -> Status:
        """Return what fal says now: where the request stands, and how it ended if it did."""
        address = self._address_of(attempt)
        reply = self._call("GET", f"{address}/status")
        if reply.status == HTTPStatus.NOT_FOUND and answers.is_response(reply.body):
            return Status(state=State.ABSENT, provider_id=attempt.provider_id)
        _require_accepted(reply)
        try:
            status = answers.read_progress(read_object(reply.body), attempt.provider_id)
            if status.state == State.FAILED and status.fail == Fail.PROVIDER:
                return self._better_known(status, address)
            if status.state != State.SUCCEEDED:
                return status
            ended = self._ended(address, attempt.provider_id)
        except Unreadable as flaw:
            raise Ambiguous(f"The backend answered unreadably. {flaw}") from None
        return replace(ended, usage=status.usage, raw={**status.raw, **ended.raw})

    def find(self, attempt: AttemptView) -> Status | None:
        """Return None: fal lists nothing, and stores nothing of ours that could be asked for."""
        return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Take it from the queue, or ask the model to stop, which it may or may not do."""
        reply = self._call("PUT", f"{self._address_of(attempt)}/cancel")
        try:
            word = str(part(read_object(reply.body), "status") or "").upper()
        except Unreadable:
            word = ""
        if reply.status == HTTPStatus.NOT_FOUND and word == "NOT_FOUND":
            return CancelResult.ABSENT
        if word == "ALREADY_COMPLETED":
            return CancelResult.TOO_LATE
        _require_accepted(reply)
        return CancelResult.CANCELED if word == "OK" else CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films, checked; their addresses need no key."""
        return read_outputs(status.outputs, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`, after checking its signature."""
        address = self.options.keys_url
        try:
            signed = is_signed(
                headers, raw_body, address=address, fetch=lambda: _published(address), now=now
            )
        except (BackendError, Unreadable):
            # fal repeats a callback for two hours, and polling brings the end meanwhile.
            raise CallbackUnauthenticated(_("The backend's keys cannot be read.")) from None
        if not signed:
            raise CallbackUnauthenticated(_("This callback is not signed by the backend."))
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`."""
        with callback_read():
            return answers.read_report(read_object(raw_body), attempt.provider_id)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: fal tries no address out."""
        return None

    def health(self) -> Health:
        """Return READY when fal knows our key: it then denies a request that never was."""
        nobody = "00000000-0000-0000-0000-000000000000"
        url = f"{self.base_url}/{self.options.health_app}/requests/{nobody}/status"
        try:
            reply = self._call("GET", url)
        except BackendError as error:
            return Health(readiness=Readiness.DOWN, message=error.message)
        if reply.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            return Health(readiness=Readiness.READY)
        if reply.status == HTTPStatus.NOT_FOUND and answers.is_response(reply.body):
            return Health(readiness=Readiness.READY)
        return Health(readiness=Readiness.DOWN, message=f"It answered {reply.status}.")

    def _better_known(self, failure: Status, address: str) -> Status:
        """Return the failure as its response tells it, where the status has said too little."""
        try:
            told = self._ended(address, failure.provider_id)
        except (BackendError, Unreadable):
            return failure
        return failure if told.fail in (None, Fail.EMPTY) else told

    def _ended(self, address: str, provider_id: str) -> Status:
        """Return how a request that has ended did: only its response tells.

        Raises:
            BackendError: no answer of fal's own; then nothing is known yet.
            Unreadable: no object, or a refusal that names no kind: perhaps of the question alone.
        """
        reply = self._call("GET", address)
        if reply.status in _ENDED_ILL and answers.is_response(reply.body):
            said = _with_its_kind(reply)
            if answers.names_its_kind(said):
                return answers.read_failure(said, provider_id)
            if answers.is_still_running(said):
                return Status(state=State.RUNNING, provider_id=provider_id)
            raise Unreadable("It does not say how the request ended.")
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR and _names_its_kind(reply):
            return answers.read_failure(_with_its_kind(reply), provider_id)
        _require_accepted(reply)
        return answers.read_result(read_object(reply.body), provider_id)

    def _wishes(self, attempt: AttemptView) -> dict[str, str]:
        """Return how fal's queue is to treat the order: what starts after our deadline is lost."""
        wishes: dict[str, str] = {"X-Fal-Queue-Priority": self.options.priority}
        if attempt.deadline_seconds:
            seconds = max(_START_SECONDS_MIN, attempt.deadline_seconds)
            wishes["X-Fal-Request-Timeout"] = str(seconds)
        return wishes

    def _address_of(self, attempt: AttemptView) -> str:
        """Return where the request is asked about, made from what we know, never from a reply."""
        if not attempt.provider_id:
            raise Unsupported("fal knows no request without its id.")
        app = attempt.context.get("app") or _place_of(attempt.model)[1]
        base = attempt.context.get("base_url", self.base_url)
        return f"{base}/{app}/requests/{quote(attempt.provider_id, safe='')}"

    def _call(
        self,
        method: str,
        url: str,
        order: Mapping[str, object] | None = None,
        head: Mapping[str, str] | None = None,
    ) -> wire.Reply:
        headers = {"Accept": "application/json", "Authorization": f"Key {self.key}"}
        body = b""
        if order is not None:
            body = json.dumps(order).encode()
            headers |= {"Content-Type": "application/json", **(head or {})}
        return wire.call(method, url, headers=headers, body=body)


def _place_of(model: str) -> tuple[str, str]:
    """Return where a model is ordered, and where its requests are asked about.

    `fal-ai/kling-video/v2/text-to-video` is ordered at its whole name, and asked about at
    `fal-ai/kling-video`: owner and app alone.

    Raises:
        AuthError: it is no name of a model.
    """
    steps = model.split("/")
    head = 3 if steps[0] in _NAMESPACES else 2
    if len(steps) < head or not all(steps) or any(set(step) == {"."} for step in steps):
        raise AuthError(f"{model!r} is no model of fal's; the entry names it.")
    quoted = [quote(step, safe="") for step in steps]
    return "/".join(quoted), "/".join(quoted[:head])


def _published(address: str) -> bytes:
    reply = wire.call("GET", address, headers={"Accept": "application/json"})
    require_accepted(reply, reason="the keys did not come")
    return reply.body


def _names_its_kind(reply: wire.Reply) -> bool:
    """Say whether a 5xx is the stored end of a request: a gateway in trouble names no kind."""
    try:
        return bool(part(_with_its_kind(reply), "error_type"))
    except Unreadable:
        return False


def _with_its_kind(reply: wire.Reply) -> dict[str, Any]:
    """Return what a response says of an end; of a plain sentence its head alone names the kind.

    Raises:
        Unreadable: it is no object.
    """
    kind = reply.headers.get("x-fal-error-type")
    return ({"error_type": kind} if kind else {}) | read_object(reply.body)


def _require_accepted(reply: wire.Reply) -> None:
    try:
        said = read_object(reply.body)
    except Unreadable:
        said = {}
    fail = Fail.MODERATION if answers.is_moderated(said) else Fail.INVALID_INPUT
    require_accepted(reply, reason=answers.refusal_text(said), fail=fail)


def _build(connection: Connection) -> Backend:
    assert isinstance(connection.options, FalOptions)
    return FalBackend(
        base_url=connection.url,
        key=connection.secret,
        options=connection.options,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=FalOptions)

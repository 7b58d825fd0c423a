"""Replicate: one POST makes a prediction, a signed callback or a GET brings its end."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

from django.utils.translation import gettext as _
from pydantic import AfterValidator, Field, SecretStr
from standardwebhooks import Webhook

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.replicate import answers
from billing.gpu.adapters.replicate.signing import is_signed
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.kinds import Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.phrases import ANY_MODEL, Phrases, phrased
from billing.gpu.protocol import (
    FINAL_STATES,
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
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable, read_object
from billing.gpu.replies import callback_read, health_by, require_accepted, require_ok

# "output" and "logs" would come twice a second, and hold what we do not keep.
_EVENTS: Final = ("start", "completed")
_CANCEL_AFTER_SECONDS_MIN: Final = 5
_HOUR: Final = 3600


def _usable(secret: SecretStr) -> SecretStr:
    plain = secret.get_secret_value()
    if not plain.startswith("whsec_"):
        raise ValueError("must begin with whsec_")
    try:
        Webhook(plain)
    except Exception:  # noqa: BLE001 (whatever it is, the secret is none)
        raise ValueError("must be base64 after whsec_") from None
    return secret


class ReplicateOptions(Options):
    """What an entry of this kind must be told; README.md has an example.

    Attributes:
        webhook_secret: what `GET /v1/webhooks/default/secret` answers; signs the callbacks.
        models: by the vendor's name of a model, how it is told an order; "*" for all others.
    """

    webhook_secret: Annotated[SecretStr, AfterValidator(_usable)]
    models: Annotated[dict[str, Phrases], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ReplicateBackend:
    """One account at Replicate.

    Attributes:
        base_url: without a trailing slash and without `/v1`.
        token: sent as a bearer's token.
    """

    base_url: str
    token: str = field(repr=False)
    options: ReplicateOptions
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What Replicate can do, by its documents and its own clients."""
        return Caps(
            poll=True,
            find=True,
            list=True,
            cancel_queued=True,
            cancel_running=True,
            callback="standard_webhooks",
            callback_retry_seconds=120,
            output="url_ttl",
            output_ttl_seconds=_HOUR,
            retention_seconds=_HOUR,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over."""
        return {"base_url": self.base_url}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST; Replicate takes no id of ours."""
        models = self.options.models
        phrases = models.get(attempt.model) or models.get(ANY_MODEL)
        if phrases is None:
            raise AuthError(f"The options say nothing of the model {attempt.model!r}.")
        path, version = _place_of(attempt.model)
        order = version | {
            "input": phrased(attempt.input, phrases),
            "webhook": attempt.callback_url,
            "webhook_events_filter": _EVENTS,
        }
        reply = self._call("POST", f"{self.base_url}{path}", order, _deadline(attempt))
        _require_accepted(reply)
        return _read(reply)

    def poll(self, attempt: AttemptView) -> Status:
        """Return what Replicate says now; an hour after its end it has forgotten the film."""
        reply = self._call("GET", self._address_of(attempt))
        if reply.status == HTTPStatus.NOT_FOUND and answers.is_unknown_id(reply.body):
            return Status(state=State.ABSENT, provider_id=attempt.provider_id)
        _require_accepted(reply)
        return _read(reply, attempt.provider_id)

    def find(self, attempt: AttemptView) -> Status | None:
        """Return the attempt's prediction if the newest hundred hold one with its callback.

        None otherwise: it may stand further back, or nowhere.
        """
        try:
            reply = self._call("GET", f"{_base_of(attempt, self.base_url)}/v1/predictions")
            _require_accepted(reply)
            return answers.ours_among(read_object(reply.body), attempt.callback_url)
        except (BackendError, Unreadable):
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Ask Replicate to stop it; what ran until then is charged."""
        reply = self._call("POST", f"{self._address_of(attempt)}/cancel")
        if reply.status == HTTPStatus.NOT_FOUND and answers.is_unknown_id(reply.body):
            return CancelResult.ABSENT
        _require_accepted(reply)
        state = _read(reply, attempt.provider_id).state
        if state == State.CANCELED:
            return CancelResult.CANCELED
        return CancelResult.TOO_LATE if state in FINAL_STATES else CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films, checked; their addresses need no key, and hold for an hour."""
        return read_outputs(status.outputs, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`, after checking its signature."""
        secret = self.options.webhook_secret.get_secret_value()
        if not is_signed(headers, raw_body, secret=secret, now=now):
            raise CallbackUnauthenticated(_("This callback is not signed by the backend."))
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`."""
        with callback_read():
            return answers.read_status(read_object(raw_body), attempt.provider_id)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: Replicate tries no address out."""
        return None

    def health(self) -> Health:
        """Return READY when Replicate knows our token; it does not say how full it is."""
        return health_by(lambda: require_ok(self._call("GET", f"{self.base_url}/v1/account")))

    def _address_of(self, attempt: AttemptView) -> str:
        if not attempt.provider_id:
            raise Unsupported("Replicate knows no prediction without its id.")
        base = _base_of(attempt, self.base_url)
        return f"{base}/v1/predictions/{quote(attempt.provider_id, safe='')}"

    def _call(
        self,
        method: str,
        url: str,
        order: Mapping[str, object] | None = None,
        head: Mapping[str, str] | None = None,
    ) -> wire.Reply:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        body = b""
        if order is not None:
            body = json.dumps(order).encode()
            headers |= {"Content-Type": "application/json", **(head or {})}
        return wire.call(method, url, headers=headers, body=body)


def _place_of(model: str) -> tuple[str, dict[str, Any]]:
    """Return where a model is ordered, and the version where the order must say it.

    `owner/name` is an official model, `owner/name:version` or a bare version any other, and
    `deployments/owner/name` one's own machines.
    """
    steps = [quote(step, safe="") for step in model.split("/")]
    if ":" in model or len(steps) == 1:
        return "/v1/predictions", {"version": model.rpartition(":")[2]}
    folder = "" if steps[0] == "deployments" else "models/"
    return f"/v1/{folder}{'/'.join(steps)}/predictions", {}


def _deadline(attempt: AttemptView) -> dict[str, str]:
    """Return the header by which Replicate itself gives up at our deadline."""
    if not attempt.deadline_seconds:
        return {}
    return {"Cancel-After": f"{max(_CANCEL_AFTER_SECONDS_MIN, attempt.deadline_seconds)}s"}


def _base_of(attempt: AttemptView, configured: str) -> str:
    """Return where the attempt was handed over; the entry may name another address since."""
    return attempt.context.get("base_url", configured)


def _require_accepted(reply: wire.Reply) -> None:
    reason = answers.refusal_text(reply.body)
    fail = Fail.MODERATION if answers.is_moderated(reason) else Fail.INVALID_INPUT
    require_accepted(reply, reason=reason, fail=fail)


def _read(reply: wire.Reply, provider_id: str = "") -> Status:
    try:
        return answers.read_status(read_object(reply.body), provider_id)
    except Unreadable as flaw:
        raise Ambiguous(f"The backend answered {reply.status}, unreadably. {flaw}") from None


def _build(connection: Connection) -> Backend:
    assert isinstance(connection.options, ReplicateOptions)
    return ReplicateBackend(
        base_url=connection.url,
        token=connection.secret,
        options=connection.options,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=ReplicateOptions)

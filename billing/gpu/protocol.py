"""What every GPU backend can be asked, and every answer it may give. Adapters implement it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Final, Literal, Protocol


class State(StrEnum):
    """What a backend says of one attempt; each vendor's words are mapped to these."""

    QUEUED = "queued"  # taken, not started
    RUNNING = "running"  # started; also every word that we do not know
    SUCCEEDED = "succeeded"  # ended, and there is an output
    FAILED = "failed"  # ended without a usable output; `fail` says why
    CANCELED = "canceled"  # ended because we asked
    EXPIRED = "expired"  # ended because the backend's own deadline passed
    ABSENT = "absent"  # the backend answered well, and knows no such attempt


FINAL_STATES: Final = (State.SUCCEEDED, State.FAILED, State.CANCELED, State.EXPIRED)


class Fail(StrEnum):
    """Why an attempt ended without a video."""

    MODERATION = "moderation"  # the backend's judge refused the order or the result
    INVALID_INPUT = "invalid_input"  # the backend refused the order's values
    PROVIDER = "provider"  # a defect on the backend's side
    OOM = "oom"  # the backend ran out of memory
    TIMEOUT = "timeout"  # the backend gave up
    CANCELED = "canceled"
    LOST = "lost"  # the backend forgot it, as after a crash
    EMPTY = "empty"  # called a success, and nothing usable came


class BackendError(Exception):
    """A call to a backend that brought no answer about the attempt.

    Attributes:
        message: one sentence for operators; holds no prompt and no secret.
        sent: False when the backend has certainly not taken the order, None when nobody knows.
    """

    sent: bool | None = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotSent(BackendError):
    """No byte of the request left: a new attempt may go to any backend."""


class AtCapacity(BackendError):
    """Answered "later": nothing was taken, nothing was spent.

    Attributes:
        retry_after_seconds: what the backend asked for, 0 when it named nothing.
    """

    def __init__(self, message: str, *, retry_after_seconds: int = 0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Rejected(BackendError):
    """Refused on the merits of the order; another try of the same order would be refused too."""

    def __init__(self, message: str, *, fail: Fail) -> None:
        super().__init__(message)
        self.fail = fail


class Unmakeable(Rejected):
    """Our adapter cannot tell this backend the order: nothing was sent, another may make it."""


class AuthError(BackendError):
    """The backend refuses us, not the order: key, balance or address. An operator must look."""


class Ambiguous(BackendError):
    """Sent, and no usable answer: it may run, it may not. Never send it again blindly."""

    sent = None


class Unsupported(BackendError):
    """The backend's protocol has no such question; `caps` says so beforehand."""


class BadOutput(BackendError):
    """What the backend calls its output is none, too large, or stands where we do not fetch."""


class NotFetched(BackendError):
    """An output was not copied this time; it may still be there. Ask for it again."""


class OddOutput(NotFetched):
    """What was downloaded is no film. A store in trouble answers so, too: ask again for a while."""


@dataclass(frozen=True, kw_only=True)
class Caps:
    """What a backend can do, so that the dispatcher asks instead of assuming.

    Attributes:
        client_id: what our attempt id is worth when an order is sent twice.
        poll: final states can be asked for; without it only callbacks bring them.
        find: an ambiguous order can be looked up by its attempt id.
        list: an ambiguous order can be looked for among those that the backend lists.
        cancel_queued, cancel_running: it stops what waits, or what runs; of one that stops neither
            nothing is asked.
        callback: how a callback is authenticated, besides the token in its path. One that is
            "unsigned" or has a mere "bearer" is a hint where the backend can be polled: its word
            is asked for, not believed.
        callback_retry_seconds: how long a final callback may still arrive after the backend has
            forgotten the attempt; before that, `ABSENT` does not yet mean lost.
        output: where a film comes from; one that comes "inline" makes a callback long.
        output_ttl_seconds: how long an output can be fetched after its end.
        retention_seconds: how long an attempt that has ended can be asked about; None: no end is
            known, 0: it is forgotten at once.
        poll_seconds: how long to wait between two questions about one attempt.
        in_flight_max: how many attempts the vendor allows at once; None: no bound is known.
        extends_own_only: it continues no film but one that it made itself, by `AttemptView.parent`.
    """

    client_id: Literal[
        "idempotent_inflight", "accepted_not_unique", "query_by_external_id", "none"
    ] = "none"
    poll: bool = False
    find: bool = False
    list: bool = False
    cancel_queued: bool = False
    cancel_running: bool = False
    callback: Literal["none", "unsigned", "bearer", "hmac", "standard_webhooks", "ed25519_jwks"] = (
        "none"
    )
    callback_retry_seconds: int = 0
    output: Literal["url_ttl", "upload", "file_api", "inline"] = "url_ttl"
    output_ttl_seconds: int | None = None
    retention_seconds: int | None = None
    poll_seconds: int = 10
    in_flight_max: int | None = None
    extends_own_only: bool = False


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """What an adapter may know of one attempt.

    Attributes:
        id: ours; also the idempotency key where the backend takes one.
        model: the vendor's name of the ordered model, as the setting BACKENDS maps it.
        input: the order in our words, every dimension in full; `input["model"]` is our code.
        callback_url: where the backend reports, with our token in its path.
        deadline_seconds: how long it may take, for backends that give up by themselves.
        provider_id: the backend's id, "" until it gave one.
        context: what the adapter asked to be remembered, from before its submit on.
        parent: what it asked to be remembered of the run that this one continues, where the same
            backend made that; else nothing.
    """

    id: str
    model: str = ""
    input: Mapping[str, object] = field(default_factory=dict)
    callback_url: str = ""
    deadline_seconds: int = 0
    provider_id: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    parent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Status:
    """One backend's word on one attempt, in our terms.

    Attributes:
        progress: 0..1, None when nothing was said. For eyes only; never near money.
        outputs: where the results are: `data:` and `https:` addresses, or a word of the adapter's
            own that its `fetch_outputs` understands; large, do not log.
        fail: set if and only if the state is FAILED, CANCELED or EXPIRED.
        message: the backend's reason, shortened.
        usage: what the backend says it spent, by unit.
        provider_charged: None when the backend does not say.
        raw: the answer without outputs and inputs, shortened; small enough to store.
        context: what else to remember for later questions.
    """

    state: State
    provider_id: str = ""
    progress: float | None = None
    outputs: tuple[str, ...] = ()
    fail: Fail | None = None
    message: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    provider_charged: bool | None = None
    raw: Mapping[str, object] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Output:
    """One finished file, checked: an mp4 or a still picture, whole, within the size allowed.

    Attributes:
        file: open at its first byte; gone when the iteration moves on.
        mime: by its bytes: "video/mp4", "image/png", "image/jpeg" or "image/webp".
        milliseconds: how long it plays, by its own header; 0: a picture.
    """

    file: BinaryIO
    mime: str
    bytes: int
    milliseconds: int
    width: int
    height: int


class CancelResult(StrEnum):
    """What became of our wish to cancel."""

    CANCELED = "canceled"  # it has ended by it
    REQUESTED = "requested"  # heard; ask again if no final state comes, for it may be lost
    TOO_LATE = "too_late"  # it had ended before
    ABSENT = "absent"  # not in flight: it had ended before, or never came
    UNSUPPORTED = "unsupported"


class Readiness(StrEnum):
    """Whether a backend would take an order now."""

    READY = "ready"
    BUSY = "busy"  # well, and every slot taken
    DOWN = "down"  # not answering, starting, or broken


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a backend is; `message` is for operators."""

    readiness: Readiness
    message: str = ""
    version: str = ""


class Backend(Protocol):
    """One GPU backend. Every method that may call it refuses to run inside a transaction."""

    @property
    def caps(self) -> Caps:
        """What this backend can do."""
        ...

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return by what the attempt can be asked about, before it is handed over; calls nobody.

        It is committed first: of an order without an answer nothing else is known, and the entry
        may name another address or key by the time that it is asked about.

        Raises:
            BackendError: it cannot be handed over; `submit` says the same.
        """
        ...

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over, once; no retry inside. Its context is what `remembered` said.

        Raises:
            BackendError: NotSent, AtCapacity, Rejected, AuthError or Ambiguous.
        """
        ...

    def poll(self, attempt: AttemptView) -> Status:
        """Return what the backend says now; never invents an end.

        Raises:
            BackendError: no usable answer, or Unsupported.
        """
        ...

    def find(self, attempt: AttemptView) -> Status | None:
        """Return whether the backend has it (RUNNING), has it not (ABSENT), or None: cannot tell.

        Never starts, ends or changes anything.
        """
        ...

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Ask the backend to stop; the attempt ends by what the backend then reports.

        Raises:
            BackendError: no usable answer.
        """
        ...

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield each output, checked, as an open temporary file.

        Raises:
            BadOutput: neither film nor picture, too large, or at an address that we do not fetch.
            OddOutput: a download is neither film nor picture, this time.
            NotFetched, or another BackendError: a download failed; another try may succeed.
        """
        ...

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Authenticate a callback, and return what it says of the attempt named in its signed path.

        It may come before the reply to `submit`: then `attempt.provider_id` is still "".

        Args:
            now: for the two-sided check of a signature's own instant.

        Raises:
            CallbackUnauthenticated: not from this backend.
            CallbackMalformed: unreadable, or about another attempt.
        """
        ...

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback that was authenticated before, and stored since, says.

        Raises:
            CallbackMalformed: unreadable, or about another attempt.
        """
        ...

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return what must be echoed when a vendor tries our address out; None: it is a callback.

        Says nothing about any attempt, and may be asked by anybody who has a signed path.
        """
        ...

    def health(self) -> Health:
        """Return how the backend is; a backend that does not answer is DOWN, never an error."""
        ...

"""`/v1/videos`: one POST hands over, a GET tells how it is; no callback, no cancelling, no find."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import Field

from billing.egress import PUBLIC, FetchPolicy, trusting
from billing.gpu import wire
from billing.gpu.adapters.openai_videos import answers
from billing.gpu.adapters.openai_videos.orders import VideoPhrases, form_of
from billing.gpu.kinds import CallsNobody, Connection, Kind, Options
from billing.gpu.outputs import read_outputs
from billing.gpu.phrases import ANY_MODEL
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    Backend,
    BadOutput,
    CancelResult,
    Caps,
    Fail,
    Health,
    Output,
    Rejected,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable, read_object
from billing.gpu.replies import health_by, require_accepted, require_ok, retry_after_seconds

_REFUSALS: Final = range(400, 500)


class VideosOptions(Options):
    """What an entry of this kind may be told; README.md has an example.

    Attributes:
        models: by the vendor's name of a model, how it is told an order; "*" for all others.
        outputs: "content": the film is asked for by its id; "url": the answer names its address.
        health_path: a cheap question that needs the key.
        output_ttl_seconds: how long a film can be fetched after its end.
    """

    models: dict[str, VideoPhrases] = Field(default_factory=lambda: {ANY_MODEL: VideoPhrases()})
    outputs: Literal["content", "url"] = "content"
    health_path: Annotated[str, Field(pattern=r"^/[\w/.-]+(\?[\w=&]+)?$")] = "/v1/models"
    output_ttl_seconds: Annotated[int, Field(ge=60)] = 3600


@dataclass(frozen=True, kw_only=True)
class VideosBackend(CallsNobody):
    """One server or gateway that speaks `/v1/videos`.

    Attributes:
        base_url: without a trailing slash and without `/v1`.
        key: sent as a bearer's token.
    """

    base_url: str
    key: str = field(repr=False)
    options: VideosOptions = field(default_factory=VideosOptions)
    fetch: FetchPolicy = PUBLIC

    @property
    def caps(self) -> Caps:
        """What the protocol can do: little, which is why so many speak it."""
        return Caps(
            poll=True,
            output="file_api" if self.options.outputs == "content" else "url_ttl",
            output_ttl_seconds=self.options.output_ttl_seconds,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over."""
        return {"base_url": self.base_url}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST; the protocol has no place for our id."""
        models = self.options.models
        phrases = models.get(attempt.model) or models.get(ANY_MODEL)
        if phrases is None:
            raise AuthError(f"The options say nothing of the model {attempt.model!r}.")
        head, body = _multipart(form_of(attempt.model, attempt.input, phrases))
        reply = self._call("POST", f"{self.base_url}/v1/videos", head=head, body=body)
        _require_accepted(reply)
        try:
            video = answers.unwrapped(read_object(reply.body))
            return answers.read_status(video, answers.video_id(video), named=self._named)
        except Unreadable as flaw:
            raise Ambiguous(f"The backend answered {reply.status}, unreadably. {flaw}") from None

    def poll(self, attempt: AttemptView) -> Status:
        """Return what the server says now."""
        if not attempt.provider_id:
            raise Unsupported("The protocol finds no video without its id.")
        base = _base_of(attempt.context, self.base_url)
        reply = self._call("GET", _address_of(base, attempt.provider_id))
        if reply.status == HTTPStatus.NOT_FOUND and answers.is_unknown_id(reply.body):
            return Status(state=State.ABSENT, provider_id=attempt.provider_id)
        _require_accepted(reply)
        try:
            video = answers.unwrapped(read_object(reply.body))
            status = answers.read_status(video, attempt.provider_id, named=self._named)
        except Unreadable as flaw:
            raise Ambiguous(f"The backend answered {reply.status}, unreadably. {flaw}") from None
        return replace(status, context={"base_url": base})

    def find(self, attempt: AttemptView) -> Status | None:
        """Return None: the list holds nothing of ours, and two orders may be alike."""
        return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Return UNSUPPORTED: DELETE throws the film away, and stops nothing."""
        return CancelResult.UNSUPPORTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films, checked; those without an address are asked for by their id.

        Only these stand at the server itself: it alone is shown the key, and may be a private one.
        """
        named = [output for output in status.outputs if not output.startswith(answers.CONTENT_WORD)]
        yield from read_outputs(named, policy=self.fetch)
        if len(named) < len(status.outputs):
            base = _base_of(status.context, self.base_url)
            yield from read_outputs(
                [f"{_address_of(base, _id_in(status))}/content"],
                policy=trusting(self.fetch, base),
                headers=self._credentials,
            )

    def health(self) -> Health:
        """Return READY when the server knows our key; it does not say how full it is."""
        return health_by(
            lambda: require_ok(self._call("GET", f"{self.base_url}{self.options.health_path}"))
        )

    @property
    def _named(self) -> bool:
        return self.options.outputs == "url"

    def _call(
        self, method: str, url: str, *, head: Mapping[str, str] | None = None, body: bytes = b""
    ) -> wire.Reply:
        headers = {"Accept": "application/json", **self._credentials, **(head or {})}
        return wire.call(method, url, headers=headers, body=body)

    @property
    def _credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def _require_accepted(reply: wire.Reply) -> None:
    """Return for a yes; a gateway's code goes before its status, which is often a mere 400 or 200.

    Raises:
        BackendError: as `replies.require_accepted`, and by the code in the body.
    """
    try:
        body: Mapping[str, Any] = read_object(reply.body)
    except Unreadable:
        require_accepted(reply, reason="the backend gave no reason")
        return
    reason = answers.refusal_text(body)
    well = reply.status < HTTPStatus.MULTIPLE_CHOICES
    if reply.status in _REFUSALS or (well and answers.is_refusal(body)):
        _raise_by_code(answers.refused_as(body), reason, reply)
    require_accepted(reply, reason=reason)


def _raise_by_code(meaning: str, reason: str, reply: wire.Reply) -> None:
    if meaning == "moderation":
        raise Rejected(reason, fail=Fail.MODERATION)
    if meaning == "balance":
        raise AuthError(reason)
    if meaning == "later":
        raise AtCapacity(reason, retry_after_seconds=retry_after_seconds(reply))
    if meaning == "input" and reply.status not in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
    ):
        raise Rejected(reason, fail=Fail.INVALID_INPUT)


def _multipart(fields: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Return head and body of a form: all servers take one, and some take nothing else."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join([*parts, f"--{boundary}--\r\n"]).encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def _base_of(context: Mapping[str, str], configured: str) -> str:
    """Return where the attempt was handed over; the entry may name another address since."""
    return context.get("base_url", configured)


def _id_in(status: Status) -> str:
    """Return whose content the status names.

    Raises:
        BadOutput: another video's.
    """
    if set(status.outputs) != {f"{answers.CONTENT_WORD}{status.provider_id}"}:
        raise BadOutput("The output belongs to another video.")
    return status.provider_id


def _address_of(base: str, provider_id: str) -> str:
    return f"{base}/v1/videos/{quote(provider_id, safe='')}"


def _build(connection: Connection) -> Backend:
    assert isinstance(connection.options, VideosOptions)
    return VideosBackend(
        base_url=connection.url,
        key=connection.secret,
        options=connection.options,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=VideosOptions)

"""Kling's own API: one POST hands over, our id finds it again, callbacks are mere hints."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast
from urllib.parse import quote

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.adapters.kling import answers, orders
from billing.gpu.adapters.kling.tokens import token
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
from billing.gpu.reading import Unreadable, part, read_object
from billing.gpu.replies import callback_read, health_by

_DAY_SECONDS: Final = 86_400
# Kling does not say how long it repeats a callback, nor how soon a new task can be asked about:
# for so long a denial is not believed.
_CALLBACK_RETRY_SECONDS: Final = 600


class KlingOptions(Options):
    """What only Kling has to be told.

    Attributes:
        access_key: of the pair whose secret key is the entry's `secret`; calls are signed with
            it. "": the entry's `secret` is an API key, and goes along as it is.
    """

    access_key: str = ""


@dataclass(frozen=True, kw_only=True)
class KlingBackend:
    """One account at Kling.

    Attributes:
        base_url: the region's host, without a trailing slash.
        secret: the secret key, or an API key.
        access_key: of the pair; "" where `secret` is an API key.
        clock: seconds since 1970, by which calls are signed.
    """

    base_url: str
    secret: str = field(repr=False)
    access_key: str = ""
    fetch: FetchPolicy = PUBLIC
    clock: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    @property
    def caps(self) -> Caps:
        """What Kling can do, by its documents."""
        return Caps(
            client_id="query_by_external_id",
            poll=True,
            find=True,
            callback="unsigned",
            callback_retry_seconds=_CALLBACK_RETRY_SECONDS,
            output_ttl_seconds=30 * _DAY_SECONDS,
            retention_seconds=30 * _DAY_SECONDS,
            extends_own_only=True,
        )

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where the attempt is handed over, with which key, and whether it is marked."""
        return {
            "base_url": self.base_url,
            "path": orders.path_of(attempt),
            "key": self._key_name,
            "watermark": "yes" if orders.watermarked(attempt) else "no",
        }

    def submit(self, attempt: AttemptView) -> Status:
        """Hand the attempt over with one POST; our id goes along as `external_task_id`."""
        order = orders.read_order(attempt)
        reply = self._call("POST", f"{self.base_url}{order.path}", order.body)
        return self._task(reply, AttemptView(id=attempt.id, context=attempt.context))

    def poll(self, attempt: AttemptView) -> Status:
        """Return what Kling says of the task, asked by its id, or by ours where it gave none.

        Raises:
            AuthError: it denies a task that was handed over with another key than today's.
            Ambiguous: it denies a task of which it gave the id, and nobody knows to which key.
        """
        base_url = attempt.context.get("base_url") or self.base_url
        path = attempt.context.get("path") or orders.path_of(attempt)
        name = quote(attempt.provider_id or attempt.id, safe="")
        reply = self._call("GET", f"{base_url}{path}/{name}")
        if not answers.is_unknown(reply):
            return self._task(reply, attempt)
        self._require_same_key(attempt)
        return Status(state=State.ABSENT)

    def find(self, attempt: AttemptView) -> Status | None:
        """Return what Kling says of the task under our id; None while it says nothing."""
        try:
            return self.poll(attempt)
        except BackendError:
            return None

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Return UNSUPPORTED: what Kling has begun, it finishes."""
        return CancelResult.UNSUPPORTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the films from where Kling keeps them for thirty days."""
        return read_outputs(status.outputs, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Return what a callback says of `attempt`; nobody vouches for it but its path."""
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what a callback says of `attempt`, with or without the envelope of answers."""
        with callback_read():
            said = read_object(raw_body)
            task = said["data"] if isinstance(part(said, "data", "task_id"), str) else said
            return answers.read_task(task, attempt)

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: Kling tries no address out."""
        return None

    def health(self) -> Health:
        """Return READY when Kling lists our tasks; how many slots are free, it does not say."""
        url = f"{self.base_url}{orders.TEXT}?pageNum=1&pageSize=1"
        return health_by(lambda: answers.require_said(self._call("GET", url)))

    @property
    def _key_name(self) -> str:
        return self.access_key or key_name(self.secret)

    def _require_same_key(self, attempt: AttemptView) -> None:
        key = attempt.context.get("key")
        if key is None and attempt.provider_id:
            raise Ambiguous("Kling denies a task that it knew. Nobody knows by which key.")
        if key not in (None, self._key_name):
            raise AuthError("Kling denies a task that another key has handed over. Ask with that.")

    def _task(self, reply: wire.Reply, attempt: AttemptView) -> Status:
        try:
            return answers.read_task(answers.require_said(reply), attempt)
        except Unreadable as flaw:
            raise Ambiguous(f"Kling answered {reply.status}, unreadably. {flaw}") from None

    def _call(self, method: str, url: str, order: Mapping[str, object] | None = None) -> wire.Reply:
        # A fresh signature for each call: none is ever about to expire.
        key = token(self.access_key, self.secret, at=self.clock()) if self.access_key else ""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {key or self.secret}"}
        body = b""
        if order is not None:
            body = json.dumps(order).encode()
            headers["Content-Type"] = "application/json"
        return wire.call(method, url, headers=headers, body=body)


def _build(connection: Connection) -> Backend:
    options = cast("KlingOptions", connection.options)
    return KlingBackend(
        base_url=connection.url,
        secret=connection.secret,
        access_key=options.access_key,
        fetch=connection.fetch,
    )


KIND: Final = Kind(build=_build, options=KlingOptions)

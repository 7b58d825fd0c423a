"""What an adapter's folder gives to the registry: how its backends are set up and made."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.protocol import AttemptView, Backend, Status


class Options(BaseModel):
    """What only one kind of backend has to be told; an adapter derives its own.

    Checked when the setting BACKENDS is read. An attribute with a secret is a `SecretStr`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One entry of BACKENDS, as the adapter sees it.

    Attributes:
        name: its name in the setting.
        url: where the vendor's API stands, without a trailing slash.
        secret: the entry's `secret`: the vendor's key, or what authenticates its callbacks.
        concurrency: how many attempts it may have at once.
        options: of the kind's own class.
        fetch: where its outputs may be downloaded from; for `read_outputs`.
    """

    name: str
    url: str
    secret: str = field(repr=False)
    concurrency: int = 1
    options: Options = field(default_factory=Options)
    fetch: FetchPolicy = PUBLIC


class CallsNobody:
    """What a backend answers to callbacks that sends none: whoever calls, it is not this one."""

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Raise CallbackUnauthenticated."""
        raise CallbackUnauthenticated(_("This backend sends no callbacks."))

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Raise CallbackUnauthenticated: none was ever stored."""
        raise CallbackUnauthenticated(_("This backend sends no callbacks."))

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: it tries no address out."""
        return None


def key_name(secret: str) -> str:
    """Return by what a key is told from another, and which opens nothing: eight letters."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One protocol that backends speak.

    Attributes:
        build: makes the adapter of one backend; opens no connection.
        options: the class of the entry's `options`.
        is_own: whether operators run such backends themselves, on a network of theirs.
    """

    build: Callable[[Connection], Backend]
    options: type[Options] = Options
    is_own: bool = False

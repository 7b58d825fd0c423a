"""Which backends there are: the setting BACKENDS, checked, and the adapter of each kind."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)

from billing.gpu.cog.adapter import CogBackend
from billing.gpu.errors import NoBackend, UnknownBackend
from billing.gpu.protocol import Backend

ANY_MODEL: Final = "*"


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address with a host")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must have no user, query or fragment")
    return url.rstrip("/")


class BackendConfig(BaseModel):
    """One entry of BACKENDS.

    Attributes:
        url: where the backend listens; without a trailing slash.
        models: the codes of the models it makes; "*" for all.
        secret: authenticates its callbacks; at least 16 characters.
        concurrency: how many attempts it may have at once.
        sandbox: whether it serves sandbox accounts too, because a job on it costs nothing.
        deadline_seconds: how long an attempt may take before it is asked to stop.
        absent_grace_seconds: how long a backend must deny an attempt before it counts as lost;
            by default as long as the backend itself repeats a final callback.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: str
    url: Annotated[str, AfterValidator(_checked_url)]
    secret: Annotated[SecretStr, Field(min_length=16)]
    models: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=64)]], Field(min_length=1)
    ]
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 1
    sandbox: bool = False
    deadline_seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] = 900
    absent_grace_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None

    def makes(self, model: str) -> bool:
        """Say whether the backend makes `model`."""
        return ANY_MODEL in self.models or model in self.models


def _cog(config: BackendConfig) -> Backend:
    return CogBackend(
        base_url=config.url, secret=config.secret.get_secret_value(), concurrency=config.concurrency
    )


# A new adapter adds its folder and its line here.
_ADAPTERS: Final[Mapping[str, Callable[[BackendConfig], Backend]]] = {"cog": _cog}


def configured() -> dict[str, BackendConfig]:
    """Return every configured backend by name, in the order of the setting.

    Raises:
        ImproperlyConfigured: naming each wrong backend and key.
    """
    entries: object = settings.BACKENDS
    if not isinstance(entries, dict):
        raise ImproperlyConfigured("BACKENDS must map names to backends.")
    found: dict[str, BackendConfig] = {}
    flaws: list[str] = []
    for name, entry in entries.items():
        # The name stands in the path of callbacks.
        if not str(name).replace("-", "").replace("_", "").isalnum() or not str(name).isascii():
            flaws.append(f"{name}: a name has letters, digits, - and _ only")
        try:
            found[name] = BackendConfig.model_validate(entry)
        except ValidationError as error:
            flaws += _sentences(name, error)
            continue
        if found[name].kind not in _ADAPTERS:
            flaws.append(f"{name}.kind: must be one of {', '.join(sorted(_ADAPTERS))}")
    if flaws:
        raise ImproperlyConfigured(f"BACKENDS is wrong. {'; '.join(flaws)}.")
    return found


def backend_for(name: str) -> Backend:
    """Return the adapter of the backend `name`.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    config = _entry(name)
    return _ADAPTERS[config.kind](config)


def serving(model: str, *, is_sandbox: bool) -> list[str]:
    """Return the names of the backends that make `model`, in the order of the setting.

    A sandbox never reaches a backend that costs money: only those marked `sandbox` serve it.

    Raises:
        NoBackend: none does.
    """
    names = [
        name
        for name, config in configured().items()
        if config.makes(model) and (config.sandbox or not is_sandbox)
    ]
    if not names:
        raise NoBackend(_("No backend makes %(model)s now.") % {"model": model}, model=model)
    return names


def serves_sandboxes(name: str) -> bool:
    """Say whether a job on the backend `name` costs nothing, so that sandboxes may use it.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    return _entry(name).sandbox


def models_of(name: str) -> list[str] | None:
    """Return the models that the backend `name` makes; None: all.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    models = _entry(name).models
    return None if ANY_MODEL in models else models


def concurrency(name: str) -> int:
    """Return how many attempts the backend `name` runs at once.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    return _entry(name).concurrency


def deadline(name: str) -> timedelta:
    """Return how long an attempt at the backend `name` may take before it is asked to stop.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    return timedelta(seconds=_entry(name).deadline_seconds)


def absent_grace(name: str) -> timedelta:
    """Return how long the backend `name` must deny an attempt before it counts as lost.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    seconds = _entry(name).absent_grace_seconds
    if seconds is None:
        seconds = backend_for(name).caps.callback_retry_seconds
    return timedelta(seconds=seconds)


def _entry(name: str) -> BackendConfig:
    config = configured().get(name)
    if config is None:
        raise UnknownBackend(_("There is no backend named so."), backend=name)
    return config


def _sentences(name: object, error: ValidationError) -> list[str]:
    """Return one `name.key: what is wrong` per flaw; never the value, which may be the secret."""
    return [
        f"{'.'.join([str(name), *(str(step) for step in flaw['loc'])])}: {flaw['msg']}"
        for flaw in error.errors(include_input=False, include_url=False, include_context=False)
    ]

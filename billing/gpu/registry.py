"""Which backends there are: the setting BACKENDS, checked, each by the adapter of its kind."""

from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)

from billing.egress import FetchPolicy, Policy, networks
from billing.gpu import adapters
from billing.gpu.costs import CostRow
from billing.gpu.errors import NoBackend, UnknownBackend
from billing.gpu.kinds import Connection
from billing.gpu.protocol import Backend

ANY_MODEL: Final = "*"
_SETTLING_SECONDS: Final = 120
_LOOKING_UP_SECONDS: Final = 3.0  # three inputs at most, well within a fresh claim
_WORDS_BYTES_MAX: Final = 1024 * 1024


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address with a host")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must have no user, query or fragment")
    return url.rstrip("/")


def _as_table(models: object) -> object:
    """Return a list of codes as the table in which each is its own name."""
    if isinstance(models, list) and all(isinstance(code, str) for code in models):
        return {code: code for code in models}
    return models


def _checked_network(cidr: str) -> str:
    networks((cidr,))
    return cidr


_Code = Annotated[str, StringConstraints(min_length=1, max_length=129)]
_VendorName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class BackendConfig(BaseModel):
    """One entry of BACKENDS.

    Attributes:
        kind: the adapter's folder.
        url: where the backend listens; without a trailing slash.
        models: the codes of the models it makes; "*" for all. As a table, each with the vendor's
            name of it; a key `model/task` says it for one task and goes before the plain one.
        secret: the vendor's key, or what authenticates its callbacks; at least 16 characters.
        options: what only this kind has to be told; its README lists them.
        concurrency: how many attempts it may have at once.
        sandbox: whether it serves sandbox accounts too, because a job on it costs nothing.
        deadline_seconds: how long an attempt may take before it is asked to stop.
        output_cidrs: private networks from which its outputs may be downloaded, also by plain
            http; for backends of one's own. All others are fetched from public addresses only.
        input_cidrs: private networks into which the names in an order's addresses may lead too.
        resolve_inputs: whether it is looked where those lead before it is told them; unless it is
            said, for backends of one's own: what they fetch, they fetch from inside.
        absent_grace_seconds: how long a backend must deny an attempt before it counts as lost;
            by default as long as the backend itself repeats a final callback, and two minutes at
            least where it can be polled.
        costs: what its attempts cost us, by what it reports; all in one currency.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: str
    url: Annotated[str, AfterValidator(_checked_url)]
    secret: Annotated[SecretStr, Field(min_length=16)]
    models: Annotated[dict[_Code, _VendorName], BeforeValidator(_as_table), Field(min_length=1)]
    options: dict[str, Any] = Field(default_factory=dict)
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 1
    sandbox: bool = False
    output_cidrs: list[Annotated[str, AfterValidator(_checked_network)]] = Field(
        default_factory=list
    )
    input_cidrs: list[Annotated[str, AfterValidator(_checked_network)]] = Field(
        default_factory=list
    )
    resolve_inputs: bool | None = None
    deadline_seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] = 900
    absent_grace_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    costs: list[CostRow] = Field(default_factory=list)

    @field_validator("costs")
    @classmethod
    def _in_one_currency(cls, rows: list[CostRow]) -> list[CostRow]:
        if len({row.currency for row in rows}) > 1:
            raise ValueError("all rows must be in one currency, for they are added")
        return rows

    @property
    def codes(self) -> list[str] | None:
        """The codes of the models that it makes; None: all."""
        codes = dict.fromkeys(code.partition("/")[0] for code in self.models)
        return None if ANY_MODEL in codes else list(codes)

    def makes(self, model: str) -> bool:
        """Say whether the backend makes `model`."""
        return self.codes is None or model in self.codes

    def vendor_name(self, model: str, task: str) -> str:
        """Return the vendor's name of a model; our own code where nothing else is said."""
        of_task = self.models.get(f"{model}/{task}")
        return of_task or self.models.get(model, model)


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
        flaws += _flaws_of_kind(name, found[name])
    if flaws:
        raise ImproperlyConfigured(f"BACKENDS is wrong. {'; '.join(flaws)}.")
    return found


def backend_for(name: str) -> Backend:
    """Return the adapter of the backend `name`.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    config = _entry(name)
    kind = adapters.kinds()[config.kind]
    return kind.build(
        Connection(
            name=name,
            url=config.url,
            secret=config.secret.get_secret_value(),
            concurrency=config.concurrency,
            options=kind.options.model_validate(config.options),
            fetch=FetchPolicy(allowed=networks(tuple(config.output_cidrs))),
        )
    )


def inputs_policy(name: str) -> Policy | None:
    """Return where an order's addresses may lead that `name` is told; None: it is not looked.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    config = _entry(name)
    is_looked = config.resolve_inputs
    if is_looked is None:
        is_looked = adapters.kinds()[config.kind].is_own
    if not is_looked:
        return None
    return Policy(allowed=networks(tuple(config.input_cidrs)), timeout_seconds=_LOOKING_UP_SECONDS)


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
    return _entry(name).codes


def vendor_name(name: str, *, model: str, task: str) -> str:
    """Return how the vendor behind the backend `name` calls the model.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    return _entry(name).vendor_name(model, task)


def callback_bytes_max(name: str) -> int:
    """Return how long a callback of the backend `name` may be: a mebibyte, and films inside of it.

    Raises:
        UnknownBackend: as `backend_for`.
    """
    if backend_for(name).caps.output != "inline":
        return _WORDS_BYTES_MAX
    # In base64: four characters for three bytes.
    film_bytes: int = settings.OUTPUT_BYTES_MAX
    return _WORDS_BYTES_MAX + film_bytes // 3 * 4


def concurrency(name: str) -> int:
    """Return how many attempts the backend `name` runs at once.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    return _entry(name).concurrency


def costs(name: str) -> list[CostRow]:
    """Return the cost table of the backend `name`; empty when nobody has given one.

    Raises:
        UnknownBackend: none of that name is configured.
    """
    return _entry(name).costs


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
        caps = backend_for(name).caps
        # One that is asked may deny for a moment what it has just taken.
        seconds = max(caps.callback_retry_seconds, _SETTLING_SECONDS if caps.poll else 0)
    return timedelta(seconds=seconds)


def _entry(name: str) -> BackendConfig:
    config = configured().get(name)
    if config is None:
        raise UnknownBackend(_("There is no backend named so."), backend=name)
    return config


def _flaws_of_kind(name: object, config: BackendConfig) -> list[str]:
    """Return what is wrong with the entry's kind, or with what only that kind is told."""
    kinds = adapters.kinds()
    if config.kind not in kinds:
        return [f"{name}.kind: must be one of {', '.join(kinds)}"]
    try:
        kinds[config.kind].options.model_validate(config.options)
    except ValidationError as error:
        return _sentences(f"{name}.options", error)
    return []


def _sentences(name: object, error: ValidationError) -> list[str]:
    """Return one `name.key: what is wrong` per flaw; never the value, which may be the secret."""
    return [
        f"{'.'.join([str(name), *(str(step) for step in flaw['loc'])])}: {flaw['msg']}"
        for flaw in error.errors(include_input=False, include_url=False, include_context=False)
    ]

"""Asks as one role what the document allows, and what it forbids, and has each answer judged."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final

import schemathesis
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import CheckNode, Interaction, ScenarioRecorder
from schemathesis.openapi.checks import RejectedPositiveData

from tests.fuzz.plan import Person

_EXAMPLES: Final = 6  # of an operation, each time that it is its turn
_TOGETHER: Final = 16  # so many operations are asked before the next ones are
_TIMEOUT_SECONDS: Final = 60
_REAL: Final = 0.7  # how often a value that means something stands where one may
_SHOWN_BYTES: Final = 1500
# Where the shape is right, a request may still be refused on the merits.
_MERITS: Final = ["2xx", "3xx", "401", "402", "403", "404", "409", "416", "422", "429"]
_REFUSED: Final = [
    "400",
    "401",
    "402",
    "403",
    "404",
    "405",
    "406",
    "409",
    "413",
    "415",
    "422",
    "429",
]
_TOO_LONG: Final = {414, 431}
# What is malformed by a rule that no schema can say; the document says it in words.
_UNSAYABLE: Final = re.compile(
    r'"parameter":"cursor"'  # one that we signed
    r'|"parameter":"as_of"'  # so many years from now
    r'|"detail":"The request cannot be read."'  # NUL in the address
    r'|"detail":"The body has a character that cannot be stored."'  # NUL, half a surrogate
    r'|"header":"X-Account"'  # needed with a service key
    r'|"pointer":"","code":"required"'  # one of several members, or any at all
    r'|"detail":"Write more than 0."'
    r'|"code":"blank"'  # blanks alone, however many
    r'|"detail":"Enter a valid email address."'  # stricter than the format that schemas know
    r'|"pointer":"/interval","code":"required"'  # with a plan, and not with a pack
    r'|"detail":"This belongs to the other kind of purchase."'
    r'|"pointer":"/(threshold|pack|monthly_limit)","code":"required"'  # what is on is whole
    r'|"pointer":"/(to|by)","code":"(required|surplus)"'  # one of the two
    r'|"detail":"This instant is over."'  # by the clock
    r'|"detail":"Write an ISO 8601 period'  # of at most a hundred years, whatever its units
    r'|"pointer":"/zone","code":"unknown"'  # a name of IANA's list, which changes
    r'|"detail":"`to` comes before `from`."'
)
_KEY: Final = re.compile(r"[!-~]{1,255}")
_KEY_LENGTH_MAX: Final = 255
_SEATS: Final = ("X-Account", "X-Organization")
_OFTEN: Final = 8  # one in so many stays as it was drawn
_numbers = count()
_OWN: Final = 4  # one in so many names what may be another's
# Of the one role that this process asks as; see `plan.Person`.
_known: dict[str, list[str]] = {}
_own: dict[str, list[str]] = {}
_said: dict[str, list[Any]] = {}


@schemathesis.hook
def before_call(_context: object, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ANN401 (as in the library)
    """Let most requests come past the door: with names that mean something, and keys of their own.

    At the bounds of a body, the library names nobody's account in the headers and nothing in the
    path, and each answer would be that there is no such thing. What is wrong on purpose stays so.
    No answer leads elsewhere: what is streamed or stored is another server's to serve.
    """
    kwargs["allow_redirects"] = False
    number = next(_numbers)
    _say(case, number)
    if number % _OFTEN == 0:
        return
    if _is_good(case, ParameterLocation.HEADER):
        for name in [name for name in case.headers or {} if name in _SEATS]:
            chosen = _known.get(f"header.{name}")
            if chosen:
                case.headers[name] = chosen[number % len(chosen)]
            else:
                del case.headers[name]
    if _is_good(case, ParameterLocation.PATH):
        for name in list(case.path_parameters or {}):
            place = f"path.{name}"
            chosen = (number % _OWN and _own.get(place)) or _known.get(place)
            if chosen and f"{case.operation.label} {place}" not in _said:
                case.path_parameters[name] = chosen[number % len(chosen)]
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{number}-{key}"[:_KEY_LENGTH_MAX]


def _say(case: Any, number: int) -> None:  # noqa: ANN401 (the library's)
    """Let a request say what its role always says of such an operation."""
    label = case.operation.label
    if case.method != case.operation.method.upper():
        return
    if _is_good(case, ParameterLocation.PATH):
        for name in list(case.path_parameters or {}):
            if chosen := _said.get(f"{label} path.{name}"):
                case.path_parameters[name] = chosen[number % len(chosen)]
    bodies = _said.get(f"{label} body")
    if bodies and _is_good(case, ParameterLocation.BODY):
        body = bodies[number % len(bodies)]
        case.body = case.body if body is None else body
    shown = (case.headers or {}).get("Authorization", "")
    if shown.startswith("Bearer ") and (others := _said.get(f"{label} header.Authorization")):
        case.headers["Authorization"] = f"Bearer {others[number % len(others)]}"


@dataclass(frozen=True)
class Task:
    """What one role asks: so many requests, first around the bounds of `walked`."""

    role: str
    person: Person
    document: Mapping[str, Any]
    values: Mapping[str, list[str]]
    url: str
    requests: int
    walked: Sequence[str]
    seed: int


@dataclass
class Seen:
    """What was answered, and each flaw as often as it was met: operation, rule, case."""

    role: str
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    flaws: list[tuple[str, str, str]] = field(default_factory=list)


def shoot(task: Task) -> Seen:
    """Make about as many requests as are asked for; in a process of its own, for speed."""
    seen, config = Seen(task.role), {**_config(task), "seed": task.seed}
    for known, told in (
        (_known, _values(task)),
        (_own, task.person.own),
        (_said, task.person.said),
    ):
        known.clear()
        known.update(told)
    around = {**config, "phases": _only("coverage")}
    made = _count(_schema(task, around, task.walked), task.requests, seen)
    random = Random(f"{task.seed} {task.role}")
    generation = {**config["generation"], "max-examples": _EXAMPLES}
    at_large = {**config, "generation": generation, "phases": _only("fuzzing")}
    for some in _rounds(labels(task.document), random):
        if made >= task.requests:
            break
        chance = {**at_large, "seed": random.getrandbits(30)}
        new = _count(_schema(task, chance, some), task.requests - made, seen)
        assert new, f"Nothing can be asked of {some}."
        made += new
    return seen


def _rounds(operations: list[str], random: Random) -> Iterator[Sequence[str]]:
    """Yield some operations after others for ever: none comes again before all have come.

    The library asks in the order of the document; of all at once, the end would be cut off.
    """
    while True:
        shuffled = random.sample(operations, len(operations))
        yield from (
            shuffled[start : start + _TOGETHER] for start in range(0, len(shuffled), _TOGETHER)
        )


def _schema(task: Task, config: Mapping[str, Any], labels: Sequence[str]) -> Any:  # noqa: ANN401 (the library's)
    schema = schemathesis.openapi.from_dict(
        _copy(task.document), config=SchemathesisConfig.from_dict(dict(config))
    )
    wanted = set(labels)
    return schema.include(lambda ctx: ctx.operation.label in wanted)


def _count(schema: Any, most: int, seen: Seen) -> int:  # noqa: ANN401 (the library's)
    """Note what comes of a run, and end it after so many requests; return how many it made."""
    made, stream = 0, from_schema(schema).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            made += _note(event.recorder, seen)
        elif isinstance(event, events.NonFatalError):
            seen.flaws.append((event.label, "could not be asked", f"  {event.info}"))
        elif isinstance(event, events.FatalError):
            raise event.exception
        if made >= most:
            stream.stop()
    return made


def _note(recorder: ScenarioRecorder, seen: Seen) -> int:
    for case_id, interaction in recorder.interactions.items():
        operation = recorder.cases[case_id].value.operation.label
        status = interaction.response.status_code if interaction.response else 0
        method, path = interaction.request.method, operation.partition(" ")[2]
        seen.answers[f"{method} {path}", status] += 1
        for failure, sample in _failures(recorder.checks.get(case_id, ())):
            if not (_is_before_us(interaction) or _is_unsayable(failure, interaction)):
                shown = _shown(failure, sample, interaction)
                seen.flaws.append((operation, failure.title, shown))
    return len(recorder.interactions)


def labels(document: Mapping[str, Any]) -> list[str]:
    return [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    ]


def _config(task: Task) -> dict[str, Any]:
    person, here = task.person, _values(task)
    names = {place: f"v{number}" for number, place in enumerate(here)}
    config: dict[str, Any] = {
        "base-url": task.url,
        "workers": 1,
        "continue-on-failure": True,
        "request-timeout": _TIMEOUT_SECONDS,
        "suppress-health-check": ["all"],
        "generation": {"no-shrink": True, "database": "none"},
        "dictionaries": {names[place]: {"values": said} for place, said in here.items()},
        "parameters": {
            place: {"dictionary": name, "probability": _REAL} for place, name in names.items()
        },
        "checks": {
            "positive_data_acceptance": {"expected-statuses": _MERITS},
            "negative_data_rejection": {"expected-statuses": _REFUSED},
            "missing_required_header": {"expected-statuses": ["400", "401", "403", "404"]},
        },
    }
    if person.credential:
        config["auth"] = {"openapi": {"bearer": {"bearer": person.credential}}}
    return config


def _values(task: Task) -> dict[str, list[str]]:
    headers = task.person.headers.items()
    return {**task.values, **{f"header.{name}": said for name, said in headers}}


def _is_good(case: Any, part: ParameterLocation) -> bool:  # noqa: ANN401 (the library's)
    """Say whether that part of a request was drawn as the document allows."""
    drawn = case.meta and case.meta.components.get(part)
    return drawn is not None and drawn.mode == GenerationMode.POSITIVE


def _only(phase: str) -> dict[str, Any]:
    return {
        name: {"enabled": name == phase} for name in ("examples", "coverage", "fuzzing", "stateful")
    }


def _copy(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document's own copy: the library writes into what it is given."""
    return {
        key: _copy(value) if isinstance(value, dict) else value for key, value in document.items()
    }


def _failures(nodes: Iterable[CheckNode]) -> Iterator[tuple[Failure, str]]:
    for node in nodes:
        if node.failure_info is not None:
            yield node.failure_info.failure, node.failure_info.code_sample


def _is_before_us(interaction: Interaction) -> bool:
    """Say whether the web server itself found an address or a header too long, before any of us.

    `docs/api.md` says so. No operation does: a page among the problem documents would take the
    types of all generated clients apart.
    """
    answer = interaction.response
    return (
        answer is not None
        and answer.status_code in _TOO_LONG
        and "x-request-id" not in answer.headers
    )


def _is_unsayable(failure: Failure, interaction: Interaction) -> bool:
    said = interaction.response.content if interaction.response else b""
    return isinstance(failure, RejectedPositiveData) and bool(
        _UNSAYABLE.search(said.decode(errors="replace"))
    )


def _shown(failure: Failure, sample: str, interaction: Interaction) -> str:
    said = interaction.response.content[:_SHOWN_BYTES] if interaction.response else b"no answer"
    return f"  {failure.message}\n  {sample[:_SHOWN_BYTES]}\n  {said.decode(errors='replace')}"

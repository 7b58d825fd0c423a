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

_EXAMPLES_MIN: Final = 6  # of an operation that is asked at all
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
)
_KEY: Final = re.compile(r"[!-~]{1,255}")
_KEY_LENGTH_MAX: Final = 255
_SEATS: Final = ("X-Account", "X-Organization")
_OFTEN: Final = 8  # one in so many stays as it was drawn
_numbers = count()
_known: dict[str, list[str]] = {}  # of the one role that this process asks as


@schemathesis.hook
def before_call(_context: object, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ANN401 (as in the library)
    """Let most requests come past the door: with names that mean something, and keys of their own.

    At the bounds of a body, the library names nobody's account in the headers and nothing in the
    path, and each answer would be that there is no such thing. What is wrong on purpose stays so.
    No answer leads elsewhere: what is streamed or stored is another server's to serve.
    """
    kwargs["allow_redirects"] = False
    number = next(_numbers)
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
            if chosen := _known.get(f"path.{name}"):
                case.path_parameters[name] = chosen[number % len(chosen)]
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{number}-{key}"[:_KEY_LENGTH_MAX]


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
    _known.clear()
    _known.update(_values(task))
    around = {**config, "phases": _only("coverage")}
    made = _count(_schema(task, around, task.walked), task.requests, seen)
    if made < task.requests:
        operations = labels(task.document)
        few = (task.requests - made) // _EXAMPLES_MIN + 1
        chosen = Random(f"{task.seed} {task.role}").sample(operations, min(few, len(operations)))
        examples = max(_EXAMPLES_MIN, (task.requests - made) // len(chosen) + 1)
        generation = {**config["generation"], "max-examples": examples}
        at_large = {**config, "generation": generation, "phases": _only("fuzzing")}
        _count(_schema(task, at_large, chosen), task.requests - made, seen)
    return seen


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
        seen.answers[operation, status] += 1
        for failure, sample in _failures(recorder.checks.get(case_id, ())):
            if not _is_unsayable(failure, interaction):
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


def _is_unsayable(failure: Failure, interaction: Interaction) -> bool:
    said = interaction.response.content if interaction.response else b""
    return isinstance(failure, RejectedPositiveData) and bool(
        _UNSAYABLE.search(said.decode(errors="replace"))
    )


def _shown(failure: Failure, sample: str, interaction: Interaction) -> str:
    said = interaction.response.content[:_SHOWN_BYTES] if interaction.response else b"no answer"
    return f"  {failure.message}\n  {sample[:_SHOWN_BYTES]}\n  {said.decode(errors='replace')}"

"""What deserves an alert: from which value on, for how long, and what is to be done. Pure.

A rule is measured for each subject that it has, such as a backend and model. Between the value at
which it bites and the one at which it is well it stays as it is, so that nobody is told of a value
that sways about one bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

# How long a value must be well before an alert is closed.
CALM: Final = timedelta(minutes=5)
_MINUTE: Final = timedelta(minutes=1)
_VALUE_MAX: Final = 10**15


class Unit(StrEnum):
    """What a value counts."""

    PERCENT = "percent"
    SECONDS = "seconds"
    ROWS = "rows"


class Severity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"  # now: credits or money may be wrong
    ERROR = "error"  # within the hour: something does not work
    WARNING = "warning"  # today


class RuleCode(StrEnum):
    """Each rule, as log lines, messages and settings call it."""

    GPU_SUCCESS_LOW = "gpu_success_low"
    BREAKER_OPEN = "breaker_open"
    SIDES_DISAGREE = "sides_disagree"
    INVARIANT_BROKEN = "invariant_broken"
    HOLD_STUCK = "hold_stuck"
    JOB_NEEDS_PERSON = "job_needs_person"
    WEBHOOK_DEAD = "webhook_dead"
    OUTBOX_DEAD = "outbox_dead"
    QUEUE_WAITS = "queue_waits"
    STRIPE_LAG = "stripe_lag"
    MARGIN_NEGATIVE = "margin_negative"
    FREE_BURN_UNUSUAL = "free_burn_unusual"
    GRANTS_HALTED = "grants_halted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When an alert opens and closes.

    Attributes:
        bites_at: it bites from this value on; where low values are bad, below it.
        well_at: it is well at this value and on the good side of it.
        is_low: low values are bad.
        lasts: for how long it must bite before an alert opens.
        every: how often it is measured.
        least: of fewer cases nothing is said: attempts, jobs, or credits of the usual.
        remedy: where docs/operations.md says what to do.
    """

    code: RuleCode
    unit: Unit
    bites_at: int
    well_at: int
    severity: Severity
    remedy: str
    is_low: bool = False
    lasts: timedelta = timedelta(0)
    every: timedelta = _MINUTE
    least: int = 1

    def bites(self, value: int) -> bool:
        """Say whether this value is bad."""
        return value < self.bites_at if self.is_low else value >= self.bites_at

    def is_well(self, value: int) -> bool:
        """Say whether this value is good enough to close an alert."""
        return value >= self.well_at if self.is_low else value <= self.well_at


RULES: Final[Sequence[Rule]] = (
    Rule(
        code=RuleCode.GPU_SUCCESS_LOW,
        unit=Unit.PERCENT,
        bites_at=80,
        well_at=90,
        is_low=True,
        lasts=5 * _MINUTE,
        least=10,
        severity=Severity.ERROR,
        remedy="a-backend-is-down",
    ),
    Rule(
        code=RuleCode.BREAKER_OPEN,
        unit=Unit.SECONDS,
        bites_at=300,
        well_at=0,
        severity=Severity.ERROR,
        remedy="a-backend-is-down",
    ),
    Rule(
        code=RuleCode.SIDES_DISAGREE,
        unit=Unit.ROWS,
        bites_at=1,
        well_at=0,
        severity=Severity.CRITICAL,
        remedy="reconcile-names-a-row",
    ),
    Rule(
        code=RuleCode.INVARIANT_BROKEN,
        unit=Unit.ROWS,
        bites_at=1,
        well_at=0,
        severity=Severity.CRITICAL,
        remedy="audit-names-a-breach",
    ),
    Rule(
        code=RuleCode.HOLD_STUCK,
        unit=Unit.SECONDS,
        bites_at=36 * 3600,
        well_at=35 * 3600,
        severity=Severity.ERROR,
        remedy="a-hold-is-stuck",
    ),
    Rule(
        code=RuleCode.JOB_NEEDS_PERSON,
        unit=Unit.ROWS,
        bites_at=1,
        well_at=0,
        lasts=10 * _MINUTE,
        severity=Severity.ERROR,
        remedy="a-job-is-unknown",
    ),
    Rule(
        code=RuleCode.WEBHOOK_DEAD,
        unit=Unit.ROWS,
        bites_at=1,
        well_at=0,
        severity=Severity.WARNING,
        remedy="a-receiver-of-webhooks-fails",
    ),
    Rule(
        code=RuleCode.OUTBOX_DEAD,
        unit=Unit.ROWS,
        bites_at=1,
        well_at=0,
        severity=Severity.ERROR,
        remedy="an-outbox-message-is-dead",
    ),
    Rule(
        code=RuleCode.QUEUE_WAITS,
        unit=Unit.SECONDS,
        bites_at=180,
        well_at=60,
        severity=Severity.ERROR,
        remedy="no-worker-takes-anything",
    ),
    Rule(
        code=RuleCode.STRIPE_LAG,
        unit=Unit.SECONDS,
        bites_at=300,
        well_at=60,
        severity=Severity.ERROR,
        remedy="stripe",
    ),
    Rule(
        code=RuleCode.MARGIN_NEGATIVE,
        unit=Unit.PERCENT,
        bites_at=0,
        well_at=5,
        is_low=True,
        every=15 * _MINUTE,
        least=10,
        severity=Severity.WARNING,
        remedy="what-jobs-cost",
    ),
    Rule(
        code=RuleCode.FREE_BURN_UNUSUAL,
        unit=Unit.PERCENT,
        bites_at=300,
        well_at=200,
        every=5 * _MINUTE,
        least=1000,
        severity=Severity.WARNING,
        remedy="free-credits-burn-unusually-fast",
    ),
    Rule(
        code=RuleCode.GRANTS_HALTED,
        unit=Unit.ROWS,
        bites_at=1,
        well_at=0,
        severity=Severity.WARNING,
        remedy="an-account-is-halted",
    ),
)
BY_CODE: Final[Mapping[str, Rule]] = {rule.code.value: rule for rule in RULES}
assert set(BY_CODE) == {code.value for code in RuleCode}, "every code is a rule"

_SILENCE_HOURS_MAX: Final = 30 * 24
_LONGEST: Final = timedelta(days=1)
_NUMBERS: Final = ("bites_at", "well_at", "least")
_MINUTES: Final = {"minutes": "lasts", "every_minutes": "every"}


def read(said: Any) -> tuple[Rule, ...]:  # noqa: ANN401 (JSON of the environment)
    """Return the rules in force: those of this file, with what `said` puts in their place.

    Args:
        said: by rule null, which switches it off, or some of `bites_at`, `well_at`, `least`,
            `minutes` and `every_minutes`, all whole numbers.

    Raises:
        ValueError: it names no rule, or says of one what cannot be.
    """
    if not isinstance(said, Mapping):
        raise ValueError("it is an object of rules")  # noqa: TRY004 (whoever wrote it reads this)
    strange = sorted(set(said) - set(BY_CODE))
    if strange:
        raise ValueError(f"there is no rule {', '.join(strange)}")
    return tuple(
        _changed(rule, said.get(rule.code.value, {}))
        for rule in RULES
        if said.get(rule.code.value, {}) is not None
    )


def silence_hours(said: Any) -> int:  # noqa: ANN401 (JSON of the environment)
    """Return for how many hours one person may silence an alert.

    Raises:
        ValueError: that is no whole number from 1 to 720.
    """
    if type(said) is not int or not 1 <= said <= _SILENCE_HOURS_MAX:
        raise ValueError(f"say 1 to {_SILENCE_HOURS_MAX} hours")
    return said


def _changed(rule: Rule, said: object) -> Rule:
    if not isinstance(said, Mapping) or not set(said) <= {*_NUMBERS, *_MINUTES}:
        known = ", ".join((*_NUMBERS, *_MINUTES))
        raise ValueError(f"{rule.code}: say some of {known}")
    if any(type(n) is not int or abs(n) > _VALUE_MAX for n in said.values()):
        raise ValueError(f"{rule.code}: all of it are whole numbers")
    numbers = {name: said[name] for name in _NUMBERS if name in said}
    spans = {name: said[word] * _MINUTE for word, name in _MINUTES.items() if word in said}
    changed = replace(rule, **numbers, **spans)
    if changed.bites(changed.well_at):
        raise ValueError(f"{rule.code}: it would bite at `well_at`")
    if not (timedelta(0) <= changed.lasts <= _LONGEST and _MINUTE <= changed.every <= _LONGEST):
        longest = _LONGEST // _MINUTE
        raise ValueError(
            f"{rule.code}: `minutes` are 0 to {longest}, `every_minutes` 1 to {longest}: "
            "what nobody hears of on its day is a rule to switch off, by null"
        )
    if changed.least < 1:
        raise ValueError(f"{rule.code}: `least` is at least 1")
    return changed


assert {field.name for field in fields(Rule)} >= {*_NUMBERS, *_MINUTES.values()}

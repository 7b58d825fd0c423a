"""Who is admitted to the free tier, by the catalog's rule; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from plans import periods
from plans.catalog.free_tier import FreeTier


class State(StrEnum):
    """How an account stands with the free tier."""

    ADMITTED = "admitted"  # it has the free plan's allowances whenever it is on that plan
    WAITING = "waiting"  # for signals, or for the next window of a cap
    REFUSED = "refused"  # one of its identities had its free tier with another account


class Reason(StrEnum):
    """Why an account is not admitted; the names are public."""

    SIGNALS_MISSING = "signals_missing"
    IDENTITY_TAKEN = "identity_taken"
    IP_DAY_FULL = "ip_day_full"
    IP_WINDOW_FULL = "ip_window_full"
    DAY_FULL = "day_full"


# What mends it.
REMEDIES: Final[Mapping[Reason, str]] = {
    Reason.SIGNALS_MISSING: "give_signals",
    Reason.IDENTITY_TAKEN: "buy_credits",
    Reason.IP_DAY_FULL: "wait",
    Reason.IP_WINDOW_FULL: "wait",
    Reason.DAY_FULL: "wait",
}


@dataclass(frozen=True, slots=True)
class Cap:
    """How many free tiers may begin in one window.

    Attributes:
        window: the window's name; no two windows of one cap share it.
        ends_at: when the next one begins.
    """

    reason: Reason
    most: int
    window: str
    ends_at: datetime

    @property
    def is_by_ip(self) -> bool:
        """Whether it is counted for each address by itself."""
        return self.reason != Reason.DAY_FULL


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says of an account.

    Attributes:
        reason: None: it is admitted.
        missing: the kinds of signals that it lacks.
        retry_at: from when another answer is possible without new signals.
    """

    state: State
    reason: Reason | None = None
    missing: tuple[str, ...] = ()
    retry_at: datetime | None = None


TAKEN: Final = Verdict(State.REFUSED, Reason.IDENTITY_TAKEN)


def caps_of(rule: FreeTier, *, zone: str, at: datetime) -> list[Cap]:
    """Return the rule's caps in the windows that hold `at`: the narrow ones first."""
    day = periods.daily_window(zone, at)
    caps = []
    if rule.per_ip_day is not None:
        caps.append(Cap(Reason.IP_DAY_FULL, rule.per_ip_day, day.key, day.ends_at))
    if rule.per_ip_window is not None:
        days = rule.per_ip_window.days
        number, gone = divmod(date.fromisoformat(day.key).toordinal(), days)
        ends_at = periods.add_period(day.starts_at, f"P{days - gone}D", zone=zone)
        most, window = rule.per_ip_window.most, f"{days}d:{number}"
        caps.append(Cap(Reason.IP_WINDOW_FULL, most, window, ends_at))
    if rule.per_day is not None:
        caps.append(Cap(Reason.DAY_FULL, rule.per_day, day.key, day.ends_at))
    return caps


def missing_of(rule: FreeTier, *, told: frozenset[str]) -> tuple[str, ...]:
    """Return the kinds of signals that the rule asks for and nobody has told."""
    return tuple(kind for kind in rule.requires if kind not in told)


def judge(rule: FreeTier, *, told: frozenset[str], is_taken: bool, full: list[Cap]) -> Verdict:
    """Say whether an account is admitted that asks now.

    Args:
        told: the kinds of signals that are known of it.
        is_taken: one of its values of the rule's `signals` had its free tier with another.
        full: the caps that have no room left.
    """
    if is_taken:
        return TAKEN
    missing = missing_of(rule, told=told)
    if missing:
        return Verdict(State.WAITING, Reason.SIGNALS_MISSING, missing=missing)
    if full:
        last = max(full, key=lambda cap: cap.ends_at)
        return Verdict(State.WAITING, last.reason, retry_at=last.ends_at)
    return Verdict(State.ADMITTED)

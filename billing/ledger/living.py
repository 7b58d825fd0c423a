"""A wallet lived on in memory: to one instant, or to many in a row. Nothing is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from billing.ledger import history, store
from billing.ledger.models import Allowance, Wallet
from billing.ledger.timeline import Timeline

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NextGrant:
    """Credits that are on their way; `mode` claimed: they come by a check-in from `at` on.

    Of what comes by chance `credits_micros` is the least.
    """

    at: datetime
    credits_micros: int
    source: str
    mode: str


class Coming(Protocol):
    """What happens to a wallet at an instant without the ledger's knowing it beforehand."""

    @property
    def at(self) -> datetime:
        """The instant from which it counts, whether it is written down by then or not."""

    @property
    def gives(self) -> NextGrant | None:
        """What it will give, while it is yet to come; None: nothing."""

    @property
    def begins(self) -> Sequence[Allowance]:
        """The allowances that have begun by it and stand in no row yet, once it has happened."""

    def happen(self, timeline: Timeline) -> None:
        """Let it happen."""


def course(
    wallet: Wallet,
    *,
    instants: Sequence[datetime],
    coming: Callable[[datetime], Iterable[Coming]] = lambda _at: (),
) -> list[int]:
    """Return how many micros are free at each of these instants: what `balance` tells of them.

    The rows are read once. What was written before the last touch is lived on to each instant by
    itself; from there on one timeline lives forward through all that are left.

    Args:
        instants: the earliest first.
        coming: as for `balance`; it should ask nobody anew for each instant.
    """
    past = [at for at in instants if at < wallet.touched_at]
    free = []
    for at, (timeline, debts) in zip(
        past, history.written(wallet, instants=past) if past else [], strict=True
    ):
        _live(timeline, [*debts, *(one for one in coming(at) if one.at <= at)], until=at)
        free.append(timeline.available_micros)
    ahead = instants[len(past) :]
    if ahead:
        timeline, since = store.load(wallet), _NEVER
        known = list(coming(ahead[-1]))
        for at in ahead:
            _live(timeline, [one for one in known if since < one.at <= at], until=at)
            free.append(timeline.available_micros)
            since = at
    return free


def lived(wallet: Wallet, *, at: datetime, happened: Iterable[Coming]) -> Timeline:
    """Return the wallet at `at` in memory; its movements are what no row said by then.

    Args:
        happened: what others know to have happened by `at`.
    """
    timeline, debts = _then(wallet, at)
    _live(timeline, [*debts, *happened], until=at)
    return timeline


def _live(timeline: Timeline, events: Iterable[Coming | history.Owing], *, until: datetime) -> None:
    """Let the events happen, each at its instant, and all that comes due by itself."""
    for event in sorted(events, key=_instant):
        timeline.settle(max(event.at, timeline.instant))
        event.happen(timeline)
    timeline.settle(until)


def _then(wallet: Wallet, at: datetime) -> tuple[Timeline, list[history.Owing]]:
    """Return the wallet as its rows stood by `at`, and the debts that arose after that."""
    if at < wallet.touched_at:
        [found] = history.written(wallet, instants=[at])
        return found
    return store.load(wallet), []


def _instant(event: Coming | history.Owing) -> datetime:
    return event.at

"""Every case of the bench by its name: what it is, and whether the quick run has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from billing.insights.bench import (
    core,
    course,
    crowds,
    deeds,
    errands,
    eta,
    growth,
    ledger,
    lists,
    memory,
    orders,
    peers,
    population,
    sizes,
    streams,
    web,
)
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Report


def _nothing() -> None:
    """Want nothing that does not come with the service."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is measured together.

    Attributes:
        says: what it is, in a few words.
        is_quick: a run without a name has it.
        require: raises what is missing, before anything is begun.
    """

    says: str
    run: Callable[[Asked], Report]
    is_quick: bool = False
    require: Callable[[], object] = _nothing


def _queue(asked: Asked) -> Report:
    return crowds.run(waiting=asked.jobs, effort=asked.effort, now=asked.now)


def _eta(asked: Asked) -> Report:
    return eta.report(eta.run(orders=asked.orders, seed=asked.seed, now=asked.now))


def _listeners(asked: Asked) -> Report:
    return streams.run(listeners=asked.listeners, now=asked.now)


# In the order in which they run: what leaves jobs in the queue comes after what measures it.
GROUPS: Final[dict[str, Group]] = {
    "core": Group("quotes in the pure core", core.run, is_quick=True),
    "ledger": Group("hold and capture beside pgbench", ledger.own_wallets, is_quick=True),
    "hot": Group("one wallet, many clients, beside a row lock", ledger.hot_wallet, is_quick=True),
    "orders": Group("submit, settle, balance, catalog", orders.run, is_quick=True),
    "course": Group("an order from submit to capture, and events", course.run, is_quick=True),
    "errands": Group("--rate errands a second to their backend, and a sweep alone", errands.run),
    "web": Group("requests through gunicorn", web.run, is_quick=True),
    "queue": Group("who goes next among --jobs that wait", _queue, is_quick=True),
    "memory": Group("what the workers weigh under --minutes of load", memory.run),
    "eta": Group("told times of --orders beside real ones", _eta),
    "listeners": Group("--listeners to one job", _listeners),
    "peers": Group("a charge by ledgers of others and by ours", peers.run, require=peers.python),
    "accounts": Group("holds and daily credits among --accounts, 1% active", population.run),
    "entries": Group("holds and reads among --entries 10000,100000,...", growth.report),
    "deeds": Group("what --calls of each deed take of processors", deeds.report),
    "sizes": Group("what a row takes on the disk, of --accounts", sizes.report),
    "admin": Group("each page of the console over --accounts", lists.report),
}

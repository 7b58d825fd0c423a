"""After an experiment: what is unknown is asked again, all ends, and the rules look at the rest."""

import json
import statistics
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Final

from django.db import InterfaceError, OperationalError

from billing.accounts.models import Account
from billing.ledger.models import Entry, Grant, Wallet
from billing.webhooks.models import Event
from tests.faults import rules
from tests.faults.books import Ask, Told, Written
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import CUSTOMERS, GIVEN_MICROS, Field
from tests.faults.load import Load
from tests.faults.replay import Moved, Purse
from tests.faults.rules import Gift, Line, Seen
from tests.kills import facts, plan
from tests.kills.customers import Heard
from tests.kills.facts import Facts, JobSeen
from tests.kills.plan import Asked, Order, Word

_CALM_SECONDS: Final = 240.0
_ASKED_AGAIN_MAX: Final = 30
_NOTHING: Final = Asked(jobs=0, kills=0, wipes=0, zombies=0, chance="", patience_seconds=0)


@dataclass(frozen=True)
class Verdict:
    """One row of the table.

    Attributes:
        no_verdict: why there is none, and so no number; "" where there is one.
    """

    experiment: str
    title: str
    count: int
    acknowledged: int
    refused: int
    resolved: int
    lost: int
    doubled: int
    breaches: Sequence[str]
    worst_seconds: float | None
    median_seconds: float | None
    seconds: float
    notes: Sequence[str] = field(default_factory=list)
    no_verdict: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return asdict(self)


def judge(field: Field, experiment: Experiment, outcome: Outcome, *, began: float) -> Verdict:
    """Return what came of an experiment, once everything that it began has ended."""
    load = outcome.load
    load.stop()
    field.forget_connections()
    load.resolve()
    left = _calm(field)
    seen = look(field, load, outcome.forgotten)
    found = [*outcome.lost, *outcome.doubled, *outcome.breaches, *rules.breaches(seen)]
    if left:
        found.append(f"not all has ended: {left}")
    books = load.books
    recoveries = outcome.recoveries
    return Verdict(
        experiment=experiment.id,
        title=experiment.title,
        count=len(recoveries),
        acknowledged=sum(one.at_first == Told.ACKNOWLEDGED for one in books),
        refused=sum(one.at_first == Told.REFUSED for one in books),
        resolved=sum(one.at_first == Told.UNKNOWN != one.told for one in books),
        lost=len(outcome.lost) + len(rules.lost(seen)),
        doubled=len(outcome.doubled) + len(rules.doubled(seen)),
        breaches=found,
        worst_seconds=max(recoveries, default=None),
        median_seconds=statistics.median(recoveries) if recoveries else None,
        seconds=time.monotonic() - began,
        notes=[*outcome.notes, *_lasted(outcome.causes)],
    )


def none(experiment: Experiment, reason: str, *, seconds: float = 0.0) -> Verdict:
    """Return the row of an experiment that was not done, or broke off: it says why."""
    return Verdict(
        experiment=experiment.id,
        title=experiment.title,
        count=0,
        acknowledged=0,
        refused=0,
        resolved=0,
        lost=0,
        doubled=0,
        breaches=[],
        worst_seconds=None,
        median_seconds=None,
        seconds=seconds,
        no_verdict=reason,
    )


def _lasted(causes: Sequence[float]) -> list[str]:
    if not causes:
        return []
    middle = statistics.median(causes)
    return [f"of the seconds until it went well, the fault itself had {middle:.1f} in the median"]


def look(field: Field, load: Load, forgotten: Collection[str] = ()) -> Seen:
    """Return all that is to be judged of a load that has stopped.

    Args:
        forgotten: attempts that a restore has lost; neither they nor what they began count.
    """
    accounts = _accounts(load)
    jobs = [job for job in facts.jobs() if job.account in accounts]
    return Seen(
        books=load.books,
        storm=_storm(field, load, jobs, forgotten),
        jobs=jobs,
        gifts=_gifts(accounts),
        claims=list(
            Grant.objects.filter(
                wallet__account__in=accounts, fact__startswith="allowance:"
            ).values_list("pk", flat=True)
        ),
        lines=_lines(accounts),
        purses=[_purse(wallet) for wallet in Wallet.objects.filter(account__in=accounts)],
        poor=[_balance(load, one) for one in range(CUSTOMERS, len(load.people.names))],
        again=_asked_again(load),
        fallen=field.fallen(),
        rich=CUSTOMERS,
    )


def _calm(field: Field) -> str:
    """Wait until everything that was begun has ended; return what has not.

    A session of ours may have been broken with all others, or be broken only now: it is made anew.
    """
    ends_at = time.monotonic() + _CALM_SECONDS
    left = "nobody could say what"
    while left and time.monotonic() < ends_at:
        try:
            left = facts.what_is_left()
        except (InterfaceError, OperationalError):
            field.forget_connections()
        if left:
            time.sleep(0.3)
    return left


def _accounts(load: Load) -> dict[str, int]:
    """Return the customers' accounts, each with the customer's number."""
    names = list(load.people.names)
    rows = Account.objects.filter(external_id__in=names).values_list("pk", "external_id")
    return {key: names.index(name) for key, name in rows}


def _storm(field: Field, load: Load, jobs: list[JobSeen], forgotten: Collection[str]) -> Facts:
    """Return what the rules of the storms judge: orders that were accepted, of the well-to-do."""
    accepted = [one for one in load.books if _is(one, Ask.SUBMIT)]
    orders = [_order(one) for one in accepted]
    prompts = {order.prompt for order in orders}
    journal = facts.journal(field.service.journal)
    lost = Counter(one.prompt for one in field.gate.hand_overs if one.attempt in forgotten)
    known = [one for one in field.gate.hand_overs if one.attempt not in forgotten]
    return Facts(
        asked=_NOTHING,
        orders=orders,
        heard=_heard(load, accepted),
        jobs=jobs,
        attempts=facts.attempts(),
        live_attempts=facts.live_attempts(),
        hand_overs=[one for one in known if one.prompt in prompts],
        starts=_only(journal["start"] - lost, prompts),
        films=_only(journal["film"], prompts),
        given_micros=GIVEN_MICROS,
        balances={one: _balance(load, one) for one in range(CUSTOMERS)},
        digest=field.service.film_digest(),
        open_messages=facts.open_messages(),
        dead_messages=facts.dead_messages(),
        unapplied=facts.unapplied(),
        breaches=facts.breaches(),
        kills=0,
        wipes=0,
        zombies=0,
    )


def _is(written: Written, ask: Ask) -> bool:
    return written.ask == ask and written.told == Told.ACKNOWLEDGED


def _only(counted: Mapping[str, int], prompts: set[str]) -> dict[str, int]:
    return {prompt: times for prompt, times in counted.items() if prompt in prompts}


def _order(written: Written) -> Order:
    return plan.Order(
        number=written.number,
        customer=written.customer,
        seconds=written.seconds,
        word=Word.PLAIN,
        cancels_after=None,
        unanswered=False,
        repeated=False,
        claims=False,
    )


def _heard(load: Load, accepted: list[Written]) -> Heard:
    """Return the books as the storms' rules read them; what was given counts as claimed."""
    heard = Heard(
        jobs={one.number: str(one.answer["id"]) for one in accepted},
        canceled={one.of: one.status for one in load.books if one.ask == Ask.CANCEL},
    )
    for one in load.books:
        if _is(one, Ask.CLAIM) or _is(one, Ask.GRANT):
            claims = heard.claims.setdefault(one.customer, {})
            claims[str(one.answer["id"])] = str(one.answer["credits"])
    return heard


def _gifts(accounts: Mapping[str, int]) -> list[Gift]:
    rows = Grant.objects.filter(wallet__account__in=accounts, source="faults")
    return [
        Gift(key, accounts[account], reason, micros)
        for key, account, reason, micros in rows.values_list(
            "pk", "wallet__account_id", "reason", "amount_micros"
        )
    ]


def _lines(accounts: Mapping[str, int]) -> list[Line]:
    rows = Event.objects.filter(account__in=accounts).exclude(sequence=None)
    return [
        Line(
            accounts[account], sequence or 0, kind, str(json.loads(payload)["data"].get("job", ""))
        )
        for account, sequence, kind, payload in rows.values_list(
            "account_id", "sequence", "type", "payload"
        )
    ]


def _purse(wallet: Wallet) -> Purse:
    entries = Entry.objects.filter(wallet=wallet).order_by("seq")
    rows = Grant.objects.filter(wallet=wallet).values_list("pk", "available_micros", "held_micros")
    return Purse(
        owner=wallet.account.external_id,
        opened_at=wallet.created_at,
        available=wallet.available_micros,
        held=wallet.held_micros,
        lots={key: (free, held) for key, free, held in rows if free or held},
        moves=[
            Moved(
                seq=one.seq,
                kind=one.kind,
                grant=one.grant_id,
                hold=one.hold_id or "",
                micros=one.amount_micros,
                available_after=one.available_after_micros,
                held_after=one.held_after_micros,
                at=one.effective_at,
            )
            for one in entries
        ],
    )


def _balance(load: Load, customer: int) -> tuple[int, int]:
    told = load.balance(customer)
    return facts.micros(told["available"]), facts.micros(told["held"])


def _asked_again(load: Load) -> dict[int, tuple[int, dict[str, Any]]]:
    """Ask some of what was answered once more, the kept refusals too."""
    known = [one for one in load.books if _is_kept(one)]
    chosen = Random(len(known)).sample(known, min(_ASKED_AGAIN_MAX, len(known)))
    return {one.number: load.repeat(one) for one in chosen}


def _is_kept(written: Written) -> bool:
    """Say whether the answer is kept with its key: a conflict is not."""
    return written.told == Told.ACKNOWLEDGED or written.status == 402

"""Looks at a whole file of balances, then gives them, so that none is ever given twice.

The fact of a line's grant is made of the line, and a wallet has one grant for each fact. So a run
that broke off goes on where it was, and a second run gives nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from typing import Final, TextIO

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts import services as accounts
from billing.http.errors import Forbidden
from billing.imports import form, selectors
from billing.imports.errors import (
    ChangedMeanwhile,
    EndedMeanwhile,
    Flaw,
    InvalidBalances,
    NotAllThere,
)
from billing.imports.form import Line
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, GrantTerms, LockedWallet
from plans import selectors as plans
from plans.credits import format_micros

FLAWS_MAX: Final = 20
# Wallets that one commit holds: few enough that nobody waits long for his, many enough that the
# commits are not what an import takes its time for.
_BATCH_LINES: Final = 200
_DIGEST_BYTES: Final = 16


@dataclass(slots=True)
class Sum:
    """How many lines, and what they say in credits and in money."""

    lines: int = 0
    amount_micros: int = 0
    paid_micros: int = 0

    def add(self, line: Line) -> None:
        """One more line is in it."""
        self.lines += 1
        self.amount_micros += line.amount_micros
        self.paid_micros += line.paid_micros


@dataclass(slots=True)
class Totals:
    """What a file says, and what of it is there.

    Attributes:
        kinds: by source and currency of what was paid ("": it was given).
        all, before: of all lines with credits; of those that are imported already.
        empty: lines whose balance is nothing; they are passed over.
        accounts_known, accounts_new: whose balances they are.
    """

    kinds: dict[tuple[str, str], Sum] = field(default_factory=dict)
    all: Sum = field(default_factory=Sum)
    before: Sum = field(default_factory=Sum)
    empty: int = 0
    accounts_known: int = 0
    accounts_new: int = 0

    @property
    def left_micros(self) -> int:
        """What is still to be given."""
        return self.all.amount_micros - self.before.amount_micros


def survey(file: TextIO, *, is_sandbox: bool, now: datetime) -> Totals:
    """Return what the file would bring; nothing is written.

    It is read line by line; what is kept of a line is its key's digest, about 100 bytes.

    Raises:
        InvalidBalances: something is wrong with it; the first twenty flaws are named.
    """
    file.seek(0)
    totals, flaws = Totals(), list[Flaw]()
    seen, owners = set[bytes](), set[bytes]()
    for batch in _batches(form.read(file)):
        lines = []
        for one in batch:
            if isinstance(one, Flaw):
                flaws.append(one)
            elif (key := _digest(one.account, one.fact)) in seen:
                flaws.append(_twice(one))
            else:
                seen.add(key)
                lines.append(one)
        if len(flaws) < FLAWS_MAX:
            flaws += _count(totals, lines, owners, is_sandbox=is_sandbox, now=now)
        if len(flaws) >= FLAWS_MAX:
            break
    if flaws:
        raise InvalidBalances(sorted(flaws, key=lambda flaw: flaw.line)[:FLAWS_MAX])
    return totals


def bring(
    file: TextIO,
    *,
    is_sandbox: bool,
    operator: User,
    act_id: str,
    say: Callable[[int], None] = lambda _lines: None,
    now: datetime,
) -> Totals:
    """Each account has the balances that the file names; return what it says. A repeat is nothing.

    Nothing is given unless the whole file is good. Then 200 lines are a commit.

    Args:
        operator: a superuser: an import makes credits without a bound.
        act_id: the line of the act, which each entry names as its cause.
        say: is told after each commit how many lines are done.

    Raises:
        Forbidden: he is none.
        InvalidBalances: something is wrong with the file; nothing was given.
        EndedMeanwhile, ChangedMeanwhile, NotAllThere: it went on up to there; it can be repeated.
    """
    if not (operator.is_active and operator.is_superuser):
        raise Forbidden(_("Only a superuser imports balances."))
    wanted = survey(file, is_sandbox=is_sandbox, now=now)
    file.seek(0)
    actor, cause = Actor("operator", operator.get_username()), Cause("import", act_id)
    done = 0
    for batch in _batches(form.read(file)):
        lines = [one for one in batch if isinstance(one, Line) and one.amount_micros]
        _give(lines, is_sandbox=is_sandbox, cause=cause, actor=actor, now=now)
        done += len(lines)
        say(done)
    try:
        found = survey(file, is_sandbox=is_sandbox, now=now)
    except InvalidBalances as refusal:
        raise ChangedMeanwhile(refusal.flaws[0]) from None
    if found.before.amount_micros != wanted.all.amount_micros:
        raise NotAllThere(
            wanted=format_micros(wanted.all.amount_micros),
            found=format_micros(found.before.amount_micros),
        )
    return wanted


@transaction.atomic(durable=True)
def _give(
    lines: Sequence[Line], *, is_sandbox: bool, cause: Cause, actor: Actor, now: datetime
) -> None:
    catalog = plans.current().catalog
    # In one order, so that two imports at once do not wait for each other's names.
    owners = {
        name: accounts.ensure_account(name, zone=catalog.zone, is_sandbox=is_sandbox, now=now)
        for name in sorted({line.account for line in lines})
    }
    there = selectors.before(lines, is_sandbox=is_sandbox)
    missing = [line for line in lines if (line.account, line.fact) not in there]
    wanted = {line.account for line in missing}
    locked = ledger.lock_wallets([owners[name] for name in sorted(wanted)], catalog=catalog)
    for line in missing:
        _give_one(locked[owners[line.account].pk], line, cause=cause, actor=actor)


def _give_one(locked: LockedWallet, line: Line, *, cause: Cause, actor: Actor) -> None:
    if line.expires_at is not None and line.expires_at <= locked.now:
        raise EndedMeanwhile(line=line.number)
    terms = GrantTerms(
        amount_micros=line.amount_micros,
        source=line.source,
        fact=line.fact,
        reason=line.reason,
        expires_at=line.expires_at,
        paid_micros=line.paid_micros,
        paid_currency=line.paid_currency,
    )
    ledger.grant(locked, terms, cause=cause, actor=actor)


def _batches(read: Iterable[Line | Flaw]) -> Iterator[list[Line | Flaw]]:
    rest = iter(read)
    while batch := list(islice(rest, _BATCH_LINES)):
        yield batch


def _count(
    totals: Totals, lines: Sequence[Line], owners: set[bytes], *, is_sandbox: bool, now: datetime
) -> Iterator[Flaw]:
    """Add lines to the totals; yield what their rows and the clock have against them."""
    known = selectors.known(lines, is_sandbox=is_sandbox)
    there = selectors.before(lines, is_sandbox=is_sandbox)
    for line in lines:
        if not line.amount_micros:
            totals.empty += 1
            continue
        before = there.get((line.account, line.fact))
        if before is not None and before != selectors.as_given(line):
            yield _otherwise(line, before.amount_micros)
        elif before is None and line.expires_at is not None and line.expires_at <= now:
            yield Flaw(line.number, "expires_at", _("is past: leave the line out."))
        _add(totals, line, is_there=before is not None)
        if (owner := _digest(line.account)) not in owners:
            owners.add(owner)
            totals.accounts_known += line.account in known
            totals.accounts_new += line.account not in known


def _add(totals: Totals, line: Line, *, is_there: bool) -> None:
    totals.all.add(line)
    totals.kinds.setdefault((line.source, line.paid_currency), Sum()).add(line)
    if is_there:
        totals.before.add(line)


def _digest(*words: str) -> bytes:
    """Return what stands for words in a set, in less room."""
    return blake2b("\0".join(words).encode(), digest_size=_DIGEST_BYTES).digest()


def _twice(line: Line) -> Flaw:
    if line.reference:
        said = _("stands there twice for this account; the other system's key names one balance.")
        return Flaw(line.number, "reference", said)
    said = _("has such a balance in a line before: add them up, or tell them apart by a reference.")
    return Flaw(line.number, "account", said)


def _otherwise(line: Line, before_micros: int) -> Flaw:
    said = _(
        "was imported otherwise, as %(before)s credits: restore the line, and correct the account "
        "by `adjust`."
    )
    return Flaw(line.number, "credits", said % {"before": format_micros(before_micros)})

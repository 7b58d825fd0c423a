"""What of a file is there already."""

from collections.abc import Sequence
from typing import NamedTuple

from billing.accounts import selectors as accounts
from billing.imports.form import Line
from billing.ledger import selectors as ledger


class Given(NamedTuple):
    """What a balance is, as its grant has it."""

    amount_micros: int
    source: str
    expires_at: object
    paid_micros: int
    paid_currency: str


def as_given(line: Line) -> Given:
    """Return what a line's grant is."""
    return Given(
        line.amount_micros, line.source, line.expires_at, line.paid_micros, line.paid_currency
    )


def known(lines: Sequence[Line], *, is_sandbox: bool) -> set[str]:
    """Return the names among the lines' that have an account on this side."""
    names = {line.account for line in lines}
    found = accounts.accounts(is_sandbox=is_sandbox).filter(external_id__in=names)
    return set(found.values_list("external_id", flat=True))


def before(lines: Sequence[Line], *, is_sandbox: bool) -> dict[tuple[str, str], Given]:
    """Return what was imported of these lines already, by account and fact."""
    rows = ledger.grants_of_facts(
        {line.account for line in lines}, facts={line.fact for line in lines}, is_sandbox=is_sandbox
    )
    found = rows.values_list("wallet__account__external_id", "fact", *Given._fields)
    return {(account, fact): Given(*given) for account, fact, *given in found}

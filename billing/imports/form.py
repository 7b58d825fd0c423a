"""How a file of balances is written: a balance a line, read strictly. Pure."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from billing.imports.errors import Flaw
from plans.credits import parse_micros
from plans.wording import gettext as _

NEEDED: Final = ("account", "credits")
OPTIONAL: Final = (
    *("expires_at", "source", "paid_amount", "paid_currency", "reference", "reason"),
)
COLUMNS: Final = (*NEEDED, *OPTIONAL)
SOURCE: Final = "imported"
_NAME_LENGTH_MAX: Final = 128
_REASON_LENGTH_MAX: Final = 200
_SOURCE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Line:
    """One balance.

    Attributes:
        number: of the file's line, where the record ends.
        account: what the platform calls its user.
        expires_at: in UTC; None: it stays.
        paid_micros: what was paid for all of it, in money; 0: it was given.
        reference: the other system's own key of it; "": it is known by what it is.
    """

    number: int
    account: str
    amount_micros: int
    expires_at: datetime | None
    source: str
    paid_micros: int
    paid_currency: str
    reference: str
    reason: str

    @property
    def fact(self) -> str:
        """The business fact of its grant: of the file's own words, whatever the file is called."""
        if self.reference:
            return f"import:ref:{self.reference}"
        end = "" if self.expires_at is None else self.expires_at.isoformat()
        return f"import:own:{self.source}:{self.paid_currency}:{end}"


def read(file: Iterable[str]) -> Iterator[Line | Flaw]:
    """Yield what each line says, or each thing that is wrong with it.

    Args:
        file: CSV as RFC 4180 writes it, bytes that are no UTF-8 as surrogates. Its first line
            names the columns; a line with nothing in it counts as none.
    """
    table = csv.reader(file, strict=True)
    columns: list[str] | None = None
    try:
        for row in table:
            if columns is None:
                flaws = list(_header(row))
                yield from flaws
                if flaws:
                    return
                columns = row
            elif row:
                yield from _line(table.line_num, columns, row)
    except csv.Error as wrong:
        yield Flaw(table.line_num, "-", _("is no CSV: %(why)s.") % {"why": wrong})
    if columns is None:
        yield Flaw(1, "-", _("is empty: the first line names the columns."))


def _header(row: list[str]) -> Iterator[Flaw]:
    known = ", ".join(COLUMNS)
    for name in dict.fromkeys(row):
        if name not in COLUMNS:
            yield Flaw(1, ascii(name), _("is no column; there are: %(known)s.") % {"known": known})
        elif row.count(name) > 1:
            yield Flaw(1, name, _("stands there twice; take one of them out."))
    for name in NEEDED:
        if name not in row:
            yield Flaw(1, name, _("is missing; every balance has it."))


def _line(number: int, columns: list[str], row: list[str]) -> Iterator[Line | Flaw]:
    if len(row) != len(columns):
        said = _("has %(found)s values for %(wanted)s columns; what holds a comma is quoted.")
        yield Flaw(number, "-", said % {"found": len(row), "wanted": len(columns)})
        return
    texts = dict.fromkeys(COLUMNS, "") | dict(zip(columns, row, strict=True))
    values: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for name in COLUMNS:
        try:
            values[name] = _READERS[name](texts[name])
        except ValueError as wrong:
            flaws.append(Flaw(number, name, str(wrong)))
    flaws += _both(number, texts)
    yield from flaws
    if not flaws:
        yield _balance(number, values)


def _both(number: int, texts: Mapping[str, str]) -> Iterator[Flaw]:
    """Yield what is wrong with what was paid: it is an amount in a currency, or neither."""
    for name, other in (("paid_amount", "paid_currency"), ("paid_currency", "paid_amount")):
        if texts[name] and not texts[other]:
            yield Flaw(number, other, _("is missing beside %(other)s.") % {"other": name})


def _balance(number: int, values: Mapping[str, Any]) -> Line:
    return Line(
        number=number,
        account=values["account"],
        amount_micros=values["credits"],
        expires_at=values["expires_at"],
        source=values["source"],
        paid_micros=values["paid_amount"],
        paid_currency=values["paid_currency"],
        reference=values["reference"],
        reason=values["reason"],
    )


def _name(text: str) -> str:
    if not 1 <= len(text) <= _NAME_LENGTH_MAX or not _is_visible(text):
        raise ValueError(
            _("must be 1 to %(most)s visible characters of UTF-8, without blanks.")
            % {"most": _NAME_LENGTH_MAX}
        )
    return text


def _is_visible(text: str) -> bool:
    return all(one.isprintable() and not one.isspace() for one in text)


def _credits(text: str) -> int:
    if text.startswith("-"):
        raise ValueError(
            _("is below zero, which no balance is: write 0, and ask for a debt by `adjust`.")
        )
    return parse_micros(text)


def _paid(text: str) -> int:
    micros = parse_micros(text) if text else 0
    if text and not micros:
        raise ValueError(_("is nothing; leave amount and currency empty for what was given."))
    return micros


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(_("must be an instant with its offset, such as 2026-12-31T16:00:00Z."))
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(_("is outside of the calendar; leave it empty for no end.")) from None


def _source(text: str) -> str:
    if text and _SOURCE.fullmatch(text) is None:
        raise ValueError(_("must be a word of a-z, 0-9, - and _, such as purchase or promo."))
    return text or SOURCE


def _currency(text: str) -> str:
    if text and _CURRENCY.fullmatch(text) is None:
        raise ValueError(_("must be three capital letters, such as CNY."))
    return text


def _reference(text: str) -> str:
    return _name(text) if text else ""


def _reason(text: str) -> str:
    if len(text) > _REASON_LENGTH_MAX or not all(one.isprintable() for one in text):
        raise ValueError(
            _("must be at most %(most)s visible characters of UTF-8.")
            % {"most": _REASON_LENGTH_MAX}
        )
    return text


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "account": _name,
    "credits": _credits,
    "expires_at": _instant,
    "source": _source,
    "paid_amount": _paid,
    "paid_currency": _currency,
    "reference": _reference,
    "reason": _reason,
}
assert tuple(_READERS) == COLUMNS, "every column is read"

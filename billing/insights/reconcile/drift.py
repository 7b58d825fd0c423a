"""What a comparison is, and what it finds: one row of which two sides say different things."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from plans.credits import format_micros


@dataclass(frozen=True, slots=True)
class Drift:
    """One row of which two sides say different things.

    Attributes:
        code: which comparison found it.
        sides: who says different things.
        row: the id of the row.
        sentence: what is different, with what each side says.
        mend: what would put it right.
    """

    code: str
    sides: tuple[str, str]
    row: str
    sentence: str
    mend: str

    def __str__(self) -> str:
        return f"{' ↔ '.join(self.sides)}  {self.row}: {self.sentence}  {self.mend}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One statement that returns each row that two sides disagree on, and what each says.

    Attributes:
        sentence: waits for `first` and `second`.
        sql: returns the row's id and what either side says: a text, or an amount in micros; of
            what was begun or touched from `since` on.
    """

    code: str
    sides: tuple[str, str]
    sentence: str | Promise
    mend: str | Promise
    sql: str

    def drift(self, row: str, first: object, second: object) -> Drift:
        """Return what was found."""
        return Drift(
            self.code,
            self.sides,
            row,
            str(self.sentence) % {"first": _said(first), "second": _said(second)},
            str(self.mend),
        )


def _said(what: object) -> str:
    if what is None:
        return _("nothing")
    if isinstance(what, int | Decimal):
        return format_micros(int(what))
    return str(what)

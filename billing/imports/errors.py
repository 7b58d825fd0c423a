"""What an import refuses."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.errors import DomainError, ErrorKind
from plans.wording import gettext as _


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong at one place of a file, and what mends it."""

    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.line}: {self.column}: {self.sentence}"


class InvalidBalances(DomainError):
    """A file that cannot be imported as it is; `flaws` says what is wrong, and where."""

    code = "invalid_balances"
    kind = ErrorKind.INVALID

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(
            _("The file cannot be imported as it is; nothing was. Line %(line)s, %(sentence)s")
            % {"line": flaws[0].line, "sentence": f"{flaws[0].column}: {flaws[0].sentence}"},
            flaws=[str(flaw) for flaw in flaws],
        )
        self.flaws = tuple(flaws)


class ChangedMeanwhile(DomainError):
    """A file that was good before its import and is not after it."""

    code = "balances_changed_meanwhile"
    kind = ErrorKind.CONFLICT

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(
            _(
                "The file or its accounts changed while the import ran. What was good is imported: "
                "look at line %(line)s, %(sentence)s"
            )
            % {"line": flaw.line, "sentence": f"{flaw.column}: {flaw.sentence}"},
            line=flaw.line,
        )


class EndedMeanwhile(DomainError):
    """A balance whose end has come between the look at the file and its turn."""

    code = "balance_ended_meanwhile"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, line: int) -> None:
        super().__init__(
            _(
                "The balance of line %(line)s ended while the import ran. What stands before it is "
                "imported: leave the line out and import the file again."
            )
            % {"line": line},
            line=line,
        )


class NotAllThere(DomainError):
    """After an import the wallets do not hold what the file says."""

    code = "import_incomplete"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, wanted: str, found: str) -> None:
        super().__init__(
            _(
                "The file says %(wanted)s credits, and %(found)s are imported: it changed while it "
                "was read. Import it again."
            )
            % {"wanted": wanted, "found": found},
            wanted=wanted,
            found=found,
        )

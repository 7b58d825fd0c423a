"""The one base of all refusals: a value with a name, a kind, a sentence and its facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from plans.wording import gettext as _


class ErrorKind(StrEnum):
    """What the caller can do about a refusal; `billing.http.problems` maps each to a status."""

    MALFORMED = "malformed"  # send a request that can be read
    UNAUTHENTICATED = "unauthenticated"  # say who you are
    PAYMENT_REQUIRED = "payment_required"  # get credits, then order anew
    FORBIDDEN = "forbidden"  # needs another plan, role or scope
    NOT_FOUND = "not_found"  # nothing of that name is yours
    CONFLICT = "conflict"  # read the resource again, then decide
    TOO_LARGE = "too_large"  # send less
    INVALID = "invalid"  # correct the request
    LIMITED = "limited"  # repeat later, or after something of yours has ended
    UNAVAILABLE = "unavailable"  # repeat later, unchanged


class DomainError(Exception):
    """A refusal: raised by services, carried to the caller, never a defect of the program.

    Attributes:
        code: public and stable name; unique among all refusals.
        kind: what the caller can do about it.
        message: one sentence for a person, with the numbers.
        facts: the same for a program; each value can be written as JSON.
    """

    code: ClassVar[str]
    kind: ClassVar[ErrorKind]

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class InvalidSpec(DomainError):
    """A job spec that the catalog's model does not offer; `errors` names all that is wrong."""

    code = "invalid_spec"
    kind = ErrorKind.INVALID

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        super().__init__(
            _("The order is not one that this model offers: %(first)s")
            % {"first": errors[0]["detail"]},
            errors=[dict(error) for error in errors],
        )
        self.errors: list[dict[str, str]] = [dict(error) for error in errors]


class Unpriced(DomainError):
    """An order that no rate of the card prices: nothing may be held or sent for it."""

    code = "unpriced"
    kind = ErrorKind.INVALID


class NoCatalog(DomainError):
    """Nothing has been published yet, so nothing can be sold."""

    code = "unavailable"
    kind = ErrorKind.UNAVAILABLE


class NotScheduled(DomainError):
    """A publication cannot be announced for, or withdrawn from, an instant that is over."""

    code = "not_scheduled"
    kind = ErrorKind.CONFLICT


class InvalidDraft(DomainError):
    """A draft without a name, or with a text that cannot be kept."""

    code = "invalid_draft"
    kind = ErrorKind.INVALID


class DraftChanged(DomainError):
    """Somebody has saved the draft since this text was begun: neither replaces the other unseen."""

    code = "draft_changed"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, revision: int) -> None:
        super().__init__(
            _("Somebody saved revision %(revision)s of this draft after you had opened it.")
            % {"revision": revision},
            revision=revision,
        )


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a catalog file, where its author will find it."""

    file: str
    line: int
    key: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.sentence}"


class CatalogInvalid(Exception):
    """A catalog file that cannot be published; `problems` holds all that is wrong with it.

    It answers the file's author at the command line and never reaches REST, so it is no
    `DomainError` and has no public code.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

"""How much an incident is worth to whom, and what it is known by. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from billing.corrections.errors import InvalidCorrection, ShareAboveMaximum
from plans.credits import MICROS, MICROS_MAX
from plans.wording import gettext as _


class Basis(StrEnum):
    """What the amount goes by."""

    CHARGED = "charged"  # a share of what each job was charged
    JOB = "job"  # so much for each job
    ACCOUNT = "account"  # so much for each account, however many jobs it had


@dataclass(frozen=True, slots=True)
class Rule:
    """How much each account has.

    Attributes:
        share_micros: which share of what was charged comes back; a million is all of it.
        quoted_share_micros: which share of its price a job gives that was charged nothing.
        fixed_micros: so many credits for each job, or each account.
        cap_micros: no account has more than this; None: without a cap.
    """

    basis: Basis
    share_micros: int = 0
    quoted_share_micros: int = 0
    fixed_micros: int = 0
    cap_micros: int | None = None

    def __post_init__(self) -> None:
        """Check that it is one rule, and within bounds.

        Raises:
            InvalidCorrection: it is not.
        """
        given = (self.share_micros, self.quoted_share_micros)
        if not all(0 <= share <= MICROS for share in given):
            raise InvalidCorrection(_("A share lies between nothing and all of it."))
        if self.basis == Basis.CHARGED and (self.fixed_micros or not any(given)):
            raise InvalidCorrection(_("Say which share comes back, and no fixed amount."))
        if self.basis != Basis.CHARGED and (self.fixed_micros <= 0 or any(given)):
            raise InvalidCorrection(_("Say a fixed amount above 0, and no share."))
        if self.fixed_micros > MICROS_MAX:
            raise InvalidCorrection(_("The amount is beyond what a wallet may hold."))
        if self.cap_micros is not None and self.cap_micros <= 0:
            raise InvalidCorrection(_("A cap must be above 0."))

    def written(self) -> dict[str, object]:
        """Return it as JSON can say it; `Rule(**written)` is the same again."""
        return {**asdict(self), "basis": self.basis.value}


@dataclass(frozen=True, slots=True)
class Hurt:
    """A job that the incident touched, and what it cost."""

    job_id: str
    account_id: str
    charged_micros: int
    quoted_micros: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one account has, and for which jobs: each with what it counts for, before any cap."""

    account_id: str
    amount_micros: int
    jobs: tuple[tuple[str, int], ...]


def shares(rule: Rule, hurt: Iterable[Hurt], *, step_micros: int) -> list[Share]:
    """Return what each account has, in the order of the accounts; who has nothing is left out.

    A job that counts for nothing is not named, but where each account has a fixed amount. An
    account's sum is rounded up to what the credit unit can show, and then kept to the cap: in
    doubt for the customer, never beyond what was agreed.

    Args:
        step_micros: the smallest amount that the unit can show.
    """
    by_account: dict[str, list[tuple[str, int]]] = {}
    for one in hurt:
        due_micros = _due(rule, one)
        if due_micros or rule.basis == Basis.ACCOUNT:
            by_account.setdefault(one.account_id, []).append((one.job_id, due_micros))
    return [
        Share(account_id, _of_account(rule, jobs, step_micros), tuple(sorted(jobs)))
        for account_id, jobs in sorted(by_account.items())
    ]


def require_bounded(rule: Rule, *, account: str, share_micros: int, max_micros: int) -> None:
    """Check the largest share, whose account has that name.

    What the jobs cost bounds a share of it; a fixed amount is what a person thought of, as an
    adjustment is, and one account has no more of it.

    Args:
        max_micros: what one adjustment gives at most.

    Raises:
        ShareAboveMaximum: it is a fixed amount, or the sum of such, and above that.
    """
    if rule.basis != Basis.CHARGED and share_micros > max_micros:
        raise ShareAboveMaximum(account=account, share_micros=share_micros, max_micros=max_micros)


def digest(terms: Mapping[str, object], found: Sequence[Share]) -> str:
    """Return what a preview is known by: terms and result, each job with its amount."""
    named = [[one.account_id, one.amount_micros, *map(list, one.jobs)] for one in found]
    text = json.dumps([terms, named], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_run(terms: Mapping[str, object], account_ids: Sequence[str], most: int) -> str:
    """Return what the preview of a campaign's run is known by: terms, accounts and amount."""
    text = json.dumps([terms, most, list(account_ids)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _due(rule: Rule, job: Hurt) -> int:
    """Return what a job counts for, rounded up to the micro."""
    if rule.basis == Basis.JOB:
        return rule.fixed_micros
    if rule.basis == Basis.ACCOUNT:
        return 0
    if job.charged_micros:
        return _share_of(job.charged_micros, rule.share_micros)
    return _share_of(job.quoted_micros, rule.quoted_share_micros)


def _share_of(micros: int, share_micros: int) -> int:
    return -(-micros * share_micros // MICROS)


def _of_account(rule: Rule, jobs: Sequence[tuple[str, int]], step_micros: int) -> int:
    due = rule.fixed_micros if rule.basis == Basis.ACCOUNT else sum(due for _job, due in jobs)
    rounded = -(-due // step_micros) * step_micros
    return rounded if rule.cap_micros is None else min(rounded, rule.cap_micros)

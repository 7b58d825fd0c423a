"""Moves what a job costs, in the transaction of its verdict: credits of its hold, counted units."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import structlog

from billing.jobs import charging, selectors
from billing.jobs.charging import Charge, Sold
from billing.jobs.models import Job
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, LockedWallet
from billing.organizations.windows import window_of
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions import services as subscribing
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.catalog.schema import Catalog
from plans.credits import MICROS
from plans.rating import Line
from plans.wording import gettext as _

_log = structlog.get_logger(__name__)


def success(
    job: Job, *, films: Sequence[int], usage: Mapping[str, object], actor: Actor
) -> dict[str, object]:
    """Charge a job of which these films came; return the columns that say what it cost.

    Args:
        films: how many milliseconds each plays.
    """
    catalog = plans.version(job.catalog_version_id).catalog
    films = films[: job.outputs_ordered]
    charge = charging.of_success(catalog, _sold(job), films=films, usage=usage)
    _log_doubt(job, charge, usage)
    if charge.is_short:
        _log.warning("film_is_short", job_id=job.pk, model=job.model, milliseconds=list(films))
    return _move(job, catalog, charge, actor) | {"outputs_made": charge.made}


def failure(
    job: Job, failure_class: str, *, charged: bool, usage: Mapping[str, object] | None, actor: Actor
) -> dict[str, object]:
    """Charge what a job that has failed keeps; return the columns that say what it cost.

    Args:
        failure_class: the catalog has a share for each.
        charged: False gives everything back whatever the catalog says.
        usage: what the backend says that it used until then; None: none had it.
    """
    catalog = plans.version(job.catalog_version_id).catalog
    share = Fraction(0)
    if charged:
        share = catalog.failure_policy.kept_share(error_class=failure_class, model=job.model)
    charge = charging.of_failure(catalog, _sold(job), kept_share=share, usage=usage)
    _log_doubt(job, charge, usage)
    return _move(job, catalog, charge, actor)


def _log_doubt(job: Job, charge: Charge, usage: Mapping[str, object] | None) -> None:
    if charge.doubt:
        said = dict(usage or {})
        _log.warning("usage_not_believed", job_id=job.pk, reason=charge.doubt, usage=said)


def _move(job: Job, catalog: Catalog, charge: Charge, actor: Actor) -> dict[str, object]:
    """Capture what the verdict costs and give the rest back, in this very transaction."""
    require_transaction("jobs.settle")
    locked = ledger.lock_wallet(job.account, catalog=catalog)
    cause = Cause("job", job.pk)
    captured = min(charge.micros, job.hold.amount_micros)
    if captured or (charge.made and not job.hold.amount_micros):
        job.hold = ledger.capture(
            locked, hold_id=job.hold_id, amount_micros=captured, cause=cause, actor=actor
        )
    else:
        job.hold = ledger.release(locked, hold_id=job.hold_id, cause=cause, actor=actor)
    if job.covers:
        ledger.settle_draws(locked, reference=f"job:{job.pk}", kept_share=charge.kept_share)
    missing = _agreed(job, catalog, charge.micros - captured)
    if missing:
        current = plans.current().catalog
        locked = subscribing.finish_if_over(locked, job.account, catalog=current)
    overrun = _overrun(job, catalog, locked, missing, actor)
    owed = _owed(job, catalog, locked, missing - overrun, actor)
    charged = captured + overrun + owed
    lines = [*charge.lines]
    if charged < charge.micros:
        lines.append(Line(_("No more than was agreed"), charged - charge.micros))
    return {
        "charged_micros": charged,
        "overrun_micros": overrun,
        "owed_micros": owed,
        "charge_lines": [{"label": line.label, "micros": line.micros} for line in lines],
    }


def _agreed(job: Job, catalog: Catalog, missing: int) -> int:
    """Return what of the real price above the hold was agreed to: by catalog, sender and pool."""
    if not catalog.overrun.settles_by_usage(job.model) or catalog.overrun.policy == "cap":
        return 0
    if job.max_micros is not None:
        missing = min(missing, job.max_micros - job.hold.amount_micros)
    return max(0, missing if missing <= 0 else _below_the_ceiling(job, missing))


def _below_the_ceiling(job: Job, missing: int) -> int:
    """Return what of it leaves a member's use of the pool below his ceiling, where he has one."""
    member = job.member
    if (
        member is None
        or member.ceiling_micros is None
        or job.account_id != member.organization.account_id
    ):
        return missing
    window = window_of(member.ceiling_per, zone=job.account.zone, at=job.ordered_at)
    used = selectors.used_by(member, since=window.starts_at, until=window.ends_at)
    return min(missing, member.ceiling_micros - used)


def _overrun(job: Job, catalog: Catalog, locked: LockedWallet, missing: int, actor: Actor) -> int:
    """Take what is missing from what is free, as far as that reaches."""
    if not missing:
        return 0
    return ledger.take_more(
        locked,
        reference=f"job:{job.pk}:overrun",
        amount_micros=missing,
        catalog=catalog,
        cause=Cause("job", job.pk),
        actor=actor,
        facts={**job.dimensions, **job.context},
        standing=subscriptions.standing_of(job.account),
    )


def _owed(job: Job, catalog: Catalog, locked: LockedWallet, missing: int, actor: Actor) -> int:
    """Let what the wallet did not have be owed, where the sender has agreed to a maximum."""
    if not missing or catalog.overrun.policy != "debt" or job.max_micros is None:
        return 0
    return ledger.owe(
        locked,
        amount_micros=missing,
        fact=f"job:{job.pk}:overrun",
        cause=Cause("job", job.pk),
        actor=actor,
    ).amount_micros


def _sold(job: Job) -> Sold:
    covered = sum((Fraction(cover["share"]) for cover in job.covers), Fraction(0))
    # Where other units pay a part too, each pays the share that it was to pay.
    in_seconds = all(cover["unit"] == "second" for cover in job.covers)
    drawn_micros = sum(cover["units_micros"] for cover in job.covers) if in_seconds else 0
    return Sold(
        facts={**job.dimensions, **job.context},
        at=job.rated_at,
        outputs=job.outputs_ordered,
        uncovered=1 - covered,
        quoted_micros=job.quoted_micros,
        lines=tuple(Line(line["label"], line["micros"]) for line in job.price_lines),
        counted_seconds=Fraction(drawn_micros, MICROS),
    )

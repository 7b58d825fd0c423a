"""The operators' desk: a small shop, and each act of corrections by a short word."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User

from billing.accounts.models import Account
from billing.corrections import selectors, services
from billing.corrections.amounts import Basis, Rule
from billing.corrections.models import Adjustment, Compensation
from billing.corrections.selectors import Accounts, Preview, Selection
from billing.corrections.services import Notice
from billing.ids import new_id
from billing.jobs import services as jobs
from billing.jobs.models import Job
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop

KINDS: Final = ("adjustment", "compensation")
KEYS: Final = """
[corrections]
adjustment_max = "500"
adjustment_day_max = "1000"
goodwill = { expiry = "P30D", priority = 7 }
"""
ALL: Final = Rule(Basis.CHARGED, share_micros=MICROS)
SORRY: Final = Notice(en="We are sorry.", zh="抱歉。")
HOUR: Final = timedelta(hours=1)


def now() -> datetime:
    """Return the operators' clock."""
    return datetime.now(UTC)


def open_shop(keys: str = KEYS, **parts: str) -> None:
    """Put a catalog in force with these rules of corrections."""
    shop.open_shop(keys, **parts)


def ask(account: Account, credits_: int, by: User, **more: Any) -> Adjustment:  # noqa: ANN401 (arguments)
    """Request an adjustment of whole credits."""
    facts: dict[str, Any] = {"reason": "mistake", "text": "Ticket 7", "key": new_id("key")}
    return services.request_adjustment(
        account=account, amount_micros=credits_ * MICROS, requester=by, now=now(), **(facts | more)
    )


def approve(adjustment: Adjustment, by: User, *, at: datetime | None = None) -> Adjustment:
    """Approve it."""
    return services.approve_adjustment(adjustment_id=adjustment.pk, approver=by, now=at or now())


def chosen(**more: Any) -> Selection:  # noqa: ANN401 (fields of a selection)
    """Return the jobs of the last hour."""
    return Selection(**({"since": now() - HOUR, "until": now() + HOUR} | more))


def look(selection: Selection, rule: Rule = ALL) -> Preview:
    """Look at what would move."""
    return selectors.preview(selection, rule, catalog=plans.current().catalog)


def claim(by: User, selection: Selection, rule: Rule = ALL, **more: Any) -> Compensation:  # noqa: ANN401 (arguments)
    """Look at what would move for an incident, and ask for it."""
    facts: dict[str, Any] = {
        "key": "outage-7",
        "selection": selection,
        "rule": rule,
        "notice": SORRY,
        "reason": "incident",
        "text": "Ticket 8",
        "requester": by,
        "now": now(),
    } | more
    if "digest" not in facts:
        facts["digest"] = look(selection, rule).digest
    return services.request_compensation(**facts)


def agree(compensation: Compensation, by: User) -> Compensation:
    """Approve it."""
    return services.approve_compensation(
        compensation_id=compensation.pk, digest=compensation.digest, approver=by, now=now()
    )


def make_rows(account: Account, job: Job) -> None:
    """Make at least one row of each kind that corrections have; `job` ends by it."""
    asks, decides = (User.objects.create_superuser(name) for name in ("rita", "omar"))
    approve(ask(account, 50, asks), decides)
    jobs.fail(job_id=job.pk, operator="rita", now=now())
    agree(claim(asks, chosen(), Rule(Basis.JOB, fixed_micros=MICROS)), decides)
    _grant_a_campaign(account, asks)
    debt = factories.owe(account, 1)
    services.tell_debt(debt_id=debt.pk, now=now())
    services.tell_halt(account_id=account.pk, halted_at=now(), now=now())


def _grant_a_campaign(account: Account, by: User) -> None:
    """Ask that the account has a share of the catalog's first campaign."""
    catalog = plans.current().catalog
    whom = Accounts(
        campaign=catalog.campaigns[0].code,
        name="sorry",
        is_sandbox=account.is_sandbox,
        external_ids=(account.external_id,),
    )
    services.request_campaign_run(
        chosen=whom,
        reason="incident",
        text="Ticket 9",
        digest=selectors.preview_run(whom, catalog=catalog).digest,
        requester=by,
        now=now(),
    )

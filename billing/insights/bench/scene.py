"""A sandbox account with several grants, and what one client does to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.ids import new_id
from billing.insights.bench import card
from billing.insights.bench.figures import Case, Effort, Side, interleaved
from billing.insights.bench.hands import Deed, alone
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, GrantTerms
from plans import selectors as plans
from plans.catalog.schema import Catalog
from plans.credits import MICROS

GRANTS: Final = 4
ROWS: Final = 10
ACTOR: Final = Actor("system", "bench")
CAUSE: Final = Cause("operator", "bench")
SPEC: Final = card.spec(ROWS)
ORDER: Final = JobOrder(spec=SPEC, inputs={"prompt": "a bench"})
Step: TypeAlias = tuple[str, Deed, str | None]  # name, what is done, name of its limit


@dataclass(slots=True)
class Scene:
    """One wallet with several grants, and the calls that are measured on it."""

    account: Account
    now: datetime
    open_holds: list[str] = field(default_factory=list)
    open_jobs: list[str] = field(default_factory=list)

    @classmethod
    def fresh(cls, now: datetime) -> "Scene":
        """Return a scene with an account of its own."""
        return cls(account=rich_account(now), now=now)

    def hold(self) -> bool:
        """Set a credit aside."""
        with transaction.atomic(durable=True):
            catalog = plans.current().catalog
            held = ledger.hold(
                ledger.lock_wallet(self.account, catalog=catalog),
                amount_micros=MICROS,
                reference=new_id("bench"),
                catalog=catalog,
                facts={},
                standing=frozenset(),
                cause=CAUSE,
                actor=ACTOR,
            )
        self.open_holds.append(held.pk)
        return held.amount_micros == MICROS

    def life(self) -> bool:
        """Set a credit aside and spend it."""
        is_right = self.hold()
        with transaction.atomic(durable=True):
            locked = ledger.lock_wallet(self.account, catalog=catalog_now())
            ledger.capture(
                locked,
                hold_id=self.open_holds.pop(),
                amount_micros=MICROS,
                cause=CAUSE,
                actor=ACTOR,
            )
        return is_right

    def submit(self, *, dispatch_at: datetime | None = None) -> bool:
        """Order a video; no backend has it before `dispatch_at`."""
        with transaction.atomic(durable=True):
            job = jobs.submit(account=self.account, order=ORDER, actor=ACTOR, now=self.now)
            if dispatch_at is not None:
                Job.objects.filter(pk=job.pk).update(dispatch_at=dispatch_at)
        self.open_jobs.append(job.pk)
        return job.max_micros is None and job.quoted_micros > 0

    def settle(self) -> bool:
        """Touch the wallet."""
        with transaction.atomic(durable=True):
            locked = ledger.lock_wallet(self.account, catalog=catalog_now())
            ledger.settle(locked)
        return locked.timeline.available_micros > 0

    def tidy(self) -> None:
        """End what a call left open, unmeasured: a wallet has few open holds and jobs at once."""
        while self.open_holds:
            with transaction.atomic(durable=True):
                locked = ledger.lock_wallet(self.account, catalog=catalog_now())
                ledger.release(locked, hold_id=self.open_holds.pop(), cause=CAUSE, actor=ACTOR)
        while self.open_jobs:
            with transaction.atomic(durable=True):
                jobs.cancel(job=Job(pk=self.open_jobs.pop()), actor=ACTOR, now=self.now)

    def tidied(self, call: Callable[[], bool]) -> Deed:
        """Return a deed that makes this call, and tidies up after."""
        return Deed(call, tidy=self.tidy)


def catalog_now() -> Catalog:
    """Return the catalog in force."""
    return plans.current().catalog


def owner() -> BaseDatabaseWrapper:
    """Return the connection of who may make tables."""
    return connections["owner" if "owner" in settings.DATABASES else DEFAULT_DB_ALIAS]


def measured(plan: list[Step], effort: Effort) -> list[Case]:
    """Have one client do each deed of a plan, in turns, and return what they brought."""
    return interleaved(
        [Side(name, partial(alone, deed), beside) for name, deed, beside in plan], effort
    )


def rich_account(now: datetime, *, credits_: int = 1_000_000) -> Account:
    """Return a sandbox account with so many credits in four grants."""
    account = ensure_account(new_id("bench"), zone="UTC", is_sandbox=True, now=now)
    for number in range(GRANTS):
        with transaction.atomic(durable=True):
            ledger.grant(
                ledger.lock_wallet(account, catalog=catalog_now()),
                GrantTerms(
                    amount_micros=credits_ // GRANTS * MICROS,
                    source="bench",
                    fact=f"bench:{number}",
                ),
                cause=CAUSE,
                actor=ACTOR,
            )
    return account

"""A small platform that sells everything, and what its customers and its backend do."""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending
from billing.jobs.services.ending import StoredOutput
from billing.ledger.models import Transfer
from billing.ledger.services import Actor
from billing.organizations import services as organizations
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop

PLATFORM: Final = Actor("service", "key_platform")
BACKENDS: Final = {
    "away": {
        "kind": "cog",
        "url": "http://127.0.0.1:9",
        "secret": "a-secret-that-guards-nothing",
        "models": ["m"],
        "concurrency": 1000,
        "sandbox": True,
    }
}
_PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [[plan.allowance]]
  code = "day"
  cadence = "daily"
  mode = "claimed"
  credits = "10"
  zone = "UTC"
  [[plan.allowance]]
  code = "videos"
  cadence = "monthly"
  unit = "order"
  amount = 1
  zone = "UTC"
  scope = { mode = "pro" }
  [plan.entitlements]
  concurrency = 100

[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业" }
unpriced = true
  [[plan.allowance]]
  code = "month"
  cadence = "monthly"
  credits = "50"
  rollover = "while_subscribed"
  locked_while = ["past_due"]
  [plan.entitlements]
  concurrency = 100
"""
_OFFERS: Final = """
[transfers]
sources = ["goodwill"]

[[pack]]
code = "plain"
name = { en = "Plain", zh = "普通包" }
credits = "20"
expiry = "P30D"

[[pack]]
code = "later"
name = { en = "Later", zh = "以后包" }
credits = "50"
expiry = "P10D"
activate_within = "P20D"

[[campaign]]
code = "last"
name = { en = "Last", zh = "最后" }
kind = "promo"
credits = "3"
budget = "3"

[[campaign]]
code = "many"
name = { en = "Many", zh = "很多" }
kind = "promo"
credits = "2"
budget = "1000000"
"""


def open_platform() -> None:
    """Put the catalog in force."""
    shop.open_shop(_OFFERS, plans=_PLANS)


def customer(name: str, *, has: int = 0, is_sandbox: bool = True) -> Account:
    """Return an account, in the sandbox or not, with so many credits."""
    account = factories.new_account(name, is_sandbox=is_sandbox)
    factories.settle(account)
    if has:
        factories.give(account, has)
    return account


def now() -> datetime:
    """Return the real instant, as an edge would."""
    return datetime.now(UTC)


def running(account: Account) -> Attempt:
    """Order a video; a backend has it and works on it."""
    at, job = now(), shop.submit(account)
    attempt = Attempt.objects.create(
        job=job,
        number=1,
        backend="away",
        state=Attempt.State.ACCEPTED,
        lease_until=at,
        check_at=at,
        created_at=at,
    )
    Job.objects.filter(pk=job.pk).update(
        status="running", started_at=at, deadline_at=at + timedelta(minutes=15)
    )
    return attempt


@transaction.atomic
def finish(attempt: Attempt) -> bool:
    """Say that the backend made the one video, whose file lies in the storage already."""
    job, locked = ending.lock_attempt(attempt.pk)
    ending.end_attempt(locked, outcome="succeeded", now=now())
    video = StoredOutput(
        path=f"outputs/{job.pk}.mp4",
        mime="video/mp4",
        bytes=1,
        sha256="0" * 64,
        milliseconds=60_000,
        width=1280,
        height=720,
    )
    return ending.succeed(job, [video], actor=PLATFORM, now=now())


@transaction.atomic
def cancel(job: Job) -> Job:
    """Cancel a job, as its owner would."""
    return jobs.cancel(job=job, actor=shop.USER, now=now())


@transaction.atomic
def send(account: Account, to: Account, credits_: int, *, fact: str) -> Transfer:
    """Give whole credits to another account, as their owner would."""
    return organizations.transfer(
        sender=account,
        to=to.external_id,
        amount_micros=credits_ * MICROS,
        fact=fact,
        actor=Actor("user", "ada"),
    )


def join(account: Account) -> Subscription:
    """Put the account on the dearer plan."""
    return subscriptions.start(account=account, plan="pro")


@transaction.atomic
def leave(account: Account) -> Subscription | None:
    """Put the account back on the free plan."""
    return subscriptions.keep(
        account=account, plan="free", interval=None, currency=None, ends_at=None, is_past_due=False
    )

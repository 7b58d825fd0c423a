"""What Ada has to do with a platform: something of each kind that operators look for."""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from django.db import transaction

from billing.accounts.models import Account
from billing.accounts.signals import Signal
from billing.jobs.models import Attempt, Job
from billing.ledger.models import Entry, Grant
from billing.ledger.services import Actor
from billing.organizations import services as organizations
from billing.promotions import services as promotions
from billing.promotions.models import Redemption
from billing.promotions.services import Gift
from billing.subscriptions import services as subscriptions
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery
from tests import factories
from tests.jobs import shop
from tests.pages import scene

HOSTILE = scene.HOSTILE
EMAIL, CARD, PHONE = "ada.lovelace+x@example.com", "Xt5EWLLDS7FJjR1c", "+8613800138000"
TASK, REQUEST = "prediction-of-ada", "req-of-the-platform"


@dataclass(frozen=True, slots=True)
class Affairs:
    """One row of each kind."""

    account: Account
    grant: Grant
    job: Job
    waiting: Job
    entry: Entry
    delivery: Delivery
    team: Account
    code: str
    redemption: Redemption


def lived_through(account: Account) -> Affairs:
    """Let an account be given credits, spend them, and wait for a video: 37 are left."""
    now = datetime.now(UTC)
    with transaction.atomic():
        webhooks.create_endpoint(account=account, url="https://hooks.example.com/x", now=now)
        told = {Signal.EMAIL: EMAIL, Signal.CARD: CARD, Signal.PHONE: PHONE}
        subscriptions.tell_signals(account=account, told=told, now=now)
    grant = factories.give(account, 57, source="promotion")
    made = shop.finish(scene.ordered(account, HOSTILE))
    waiting = scene.ordered(account, HOSTILE)
    Attempt.objects.create(
        job=waiting,
        number=1,
        backend="away",
        provider_id=TASK,
        lease_until=now,
        check_at=now,
        created_at=now,
    )
    with transaction.atomic():
        actor = Actor("user", account.pk)
        team = organizations.found(owner=account, name=HOSTILE, actor=actor, now=now)
    gift, is_sandbox = Gift("pack", "credits-3300"), account.is_sandbox
    [code] = promotions.create_codes(gift, count=1, is_sandbox=is_sandbox, now=now)
    return Affairs(
        account=account,
        grant=grant,
        job=made,
        waiting=waiting,
        entry=Entry.objects.filter(grant=grant, kind="grant").get(),
        delivery=Delivery.objects.filter(account=account).order_by("id")[0],
        team=team.account,
        code=code,
        redemption=_redeemed(code),
    )


def _redeemed(code: str) -> Redemption:
    """Let somebody else redeem a code, in a request that has a name."""
    bob = factories.new_account("bob")
    with structlog.contextvars.bound_contextvars(request_id=REQUEST), transaction.atomic():
        redeemed = promotions.redeem(account=bob, typed=code, actor=Actor("user", bob.pk))
        factories.give(bob, 1)
        factories.give(bob, 2)
    assert redeemed is not None
    return redeemed

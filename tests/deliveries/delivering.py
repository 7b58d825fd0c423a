"""One run: a shop, its customers, all events in every wrong way, and what came of it."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.management import call_command
from django.db import transaction

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.insights import audit, reconcile
from billing.ledger.models import Debt, Wallet
from billing.outbox.models import Message
from billing.payments import gateway
from billing.payments.models import Purchase, StripeEvent
from billing.subscriptions import selectors as subscriptions
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.deliveries import checks, plan, posting, reference
from tests.deliveries.buying import Buyers
from tests.deliveries.checks import Facts, Has, PaidHere
from tests.deliveries.plan import Asked, Delivery, Story
from tests.deliveries.service import Service
from tests.jobs import shop
from tests.stripe_peer.driver import Peer

_THREADS: Final = 4
_CALM_SECONDS: Final = 600.0
_TOLD_EVERY_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.5
_BROKEN_SHOWN: Final = 30
_SPENT_ON: Final = "job_test"  # what customers spend on here is no job
CATALOG: Final = f"""
[[plan]]
code = "free"
name = {{ en = "Free", zh = "免费" }}
free = true

[[plan]]
code = "pro"
name = {{ en = "Pro", zh = "专业" }}
prices = [{{ currency = "CNY", interval = "P1M", list = "66" }}]
  [[plan.allowance]]
  code = "monthly"
  cadence = "monthly"
  mode = "auto"
  credits = "{reference.PLAN_CREDITS}"
  rollover = "none"
  expiry = "window_end"

[[pack]]
code = "hundred"
name = {{ en = "A hundred", zh = "一百点" }}
credits = "{reference.PACK_CREDITS}"
prices = [{{ currency = "CNY", list = "10" }}]
  [pack.bonus]
  credits = "{reference.PACK_BONUS}"

[payments.methods]
CNY = ["card", "alipay"]
"""


def deliver(asked: Asked, peer: Peer, service: Service) -> int:
    """Let it all happen and arrive; print what was seen; return how many breaches there are."""
    began = time.monotonic()
    stories = plan.stories(asked)
    buyers = _open(peer, service, stories)
    sent: list[Delivery] = []
    answers: list[int] = []
    try:
        service.start()
        _each(buyers.buy, stories)
        _deliver(0, asked, peer, service, sent, answers)
        _wait()
        spent = {story.name: _spend(story) for story in stories}
        _each(buyers.take_back, stories)
        _deliver(1, asked, peer, service, sent, answers)
        delivered = time.monotonic()
        _wait()
        calm = time.monotonic()
        seen = _look(peer, sent, answers, spent)
    finally:
        service.end()
    say(f"all delivered after {delivered - began:.0f} s, calm {calm - delivered:.0f} s later")
    return _tell(asked, seen, stories, seconds=time.monotonic() - began)


def _open(peer: Peer, service: Service, stories: list[Story]) -> Buyers:
    """Put a catalog in force, and its prices to Stripe; let the customers have tokens."""
    now = datetime.now(UTC)
    text = f"{shop.HEAD}\n{shop.CREDIT}\n{CATALOG}\n{shop.MODEL}\n{shop.RATE}"
    publish.publish(text, now=now)
    call_command("sync_prices", verbosity=0)
    peer.travel(hold=True)
    signed = {}
    for story in stories:
        factories.new_account(story.name, is_sandbox=False)
        signed[story.number] = tokens.sign(story.name, lifetime=timedelta(days=2), now=now)
    return Buyers(peer, port=service.port, tokens=signed)


def _each(live: Callable[[Story], None], stories: list[Story]) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        for _done in pool.map(live, stories):
            pass


def _deliver(
    part: int, asked: Asked, peer: Peer, service: Service, sent: list[Delivery], answers: list[int]
) -> None:
    """Deliver all that has happened so far, and note what was sent and answered."""
    events = _events(peer)
    coming = plan.deliveries(asked, list(events), part=part)
    say(f"  part {part}: {len(events)} events, {len(coming)} deliveries")
    answers += posting.post_all(
        coming, events, port=service.port, secret=peer.secret, threads=_THREADS
    )
    sent += coming


def _spend(story: Story) -> int:
    """Let a customer spend of what he bought; return how much that was, in millionths."""
    account = Account.objects.get(external_id=story.name)
    free = _has(account, {}).available_micros // MICROS
    if not (credits_ := min(story.spends, free)):
        return 0
    factories.capture(account, factories.hold(account, credits_), credits_ * MICROS)
    return credits_ * MICROS


def _events(peer: Peer) -> dict[str, dict[str, Any]]:
    """Return all events of the emulator, the oldest first."""
    told = peer.client().v1.events.list({"limit": 100}).auto_paging_iter()
    found = {one.id: json.loads(str(one)) for one in told}
    return dict(reversed(found.items()))


def _wait() -> None:
    """Return when everything is applied, or has had time enough."""
    ends_at = time.monotonic() + _CALM_SECONDS
    told_at = time.monotonic()
    while time.monotonic() < ends_at:
        waiting = Message.objects.filter(ring_at__isnull=False).count()
        unapplied = StripeEvent.objects.filter(applied_at=None).count()
        if not waiting and not unapplied:
            return
        if time.monotonic() - told_at > _TOLD_EVERY_SECONDS:
            told_at = time.monotonic()
            say(f"  {waiting} errands wait, {unapplied} events are not applied")
        time.sleep(_LOOK_SECONDS)


def _look(peer: Peer, sent: list[Delivery], answers: list[int], spent: dict[str, int]) -> Facts:
    now = datetime.now(UTC)
    kept = StripeEvent.objects.filter(via=StripeEvent.Via.WEBHOOK)
    waiting = Message.objects.filter(ring_at__isnull=False)
    dead = Message.objects.filter(dead_at__isnull=False)
    report = reconcile.run(
        since=now - timedelta(days=1), now=now + timedelta(hours=2), gateway=gateway.configured()
    )
    return Facts(
        sent=sent,
        answers=answers,
        events={one.pk: one.applied_at is not None for one in kept},
        expected=reference.expected(peer.objects()),
        has={one.pk: _has(one, spent) for one in Account.objects.all()},
        open_messages=[str(one) for one in waiting],
        dead_messages=[f"{one}: {one.error}" for one in dead],
        breaches=[str(breach) for breach in audit.breaches()],
        drifts=[str(one) for one in report.drifts if _SPENT_ON not in one.sentence],
    )


@transaction.atomic
def _has(account: Account, spent: dict[str, int]) -> Has:
    factories.lock(account)
    wallet = Wallet.objects.get(account=account)
    bought = Purchase.objects.filter(account=account)
    subscription = subscriptions.open_of(account)
    return Has(
        purchases=[
            PaidHere(one.stripe_id, one.credited_micros, one.taken_micros) for one in bought
        ],
        available_micros=wallet.available_micros,
        debt_micros=sum(_missing(debt) for debt in Debt.objects.filter(wallet=wallet)),
        spent_micros=spent.get(account.external_id, 0),
        plan=subscription.plan if subscription else "",
    )


def _missing(debt: Debt) -> int:
    return debt.amount_micros - debt.paid_micros


def _tell(asked: Asked, seen: Facts, stories: list[Story], *, seconds: float) -> int:
    """Print a table for people, the first breaches, and one line of JSON."""
    broken = checks.breaches(seen)
    for name, number in Counter(str(story.way) for story in stories).items():
        say(f"  {number:6}  {name}")
    for name, number in Counter(str(story.back) for story in stories).items():
        say(f"  {number:6}  {name}")
    forged = Counter(str(one.forgery) for one in seen.sent if one.forgery is not None)
    for name, number in forged.items():
        say(f"  {number:6}  forged: {name}")
    told = {
        "chance": asked.chance,
        "deliveries": len(seen.sent),
        "events": len(seen.events),
        "forged": sum(forged.values()),
        "customers": len(stories),
        "purchases": sum(len(has.purchases) for has in seen.has.values()),
        "seconds": round(seconds),
        "breaches": len(broken),
    }
    for sentence in broken[:_BROKEN_SHOWN]:
        say(f"BROKEN {sentence}")
    say(f"{len(checks.CHECKS)} rules, {len(broken)} breaches")
    say(json.dumps(told))
    return len(broken)


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

"""One storm: a platform with customers, blows until all is ordered, calm until all has ended."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Max

from billing.accounts import tokens
from billing.jobs.models import Job
from billing.outbox.models import Message
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.kills import checks, facts, plan
from tests.kills.customers import Customers
from tests.kills.facts import Facts, JobSeen
from tests.kills.killer import Killer, Struck, pause
from tests.kills.plan import CUSTOMERS, Asked, Blow, Order, Word
from tests.kills.service import Service

GIVEN: Final = 1_000_000  # credits that each customer has
_BACKLOG_MAX: Final = 60  # jobs that have not ended; then the customers wait
_THREADS: Final = 6
_TOLD_EVERY_SECONDS: Final = 30
_LOOK_EVERY_SECONDS: Final = 0.5
CATALOG: Final = """
[failure_policy.charge]
moderation_output = "0.5"
canceled_running = "0.25"

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
  expiry = "never"
  [plan.entitlements]
  concurrency = 10000

[[model]]
code = "m"
name = { en = "M", zh = "M" }
  [model.dimensions]
  seconds = { min = 1, max = 4, default = 1 }
  [[model.task]]
  code = "text_to_video"

[[rate]]
id = "second"
form = "per_unit"
basis = "seconds"
price = "2"
"""


def blow(asked: Asked, service: Service) -> int:
    """Let the storm blow; print what was seen; return how many breaches there are."""
    began = time.monotonic()
    orders = plan.orders(asked, customers=CUSTOMERS)
    say(f"chance {asked.chance}: {asked.jobs} jobs, {asked.kills} kills, {asked.wipes} wipes")
    customers = _open(service, orders)
    killer = Killer(service, plan.blows(asked), chance=asked.chance)
    try:
        service.start()
        ready = time.monotonic()
        customers.start()
        _rage(customers, killer, orders=len(orders))
        raged = time.monotonic()
        _calm(killer, patience_seconds=asked.patience_seconds)
        ended = time.monotonic()
        say(f"raged for {raged - ready:.0f} s, calm after {ended - raged:.0f} s more")
        balances = {one: _balance(customers, one) for one in range(CUSTOMERS)}
    finally:
        service.end()
    seen = _look(asked, service, orders, customers, balances, killer.struck)
    broken = checks.breaches(seen)
    _tell(seen, killer.struck, customers, service, seconds=time.monotonic() - began, broken=broken)
    return len(broken)


def _open(service: Service, orders: list[Order]) -> Customers:
    """Put a catalog in force, and let customers have credits and tokens."""
    now = datetime.now(UTC)
    publish.publish(f"{shop.HEAD}\n{shop.CREDIT}\n{CATALOG}", now=now)
    names = [f"customer-{number}" for number in range(CUSTOMERS)]
    for name in names:
        factories.give(factories.new_account(name, is_sandbox=False), GIVEN)
    signed = [tokens.sign(name, lifetime=timedelta(days=2), now=now) for name in names]
    return Customers(service.port, signed, orders, threads=_THREADS)


def _rage(customers: Customers, killer: Killer, *, orders: int) -> None:
    """Strike while they order; they wait while the service has enough to do."""
    looked_at = told_at = time.monotonic()
    while not customers.are_done:
        accepted = len(customers.heard.jobs)
        killer.look(accepted)
        now = time.monotonic()
        if now - looked_at > _LOOK_EVERY_SECONDS:
            looked_at = now
            live = Job.objects.filter(finished_at=None).count()
            if live < _BACKLOG_MAX:
                customers.may_order.set()
            else:
                customers.may_order.clear()
            if now - told_at > _TOLD_EVERY_SECONDS:
                told_at = now
                say(f"  {accepted} of {orders} accepted, {live} alive, {_blows(killer.struck)}")
        pause()


def _calm(killer: Killer, *, patience_seconds: int) -> None:
    """Return when everything has ended, or has had time enough to end."""
    now = looked_at = told_at = time.monotonic()
    ends_at = now + patience_seconds
    while now < ends_at:
        killer.look(sys.maxsize)
        if now - looked_at > _LOOK_EVERY_SECONDS:
            looked_at = now
            left = facts.what_is_left()
            if killer.is_done and not left:
                return
            if now - told_at > _TOLD_EVERY_SECONDS:
                told_at = now
                say(f"  calm: {left or 'nothing'} left, {_blows(killer.struck)}")
        pause()
        now = time.monotonic()


def _balance(customers: Customers, customer: int) -> tuple[int, int]:
    told = customers.balance(customer)
    return facts.micros(told["available"]), facts.micros(told["held"])


def _look(
    asked: Asked,
    service: Service,
    orders: list[Order],
    customers: Customers,
    balances: dict[int, tuple[int, int]],
    struck: Struck,
) -> Facts:
    journal = facts.journal(service.journal)
    return Facts(
        asked=asked,
        orders=orders,
        heard=customers.heard,
        jobs=facts.jobs(),
        attempts=facts.attempts(),
        live_attempts=facts.live_attempts(),
        hand_overs=service.gate.hand_overs,
        starts=journal["start"],
        films=journal["film"],
        given_micros=GIVEN * MICROS,
        balances=balances,
        digest=service.film_digest(),
        open_messages=facts.open_messages(),
        dead_messages=facts.dead_messages(),
        unapplied=facts.unapplied(),
        breaches=facts.breaches(),
        kills=struck.kills,
        wipes=struck.fell[Blow.WIPE],
        zombies=struck.fell[Blow.ZOMBIE],
    )


def _tell(
    seen: Facts,
    struck: Struck,
    customers: Customers,
    service: Service,
    *,
    seconds: float,
    broken: list[str],
) -> None:
    """Print a table for people, the first breaches, and one line of JSON."""
    for kind in Blow:
        say(f"  {struck.fell[kind]:6}  {kind}")
    for fate, number in struck.fates.items():
        say(f"  {number:6}  hand-over of a frozen worker {fate}")
    ends: dict[str, int] = {}
    for job in seen.jobs:
        name = f"{job.status} {job.failure_class}".strip()
        ends[name] = ends.get(name, 0) + 1
    for name, number in sorted(ends.items()):
        say(f"  {number:6}  jobs {name}")
    told = {
        "chance": seen.asked.chance,
        "jobs": len(seen.jobs),
        "final": sum(job.is_final for job in seen.jobs),
        "kills": seen.kills,
        "wipes": seen.wipes,
        "zombies": seen.zombies,
        "web_kills": struck.fell[Blow.WEB],
        "attempts": len(seen.attempts),
        "hand_overs": len(seen.hand_overs),
        "answers_lost": service.gate.answers_lost,
        "given_up": len(_given_up(seen)),
        "late_successes": sum(job.is_late for job in seen.jobs),
        "requests_repeated": sum(customers.heard.unanswered.values()),
        "most_runs": Message.objects.aggregate(most=Max("runs"))["most"],
        "seconds": round(seconds),
        "breaches": len(broken),
    }
    for sentence in broken[:30]:
        say(f"BROKEN {sentence}")
    say(f"{len(checks.CHECKS)} rules, {len(broken)} breaches")
    say(json.dumps(told))


def _given_up(seen: Facts) -> list[JobSeen]:
    """Return the jobs that were to succeed and failed, with those who worked on them."""
    good = {order.number for order in seen.orders if order.word in (Word.PLAIN, Word.SLOW)}
    return [job for job in seen.jobs if job.order in good and job.status == "failed"]


def _blows(struck: Struck) -> str:
    wipes, zombies = struck.fell[Blow.WIPE], struck.fell[Blow.ZOMBIE]
    return f"{struck.kills} kills, {wipes} wipes, {zombies} zombies"


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

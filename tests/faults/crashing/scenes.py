"""What a process is at when it is cut off: each sets a fresh scene, and says what is done in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.corrections.models import Adjustment
from billing.jobs.models import Job
from billing.ledger import store
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import Checkout, Purchase
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from billing.webhooks import services as webhooks
from tests import factories
from tests.corrections import desk
from tests.faults.crashing.child import Act, Command, Errand, Request, Sweep
from tests.faults.crashing.world import World, errand, now
from tests.payments.lives import MONTH
from tests.payments.till import BACK
from tests.sandbox.conftest import clock_of, send


@dataclass(frozen=True, slots=True)
class Scene:
    """What is about to be done, and to whose account."""

    act: Act
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that a process of the service does.

    Attributes:
        others: what else may come of it, because the other side never heard of it: scenes whose
            uncut ends are as good.
    """

    name: str
    scene: Callable[[World], Scene]
    others: tuple[Callable[[World], Scene], ...] = field(default=())

    def __str__(self) -> str:
        return self.name


# -- jobs ------------------------------------------------------------------------------------------
_KITE: Final = {"model": "m", "seconds": 5, "inputs": {"prompt": "a kite"}}
_FAILS: Final = {**_KITE, "inputs": {"prompt": "[fail] a kite"}}


def _submit(world: World) -> Scene:
    ada = world.customer(has=30)
    return Scene(world.asks(ada, "/v1/jobs", **_KITE), (ada,))


def _ordered(world: World, order: dict[str, object] = _KITE) -> tuple[Account, Job]:
    ada = world.customer(has=30)
    answer = world.asks(ada, "/v1/jobs", **order).do()
    assert answer.status == 201, answer
    return ada, Job.objects.get(account=ada)


def _dispatch(world: World) -> Scene:
    ada, _job = _ordered(world)
    return Scene(errand(TaskName.DISPATCH_JOB), (ada,))


def _dispatch_unheard(world: World) -> Scene:
    world.studio.deaf = 1
    return _dispatch(world)


def _dispatch_unanswered(world: World) -> Scene:
    world.studio.mute = 1
    return _dispatch(world)


def _running(world: World, order: dict[str, object] = _KITE) -> tuple[Account, Job]:
    ada, job = _ordered(world, order)
    errand(TaskName.DISPATCH_JOB).do()
    return ada, job


def _heard(world: World) -> Scene:
    ada, _job = _running(world)
    [(_name, word)] = world.reports()
    return Scene(word, (ada,))


def _applied(world: World, order: dict[str, object] = _KITE) -> Scene:
    ada, _job = _running(world, order)
    [(name, word)] = world.reports()
    assert word.do().status == 200
    world.studio.end(name)
    return Scene(errand(TaskName.APPLY_CALLBACK), (ada,))


def _failed(world: World) -> Scene:
    return _applied(world, _FAILS)


def _poll(world: World) -> Scene:
    """A sweep asks after a job whose hand-over nobody has reported."""
    ada, job = _running(world)
    job.attempts.update(state="ambiguous", check_at=now())
    return Scene(Sweep(TaskName.SWEEP_JOBS.value), (ada,))


def _unasked(world: World) -> Scene:
    """As `_poll`, but the backend's callback is faster than any sweep that asks."""
    scene = _poll(world)
    return Scene(Sweep(TaskName.BEAT_HEART.value), scene.accounts)


def _cancel_queued(world: World) -> Scene:
    ada, job = _ordered(world)
    # Nobody has called a worker yet.
    return Scene(world.asks(ada, f"/v1/jobs/{job.pk}/cancel"), (ada,))


def _cancel_running(world: World) -> Scene:
    ada, job = _running(world)
    return Scene(world.asks(ada, f"/v1/jobs/{job.pk}/cancel"), (ada,))


def _cancel_at_backend(world: World) -> Scene:
    ada, job = _running(world)
    assert world.asks(ada, f"/v1/jobs/{job.pk}/cancel").do().status == 202
    return Scene(errand(TaskName.CANCEL_JOB), (ada,))


# -- credits ---------------------------------------------------------------------------------------
def _check_in(world: World) -> Scene:
    ada = world.customer()
    return Scene(world.asks(ada, "/v1/check-in"), (ada,))


def _redeem(world: World) -> Scene:
    ada = world.customer()
    [code] = promotions.create_codes(
        Gift("pack", "plain"), count=1, uses=1, is_sandbox=False, now=now()
    )
    return Scene(world.asks(ada, "/v1/redemptions", code=code), (ada,))


def _give(world: World) -> Scene:
    ada = world.customer()
    gift = {"credits": "12", "source": "promotion", "reason": "summer"}
    return Scene(world.server_asks(ada, "/v1/grants", **gift), (ada,))


def _transfer(world: World) -> Scene:
    ada, bob = world.customer(has=20), world.customer()
    sent = world.asks(ada, "/v1/transfers", to=bob.external_id, credits="5")
    return Scene(sent, (ada, bob))


def _adjust(world: World) -> Scene:
    ada = world.customer(has=3)
    asks, decides = world.operators
    asked = desk.ask(ada, 5, asks)

    def is_done() -> bool:
        return Adjustment.objects.get(pk=asked.pk).state != Adjustment.State.REQUESTED

    options = {"approve": asked.pk, "operator": decides.username}
    return Scene(Command("adjust", options, is_done), (ada,))


def _expire(world: World) -> Scene:
    """The wallets of two who sleep are brought up to date."""
    sleepers = tuple(world.customer(has=4) for _number in range(2))
    for one in sleepers:
        given = factories.give(one, 10, expires_in=timedelta(milliseconds=1))
        assert given.expires_at is not None
        while store.database_now() < given.expires_at:
            pass
    return Scene(Command("run_due", {}, lambda: False), sleepers)


# -- payments --------------------------------------------------------------------------------------
def _checkout(world: World) -> Scene:
    ada = world.customer()
    return Scene(world.asks(ada, "/v1/checkout-sessions", pack="plain", success_url=BACK), (ada,))


def _pay(world: World, account: Account, **wish: str) -> None:
    page = world.asks(account, "/v1/checkout-sessions", success_url=BACK, **wish).do()
    assert page.status == 201, page
    world.peer.pay(Checkout.objects.get(account=account).url)


def _told(world: World) -> Scene:
    ada = world.customer()
    _pay(world, ada, pack="plain")
    [event] = world.news("checkout.session.completed")
    return Scene(world.tells(event), (ada,))


def _sold(world: World) -> Scene:
    ada = world.customer()
    _pay(world, ada, pack="plain")
    [event] = world.news("checkout.session.completed")
    assert world.tells(event).do().status == 200
    return Scene(errand(TaskName.APPLY_STRIPE_EVENT), (ada,))


def _bought(world: World, account: Account, **wish: str) -> None:
    """Have somebody pay, and all of it told and applied."""
    _pay(world, account, **wish)
    for event in world.news():
        assert world.tells(event).do().status == 200
    _work_off()


def _refund(world: World) -> Request:
    ada = world.customer()
    _bought(world, ada, pack="plain")
    bought = Purchase.objects.get(account=ada)
    wish = {"purchase": bought.pk, "rule": "cooling_off", "reason": "unwanted"}
    return world.server_asks(ada, "/v1/refunds", **wish)


def _refund_asked(world: World) -> Scene:
    asked = _refund(world)
    return Scene(asked, (_newest(),))


def _refund_sent(world: World) -> Scene:
    assert _refund(world).do().status == 201
    return Scene(errand(TaskName.SEND_REFUND), (_newest(),))


def _change(world: World) -> Request:
    ada = world.customer()
    _bought(world, ada, plan="small", interval="P1M")
    return world.asks(ada, "/v1/subscription/change", plan="large", interval="P1M")


def _change_plan(world: World) -> Scene:
    asked = _change(world)
    return Scene(asked, (_newest(),))


def _renewal(world: World) -> Scene:
    """A sandbox clock is walked across a renewal, at Stripe too."""
    ada = world.customer(is_sandbox=True)
    clock = clock_of(ada)
    _bought(world, ada, plan="small", interval="P1M")
    send(clock, MONTH + timedelta(hours=3))
    return Scene(errand(TaskName.ADVANCE_CLOCK), (ada,))


# -- what is told ----------------------------------------------------------------------------------
def _deliver(world: World) -> Scene:
    ada = world.customer()
    with _only_endpoint(world, ada), transaction.atomic():
        webhooks.publish(account=ada, type="job.succeeded", data={}, now=now())
    return Scene(errand(TaskName.DELIVER_WEBHOOK), (ada,))


def _ring(world: World) -> Scene:
    """The scheduler's ring for what the broker forgot."""
    ada, _job = _ordered(world)
    Message.objects.filter(ring_at__isnull=False).update(ring_at=now())
    return Scene(Sweep(TaskName.RING_DUE.value), (ada,))


@contextmanager
def _only_endpoint(world: World, account: Account) -> Iterator[None]:
    """Have an endpoint that hears this, and nothing later."""
    made = world.listens(account)
    yield
    type(made).objects.filter(pk=made.pk).update(events=["nothing.else"])


def _newest() -> Account:
    return Account.objects.order_by("-id")[0]


def _work_off() -> None:
    """Run what is open, and what that posts."""
    waiting = Message.objects.filter(ring_at__isnull=False).order_by("pk")
    for message in iter(lambda: next(islice(waiting.iterator(), 1), None), None):
        Errand(message.pk).do()


SCENARIOS: Final = (
    Scenario("submit", _submit),
    Scenario("dispatch", _dispatch, (_dispatch_unheard, _dispatch_unanswered)),
    Scenario("callback heard", _heard),
    Scenario("success applied", _applied),
    Scenario("failure applied", _failed),
    Scenario("backend asked", _poll, (_unasked,)),
    Scenario("queued job canceled", _cancel_queued),
    Scenario("running job canceled", _cancel_running),
    Scenario("backend told to stop", _cancel_at_backend),
    Scenario("check-in", _check_in),
    Scenario("redemption", _redeem),
    Scenario("grant", _give),
    Scenario("transfer", _transfer),
    Scenario("adjustment approved", _adjust),
    Scenario("expiry sweep", _expire),
    Scenario("checkout", _checkout),
    Scenario("pack event heard", _told),
    Scenario("pack event applied", _sold),
    Scenario("refund asked", _refund_asked),
    Scenario("refund sent", _refund_sent),
    Scenario("plan change", _change_plan),
    Scenario("renewal", _renewal),
    Scenario("webhook delivered", _deliver),
    Scenario("messages rung", _ring),
)

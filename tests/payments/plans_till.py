"""A shop of plans that are changed into each other, at an emulator of Stripe's."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.models import Grant, Hold
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments import services
from billing.payments.models import Contract, PlanChange, Purchase, Refund
from billing.payments.services import lapsing, sending
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.payments import till as tills
from tests.payments.dying import Died, dies
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import GOOD

_PLAN: Final = """
[[plan]]
code = "{code}"
name = {{ en = "{en}", zh = "{zh}" }}
{seats}
prices = [
  {{ currency = "USD", interval = "P1M", list = "{price}" }},
  {{ currency = "USD", interval = "P1Y", list = "{year}" }},
]
  [[plan.allowance]]
  code = "monthly"
  credits = "{credits}"
  cadence = "monthly"
  per_seat = {per_seat}
"""
_FREE: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
"""
_PLANS: Final = (
    ("small", "Small one", "小套餐", "", 10, 100),
    ("large", "Large one", "大套餐", "", 40, 600),
    ("team", "Team", "团队", "seats_min = 3", 5, 50),
)
_POLICY: Final = """
[change_policy]
upgrade = {{ when = "now", credits = "{credits}" }}
downgrade = {{ when = "period_end" }}
"""
_ERRANDS: Final = (TaskName.CARRY_OUT_CHANGE, TaskName.SEND_REFUND)
BROKE_OFF: Final = timedelta(minutes=3)  # so long ago that the sweep goes on with it


def open_plans(credits_: str, *, head: str = "") -> None:
    """Sell plans, of which a dearer one follows another by this policy; and what else is said."""
    plans = "".join(
        _PLAN.format(
            code=code,
            en=en,
            zh=zh,
            seats=seats,
            price=price,
            year=price * 10,
            credits=n,
            per_seat=str(bool(seats)).lower(),
        )
        for code, en, zh, seats, price, n in _PLANS
    )
    policy = _POLICY.format(credits=credits_)
    tills.open_till(policy, packs="", plans=_FREE + plans, head=head)


@dataclass(frozen=True)
class Desk:
    """What a test of changes holds: the shop, and an account that pays for a plan there."""

    till: Till
    account: Account

    # -- what the account does -----------------------------------------------------------------
    def subscribe(self, *, number: str = GOOD, **wish: str) -> Subscription:
        """Pay for a month of the small plan, or for what is wished."""
        answer = self.till.ask({"plan": "small", "interval": "P1M", "success_url": BACK, **wish})
        assert answer.status_code == 201, answer.content
        shown = self.till.peer.pay(answer.json()["url"], number)
        if "authorize" in shown.location:
            self.till.peer.decide(shown)
        self.till.settle()
        return self.subscription

    def ask(self, verb: str = "change", *, key: str | None = None, **body: object) -> Any:  # noqa: ANN401 (Django's test response)
        """Ask for the large plan by the month, or for what is said; return the answer."""
        if verb in {"change", "preview"}:
            body = {"plan": "large", "interval": "P1M", **body}
        return self.till.ask(body, path=f"/v1/subscription/{verb}", key=key)

    def die_at(self, place: object, name: str, how: Callable[..., Any], patch: Any) -> None:  # noqa: ANN401 (pytest's)
        """Ask for the change, and die on the way to it."""
        with patch.context() as dying:
            dying.setattr(place, name, dies if how is dies else how(getattr(place, name)))
            with suppress(Died):
                self.ask(key="once")

    # -- what others do at Stripe ----------------------------------------------------------------
    def decline(self) -> None:
        """Let the card that pays the plan be one that every bank declines from now on."""
        client = self.till.peer.client()
        customer = self.account.customer.stripe_id
        card = client.v1.payment_methods.attach(
            "pm_card_chargeCustomerFail", {"customer": customer}
        )
        client.v1.subscriptions.update(self.contract.stripe_id, {"default_payment_method": card.id})

    def drop_price(self, plan: str) -> None:
        """Let Stripe not ask the price of a month of a plan any more."""
        client = self.till.peer.client()
        for price in client.v1.prices.list({"active": True, "limit": 100}).data:
            if f":{plan}:" in str(price.lookup_key) and "P1M" in str(price.lookup_key):
                client.v1.prices.update(price.id, {"active": False})

    # -- what happens by itself ----------------------------------------------------------------
    def pass_time(self, by: timedelta) -> None:
        """Let time pass, at Stripe and here."""
        self.till.peer.advance(int(by.total_seconds()))
        factories.later(self.account, by)

    def hear(self) -> None:
        """Let every event arrive and be applied, and what that has posted be done."""
        self.till.settle()
        self.work()

    def work(self) -> None:
        """Do what was posted of changes and refunds."""
        waiting = Message.objects.filter(task__in=_ERRANDS, done_at=None).order_by("pk")
        while (message := waiting.first()) is not None:  # one may post another
            if message.task == TaskName.CARRY_OUT_CHANGE:
                services.go_on(now=timezone.now(), **message.arguments)
            else:
                sending.send(**message.arguments)
            waiting.filter(pk=message.pk).update(done_at=timezone.now(), ring_at=None)

    def sweep(self, after: timedelta = BROKE_OFF) -> None:
        """Let the sweep come by, so long after now."""
        lapsing.go_on_with_changes(now=datetime.now(UTC) + after)

    # -- how things stand ----------------------------------------------------------------------
    @property
    def subscription(self) -> Subscription:
        """What the account is on."""
        found = selectors.open_of(self.account)
        assert found is not None
        return found

    @property
    def change(self) -> PlanChange:
        """The newest change."""
        return PlanChange.objects.order_by("-id")[0]

    @property
    def contract(self) -> Contract:
        """Its contract, as it was seen last."""
        return Contract.objects.get(account=self.account)

    @property
    def free(self) -> int:
        """How many credits are free."""
        return factories.free_micros(self.account) // MICROS

    @property
    def held(self) -> int:
        """How many credits are set aside."""
        holds = Hold.objects.filter(wallet__account=self.account, state=Hold.State.OPEN)
        return sum(holds.values_list("amount_micros", flat=True)) // MICROS

    def money(self) -> list[tuple[str, int, int, int]]:
        """Return what came: of which kind, how much, how many credits by it, what went back."""
        rows = Purchase.objects.filter(account=self.account).order_by("id")
        found = rows.values_list("kind", "amount_micros", "credited_micros", "refunded_micros")
        return [(kind, *(micros // MICROS for micros in amounts)) for kind, *amounts in found]  # type: ignore[misc]  # three of them

    def refunds(self) -> list[tuple[str, str]]:
        """Return what went back, why, and how far it is."""
        return list(Refund.objects.order_by("id").values_list("reason", "state"))

    def grants(self) -> list[tuple[int, int, int]]:
        """Return of each grant how many credits came, are free and were taken back."""
        rows = Grant.objects.filter(wallet__account=self.account).order_by("id")
        found = rows.values_list("amount_micros", "available_micros", "revoked_micros")
        return [tuple(micros // MICROS for micros in one) for one in found]  # type: ignore[misc]  # three of them

    def bills(self) -> list[tuple[str, int]]:
        """Return the bills of changes at Stripe: how they stand, and their amount."""
        made = self.till.peer.objects()["invoice"]
        ours = [one for one in made if one["metadata"].get("linggan_change")]
        return [(one["status"], one["amount_due"] // 100) for one in ours]

    def at_stripe(self) -> dict[str, Any]:
        """Return the subscription as Stripe keeps it."""
        [found] = self.till.peer.objects()["subscription"]
        return found

    def price_at_stripe(self) -> int:
        """Return what Stripe collects for a period of one, in whole dollars."""
        price: int = self.at_stripe()["items"]["data"][0]["price"]["unit_amount"]
        return price // 100

    def is_clean(self) -> bool:
        """Say whether every invariant holds."""
        return list(audit.breaches()) == []

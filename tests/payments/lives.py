"""Lives of subscribers on test clocks, ours and Stripe's: what passes between is lived through."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import stripe

from billing.accounts.models import Account
from billing.ledger import clocks
from billing.notices.models import Notice
from billing.payments.models import Contract
from billing.payments.services import lapsing, remind
from billing.sandbox.models import TestClock
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.payments.till import BACK, Till
from tests.sandbox.conftest import advance, clock_of
from tests.stripe_peer.driver import GOOD

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=31)
# Stripe collects a renewal an hour after its period has begun.
COLLECTED: Final = 2 * HOUR
FREE: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
"""
SMALL: Final = """
[[plan]]
code = "small"
name = { en = "Small", zh = "小型版" }
prices = [
  { currency = "USD", interval = "P1M", list = "10" },
  { currency = "USD", interval = "P6M", list = "50" },
  { currency = "USD", interval = "P1Y", list = "90" },
]
  [[plan.allowance]]
  code = "monthly"
  credits = "100"
  cadence = "monthly"
"""
LARGE: Final = (
    SMALL.replace("small", "large")
    .replace("Small", "Large")
    .replace("小型版", "大型版")
    .replace('list = "', 'list = "4')
    .replace('"100"', '"600"')
)
TRIED: Final = """
[[plan]]
code = "tried"
name = { en = "Tried", zh = "试用版" }
trial = { period = "P7D", credits = "50" }
prices = [{ currency = "USD", interval = "P1M", list = "20", first = "12" }]
  [[plan.allowance]]
  code = "monthly"
  credits = "200"
  cadence = "monthly"
"""


@dataclass
class Life:
    """An account that lives by a test clock; Stripe's goes along with it.

    Attributes:
        language: in which its people read.
        buyer: who acts for it; "": the account is a person's, and he does.
    """

    till: Till
    account: Account
    language: str = "en"
    buyer: str = ""
    clock: TestClock = field(init=False)

    def __post_init__(self) -> None:
        factories.settle(self.account)
        self.clock = clock_of(self.account)

    # -- what it does --------------------------------------------------------------------------
    def subscribe(
        self, plan: str, *, number: str = GOOD, interval: str = "P1M", seats: int | None = None
    ) -> Subscription:
        """Pay for a plan on its page; return the subscription that begins with it."""
        url = self.open_page(plan, interval=interval, seats=seats)
        assert self.till.peer.pay(url, number).status == 303
        self.till.settle()
        return self.subscription

    def open_page(self, plan: str, *, interval: str = "P1M", seats: int | None = None) -> str:
        """Return the page on which a plan is paid for."""
        wish = {"plan": plan, "interval": interval, "success_url": BACK}
        more = {} if seats is None else {"seats": seats}
        answer = self.ask("/v1/checkout-sessions", **wish, **more)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["url"])

    def ask(self, path: str, **body: object) -> Any:  # noqa: ANN401 (Django's test response)
        """Ask our API."""
        headers = {"Accept_Language": self.language, **self._acting()}
        return self.till.ask(body, name=self._name, path=path, **headers)

    def read(self, path: str) -> dict[str, Any]:
        """Return what our API shows."""
        answer = self.till.read(path, name=self._name, **self._acting())
        assert answer.status_code == 200, answer.content
        shown: dict[str, Any] = answer.json()
        return shown

    def shown(self) -> dict[str, Any]:
        """Return its subscription as our API shows it."""
        return self.read("/v1/subscription")

    @property
    def _name(self) -> str:
        return self.buyer or self.account.external_id

    def _acting(self) -> dict[str, str]:
        return {"X_Organization": self.account.organization.pk} if self.buyer else {}

    # -- what passes ---------------------------------------------------------------------------
    def go_on(self, by: timedelta) -> None:
        """Let time pass here and at Stripe, and what falls due on the way happen."""
        advance(self.clock, by)

    def go_to_renewal(self) -> None:
        """Let the period that is paid for end, and the next one be collected."""
        self.go_on(self.contract.period_ends_at + COLLECTED - self.now)

    def sweep(self) -> None:
        """Let what nobody paid for end, and reminders be written, as they are now and then."""
        lapsing.lapse_due(now=datetime.now(UTC))
        remind(now=datetime.now(UTC))

    @property
    def now(self) -> datetime:
        """What its clock shows."""
        shows = clocks.clock_of(self.account)
        assert shows is not None, "it has a wallet"
        return shows

    # -- how it stands -------------------------------------------------------------------------
    @property
    def subscription(self) -> Subscription:
        """What it is on."""
        found = selectors.open_of(self.account)
        assert found is not None, "it is on the free plan"
        return found

    @property
    def is_free(self) -> bool:
        """Whether it is on the free plan."""
        return selectors.open_of(self.account) is None

    @property
    def locked(self) -> str:
        """What its balance says that it may not spend as it stands, of the credits that it has."""
        locked: str = self.read("/v1/balance")["locked"]
        return locked

    @property
    def contract(self) -> Contract:
        """What Stripe collects from it, or did last."""
        return Contract.objects.filter(account=self.account).latest("id")

    @property
    def credits(self) -> float:
        """What it may spend."""
        return factories.free_micros(self.account) / MICROS

    def told(self, prefix: str = "") -> list[str]:
        """Return the events that were published of it, from the first."""
        found = Event.objects.filter(account=self.account, type__startswith=prefix)
        return [one.type for one in found.order_by("sequence")]

    def letters(self) -> list[str]:
        """Return the letters to it, from the first."""
        found = Notice.objects.filter(account=self.account).order_by("id")
        return [one.kind for one in found]

    # -- at Stripe -----------------------------------------------------------------------------
    @property
    def dashboard(self) -> stripe.StripeClient:
        """What an operator turns in Stripe's Dashboard."""
        return self.till.peer.client()

    @property
    def at_stripe(self) -> stripe.Subscription:
        """Its contract as Stripe keeps it."""
        return self.dashboard.v1.subscriptions.retrieve(self.contract.stripe_id)

    def put_card(self, number: str = GOOD) -> None:
        """Have it put another card on the portal."""
        shown = self.till.peer.pay(self.open_portal(), number, action="card")
        assert shown.status == 303, shown.html

    def charges(self) -> list[int]:
        """Return what cards were charged with, in cents, from the first."""
        intents = self.till.peer.objects().get("payment_intent", [])
        return [one["amount_received"] for one in intents if one["status"] == "succeeded"]

    def open_portal(self) -> str:
        """Return the page on which it changes its card, or ends its contract."""
        answer = self.ask("/v1/portal-sessions", return_url="https://app.example/back")
        assert answer.status_code == 201, answer.content
        return str(answer.json()["url"])

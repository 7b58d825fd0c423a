"""New prices reach Stripe for the next period, and who pays with a card that ends hears of it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.notices.models import Notice
from billing.payments import services
from billing.payments.models import Contract, PlanChange, Purchase
from billing.subscriptions import selectors
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import GOOD, Peer

pytestmark = pytest.mark.django_db
ALWAYS_ASKED: Final = "4000002760003184"
PLANS: Final = """
[[plan]]
code = "free"
name = {{ en = "Free", zh = "免费" }}
free = true

[[plan]]
code = "small"
name = {{ en = "Small", zh = "小" }}
existing = "move"
prices = [{{ currency = "USD", interval = "P1M", list = "{small}" }}]
  [[plan.allowance]]
  code = "monthly"
  credits = "100"
  cadence = "monthly"

[[plan]]
code = "large"
name = {{ en = "Large", zh = "大" }}
existing = "move"
prices = [{{ currency = "USD", interval = "P1M", list = "{large}" }}]
  [[plan.allowance]]
  code = "monthly"
  credits = "600"
  cadence = "monthly"

[[plan]]
code = "team"
name = {{ en = "Team", zh = "团队版" }}
existing = "move"
seats_min = 3
seats_max = 15
prices = [
  {{ currency = "USD", interval = "P1M", list = "{team}", from = 2020-01-01T00:00:00Z }},
]
"""
DAY: Final = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop whose subscribers move to its new prices."""
    sell()
    return Till(peer)


def sell(*, small: int = 10, large: int = 40, team: int = 10) -> None:
    """Put a catalog in force, and its prices at Stripe."""
    tills.open_till(packs="", plans=PLANS.format(small=small, large=large, team=team))


def subscribe(till: Till, plan: str, *, number: str = GOOD, exp: str = "12/34") -> Contract:
    body: dict[str, object] = {"plan": plan, "interval": "P1M", "success_url": BACK}
    answer = till.ask(body)
    assert answer.status_code == 201, answer.content
    shown = till.peer.pay(answer.json()["url"], number, exp=exp)
    if number == ALWAYS_ASKED:
        till.peer.decide(shown)
    till.settle()
    return Contract.objects.get()


def move_all() -> int:
    """Move whoever moves; return how many moves there were in all."""
    return sum(subscriptions.move_subscribers(now=now()) for _sweep in range(3))


def item(till: Till) -> dict[str, Any]:
    """Return what Stripe collects for."""
    [subscription] = till.peer.objects()["subscription"]
    [found] = subscription["items"]["data"]
    prices = {one["id"]: one for one in till.peer.objects()["price"]}
    price = found["price"]
    return {**found, "price": prices[price] if isinstance(price, str) else price}


def asked(till: Till) -> int:
    """Return what one seat costs at Stripe, in cents."""
    return int(item(till)["price"]["unit_amount"])


def test_a_new_price_is_asked_from_the_next_period_on(till: Till, ada: Account) -> None:
    contract = subscribe(till, "small")
    bills = len(till.peer.objects()["invoice"])
    sell(small=15)
    services.look_after(now=now())
    assert asked(till) == 1000  # nobody was moved yet

    assert move_all() == 1
    for _again in range(2):
        services.look_after(now=now())

    assert asked(till) == 1500
    assert len(till.peer.objects()["invoice"]) == bills
    contract.refresh_from_db()
    assert contract.renewal_micros == 15 * MICROS
    till.peer.advance(int((32 * DAY).total_seconds()))
    till.settle()
    paid = Purchase.objects.order_by("paid_at").values_list("amount_micros", flat=True)
    assert list(paid) == [10 * MICROS, 15 * MICROS]
    assert Subscription.objects.filter(account=ada).count() == 1
    current = selectors.open_of(ada)
    assert current is not None
    assert current.renewal_micros == 15 * MICROS


def test_a_price_for_seats_is_moved_once_and_for_all_of_them(till: Till, ada: Account) -> None:
    contract = subscribe(till, "team")
    three = {"seats": 3, "renewal_micros": 30 * MICROS}  # as an organization would be sold
    Subscription.objects.update(**three)
    Contract.objects.update(**three)
    assert move_all() == 0
    sell(team=12)

    assert move_all() == 1
    services.look_after(now=now())

    assert asked(till) == 1200
    contract.refresh_from_db()
    assert contract.renewal_micros == 36 * MICROS
    current = selectors.open_of(ada)
    assert current is not None
    assert current.renewal_micros == 36 * MICROS


def test_while_a_change_waits_for_the_period_to_end_no_price_is_pushed(
    till: Till, ada: Account
) -> None:
    subscribe(till, "large")
    answer = till.ask({"plan": "small", "interval": "P1M"}, path="/v1/subscription/change")
    assert answer.status_code == 201, answer.content
    assert Contract.objects.get().changes_to == "small"
    sell(large=50)
    move_all()

    services.look_after(now=now())

    assert asked(till) == 4000
    assert till.ask({}, path="/v1/subscription/resume").status_code in {201, 409}


def test_while_a_change_waits_for_its_payer_no_price_is_pushed(till: Till, ada: Account) -> None:
    subscribe(till, "small", number=ALWAYS_ASKED)
    till.ask({"plan": "large", "interval": "P1M"}, path="/v1/subscription/change")
    # Her bank has not let her pay yet, and the bill is open.
    PlanChange.objects.update(state=PlanChange.State.BILLED, ended_at=None, failure="")
    sell(small=15)
    move_all()

    services.look_after(now=now())

    assert asked(till) == 1000


def test_a_price_that_stripe_does_not_have_yet_is_pushed_when_it_has(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = subscribe(till, "small")
    monkeypatch.setattr(services, "sync_prices", lambda **_arguments: [])
    sell(small=15)
    move_all()
    services.look_after(now=now())
    assert asked(till) == 1000
    contract.refresh_from_db()
    assert contract.renewal_micros == 10 * MICROS
    monkeypatch.undo()
    services.sync_prices(now=now(), is_dry=False)

    services.look_after(now=now())

    assert asked(till) == 1500


# -- cards -----------------------------------------------------------------------------------------
def letters() -> list[Notice]:
    return list(Notice.objects.filter(kind="card_expires"))


def test_whose_card_ends_before_his_plan_renews_is_written_to_once(
    till: Till, ada: Account
) -> None:
    """The card lasts until the end of this month; the plan renews in the next one."""
    contract = subscribe(till, "small", exp=f"{now():%m/%y}")
    renews_at = contract.period_ends_at

    assert services.look_after(now=renews_at - 15 * DAY) == 0
    assert letters() == []
    assert services.look_after(now=renews_at - 13 * DAY) == 1
    assert services.look_after(now=renews_at - 12 * DAY) == 0

    [letter] = letters()
    assert letter.email == "payer@example.com"
    assert letter.facts == {"card": "visa •••• 4242", "expires": f"{now():%Y-%m}"}


def test_whose_card_lasts_is_not_written_to(till: Till, ada: Account) -> None:
    contract = subscribe(till, "small", exp=f"{contract_month():%m/%y}")

    assert services.look_after(now=contract.period_ends_at - 13 * DAY) == 1

    assert letters() == []


def contract_month() -> datetime:
    """Return an instant of the month in which a plan renews that is bought now."""
    return now().replace(day=1) + 32 * DAY


def test_of_a_plan_that_ends_no_card_is_asked_for(till: Till, ada: Account) -> None:
    contract = subscribe(till, "small", exp=f"{now():%m/%y}")
    assert till.ask({}, path="/v1/subscription/cancel").status_code == 201

    assert services.look_after(now=contract.period_ends_at - 13 * DAY) == 0

    assert letters() == []

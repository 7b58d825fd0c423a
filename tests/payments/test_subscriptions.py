"""A plan is paid on Stripe's page, renewed, changed and ended; credits follow the money."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.payments import services
from billing.payments.models import Contract, PlanChange, Purchase
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import GOOD, Peer

pytestmark = pytest.mark.django_db
PLAN: Final = """
[[plan]]
code = "{code}"
name = {{ en = "{code}", zh = "{code}" }}
prices = [
  {{ currency = "USD", interval = "P1M", list = "{price}" }},
  {{ currency = "USD", interval = "P1Y", list = "{year}" }},
]
  [[plan.allowance]]
  code = "monthly"
  credits = "{credits}"
  cadence = "monthly"
"""
PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
""" + "".join(
    PLAN.format(code=code, price=price, year=price * 10, credits=credits_)
    for code, price, credits_ in (("small", 10, 100), ("large", 40, 600))
)


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop that sells two plans."""
    tills.open_till(packs="", plans=PLANS)
    return Till(peer)


def ask(till: Till, verb: str, **body: object) -> Any:  # noqa: ANN401 (Django's test response)
    return till.ask(body, path=f"/v1/subscription/{verb}")


def look(account: Account) -> Contract:
    """Look at what Stripe collects, as an event would have us do."""
    contract = Contract.objects.get(account=account)
    services.look(kind="subscription", stripe_id=contract.stripe_id, now=datetime.now(UTC))
    contract.refresh_from_db()
    return contract


@pytest.fixture
def subscribed(till: Till, ada: Account) -> Subscription:
    """Ada has paid for a month of the small plan."""
    return subscribe(till, ada)


def subscribe(till: Till, account: Account, *, number: str = GOOD, **wish: str) -> Subscription:
    body = {"plan": "small", "interval": "P1M", "success_url": BACK, **wish}
    answer = till.ask(body)
    assert answer.status_code == 201, answer.content
    till.peer.pay(answer.json()["url"], number)
    till.settle()
    found = selectors.open_of(account)
    assert found is not None
    return found


def told() -> list[str]:
    return [one.type for one in Event.objects.order_by("sequence")]


def test_a_plan_that_was_paid_begins_with_its_period(
    till: Till, ada: Account, subscribed: Subscription
) -> None:
    contract = Contract.objects.get()
    purchase = Purchase.objects.get()

    assert (subscribed.plan, subscribed.paid_until) == ("small", contract.period_ends_at)
    assert subscribed.anchor_at == contract.anchor_at
    assert factories.free_micros(ada) == 100 * MICROS
    assert (purchase.kind, purchase.amount_micros) == ("plan", 10 * MICROS)
    assert purchase.credited_micros == 100 * MICROS
    assert told() == ["subscription.activated", "payment.succeeded"]
    shown = till.read("/v1/subscription").json()
    assert shown["payment"]["status"] == "active"
    assert shown["paid_until"] is not None
    assert shown["next_change"] is None


def test_a_plan_ends_with_its_period_and_can_be_resumed(
    till: Till, ada: Account, subscribed: Subscription
) -> None:
    answer = ask(till, "cancel")
    assert answer.status_code == 201, answer.content
    subscribed.refresh_from_db()
    assert subscribed.ends_at == subscribed.paid_until
    assert answer.json()["next_change"]["kind"] == "ends"

    answer = ask(till, "resume")
    assert answer.status_code == 201, answer.content
    subscribed.refresh_from_db()
    assert subscribed.ends_at is None
    assert factories.free_micros(ada) == 100 * MICROS


def test_a_plan_that_is_ended_at_once_leaves_the_account_on_the_free_one(
    till: Till, ada: Account, subscribed: Subscription
) -> None:
    answer = ask(till, "cancel", when="now")

    assert answer.status_code == 201, answer.content
    assert selectors.open_of(ada) is None
    assert answer.json()["payment"]["status"] == "canceled"
    assert ask(till, "resume").status_code == 409


def test_an_upgrade_at_once_costs_and_brings_the_difference(
    till: Till, ada: Account, subscribed: Subscription
) -> None:
    seen = ask(till, "preview", plan="large", interval="P1M")
    assert seen.status_code == 200, seen.content
    preview = seen.json()
    assert preview["when"] == "now"
    assert preview["due"] == {"amount": "30.00", "currency": "USD"}  # nothing of it has passed
    assert len(preview["lines"]) == 1

    answer = ask(till, "change", plan="large", interval="P1M", preview="30.00")

    assert answer.status_code == 201, answer.content
    assert answer.json()["status"] == "applied"
    now_on = selectors.open_of(ada)
    assert now_on is not None
    assert (now_on.plan, now_on.paid_until) == ("large", subscribed.paid_until)
    assert 598 * MICROS <= factories.free_micros(ada) <= 600 * MICROS
    contract = look(ada)
    assert (contract.plan, contract.subscription_id) == ("large", now_on.pk)
    paid = Purchase.objects.filter(kind="change").values_list("amount_micros", flat=True)
    assert list(paid) == [30 * MICROS]
    till.settle()  # whatever Stripe has to tell of it changes nothing more
    assert Subscription.objects.filter(account=ada, ended_at=None).count() == 1
    assert factories.free_micros(ada) <= 600 * MICROS


def test_what_was_agreed_in_another_preview_is_not_paid(
    till: Till, ada: Account, subscribed: Subscription
) -> None:
    answer = ask(till, "change", plan="large", interval="P1M", preview="3.00")

    assert answer.status_code == 409
    assert answer.json()["code"] == "preview_outdated"
    assert not PlanChange.objects.exists()
    assert factories.free_micros(ada) == 100 * MICROS


def test_a_downgrade_waits_for_the_end_and_is_taken_back_by_the_present_plan(
    till: Till, ada: Account
) -> None:
    subscribe(till, ada, plan="large")
    answer = ask(till, "change", plan="small", interval="P1M")
    assert answer.status_code == 201, answer.content
    shown = till.read("/v1/subscription").json()
    assert (shown["plan"], shown["next_change"]["kind"]) == ("large", "changes")
    assert shown["next_change"]["plan"] == "small"

    answer = ask(till, "change", plan="large", interval="P1M")
    assert answer.status_code == 201, answer.content
    assert till.read("/v1/subscription").json()["next_change"] is None


def test_a_downgrade_at_once_is_refused_where_the_catalog_has_it_later(
    till: Till, ada: Account
) -> None:
    subscribe(till, ada, plan="large")

    answer = ask(till, "change", plan="small", interval="P1M", when="now")

    assert answer.status_code == 409
    assert answer.json()["code"] == "change_at_period_end_only"
    assert not PlanChange.objects.exists()


def test_the_plan_that_one_is_on_is_no_change(
    till: Till, ada: Account, subscribed: Subscription
) -> None:
    answer = ask(till, "change", plan="small", interval="P1M")

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_changes")

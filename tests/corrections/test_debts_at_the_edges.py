"""Debts as callers meet them: orders are refused, everybody is told, and overruns may be owed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from billing.accounts.models import Account
from billing.corrections import services
from billing.jobs.errors import PriceAboveMaximum
from billing.ledger.errors import InDebt
from billing.ledger.models import Debt, Entry, Hold
from billing.outbox.models import Message
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.jobs import shop
from tests.jobs.conftest import Ask, ask
from tests.ledger.shop import allowance

__all__ = ["ask"]

pytestmark = pytest.mark.usefixtures("ends_clean", "backend")

ORDER = {"model": "m", "seconds": 5, "inputs": {"prompt": "a kite"}}
DAILY = allowance(cadence="daily", credits="15")
FREE_BY_DAY = shop.FREE.replace("  [plan.entitlements]", f"{DAILY}\n  [plan.entitlements]")
METERED = """
[overrun]
settle_by = "usage"
measured = {{ seconds = "video_seconds" }}
policy = "{policy}"
"""


def told(kind: str) -> list[dict[str, object]]:
    """Return what was published of that type, in order."""
    rows = Event.objects.filter(type=kind).order_by("sequence")
    return [json.loads(row.payload)["data"] for row in rows]


def ring(task: str) -> None:
    """Do the errands of that name, as workers would, as often as they were posted."""
    for message in Message.objects.filter(task=task).order_by("pk"):
        if task == "corrections.tell_debt":
            services.tell_debt(debt_id=message.arguments["debt_id"], now=datetime.now(UTC))


def test_who_owes_is_refused_an_order_and_told_why(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    factories.owe(ada, 10)
    entries = Entry.objects.count()

    told_of = ask("post", "/v1/quotes", ORDER).json()
    refused = ask("post", "/v1/jobs", ORDER)

    assert refused.status_code == 402
    assert (refused.json()["code"], refused.json()["debt"]) == ("in_debt", "10")
    assert told_of["admissible"] is False
    assert [(one["code"], one["debt"]) for one in told_of["reasons"]] == [("in_debt", "10")]
    assert told_of["alternatives"] == []  # nothing comes to this wallet by itself
    assert (Entry.objects.count(), Hold.objects.count()) == (entries, 0)
    assert ask("get", "/v1/balance").json()["debt"] == "10"


def test_the_day_on_which_what_arrives_pays_is_named(shop_of_days: Account, ask: Ask) -> None:
    ada = shop_of_days
    factories.give(ada, 100)
    factories.owe(ada, 20)  # the next day's 15 are not enough, the second day's are

    [way] = ask("post", "/v1/quotes", ORDER).json()["alternatives"]

    wallet = factories.wallet_of(ada)
    assert way["kind"] == "grant"
    assert way["detail"].endswith("what arrives has paid what is owed.")
    assert wallet.due_at is not None
    assert datetime.fromisoformat(way["at"]) == wallet.due_at + timedelta(days=1)


@pytest.fixture
def shop_of_days(shop: None) -> Account:
    """Ada has 15 credits each day."""
    desk.open_shop(plans=FREE_BY_DAY)
    account = factories.new_account("ada", is_sandbox=False)
    factories.settle(account)
    return account


def test_a_free_order_is_none_for_who_owes(ada: Account) -> None:
    factories.owe(ada, 10)

    with pytest.raises(InDebt):
        shop.submit(ada, seconds=1)

    assert not Hold.objects.exists()


def test_what_is_owed_and_why_is_listed(ada: Account, ask: Ask) -> None:
    first, second = factories.owe(ada, 10), factories.owe(ada, 5)
    factories.owe(factories.new_account("bob", is_sandbox=False), 7)
    factories.give(ada, 12)

    page = ask("get", "/v1/debts").json()

    assert page["next"] is None
    assert [one["id"] for one in page["data"]] == [second.pk, first.pk]
    assert page["data"][0] == {
        "id": second.pk,
        "credits": "5",
        "paid": "2",
        "left": "3",
        "grant": None,
        "cause": {"type": "job", "id": "job_test"},
        "reason": "The job has used more than was set aside for it.",
        "created_at": page["data"][0]["created_at"],
        "paid_at": None,
    }
    assert page["data"][1]["paid_at"] is not None
    assert ask("get", "/v1/debts", name="eve").json() == {"data": [], "next": None}
    assert ask("get", "/v1/debts?limit=1").json()["next"] is not None


def test_a_debt_by_hand_says_its_reason_in_words(
    ada: Account, ask: Ask, grace: User, rosa: User
) -> None:
    taken = desk.approve(desk.ask(ada, -50, grace, reason="misuse", as_debt=True), rosa)

    [debt] = ask("get", "/v1/debts").json()["data"]

    assert debt["cause"] == {"type": "adjustment", "id": taken.pk}
    assert debt["reason"] == "Taken back by hand: Misuse."


def test_a_debt_is_told_when_it_begins_and_when_it_is_paid(ada: Account) -> None:
    debt = factories.owe(ada, 10)
    ring("corrections.tell_debt")
    assert [one["state"] for one in told("credits.debt")] == ["begun"]

    factories.give(ada, 4)
    ring("corrections.tell_debt")
    assert len(told("credits.debt")) == 1
    assert Message.objects.filter(task="corrections.tell_debt").count() == 1
    factories.give(ada, 9)
    assert Message.objects.filter(task="corrections.tell_debt").count() == 2
    for _again in range(2):
        ring("corrections.tell_debt")

    begun, paid = told("credits.debt")
    assert begun == {
        "debt": debt.pk,
        "state": "begun",
        "credits": "10",
        "left": "10",
        "cause": {"type": "job", "id": "job_test"},
        "created_at": debt.created_at.isoformat(),
        "paid_at": None,
    }
    assert (paid["state"], paid["left"], paid["paid_at"] is not None) == ("paid", "0", True)


def test_a_debt_that_is_paid_before_anybody_was_told_is_told_in_order(ada: Account) -> None:
    factories.owe(ada, 10)
    factories.give(ada, 10)

    ring("corrections.tell_debt")

    assert [one["state"] for one in told("credits.debt")] == ["begun", "paid"]


@pytest.mark.parametrize(
    ("policy", "pocket", "most", "charged", "owed"),
    [
        ("debt", 14, 20, 20, 6),  # of 20, the hold has 10, the wallet 4 more
        ("debt", 14, 17, 17, 3),  # no more than was agreed
        ("debt", 30, 20, 20, 0),  # the wallet has it all
        ("debt", 14, None, 14, 0),  # nobody agreed to a maximum, so nobody to a debt
        ("more", 14, 20, 14, 0),
        ("cap", 14, 20, 10, 0),
    ],
)
def test_an_overrun_is_owed_up_to_what_was_agreed(
    ada: Account, policy: str, pocket: int, most: int | None, charged: int, owed: int
) -> None:
    desk.open_shop(METERED.format(policy=policy))
    factories.give(ada, pocket)
    most_micros = None if most is None else most * MICROS
    job = shop.submit(ada, shop.order_of({"seconds": 5}, max_micros=most_micros))

    done = shop.finish(job, usage={"video_seconds": 10})

    assert (done.charged_micros, done.owed_micros) == (charged * MICROS, owed * MICROS)
    assert factories.wallet_of(ada).debt_micros == owed * MICROS
    assert [(debt.fact, debt.cause_id) for debt in Debt.objects.all()] == (
        [(f"job:{job.pk}:overrun", job.pk)] if owed else []
    )
    last = told("job.succeeded")[-1]["credits"]
    assert last == {"quoted": "10", "captured": str(charged - owed), "owed": str(owed)}


def test_a_maximum_below_the_price_makes_no_debt(ada: Account) -> None:
    desk.open_shop(METERED.format(policy="debt"))
    factories.give(ada, 14)

    with pytest.raises(PriceAboveMaximum):
        shop.submit(ada, shop.order_of({"seconds": 5}, max_micros=9 * MICROS))

    assert not Debt.objects.exists()

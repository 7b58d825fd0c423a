"""A pack's first price is had once, however many pages were opened before one of them was paid."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.packs.models import PackPurchase
from billing.payments import services
from billing.payments.gateway import sessions as gateway
from billing.payments.models import Checkout, Purchase
from plans.credits import MICROS
from tests.http.racing import at_once
from tests.packs import shelf
from tests.payments.till import BACK, Till

MANY: Final = 4
WISH: Final = {"pack": "plain", "success_url": BACK}


def paid() -> list[int]:
    """Return what was paid, in whole dollars, in the order in which it came."""
    amounts = Purchase.objects.order_by("id").values_list("amount_micros", flat=True)
    return [micros // MICROS for micros in amounts]


def statuses(till: Till) -> list[str]:
    """Return how the pages stand at Stripe."""
    return sorted(one["status"] for one in till.peer.objects()["checkout.session"])


@pytest.mark.django_db
def test_of_pages_that_are_opened_before_any_is_paid_one_has_the_first_price(
    till: Till, ada: Account
) -> None:
    pages = [till.sell(quantity=1 + place) for place in range(MANY)]

    assert statuses(till) == ["expired"] * (MANY - 1) + ["open"]
    till.peer.pay(pages[-1].url)
    till.settle()
    till.buy()
    till.settle()

    assert paid() == [7 + 3 * 10, 10]
    assert Checkout.objects.filter(state="expired").count() == MANY - 1


@pytest.mark.django_db
def test_a_page_beside_one_that_was_paid_and_not_told_of_asks_the_usual_price(
    till: Till, ada: Account
) -> None:
    till.buy()

    second = till.sell()

    assert (second.state, second.amount_micros) == ("open", 10 * MICROS)
    till.peer.pay(second.url)
    till.settle()
    assert sorted(paid()) == [7, 10]
    assert PackPurchase.objects.count() == 2


@pytest.mark.django_db
def test_pages_at_the_usual_price_are_open_beside_each_other(till: Till, ada: Account) -> None:
    till.buy()
    till.settle()

    pages = [till.sell(), till.sell()]

    assert [one.state for one in pages] == ["open", "open"]
    assert statuses(till) == ["complete", "open", "open"]


@pytest.mark.django_db
def test_a_page_that_opens_while_a_later_one_was_asked_for_is_closed_at_once(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later request looked for open pages before the first one was one."""
    open_session, later = gateway.open_session, []

    def open_beside_another(*arguments: Any) -> Any:  # noqa: ANN401 (as the original)
        monkeypatch.setattr(gateway, "open_session", open_session)
        later.append(till.sell())
        return open_session(*arguments)

    monkeypatch.setattr(gateway, "open_session", open_beside_another)

    first = till.sell()

    assert (first.state, later[0].state) == ("expired", "open")
    assert statuses(till) == ["expired", "open"]


@pytest.mark.django_db
def test_a_page_that_is_opened_late_asks_the_usual_price_where_the_first_was_had(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its asker died before it was opened, and comes back with his key when he has paid."""
    monkeypatch.setattr(gateway, "open_session", lambda *_arguments: 1 / 0)
    assert till.ask(WISH, key="once").status_code == 500
    monkeypatch.undo()
    till.buy()
    till.settle()

    again = till.ask(WISH, key="once")

    assert (again.status_code, again.json()["status"]) == (201, "open")
    assert again.json()["amount"]["amount"] == "10.00"
    till.peer.pay(again.json()["url"])
    till.settle()
    assert paid() == [7, 10]


@pytest.mark.django_db
def test_a_page_is_closed_whose_pack_was_paid_for_without_one_meanwhile(
    till: Till, ada: Account
) -> None:
    page, now = till.sell(), datetime.now(UTC)
    shelf.give(ada, "plain")  # by the platform's own checkout, or by a top-up

    services.sweep(now=now)
    assert statuses(till) == ["open"]
    services.sweep(now=now + timedelta(minutes=2))

    page.refresh_from_db()
    assert (page.state, statuses(till)) == ("expired", ["expired"])


# -- at once --------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_pages_that_are_asked_for_at_once_one_is_left_to_pay_on(committed: Till) -> None:
    till = committed

    answers = at_once(MANY, lambda _place: till.ask(WISH).status_code)

    assert answers == [201] * MANY
    assert statuses(till) == ["expired"] * (MANY - 1) + ["open"]
    assert Checkout.objects.filter(state="open").count() == 1

"""Two pages for plans at once: one is left to pay on; where both were paid, one is paid back."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments import services
from billing.payments.gateway import StripeRefused
from billing.payments.gateway import sessions as gateway
from billing.payments.models import Checkout, Contract, Refund
from billing.payments.services import catching_up, sending, superseding
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.payments.till import BACK, Till

MANY: Final = 4


def now() -> datetime:
    return datetime.now(UTC)


def page(till: Till, interval: str = "P1M") -> Checkout:
    """Return a page on which Ada may pay for the plan."""
    answer = till.ask({"plan": "pro", "interval": interval, "success_url": BACK})
    assert answer.status_code == 201, answer.content
    return Checkout.objects.get(pk=answer.json()["id"])


def never_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be paid in the very moment in which they would be closed."""

    def refuse(*_arguments: object) -> None:
        raise StripeRefused("it is being paid", code="not_open")

    monkeypatch.setattr(gateway, "end_session", refuse)


@pytest.mark.django_db
def test_of_two_plans_that_are_paid_one_is_given_and_one_is_ended_and_paid_back(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_closed(monkeypatch)
    pages = [page(till), page(till, "P1Y")]
    for one in pages:
        till.peer.pay(one.url)

    till.settle()
    [vain] = Contract.objects.exclude(superseded_at=None)
    [kept] = Contract.objects.filter(superseded_at=None)
    assert Subscription.objects.filter(account=ada).count() == 1
    services.end_superseded(contract_id=vain.pk, now=now())
    services.end_superseded(contract_id=vain.pk, now=now())
    [refund] = Refund.objects.all()
    sending.send(refund_id=refund.pk)
    till.settle()

    at_stripe = {one["id"]: one["status"] for one in till.peer.objects()["subscription"]}
    assert at_stripe == {kept.stripe_id: "active", vain.stripe_id: "canceled"}
    [back] = till.peer.objects()["refund"]
    vain.refresh_from_db()
    assert vain.ended_at is not None
    [in_vain] = vain.purchases.all()
    assert back["amount"] * 10_000 == in_vain.amount_micros == in_vain.refunded_micros
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    assert (in_vain.credited_micros, in_vain.taken_micros) == (0, 0)
    current = selectors.open_of(ada)
    assert current is not None
    assert current.pk == kept.subscription_id
    assert factories.free_micros(ada) == 1000 * MICROS
    assert Checkout.objects.filter(state="completed").count() == 2


@pytest.mark.django_db
def test_a_sweep_ends_what_is_superseded_when_every_worker_has_given_up(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_closed(monkeypatch)
    for one in [page(till), page(till, "P1Y")]:
        till.peer.pay(one.url)
    till.settle()
    till.forget_messages()
    Contract.objects.exclude(superseded_at=None).update(
        superseded_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    till.peer.break_next("error_before", path="/v1/subscriptions/.*", method="DELETE", times=20)

    catching_up.sweep(now=now())
    assert {one["status"] for one in till.peer.objects()["subscription"]} == {"active"}
    till.peer.mend()
    catching_up.sweep(now=now())

    statuses = [one["status"] for one in till.peer.objects()["subscription"]]
    assert sorted(statuses) == ["active", "canceled"]


@pytest.mark.django_db
def test_what_is_superseded_and_gone_at_stripe_has_ended(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_closed(monkeypatch)
    for one in [page(till), page(till, "P1Y")]:
        till.peer.pay(one.url)
    till.settle()
    till.forget_messages()
    superseded = Contract.objects.exclude(superseded_at=None)
    superseded.update(stripe_id="sub_gone", superseded_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert superseding.end_left_over(now=now()) == 1

    vain = superseded.get()
    assert (vain.status, vain.ended_at is None) == ("canceled", False)
    assert superseding.end_left_over(now=now()) == 0
    assert selectors.open_of(ada) is not None


@pytest.mark.django_db
def test_a_page_that_opens_while_a_later_one_was_asked_for_is_closed_at_once(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later request looked for open pages before the first one was one."""
    open_session, later = gateway.open_session, []

    def open_beside_another(*arguments: Any) -> Any:  # noqa: ANN401 (as the original)
        monkeypatch.setattr(gateway, "open_session", open_session)
        later.append(page(till, "P1Y"))
        return open_session(*arguments)

    monkeypatch.setattr(gateway, "open_session", open_beside_another)

    first = page(till)

    assert (first.state, later[0].state) == ("expired", "open")
    assert till.session_of(first)["status"] == "expired"
    assert till.session_of(later[0])["status"] == "open"


@pytest.mark.django_db
def test_a_page_that_is_opened_again_after_another_was_paid_is_closed(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its asker died before it was opened, and comes back with his key when he has paid."""
    monkeypatch.setattr(gateway, "open_session", lambda *_arguments: 1 / 0)
    body = {"plan": "pro", "interval": "P1M", "success_url": BACK}
    assert till.ask(body, key="once").status_code == 500
    monkeypatch.undo()
    till.peer.pay(page(till, "P1Y").url)
    till.settle()

    again = till.ask(body, key="once")

    assert again.status_code == 201, again.content
    assert (again.json()["status"], again.json()["url"]) == ("expired", None)
    sessions = till.peer.objects()["checkout.session"]
    assert sorted(one["status"] for one in sessions) == ["complete", "expired"]


# -- at once --------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_pages_that_are_asked_for_at_once_one_is_left_to_pay_on(committed: Till) -> None:
    till = committed
    wish = {"plan": "pro", "interval": "P1M", "success_url": BACK}

    answers = at_once(MANY, lambda _place: till.ask(wish).status_code)

    assert answers == [201] * MANY
    statuses = [one["status"] for one in till.peer.objects()["checkout.session"]]
    assert sorted(statuses) == ["expired"] * (MANY - 1) + ["open"]
    assert Checkout.objects.filter(state="open").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_contracts_that_are_looked_at_at_once_are_one_subscription(
    committed: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_closed(monkeypatch)
    for one in [page(committed), page(committed, "P1Y")]:
        committed.peer.pay(one.url)
    found = committed.peer.objects()["subscription"]

    results = at_once(
        2, lambda place: services.look(kind="subscription", stripe_id=found[place]["id"], now=now())
    )

    assert results == [None, None]
    assert Subscription.objects.count() == 1
    assert Contract.objects.exclude(superseded_at=None).count() == 1
    assert Refund.objects.count() == 1
    assert Message.objects.filter(task=TaskName.END_SUPERSEDED).count() == 1

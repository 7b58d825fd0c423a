from collections.abc import Iterator
from itertools import pairwise

import pytest
import stripe

from tests.payments.peer.billing.shop import DECLINED_LATER, Shop, at

DAY = 86_400


@pytest.fixture
def usual_retries(shop: Shop) -> Iterator[Shop]:
    """Whatever a test sets, the account's retries are the usual ones again."""
    yield shop
    shop.peer.turn("POST", "/billing/retries")


def test_a_month_that_is_shorter_ends_on_its_last_day_and_the_31st_comes_back(shop: Shop) -> None:
    begun = shop.subscribe()

    ends = []
    for month in ("2026-02-28", "2026-03-31", "2026-04-30"):
        ends.append(shop.look(begun)["items"].data[0].current_period_end)
        assert ends[-1] == at(f"{month}T10:00:00")
        shop.go_to(f"{month}T12:00:00")

    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [2000] * 4


def test_a_renewal_is_a_draft_for_an_hour(shop: Shop) -> None:
    begun = shop.subscribe()

    shop.go_to("2026-02-28T10:59:59")
    draft = shop.look(begun).latest_invoice
    assert (draft.status, draft.created) == ("draft", at("2026-02-28T10:00:00"))
    assert draft.automatically_finalizes_at == at("2026-02-28T11:00:00")
    assert draft.next_payment_attempt == at("2026-02-28T11:00:00")
    shop.go_to("2026-02-28T11:00:00")

    paid = shop.look(begun).latest_invoice
    assert (paid.id, paid.status, paid.billing_reason) == (draft.id, "paid", "subscription_cycle")
    assert paid.status_transitions.paid_at == at("2026-02-28T11:00:00")
    assert (paid.period_start, paid.period_end) == (
        at("2026-01-31T10:00:00"),
        at("2026-02-28T10:00:00"),
    )
    assert paid.lines.data[0].period.end == at("2026-03-31T10:00:00")


def test_a_trial_costs_nothing_is_told_three_days_before_and_then_paid(shop: Shop) -> None:
    begun = shop.subscribe(trial_period_days=7)
    assert (begun.status, begun.trial_end) == ("trialing", at("2026-02-07T10:00:00"))
    assert (begun.latest_invoice.status, begun.latest_invoice.amount_due) == ("paid", 0)
    will_end = "customer.subscription.trial_will_end"

    shop.go_to("2026-02-04T09:59:59")
    assert shop.told()[will_end] == 0
    shop.go_to("2026-02-04T10:00:00")
    assert shop.told()[will_end] == 1
    shop.go_to("2026-02-07T11:00:00")

    now = shop.look(begun)
    assert (now.status, now.latest_invoice.status) == ("active", "paid")
    assert now.latest_invoice.amount_paid == 2000
    assert now.billing_cycle_anchor == at("2026-02-07T10:00:00")
    assert now["items"].data[0].current_period_end == at("2026-03-07T10:00:00")
    assert shop.told()[will_end] == 1


def test_a_trial_of_two_days_is_told_of_at_once(shop: Shop) -> None:
    shop.subscribe(trial_period_days=2)

    assert shop.told()["customer.subscription.trial_will_end"] == 1


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
)
def test_a_trial_that_ends_without_a_card(shop: Shop, behavior: str, status: str) -> None:
    poor = shop.customer_with(None)
    begun = shop.subscribe(
        customer=poor,
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )

    shop.go_to("2026-02-07T12:00:00")

    assert shop.look(begun).status == status


@pytest.mark.parametrize("outcome", ["canceled", "unpaid", "past_due"])
@pytest.mark.usefixtures("usual_retries")
def test_a_declined_renewal_is_tried_again_and_at_last_decided(shop: Shop, outcome: str) -> None:
    shop.peer.turn("POST", "/billing/retries", days=[3, 5], outcome=outcome)
    begun = shop.subscribe()
    shop.give_card(shop.customer, DECLINED_LATER)

    shop.go_to("2026-02-28T11:00:00")
    first = shop.look(begun)
    assert (first.status, first.latest_invoice.attempt_count) == ("past_due", 1)
    assert first.latest_invoice.next_payment_attempt == at("2026-03-03T11:00:00")
    shop.go_to("2026-03-03T11:00:00")
    second = shop.look(begun)
    assert (second.status, second.latest_invoice.attempt_count) == ("past_due", 2)
    assert second.latest_invoice.next_payment_attempt == at("2026-03-08T11:00:00")
    shop.go_to("2026-03-08T11:00:00")

    last = shop.look(begun)
    assert (last.status, last.latest_invoice.attempt_count) == (outcome, 3)
    assert last.latest_invoice.next_payment_attempt is None
    assert last.latest_invoice.status == "open"
    assert shop.told()["invoice.payment_failed"] == 3


def test_a_card_that_is_good_again_recovers_at_the_next_try(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.give_card(shop.customer, DECLINED_LATER)
    shop.go_to("2026-02-28T12:00:00")
    shop.give_card(shop.customer, "tok_visa")
    assert shop.look(begun).status == "past_due"

    shop.go_to("2026-03-03T12:00:00")

    now = shop.look(begun)
    assert (now.status, now.latest_invoice.status) == ("active", "paid")
    assert now.latest_invoice.attempt_count == 2


def test_what_ends_at_the_end_of_its_period_is_not_renewed(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_on(days=5)
    ending = shop.update(begun, cancel_at_period_end=True)
    assert (ending.status, ending.cancel_at) == ("active", at("2026-02-28T10:00:00"))
    assert ending.canceled_at == at("2026-02-05T10:00:00")

    shop.go_to("2026-03-31T12:00:00")

    ended = shop.look(begun)
    assert (ended.status, ended.ended_at) == ("canceled", at("2026-02-28T10:00:00"))
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert len(shop.invoices(begun)) == 1
    assert shop.told()["customer.subscription.deleted"] == 1


def test_whoever_changes_his_mind_is_renewed(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.update(begun, cancel_at_period_end=True)

    kept = shop.update(begun, cancel_at_period_end=False)
    shop.go_to("2026-02-28T12:00:00")

    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    assert [invoice.status for invoice in shop.invoices(begun)] == ["paid", "paid"]


def test_what_is_canceled_now_is_over_and_gives_its_rest_back_if_that_is_wanted(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")

    ended = shop.v1.subscriptions.cancel(begun.id, {"prorate": True, "invoice_now": True})

    assert (ended.status, ended.ended_at) == ("canceled", at("2026-02-14T10:00:00"))
    assert shop.v1.customers.retrieve(shop.customer).balance == -1000
    with pytest.raises(stripe.InvalidRequestError):
        shop.update(begun, cancel_at_period_end=True)


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
)
def test_paused_collection_makes_invoices_that_nobody_pays(
    shop: Shop, behavior: str, status: str
) -> None:
    begun = shop.subscribe()
    shop.update(
        begun, pause_collection={"behavior": behavior, "resumes_at": at("2026-03-15T00:00:00")}
    )

    shop.go_to("2026-03-01T00:00:00")
    assert (shop.look(begun).status, shop.invoices(begun)[-1].status) == ("active", status)
    shop.go_to("2026-03-31T12:00:00")

    assert shop.look(begun).pause_collection is None
    assert shop.invoices(begun)[-1].status == "paid"


def test_a_paused_subscription_makes_no_invoice_until_it_is_resumed(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")
    paused = shop.v1.subscriptions.pause(begun.id)
    assert paused.status == "paused"
    assert shop.look(begun).status_details.paused.subscription.type == "pause_requested"

    shop.go_to("2026-05-01T10:00:00")
    assert len(shop.invoices(begun)) == 1
    resumed = shop.v1.subscriptions.resume(
        begun.id, {"payment_behavior": "resume_on_payment_success"}
    )

    assert (resumed.status, resumed.status_details) == ("active", None)
    assert resumed["items"].data[0].current_period_end == at("2026-06-01T10:00:00")
    # half of February was given back
    assert shop.invoices(begun)[-1].amount_paid == 1000


def test_what_a_pause_gave_back_is_asked_for_again_when_the_period_goes_on(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-07T10:00:00")
    shop.v1.subscriptions.pause(begun.id)
    shop.go_to("2026-02-14T10:00:00")

    shop.v1.subscriptions.resume(begun.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    shop.go_to("2026-02-28T12:00:00")

    # a week was paused: 2000 - 1500 + 1000 for February, and all of March
    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [2000, 1500]


def test_what_is_resumed_with_a_bad_card_stays_paused(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.v1.subscriptions.pause(begun.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    shop.go_to("2026-04-01T10:00:00")
    shop.give_card(shop.customer, DECLINED_LATER)

    resumed = shop.v1.subscriptions.resume(
        begun.id, {"payment_behavior": "resume_on_payment_success"}
    )

    assert resumed.status == "paused"
    shop.give_card(shop.customer, "tok_visa")
    shop.v1.invoices.pay(str(resumed.latest_invoice))
    assert shop.look(begun).status == "active"


def test_a_clock_goes_forward_only_and_two_intervals_at_most(shop: Shop) -> None:
    shop.subscribe()
    clocks = shop.v1.test_helpers.test_clocks

    for wrong in (at("2026-01-31T10:00:00"), at("2026-01-30T10:00:00"), at("2026-05-31T10:00:00")):
        with pytest.raises(stripe.InvalidRequestError):
            clocks.advance(shop.clock.id, {"frozen_time": wrong})

    assert clocks.retrieve(shop.clock.id).frozen_time == at("2026-01-31T10:00:00")
    assert clocks.advance(shop.clock.id, {"frozen_time": at("2026-03-30T10:00:00")}).status == (
        "advancing"
    )
    assert clocks.retrieve(shop.clock.id).status == "ready"


def test_a_year_is_lived_in_the_order_of_time(shop: Shop) -> None:
    begun = shop.subscribe()

    shop.go_to("2027-01-31T12:00:00")

    assert [invoice.created for invoice in shop.invoices(begun)] == [
        at(f"{day}T10:00:00")
        for day in (
            "2026-01-31",
            "2026-02-28",
            "2026-03-31",
            "2026-04-30",
            "2026-05-31",
            "2026-06-30",
            "2026-07-31",
            "2026-08-31",
            "2026-09-30",
            "2026-10-31",
            "2026-11-30",
            "2026-12-31",
            "2027-01-31",
        )
    ]
    told = [event["created"] for event in shop.events() if "invoice" in event["type"]]
    assert all(earlier <= later for earlier, later in pairwise(told))
    assert told[-1] == at("2027-01-31T11:00:00")


def test_what_was_told_on_a_clock_is_listed_wherever_that_clock_stands(shop: Shop) -> None:
    begun = shop.subscribe()

    listed = shop.v1.events.list({"type": "customer.subscription.created", "limit": 100}).data

    mine = [event for event in listed if event.data.object["id"] == begun.id]
    assert [event.created for event in mine] == [at("2026-01-31T10:00:00")]


def test_the_subscriptions_of_a_deleted_customer_end(shop: Shop) -> None:
    begun = shop.subscribe()

    shop.v1.customers.delete(shop.customer)
    shop.go_to("2026-03-31T12:00:00")

    assert shop.look(begun).status == "canceled"
    assert len(shop.invoices(begun)) == 1


def test_what_is_under_a_clock_goes_with_it(shop: Shop) -> None:
    begun = shop.subscribe()

    shop.v1.test_helpers.test_clocks.delete(shop.clock.id)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.subscriptions.retrieve(begun.id)
    assert refusal.value.http_status == 404

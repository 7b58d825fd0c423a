"""Webhooks that never came, workers that died, pages that nobody came back for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from billing.accounts.models import Account
from billing.payments import services
from billing.payments.gateway import StripeAway
from billing.payments.models import Checkout, Purchase, StripeEvent
from billing.payments.services import pages
from tests.payments.till import Till

pytestmark = pytest.mark.django_db


def now(**ahead: float) -> datetime:
    return datetime.now(UTC) + timedelta(**ahead)


def test_events_that_never_came_are_fetched_and_applied_once(till: Till, ada: Account) -> None:
    till.buy()
    known = till.events()[0]
    assert till.tell(known) == 200

    missed = services.fetch_missed(now=now())
    assert till.work() == []

    assert missed == len(till.events()) - 1 == StripeEvent.objects.filter(via="catch_up").count()
    assert Purchase.objects.count() == 1
    assert services.fetch_missed(now=now()) == 0


def test_an_event_is_forgotten_half_a_year_after_it_was_applied_and_never_before(
    till: Till, ada: Account
) -> None:
    till.buy()
    till.settle()
    waits, *others = StripeEvent.objects.order_by("pk")
    half_a_year_ago = now(days=-181)
    StripeEvent.objects.update(created_at=half_a_year_ago, received_at=half_a_year_ago)
    StripeEvent.objects.filter(pk=waits.pk).update(applied_at=None)
    young = others.pop()
    StripeEvent.objects.filter(pk=young.pk).update(created_at=now(days=-179))

    services.fetch_missed(now=now(), since=now())

    assert set(StripeEvent.objects.all()) == {waits, young}
    assert Purchase.objects.count() == 1


def test_a_fetch_that_broke_off_is_done_anew(till: Till, ada: Account) -> None:
    services.fetch_missed(now=now(hours=-5))
    till.buy()
    till.peer.break_next("cut_before", path="/v1/events", times=20)
    with pytest.raises(StripeAway):
        services.fetch_missed(now=now(hours=5))
    till.peer.mend()

    assert services.fetch_missed(now=now(hours=5)) > 0


def test_what_its_worker_gave_up_is_applied_by_the_sweep(till: Till, ada: Account) -> None:
    till.buy()
    for event in till.events():
        till.tell(event)
    till.forget_messages()

    assert services.sweep(now=now(seconds=30)) == 0  # its worker may still be at it
    assert services.sweep(now=now(minutes=5)) == len(till.events())
    assert Purchase.objects.count() == 1
    assert services.sweep(now=now(minutes=5)) == 0


def test_an_event_that_cannot_be_applied_waits_for_a_person_after_three_days(
    till: Till, ada: Account
) -> None:
    till.buy()
    till.settle(till.events("checkout.session.completed"))
    [event] = till.events("payment_intent.succeeded")
    event["data"]["object"]["id"] = "pi_nobody"
    till.tell(event)
    till.forget_messages()

    assert services.sweep(now=now(days=2)) == 1
    assert services.sweep(now=now(days=4)) == 0
    assert StripeEvent.objects.get(pk=event["id"]).applied_at is None


def test_a_page_of_which_nobody_told_the_end_is_asked_after(till: Till, ada: Account) -> None:
    paid, left = till.buy(), till.sell()
    till.peer.client().v1.checkout.sessions.expire(left.stripe_id)

    assert services.sweep(now=now(hours=23)) == 0
    assert services.sweep(now=now(hours=25)) == 2

    states = dict(Checkout.objects.values_list("pk", "state"))
    assert states == {paid.pk: "completed", left.pk: "expired"}
    assert Purchase.objects.count() == 1


def test_a_checkout_whose_asker_never_came_back_expires(till: Till, ada: Account) -> None:
    till.peer.break_next("cut_before", path="/v1/checkout/sessions", times=20)
    assert till.ask({"pack": "plain", "success_url": "https://app.example/"}).status_code == 503

    assert services.sweep(now=now(hours=22)) == 0
    assert services.sweep(now=now(hours=24)) == 1
    assert Checkout.objects.get().state == "expired"


def test_a_checkout_that_cannot_be_given_up_keeps_no_other_waiting(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.peer.break_next("cut_before", path="/v1/checkout/sessions", times=20)
    for key in ("first", "second"):
        pack = {"pack": "plain", "success_url": "https://app.example/"}
        assert till.ask(pack, key=key).status_code == 503
    first, second = Checkout.objects.order_by("created_at")
    whole = pages.end

    def stumble(checkout: Checkout, state: Checkout.State, *, now: datetime) -> None:
        if checkout.pk == first.pk:
            raise RuntimeError
        whole(checkout, state, now=now)

    monkeypatch.setattr(pages, "end", stumble)

    assert services.sweep(now=now(hours=24)) == 2

    states = dict(Checkout.objects.values_list("pk", "state"))
    assert states == {first.pk: "asked", second.pk: "expired"}


def test_a_replay_applies_what_failed_and_doubles_nothing(
    till: Till, ada: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    till.buy()
    for event in till.events():
        till.tell(event)
    call_command("replay_stripe_events", "--all-unapplied")
    assert Purchase.objects.count() == 1
    assert not StripeEvent.objects.filter(applied_at=None).exists()

    call_command("replay_stripe_events", "--since", "1d")
    call_command("replay_stripe_events", "--id", till.events()[0]["id"])

    assert Purchase.objects.count() == 1
    with pytest.raises(CommandError, match="Say which"):
        call_command("replay_stripe_events")


def test_a_replay_tells_what_could_not_be_applied(till: Till, ada: Account) -> None:
    till.buy()
    [event] = till.events("payment_intent.succeeded")
    event["data"]["object"]["id"] = "pi_nobody"
    till.tell(event)

    with pytest.raises(CommandError, match="1 could not"):
        call_command("replay_stripe_events", "--all-unapplied")


def test_a_replay_fetches_what_never_came(till: Till, ada: Account) -> None:
    till.buy()

    call_command("replay_stripe_events", "--fetch", "--all-unapplied")

    assert Purchase.objects.count() == 1

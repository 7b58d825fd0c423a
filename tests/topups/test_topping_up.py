"""What is bought when credits run low: when, how often, for how much, and what becomes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from billing.accounts.models import Account
from billing.notices.models import Notice
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.packs.models import PackPurchase
from billing.payments.gateway import StripeAway
from billing.payments.gateway.charging import Charge
from billing.payments.models import Customer, Purchase
from billing.payments.services import applying
from billing.subscriptions import services as subscriptions
from billing.topups import selectors, services
from billing.topups.models import AutoTopUp, TopUp
from billing.topups.services import paying
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.matrix.operators import operator_of
from tests.stripe_peer.driver import Peer
from tests.topups import desk


def events(account: Account) -> list[str]:
    return list(
        Event.objects.filter(account=account, type__startswith="payment.")
        .order_by("sequence")
        .values_list("type", flat=True)
    )


def letters() -> list[str]:
    return list(Notice.objects.order_by("id").values_list("kind", flat=True))


def settings_of(account: Account) -> AutoTopUp:
    return AutoTopUp.objects.get(pk=account.pk)


def test_who_runs_low_has_a_pack_bought_once(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)

    top_up = desk.run(ada)
    desk.go_on(top_up)

    assert top_up.state == TopUp.State.SUCCEEDED
    assert factories.free_micros(ada) == 105 * MICROS
    purchase = Purchase.objects.get()
    assert (purchase.kind, purchase.fact) == (Purchase.Kind.TOP_UP, f"stripe:{top_up.pk}")
    assert (purchase.amount_micros, purchase.currency) == (66 * MICROS, "CNY")
    assert purchase.credited_micros == 100 * MICROS
    assert PackPurchase.objects.get() == purchase.pack_purchase
    assert desk.payments(peer) == [("succeeded", 6600)]
    assert events(ada) == ["payment.succeeded"]
    assert letters() == ["top_up_made"]
    assert desk.look(ada) is None  # she has enough now


def test_who_has_enough_has_nothing_bought(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada, threshold=5)

    assert desk.look(ada) is None

    assert not TopUp.objects.exists()
    assert desk.payments(peer) == []


def test_who_has_switched_it_off_has_nothing_bought(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)
    services.configure(account=ada, wish=None, language="", now=datetime.now(UTC))

    assert desk.look(ada) is None
    assert services.sweep(now=datetime.now(UTC)) == 0
    ada.refresh_from_db()
    assert ada.tops_up_below_micros is None


def test_one_is_in_flight_at_most(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)

    first = desk.look(ada)
    again = desk.look(ada)

    assert first == again
    assert TopUp.objects.count() == 1
    with pytest.raises(IntegrityError, match="top_up_one_in_flight"), transaction.atomic():
        TopUp.objects.create(
            account=ada,
            pack="hundred",
            catalog_version_id=TopUp.objects.get().catalog_version_id,
            currency="CNY",
            price_micros=1,
            created_at=datetime.now(UTC),
            ring_at=datetime.now(UTC),
        )


def test_a_calendar_month_costs_no_more_than_its_limit(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada, threshold=1000, limit=140)  # two of 66, and a bit

    desk.run(ada)
    desk.run(ada)
    assert desk.look(ada) is None

    retry_at = settings_of(ada).retry_at
    assert retry_at is not None
    month_ends = retry_at.astimezone(UTC) + timedelta(hours=8)  # she lives in Shanghai
    assert (month_ends.day, month_ends.hour) == (1, 0)
    assert Purchase.objects.count() == 2
    factories.later(ada, retry_at - datetime.now(UTC) + timedelta(seconds=1))
    assert desk.look(ada) is not None


def test_what_is_in_flight_counts_to_the_month(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer, "authenticationRequired")
    desk.switch_on(ada, threshold=1000, limit=100)

    top_up = desk.run(ada)

    assert top_up.state == TopUp.State.WAITING
    assert desk.look(ada) is None
    assert TopUp.objects.count() == 1


def test_a_declined_card_is_left_alone_for_longer_each_time_and_then_for_good(
    ada: Account, peer: Peer
) -> None:
    desk.save_card(ada, peer, "chargeCustomerFail")
    desk.switch_on(ada)

    for pause in (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24)):
        assert desk.run(ada).state == TopUp.State.DECLINED
        assert desk.look(ada) is None
        assert settings_of(ada).is_on
        factories.later(ada, pause - timedelta(minutes=5))
        assert desk.look(ada) is None, pause
        factories.later(ada, timedelta(minutes=5))
    desk.run(ada)

    settings = settings_of(ada)
    assert (settings.is_on, settings.stopped) == (False, AutoTopUp.Stop.DECLINED)
    assert desk.look(ada) is None
    assert [status for status, _got in desk.payments(peer)] == ["requires_payment_method"] * 4
    assert events(ada) == ["payment.failed"] * 4
    assert letters() == ["top_up_declined"] * 3 + ["top_up_stopped"]
    assert factories.free_micros(ada) == 5 * MICROS
    assert not Purchase.objects.exists()


def test_a_good_card_makes_the_declines_forgotten(ada: Account, peer: Peer) -> None:
    bad = desk.save_card(ada, peer, "chargeCustomerFail")
    desk.switch_on(ada)
    desk.run(ada)
    assert settings_of(ada).failures == 1
    peer.client().v1.payment_methods.detach(bad)
    desk.save_card(ada, peer)
    factories.later(ada, timedelta(hours=1, minutes=1))

    desk.run(ada)

    assert (settings_of(ada).failures, settings_of(ada).retry_at) == (0, None)


def test_a_bank_that_wants_to_see_its_customer_sends_him_to_a_page(
    ada: Account, peer: Peer
) -> None:
    desk.save_card(ada, peer, "authenticationRequired")
    desk.switch_on(ada)

    top_up = desk.run(ada)

    assert top_up.state == TopUp.State.WAITING
    assert top_up.page_url.startswith(peer.url)
    assert events(ada) == ["payment.action_required"]
    [letter] = Notice.objects.all()
    assert (letter.kind, letter.facts["pay_url"]) == ("payment_action_required", top_up.page_url)
    assert desk.payments(peer) == [("canceled", 0)]
    assert factories.free_micros(ada) == 5 * MICROS
    desk.go_on(top_up)  # nobody has paid yet
    assert top_up.state == TopUp.State.WAITING

    peer.pay(top_up.page_url)
    desk.go_on(top_up)

    assert top_up.state == TopUp.State.SUCCEEDED
    assert factories.free_micros(ada) == 105 * MICROS
    assert sorted(desk.payments(peer)) == [("canceled", 0), ("succeeded", 6600)]
    assert events(ada) == ["payment.action_required", "payment.succeeded"]


def test_a_page_that_nobody_pays_on_is_a_decline(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer, "authenticationRequired")
    desk.switch_on(ada)
    top_up = desk.run(ada)

    peer.client().v1.checkout.sessions.expire(top_up.page_id)
    desk.go_on(top_up)

    assert (top_up.state, top_up.decline) == (TopUp.State.DECLINED, "authentication_required")
    assert settings_of(ada).failures == 1


def test_a_payment_of_which_only_a_webhook_told_is_counted_though_it_is_late(
    ada: Account, peer: Peer
) -> None:
    desk.save_card(ada, peer, "authenticationRequired")
    desk.switch_on(ada, limit=100)
    top_up = desk.run(ada)
    peer.pay(top_up.page_url)
    TopUp.objects.filter(pk=top_up.pk).update(
        state="declined", ended_at=datetime.now(UTC), ring_at=None
    )
    [paid] = [one for one in peer.objects()["payment_intent"] if one["status"] == "succeeded"]

    applying.look(kind="payment_intent", stripe_id=paid["id"], now=datetime.now(UTC))
    services.sweep(now=datetime.now(UTC))

    posted = Message.objects.filter(task=TaskName.PAY_TOP_UP, arguments={"top_up_id": top_up.pk})
    assert posted.exists()
    desk.go_on(top_up)
    assert top_up.state == TopUp.State.SUCCEEDED
    assert Purchase.objects.get().fact == top_up.fact
    factories.hold(ada, 100)
    assert desk.look(ada) is None  # 66 of 100 are spent


@pytest.mark.parametrize("fault", ["error_kept", "cut_after", "error_before", "rate_limit"])
def test_what_stripe_does_not_answer_is_paid_once(fault: str, ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)
    top_up = desk.look(ada)
    assert top_up is not None
    peer.break_next(fault, method="POST", path="/v1/payment_intents", times=3)

    with pytest.raises(StripeAway):
        desk.go_on(top_up)
    assert factories.free_micros(ada) == 5 * MICROS
    peer.mend()
    desk.go_on(top_up)

    assert top_up.state == TopUp.State.SUCCEEDED
    assert desk.payments(peer) == [("succeeded", 6600)]
    assert factories.free_micros(ada) == 105 * MICROS


def test_a_payment_whose_key_stripe_has_forgotten_is_found_by_its_fact(
    ada: Account, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)
    top_up = desk.look(ada)
    assert top_up is not None
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(applying, "look", _die)
        desk.go_on(top_up)
    assert desk.payments(peer) == [("succeeded", 6600)]
    charge_of = paying._charge_of

    def with_another_key(top_up: TopUp, customer: Customer) -> Charge:
        return replace(charge_of(top_up, customer), key=f"{top_up.pk}:new")

    monkeypatch.setattr(paying, "_charge_of", with_another_key)
    desk.go_on(top_up)

    assert desk.payments(peer) == [("succeeded", 6600)]
    assert top_up.state == TopUp.State.SUCCEEDED


def _die(**_facts: object) -> None:
    raise SystemExit


def test_what_is_owed_is_paid_first(ada: Account, peer: Peer) -> None:
    factories.hold(ada, 5)
    factories.owe(ada, 30)
    desk.save_card(ada, peer)
    desk.switch_on(ada)

    desk.run(ada)

    assert factories.free_micros(ada) == 70 * MICROS
    assert factories.wallet_of(ada).debt_micros == 0


def test_without_a_card_it_is_switched_off_and_said_why(ada: Account, peer: Peer) -> None:
    card = desk.save_card(ada, peer)
    desk.switch_on(ada)
    peer.client().v1.payment_methods.detach(card)

    desk.run(ada)

    assert (settings_of(ada).is_on, settings_of(ada).stopped) == (False, AutoTopUp.Stop.NO_CARD)
    assert letters() == ["top_up_stopped"]


def test_what_is_not_sold_any_more_is_not_bought(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)
    desk.open_shop(
        packs=desk.PACKS.replace('expiry = "P30D"', 'expiry = "P30D"\nuntil = 2026-01-01T00:00:00Z')
    )

    assert desk.look(ada) is None

    assert settings_of(ada).stopped == AutoTopUp.Stop.NOT_FOR_SALE
    assert letters() == ["top_up_stopped"]
    assert desk.payments(peer) == []


def test_the_sweep_finds_who_runs_low_and_nobody_else(ada: Account, peer: Peer) -> None:
    bob = factories.new_account("bob")
    factories.give(bob, 50)
    for one in (ada, bob):
        desk.save_card(one, peer)
        desk.switch_on(one)
    Message.objects.all().delete()

    services.sweep(now=datetime.now(UTC))

    [rung] = Message.objects.filter(task=TaskName.LOOK_AT_TOP_UP)
    assert rung.arguments == {"account_id": ada.pk}


def test_who_is_frozen_has_nothing_bought_and_stands_in_nobodys_way(
    ada: Account, peer: Peer
) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)
    now = datetime.now(UTC)
    subscriptions.freeze(account=ada, operator=operator_of("support"), reason="Stolen.", now=now)

    assert desk.look(ada) is None
    assert desk.payments(peer) == []
    assert selectors.running_low(now=datetime.now(UTC), limit=1) == []


def test_the_sweep_rings_again_for_what_is_in_flight_too_long(ada: Account, peer: Peer) -> None:
    desk.save_card(ada, peer)
    desk.switch_on(ada)
    top_up = desk.look(ada)
    assert top_up is not None
    Message.objects.all().delete()

    services.sweep(now=datetime.now(UTC))
    assert not Message.objects.filter(task=TaskName.PAY_TOP_UP).exists()
    services.sweep(now=datetime.now(UTC) + timedelta(minutes=6))

    [rung] = Message.objects.filter(task=TaskName.PAY_TOP_UP)
    assert rung.arguments == {"top_up_id": top_up.pk}


def test_a_letter_about_a_card_that_ends_soon_comes_once(ada: Account, peer: Peer) -> None:
    customer = Customer.objects.filter(account=ada)
    desk.save_card(ada, peer)
    soon = datetime.now(UTC) + timedelta(days=10)
    desk.switch_on(ada, threshold=1000)
    cards = peer.client().v1.payment_methods
    [card] = peer.client().v1.customers.payment_methods.list(customer.get().stripe_id).data
    cards.update(card.id, {"card": {"exp_month": soon.month, "exp_year": soon.year}})

    desk.run(ada)
    desk.run(ada)

    assert letters().count("card_expires") == 1

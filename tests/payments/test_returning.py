"""What a look tells of refunds and disputes, and where the credits are then."""

import json
from datetime import timedelta

import pytest
from django.db.models import Sum

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.errors import InDebt
from billing.ledger.models import Debt, Grant
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import Dispute, Refund, Taking
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments.back import CENT, PAID

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def ada(db: None) -> Account:
    """Ada has nothing but what she will buy."""
    back.open_shop()
    return factories.new_account("ada")


def test_half_the_money_back_takes_half_of_the_credits_and_of_the_bonus(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)

    purchase = back.look(seen, [back.refund(PAID // 2)])

    assert back.standing(ada) == (60, 0)
    assert (purchase.refunded_micros, purchase.taken_micros) == (PAID // 2, 60 * MICROS)
    assert purchase.pack_purchase is not None
    left = purchase.pack_purchase.grant, purchase.pack_purchase.bonus_grant
    assert [one.available_micros // MICROS for one in left if one] == [50, 10]


def test_a_repeat_takes_nothing_more_and_tells_nothing_more(ada: Account) -> None:
    seen = back.payment(ada)
    for _time in range(3):
        back.look(seen, [back.refund(PAID // 3)], [back.dispute(PAID // 3)])

    assert back.standing(ada) == (40, 0)
    assert Taking.objects.count() == 1
    told = Event.objects.filter(type__in=["payment.refunded", "payment.disputed"])
    assert told.count() == 2


def test_rounded_parts_add_up_to_everything(ada: Account) -> None:
    seen, refunds, left = back.payment(ada, paid_micros=7 * CENT), [], 7
    for number in range(7):
        refunds.append(back.refund(CENT, key=f"re_{number}"))
        left -= 1
        purchase = back.look(seen, refunds)
        assert purchase.taken_micros == 120 * MICROS * (7 - left) // 7

    assert back.standing(ada) == (0, 0)
    assert Grant.objects.aggregate(sum=Sum("revoked_micros"))["sum"] == 120 * MICROS


def test_what_was_spent_is_owed_and_keeps_from_ordering(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 110)

    back.look(seen, [back.refund(PAID)])

    assert back.standing(ada) == (0, 110)
    factories.give(ada, 50)
    with pytest.raises(InDebt):
        factories.hold(ada, 1)


def test_credits_of_another_purchase_are_left_alone(ada: Account) -> None:
    other = back.buy(ada)
    seen = back.payment(ada)
    back.look(seen, [back.refund(PAID)])

    other.refresh_from_db()
    assert (other.taken_micros, back.standing(ada)) == (0, (120, 0))


def test_an_inquiry_takes_nothing_and_a_dispute_all(ada: Account) -> None:
    seen = back.payment(ada)

    back.look(seen, disputes=[back.dispute(status="warning_needs_response")])
    assert back.standing(ada) == (120, 0)

    back.look(seen, disputes=[back.dispute(status="needs_response")])
    assert back.standing(ada) == (0, 0)


def test_a_dispute_that_is_won_gives_the_same_credits_back_once(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    before = back.look(seen, disputes=[back.dispute()]).pack_purchase
    back.look(seen, disputes=[back.dispute(status="won")])

    purchase = back.look(seen, disputes=[back.dispute(status="won")])

    assert back.standing(ada) == (120, 0)
    assert (purchase.disputed_micros, purchase.taken_micros) == (0, 0)
    assert before is not None
    assert before.grant is not None
    given = Grant.objects.get(fact__endswith=before.grant.pk, fact__startswith="back:")
    facts = ("source", "priority", "scope", "locked_while", "pack", "paid_micros")
    assert [getattr(given, one) for one in facts] == [getattr(before.grant, one) for one in facts]


def test_a_won_dispute_pays_first_what_it_has_made_owed(ada: Account) -> None:
    """An older debt of something else is not paid by it while its own is open."""
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 70)
    factories.owe(ada, 30, fact="older")
    back.look(seen, disputes=[back.dispute()])
    assert back.standing(ada) == (0, 30 + 70)

    back.look(seen, disputes=[back.dispute(status="won")])

    older = Debt.objects.get(fact="older")
    own = Debt.objects.exclude(fact="older")
    assert not own.filter(paid_at=None).exists()
    assert back.standing(ada) == (
        20,
        0,
    )  # 50 were free: they pay the older debt, as what arrives does
    assert older.paid_micros == 30 * MICROS


def test_half_of_a_dispute_that_is_won_lifts_what_is_owed_before_it_frees(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 60)
    back.look(seen, disputes=[back.dispute()])
    factories.owe(ada, 30, fact="younger")

    half = back.dispute(PAID // 2, key="dp_2", status="needs_response")
    back.look(seen, disputes=[back.dispute(status="won"), half])

    assert not Debt.objects.exclude(fact="younger").filter(paid_at=None).exists()
    assert back.standing(ada) == (0, 30)


def test_what_had_to_be_paid_in_between_comes_back_as_credits(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 120)
    back.look(seen, disputes=[back.dispute()])
    factories.give(ada, 120)
    assert back.standing(ada) == (0, 0)

    back.look(seen, disputes=[back.dispute(status="won")])

    assert back.standing(ada) == (120, 0)


def test_time_that_credits_were_away_is_not_lost(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    factories.later(ada, 10 * DAY)
    back.look(seen, disputes=[back.dispute()])
    factories.later(ada, 40 * DAY)

    back.look(seen, disputes=[back.dispute(status="won")])

    assert back.standing(ada) == (120, 0)
    ends = {one.expires_at for one in Grant.objects.filter(fact__startswith="back:")}
    now = factories.later(ada, timedelta(0))
    assert all(timedelta(days=19, hours=23) < end - now < 20 * DAY for end in ends if end)


def test_what_had_expired_is_taken_from_nobody_and_given_to_nobody(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 20)
    factories.later(ada, 31 * DAY)

    back.look(seen, disputes=[back.dispute()])
    assert back.standing(ada) == (0, 20)

    back.look(seen, disputes=[back.dispute(status="won")])
    assert back.standing(ada) == (0, 0)
    assert Taking.objects.order_by("number").last() is not None
    assert Grant.objects.filter(fact__startswith="back:").count() == 1


def test_a_pack_that_waits_loses_its_credits_before_they_come(ada: Account) -> None:
    seen = back.payment(ada, "waits")
    back.look(seen)

    back.look(seen, [back.refund(PAID)])
    factories.later(ada, 21 * DAY)
    factories.settle(ada)

    assert back.standing(ada) == (0, 0)


def test_what_is_held_is_owed_until_it_comes_back(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    held = factories.hold(ada, 70)

    back.look(seen, [back.refund(PAID)])
    assert back.standing(ada) == (0, 70)

    factories.release(ada, held)
    assert back.standing(ada) == (0, 0)


def test_both_events_say_what_went_and_what_is_owed(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 80)

    back.look(seen, [back.refund(PAID // 3)], [back.dispute(PAID // 3)])

    refunded, disputed = (
        json.loads(Event.objects.get(type=f"payment.{word}").payload)["data"]
        for word in ("refunded", "disputed")
    )
    assert refunded["amount"] == disputed["amount"] == {"amount": "30.00", "currency": "CNY"}
    assert (refunded["status"], disputed["status"]) == ("succeeded", "needs_response")
    assert refunded["credits_taken"] == disputed["credits_taken"] == "80"
    assert refunded["debt"] == "40"


def test_rewards_go_when_all_money_is_back_for_good(ada: Account) -> None:
    seen = back.payment(ada)
    posted = Message.objects.filter(task=TaskName.TAKE_BACK_REWARDS)
    back.look(seen, [back.refund(PAID // 2)])
    back.look(seen, [back.refund(PAID // 2)], [back.dispute(PAID // 2)])
    assert not posted.exists()

    purchase = back.look(seen, [back.refund(PAID // 2)], [back.dispute(PAID // 2, "lost")])

    assert posted.get().arguments == {"purchase_id": purchase.pack_purchase_id}


def test_rows_keep_what_stripe_said_last(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen, [back.refund(PAID, "pending")], [back.dispute(PAID, "under_review")])
    back.look(seen, [back.refund(PAID, "failed")], [back.dispute(PAID, "won")])

    assert Refund.objects.get().state == "failed"
    assert (Dispute.objects.get().status, Dispute.objects.get().is_taken) == ("won", False)
    assert back.standing(ada) == (120, 0)
    assert not list(audit.breaches())

"""Money and credits in real browsers: one asks, proves himself anew, and another decides."""

import pytest
from pytest_django import Settings

from billing.accounts.freezes import Freeze
from billing.accounts.models import Account
from billing.corrections.models import Adjustment
from billing.operators.models import AccessRecord, ActRecord
from billing.operators.roles import Role
from billing.outbox.models import Message
from billing.payments.models import Refund, StripeEvent
from tests import factories
from tests.console import affairs
from tests.console.desk import Album, Sit, done
from tests.payments import back
from tests.payments.conftest import emulator, peer, till
from tests.payments.peer.browser import CHROMIUM
from tests.payments.till import Till

__all__ = ["emulator", "peer", "till"]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]


def test_money_goes_back_when_two_have_proven_themselves_anew(
    db: None, sit: Sit, settings: Settings
) -> None:
    back.open_shop()
    eve = factories.new_account("eve", is_sandbox=False)
    bought = back.buy(eve)
    assert back.standing(eve) == (120, 0)
    album = Album("refund", in_handbook=False)
    sam = sit(album, "sam", Role.SUPPORT)
    sam.open("Money", "Purchases")
    sam.press(bought.pk)
    sam.press("Request a refund")
    sam.fill(amount="45", reason="kind", text=affairs.HOSTILE)
    sam.browser.click("do-look")
    shown = sam.reads("preview")
    assert [said for said in ("45.00 CNY", "60") if said not in shown] == []
    sam.look("what-would-move", at="#preview")

    settings.OPERATOR_CONFIRMATION_MINUTES = 0  # his last code is a while old
    sam.browser.click("do-ask")
    assert "your last code is a while old" in sam.browser.text
    assert not Refund.objects.exists()
    sam.look("who-are-you", status=403)
    sam.prove()
    asked = Refund.objects.get()
    assert f"{asked.pk} is requested" in sam.browser.text
    sam.press(asked.pk)
    sam.press("Look at it and decide")
    assert not sam.browser.run("!!document.getElementById('do-approve')")
    sam.look("not-his-to-decide")

    fay = sit(album, "fay", Role.FINANCE)
    fay.open("Money", "Refunds")
    fay.press(asked.pk)
    fay.press("Look at it and decide")
    assert affairs.HOSTILE in fay.reads("preview")
    assert back.standing(eve) == (120, 0)
    fay.look("what-is-decided-on")
    fay.fill(reason=affairs.HOSTILE)
    fay.browser.click("do-approve")
    assert back.standing(eve) == (120, 0)
    fay.look("who-is-she", status=403)
    fay.prove()
    fay.look("approved")

    assert "Approved." in fay.browser.text
    asked.refresh_from_db()
    assert (asked.state, back.standing(eve)) == ("approved", (60, 0))
    assert done() == [("sam", "refund.ask", asked.pk), ("fay", "refund.approve", asked.pk)]
    assert AccessRecord.objects.filter(kind=AccessRecord.Kind.CONFIRMED).count() == 2


def test_credits_are_given_by_two_and_an_account_is_frozen(ada: Account, sit: Sit) -> None:
    factories.give(ada, 20)
    album = Album("give-and-freeze", in_handbook=False)
    sam = sit(album, "sam", Role.SUPPORT)
    sam.search("ada")
    sam.press("Give or take credits")
    assert sam.browser.run("document.getElementById('id_account').value") == "ada"
    sam.fill(amount_micros="17.5", reason="goodwill", text=affairs.HOSTILE)
    sam.browser.click("do-look")
    assert "17.5 credits" in sam.reads("preview")
    sam.look("what-would-move", at="#preview")
    sam.browser.click("do-ask")
    asked = Adjustment.objects.get()
    assert factories.free_micros(ada) == 20_000_000

    fay = sit(album, "fay", Role.FINANCE)
    fay.open("Credits", "Adjustments")
    fay.act("Approve the selected requests of others", asked.pk)
    assert affairs.HOSTILE in fay.browser.text
    fay.fill(reason="As sam says.")
    fay.look("what-is-decided-on")
    fay.browser.click("do-approve")
    fay.search("ada")
    assert fay.reads("free") == "37.5"
    fay.look("she-has-it")

    sam.search("ada")
    sam.press("Freeze it")
    assert sam.browser.run("document.getElementById('id_account').value") == "ada"
    sam.fill(reason=affairs.HOSTILE)
    sam.browser.click("do-look")
    assert not Freeze.objects.exists()
    sam.look("what-a-freeze-stops", at="#preview")
    sam.browser.click("do-freeze")
    frozen = Freeze.objects.get()
    assert (frozen.account, frozen.lifted_at) == (ada, None)
    sam.search("ada")
    sam.look("she-is-frozen")
    sam.open("Accounts", "Freezes")
    sam.act("Let the selected accounts go on", frozen.pk)
    sam.fill(reason="It was her card after all.")
    sam.browser.click("do-unfreeze")
    frozen.refresh_from_db()
    assert frozen.lifted_at is not None
    assert done() == [
        ("sam", "adjustment.ask", asked.pk),
        ("fay", "adjustment.approve", asked.pk),
        ("sam", "freeze.freeze", frozen.pk),
        ("sam", "freeze.unfreeze", frozen.pk),
    ]


def test_an_event_of_stripe_is_applied_again_and_gives_nothing_twice(till: Till, sit: Sit) -> None:
    ada = factories.new_account("ada", is_sandbox=False)
    till.buy()
    [event] = till.events("payment_intent.succeeded")
    till.tell(event)
    till.forget_messages()
    StripeEvent.objects.update(error=affairs.HOSTILE)
    fay = sit(Album("stripe-event", in_handbook=False), "fay", Role.FINANCE)
    fay.open("Money", "Events of Stripe")
    fay.look("what-nobody-applied")
    for expected in (105, 105):
        fay.open("Money", "Events of Stripe")
        fay.act("Apply the selected events again", event["id"])
        assert "payment_intent.succeeded" in fay.reads("preview")
        fay.fill(reason=affairs.HOSTILE)
        fay.look("what-stripe-is-asked")
        before = factories.free_micros(ada)
        fay.browser.click("do-apply_events_again")
        assert "It is applied again." in fay.browser.text
        assert factories.free_micros(ada) == before  # a worker does it
        assert Message.objects.filter(task="payments.apply_event", ring_at__isnull=False).exists()
        assert till.work() == []
        assert factories.free_micros(ada) == expected * 1_000_000
    fay.open("Money", "Events of Stripe")
    fay.look("it-is-applied")

    kept = StripeEvent.objects.get()
    assert kept.applied_at is not None
    assert done() == [("fay", "stripeevent.apply_events_again", kept.pk)] * 2
    assert ActRecord.objects.filter(reason=affairs.HOSTILE).count() == 2

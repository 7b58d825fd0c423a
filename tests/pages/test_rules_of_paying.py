"""What stands between a form of a page and money: keys, rights, and whose it is."""

import re
from datetime import UTC, datetime
from typing import Final

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.pages import links
from billing.pages.links import Page, Right
from billing.payments.models import Checkout, Contract, Customer, Invoice, PlanChange, Purchase
from tests import factories
from tests.pages import scene
from tests.pages.test_pages import told
from tests.pages.test_paying import PLAIN, ada, pro, sent

__all__ = ["ada", "pro"]
FORMS: Final = re.compile(r"<form method=\"post\".*?</form>", re.DOTALL)
ONCE: Final = re.compile(r'name="once" value="([^"]+)"')


def test_keys_of_two_accounts_are_two(ada: Account) -> None:
    eve = factories.new_account("eve", is_sandbox=False)

    hers, others = sent(ada, PLAIN), sent(eve, PLAIN)

    assert (hers.status_code, others.status_code) == (303, 303)
    assert hers["Location"] != others["Location"]
    assert set(Checkout.objects.values_list("account", flat=True)) == {ada.pk, eve.pk}


def test_another_form_under_the_same_key_is_refused(ada: Account) -> None:
    sent(ada, PLAIN)

    again = sent(ada, {**PLAIN, "quantity": "3"})

    assert again.status_code == 422
    assert Checkout.objects.get().quantity == 1


@pytest.mark.parametrize("once", ["", "k" * 65, "kéy", "k\n"])
def test_a_key_that_is_none_opens_nothing(ada: Account, once: str) -> None:
    assert sent(ada, {**PLAIN, "once": once}).status_code == 400
    assert not Checkout.objects.exists()


@pytest.mark.parametrize("quantity", ["x", "1.5", "1000000", "²", " 1"])
def test_a_quantity_that_is_no_number_opens_nothing(ada: Account, quantity: str) -> None:
    assert sent(ada, {**PLAIN, "quantity": quantity}).status_code == 400
    assert not Checkout.objects.exists()


def test_the_way_back_is_in_no_frame_and_in_the_words_that_were_chosen(
    ada: Account, settings: Settings
) -> None:
    settings.PAGES_FRAME_ANCESTORS = ["https://shop.example"]
    framed = scene.link_of(ada, is_embedded=True, language="en")
    Client().post(f"{scene.path_of(framed, Page.PRICING)}?lang=zh-hans", PLAIN)

    checkout = Checkout.objects.get()
    for address in (checkout.success_url, checkout.cancel_url):
        token = address.split("/pages/")[1].split("/")[0]
        link = links.read(token, now=datetime.now(UTC))
        assert link is not None
        assert (link.right, link.is_embedded, link.language) == (Right.RETURN, False, "zh-hans")
        assert link.expires_at == framed.expires_at


def test_what_is_not_on_sale_is_not_shown_and_seats_have_no_button(ada: Account) -> None:
    page = scene.look(ada, Page.PRICING)

    for name in ("Gone", "Past"):
        assert name not in told(page)
    assert "Team" in told(page)
    assert 'id="buy-pro"' in page.content.decode()
    assert 'id="buy-team"' not in page.content.decode()


def test_each_form_that_costs_something_carries_a_key_of_its_own(pro: Account) -> None:
    ada = factories.new_account("eve", is_sandbox=False)
    path = scene.path_of(scene.link_of(pro), Page.PLAN)
    asked = Client().get(path, {"change": "pro", "interval": "P6M"}).content.decode()
    forms = FORMS.findall(scene.look(ada, Page.PRICING).content.decode())
    forms += [form for form in FORMS.findall(asked) if 'value="change"' in form]

    keys = [key for form in forms for key in ONCE.findall(form)]

    assert len(forms) == 5  # two plans, two packs, and the change
    assert len(set(keys)) == len(forms)


def test_who_may_only_look_is_offered_no_form(pro: Account) -> None:
    link = scene.link_of(pro, Right.READ)

    seen = [
        Client().get(scene.path_of(link, page), {"lang": "en", **asked})
        for page, asked in (
            (Page.PRICING, {}),
            (Page.PLAN, {}),
            (Page.PLAN, {"change": "pro", "interval": "P6M"}),
        )
    ]

    for page in seen:
        assert page.status_code == 200
        assert "<form" not in page.content.decode()
        assert "Change to" not in told(page)
        assert 'id="change-pro"' not in page.content.decode()


def test_a_plan_that_is_ended_lasts_until_it_is_paid_and_can_be_resumed(pro: Account) -> None:
    ended = sent(pro, {"do": "end"}, Page.PLAN)
    contract = Contract.objects.get()

    assert ended.status_code == 303
    assert (contract.ended_at, contract.cancel_at is not None) == (None, True)
    assert 'id="resume"' in scene.look(pro, Page.PLAN).content.decode()


@pytest.mark.parametrize("do", ["end", "resume"])
def test_who_has_no_plan_ends_and_resumes_none(ada: Account, do: str) -> None:
    answer = sent(ada, {"do": do}, Page.PLAN)

    assert answer.status_code == 409
    assert "That did not work." in told(answer)


def test_an_amount_that_is_none_changes_nothing(pro: Account) -> None:
    form = {"do": "change", "plan": "pro", "interval": "P6M", "due": "much", "once": "key_1"}

    assert sent(pro, form, Page.PLAN).status_code == 400
    assert not PlanChange.objects.exists()


def test_a_key_of_one_kind_of_form_is_none_of_another(pro: Account) -> None:
    path = scene.path_of(scene.link_of(pro), Page.PLAN)
    asked = Client().get(path, {"lang": "en", "change": "pro", "interval": "P6M"})
    [due] = re.findall(r'name="due" value="([0-9.]+)"', asked.content.decode())
    form = {"do": "change", "plan": "pro", "interval": "P6M", "due": due, "once": "key_1"}

    made = sent(pro, PLAIN), sent(pro, form, Page.PLAN)

    assert [answer.status_code for answer in made] == [303, 303]
    assert (Checkout.objects.filter(code="plain").count(), PlanChange.objects.count()) == (1, 1)


def test_nobody_sees_what_another_has_paid_owes_or_changes(pro: Account) -> None:
    path = scene.path_of(scene.link_of(pro), Page.PLAN)
    asked = Client().get(path, {"lang": "en", "change": "pro", "interval": "P6M"})
    [due] = re.findall(r'name="due" value="([0-9.]+)"', asked.content.decode())
    sent(
        pro, {"do": "change", "plan": "pro", "interval": "P6M", "due": due, "once": "k"}, Page.PLAN
    )
    PlanChange.objects.update(
        state=PlanChange.State.BILLED, ended_at=None, pay_url="https://bank.example/confirm"
    )
    eve = factories.new_account("eve", is_sandbox=False)

    own, others = scene.look(pro, Page.PLAN), scene.look(eve, Page.PLAN)

    assert Purchase.objects.exists()
    assert Invoice.objects.exists()
    assert "https://bank.example/confirm" in own.content.decode()
    assert "Nothing was paid yet." not in told(own)
    assert "Nothing was paid yet." in told(others)
    assert "Invoices" not in told(others).replace("Cards and invoices", "")
    assert "bank.example" not in others.content.decode()

    PlanChange.objects.update(state=PlanChange.State.PAID)
    assert "bank.example" not in scene.look(pro, Page.PLAN).content.decode()


def test_what_somebody_has_sent_comes_back_as_text(ada: Account) -> None:
    answer = sent(ada, {**PLAIN, "pack": "<b>free</b>"})

    assert answer.status_code == 422
    assert "<b>free</b>" not in answer.content.decode()
    assert "&lt;b&gt;free&lt;/b&gt;" in answer.content.decode()


def test_the_portal_opens_only_where_one_is_led_back_from_it_safely(
    ada: Account, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://billing.example.com"
    unsafe = sent(ada, {"do": "portal"}, Page.PLAN)
    assert not Customer.objects.exists()

    settings.PUBLIC_URL = "https://billing.example.com"
    safe = sent(ada, {"do": "portal"}, Page.PLAN)

    assert (unsafe.status_code, safe.status_code) == (422, 303)
    assert "That did not work." in told(unsafe)
    assert Customer.objects.get().account == ada

"""Operators read money as money: never as millionths, and never as credits."""

import re
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils.html import escape
from pytest_django import Settings

from billing.accounts.models import Account
from billing.http.admin import ReadOnlyAdmin
from billing.http.navigation import groups
from billing.payments.models import Contract, StripeEvent
from billing.payments.services import refunding
from billing.payments.services.refunding import Wish
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from tests import factories
from tests.operators import signed_in
from tests.payments import back, windows


@pytest.fixture
def pages(db: None, client: Client, settings: Settings) -> Client:
    """An operator's browser, and an account that pays by the month."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    factories.publish_kling()
    account: Account = factories.new_account("ada")
    subscriptions.start(account=account, plan="standard")
    windows.make_rows(account, text="a text", now=datetime.now(UTC))
    signed_in(client, User.objects.create_superuser("grace"))
    return client


@pytest.mark.parametrize("window", ["invoice", "planchange"])
def test_a_list_shows_an_amount_in_its_currency(pages: Client, window: str) -> None:
    page = pages.get(f"/admin/billing/{window}/").content.decode()

    assert "1.00 CNY" in page
    assert "1000000" not in page


def test_a_contract_shows_its_prices_without_calling_them_credits(pages: Client) -> None:
    contract = Contract.objects.get()
    page = pages.get(f"/admin/billing/contract/{contract.pk}/change/").content.decode()

    assert "1 credits" not in page
    assert "1000000" not in page


def test_a_click_leads_from_a_payment_to_its_refund_and_from_a_refund_to_its_decision(
    pages: Client,
) -> None:
    """A list writes ids in addresses in a way of its own."""
    back.open_shop()
    bought = back.buy(factories.new_account("eve", is_sandbox=False))
    asked = refunding.request_refund(
        purchase_id=bought.pk,
        wish=Wish("goodwill", "kind", 10 * MICROS, text="Ticket 7"),
        requester=back.operator("ann", "request_refund"),
        key="a-key-of-a-test",
        now=datetime.now(UTC),
    )

    form = follow(pages, "/admin/billing/purchase/", bought.pk, "refund")
    decision = follow(pages, "/admin/billing/refund/", asked.pk, "decide")

    assert f'value="{bought.pk}"' in form
    assert "not_given" not in form  # what could not be given goes back by itself
    assert "Ticket 7" in decision
    assert 'value="approve"' in decision


def follow(pages: Client, listed: str, key: str, act: str) -> str:
    """Return what an act's page says that is reached from a list by its links."""
    [row] = links(pages.get(listed).content.decode(), key, "/change/")
    [link] = links(pages.get(row.partition("?")[0]).content.decode(), key, f"/{act}/")
    return pages.get(link, follow=True).content.decode()


def links(page: str, key: str, ending: str) -> set[str]:
    """Return where a page leads that is about a row, of the addresses that end so."""
    found = re.findall(r'href="([^"]+)"', page)
    about = {link for link in found if key.rpartition("_")[2] in link}
    return {link for link in about if link.partition("?")[0].endswith(ending)}


@pytest.mark.parametrize("window", ["refund", "dispute", "topup", "taking"])
def test_an_empty_list_says_what_will_stand_there(pages: Client, window: str) -> None:
    shown = admin.site.get_model_admin(apps.get_model("billing", window))
    assert isinstance(shown, ReadOnlyAdmin)
    says = str(shown.empty_says)

    page = pages.get(f"/admin/billing/{window}/").content.decode()
    searched = pages.get(f"/admin/billing/{window}/?q=nobody").content.decode()

    assert says
    assert escape(says) in page
    assert escape(says) not in searched


def test_an_event_is_shown_as_it_came_without_what_lets_somebody_pay(pages: Client) -> None:
    raw = '{"type": "a.kind", "data": {"object": {"client_secret": "pi_1_secret_2"}}}'
    StripeEvent.objects.update(raw=raw)
    event = StripeEvent.objects.get()

    page = pages.get(f"/admin/billing/stripeevent/{event.pk}/change/").content.decode()

    assert "a.kind" in page
    assert "pi_1_secret_2" not in page


def test_windows_stand_in_groups_and_the_books_with_the_money(pages: Client) -> None:
    grace = User.objects.get(username="grace")
    looks_on = User.objects.create_user("hedy", is_staff=True)
    looks_on.user_permissions.add(Permission.objects.get(codename="view_job"))

    wrong, money, *others = groups(request_of(grace))
    [only] = groups(request_of(looks_on))

    assert [str(one["title"]) for one in (wrong, money)] == ["What is wrong", "Money"]
    assert "/admin/billing/alert/" in {one["link"] for one in wrong["items"]}
    assert "/admin/billing/halt/" not in {one["link"] for one in wrong["items"]}
    assert money["items"][-1]["link"] == "/admin/revenue"
    assert "/admin/billing/purchase/" in {one["link"] for one in money["items"]}
    assert "More" in {str(one["title"]) for one in others}  # operators' own rows
    assert [one["link"] for one in only["items"]] == ["/admin/billing/job/"]


def request_of(user: User) -> HttpRequest:
    """Return what an operator asks for."""
    request = RequestFactory().get("/admin/")
    request.user = user
    return request

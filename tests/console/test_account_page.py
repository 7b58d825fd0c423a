"""The page of an account: why its balance is what it is, and nothing that it shows is run."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from billing.accounts.models import Account
from billing.ledger.models import Entry, Wallet
from billing.operators.models import AccessRecord
from tests import factories
from tests.console import affairs
from tests.console.affairs import Affairs
from tests.console.test_search import plans_of
from tests.matrix.operators import (
    CATALOG_MANAGER,
    FINANCE,
    SUPERUSER,
    SUPPORT,
    VIEWER,
    operator_of,
    signed_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def lived(ada: Account) -> Affairs:
    """Ada, with something of each kind."""
    return affairs.lived_through(ada)


def page_of(browser: Client, account: Account, **query: str) -> str:
    shown: Any = browser.get(f"/admin/console/accounts/{account.pk}/", query)
    assert shown.status_code == 200
    text: str = shown.content.decode()
    return text


def window(name: str, key: str) -> str:
    return f"/admin/billing/{name}/{quote(key)}/change/"


def test_it_says_why_a_balance_is_37(lived: Affairs, sue: Client) -> None:
    text = page_of(sue, lived.account)

    assert '<strong id="free">37</strong>' in text
    [total] = re.findall(r'id="sum">.*?</table>', text, re.DOTALL)
    terms = re.findall(r'<td class="lg-number">([^<]*)</td>', total)
    assert terms == ["+0", "+57", "-10", "-10", ""]
    for name, key in (
        ("job", lived.job.pk),
        ("job", lived.waiting.pk),
        ("grant", lived.grant.pk),
        ("hold", lived.waiting.hold_id),
        ("entry", lived.entry.pk),
        ("event", lived.delivery.event_id),
        ("delivery", lived.delivery.pk),
    ):
        assert window(name, key) in text, name
    assert f"/admin/billing/job/?account__id__exact={lived.account.pk}" in text


def test_it_tells_since_when_one_wants_to_know(lived: Affairs, sue: Client) -> None:
    told = page_of(sue, lived.account, since="1h")
    wrong = page_of(sue, lived.account, since="<b>")

    assert 'value="1h"' in told
    assert "Write 30d" not in told
    assert "Write 30d" in wrong
    assert "<b>" not in wrong


def test_what_came_due_and_nobody_wrote_yet_is_told(ada: Account, sue: Client) -> None:
    factories.give(ada, 40, expires_in=timedelta(days=2))
    factories.give(ada, 30)
    Wallet.objects.filter(account=ada).update(clock_offset=timedelta(days=3))
    assert Wallet.objects.get(account=ada).available_micros == 70_000_000

    text = page_of(sue, ada)

    assert '<strong id="free">30</strong>' in text
    assert "30 days: 0 credits at first, 30 now." in text
    assert Wallet.objects.get(account=ada).available_micros == 70_000_000, "a look writes nothing"


def test_what_strangers_wrote_is_only_text(lived: Affairs, sue: Client) -> None:
    shown = [
        page_of(sue, lived.account),
        page_of(sue, lived.team),
        *(
            sue.get(window(name, key)).content.decode()
            for name, key in (("job", lived.job.pk), ("event", lived.delivery.event_id))
        ),
    ]
    stranger = factories.new_account('"><img/src=x/onerror=alert(1)>', is_sandbox=True)

    shown.append(page_of(sue, stranger))

    for text in shown:
        assert "<script>document" not in text
        assert "<img/src" not in text
        assert "<img src=x" not in text


def test_an_account_that_has_nothing_says_what_will_stand_there(ada: Account, sue: Client) -> None:
    text = page_of(sue, ada)

    assert "It has ordered no video yet." in text
    assert 'id="sum"' not in text or "nothing" in text


def test_its_flags_say_what_one_must_know(ada: Account, sue: Client) -> None:
    factories.give(ada, 5)
    Wallet.objects.filter(account=ada).update(halted_at=ada.created_at)

    text = page_of(sue, ada)

    assert "nothing comes by itself since" in text
    assert ">sandbox<" in text


def test_ways_to_act_are_shown_to_those_who_may(ada: Account) -> None:
    asks = "/admin/billing/adjustment/ask/?account=ada"

    assert asks in page_of(signed_in(operator_of(SUPPORT)), ada)
    for role in (VIEWER, FINANCE):
        assert asks not in page_of(signed_in(operator_of(role)), ada)
    manager = signed_in(operator_of(CATALOG_MANAGER))
    assert manager.get(f"/admin/console/accounts/{ada.pk}/").status_code == 403
    assert manager.get("/admin/console/accounts/acc_none/").status_code == 403


def test_the_form_has_chosen_the_account_and_its_side(ada: Account) -> None:
    support = signed_in(operator_of(SUPPORT))
    way = "/admin/billing/adjustment/ask/?account=ada&is_sandbox=on"

    form = support.get(way).context["form"]

    assert ada.is_sandbox
    assert way.replace("&", "&amp;") in page_of(support, ada)
    assert (form["account"].value(), form["is_sandbox"].value()) == ("ada", "on")


def test_a_look_is_noted_and_told_to_superusers_alone(ada: Account, sue: Client) -> None:
    page_of(sue, ada)
    [seen] = AccessRecord.objects.filter(kind=AccessRecord.Kind.VIEWED)
    assert seen.what == f"/admin/console/accounts/{ada.pk}/"

    assert 'id="looks"' not in page_of(sue, ada)
    text = page_of(signed_in(operator_of(SUPERUSER)), ada)
    assert 'id="looks"' in text
    assert text.count("<td>support</td>") == 2


def test_nobody_is_there_who_is_not(ada: Account, sue: Client) -> None:
    assert sue.get("/admin/console/accounts/acc_nobody/").status_code == 404
    assert Client().get(f"/admin/console/accounts/{ada.pk}/").status_code == 302


def test_every_look_of_the_page_has_an_index(lived: Affairs) -> None:
    browser = signed_in(operator_of(SUPERUSER))

    wrong = [
        plan
        for plan in plans_of(lambda: page_of(browser, lived.account))
        if "Seq Scan on billing_" in plan
    ]

    assert wrong == []


def test_a_row_leads_to_its_cause_and_to_what_it_did(lived: Affairs, sue: Client) -> None:
    spent = Entry.objects.get(hold=lived.job.hold_id, kind="capture")
    leads = {
        window("entry", spent.pk): [window("job", lived.job.pk), window("grant", lived.grant.pk)],
        window("job", lived.job.pk): [window("entry", spent.pk), _console(lived.account)],
        window("hold", lived.job.hold_id): [window("entry", spent.pk), window("job", lived.job.pk)],
        window("grant", lived.grant.pk): [
            window("entry", spent.pk),
            window("hold", lived.job.hold_id),
        ],
        window("delivery", lived.delivery.pk): [window("event", lived.delivery.event_id)],
        window("event", lived.delivery.event_id): [window("delivery", lived.delivery.pk)],
        "/admin/billing/entry/": [_console(lived.account), window("job", lived.job.pk)],
        "/admin/billing/job/": [_console(lived.account)],
        "/admin/billing/hold/": [_console(lived.account)],
        f"/admin/billing/account/{quote(lived.account.pk)}/change/": [_console(lived.account)],
    }

    missing = {
        path: goal
        for path, goals in leads.items()
        for goal in goals
        if f'href="{goal}"' not in sue.get(path).content.decode()
    }

    assert missing == {}


def test_a_breadcrumb_shows_an_id_as_it_is(lived: Affairs, sue: Client) -> None:
    text = sue.get(window("job", lived.job.pk)).content.decode()

    assert lived.job.pk in text
    assert lived.job.pk.capitalize() not in text


def _console(account: Account) -> str:
    return f"/admin/console/accounts/{account.pk}/"

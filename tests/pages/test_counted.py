"""Pages are counted as what REST counts their looks and acts as."""

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.http import quotas
from billing.ids import new_id
from billing.ledger.models import Grant
from billing.pages.links import Page
from config.embedded.valkey import Valkey
from tests.http.limiting import _patiently, limit, own_valkey
from tests.pages import scene
from tests.pages.test_pages import told

__all__ = ["_patiently", "own_valkey"]
pytestmark = pytest.mark.django_db


def claim(account: Account) -> int:
    """Press the button of the check-in; return the answer's status."""
    return Client().post(scene.path_of(scene.link_of(account), Page.CHECK_IN)).status_code


@pytest.mark.usefixtures("_patiently")
def test_who_looks_or_presses_too_often_is_told_to_wait(mei: Account, settings: Settings) -> None:
    limit(settings, money={"account": ["2/30d"]}, reads={"account": ["2/30d"], "ip": ["2/30d"]})
    Account.objects.filter(pk=mei.pk).update(external_id=new_id("mei"))  # nobody has counted it
    mei.refresh_from_db()

    pressed = [claim(mei) for _time in range(4)]
    looked = [scene.look(mei, Page.BALANCE).status_code for _time in range(4)]
    prices = [Client().get("/pages/pricing").status_code for _time in range(4)]

    refused = scene.look(mei, Page.BALANCE)

    assert pressed == looked == [200, 200, 429, 429]
    assert int(refused["Retry-After"]) > 0
    assert "Too much at once." in told(refused)
    assert "Try again" in told(refused)
    assert prices[-1] == 429


def test_nothing_is_given_by_a_page_while_nobody_can_count(
    mei: Account, settings: Settings, own_valkey: Valkey
) -> None:
    settings.LIMITS = quotas.read({})
    own_valkey.process.kill()
    own_valkey.process.wait()

    assert (claim(mei), Grant.objects.count()) == (503, 0)

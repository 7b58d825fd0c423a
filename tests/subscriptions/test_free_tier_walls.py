"""Operators admit by hand, and the database is the second wall around the free tier."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import FreeTier, FreeTierCount, Identity
from billing.accounts.services import free_tier
from billing.subscriptions import services
from tests import factories
from tests.ledger.refusing import refused
from tests.operators import signed_in
from tests.subscriptions.conftest import Vary
from tests.subscriptions.sign_ups import AUTO, CAPS, DAILY, RULE, person, state_of, tell

pytestmark = pytest.mark.django_db


# -- operators -----------------------------------------------------------------------------------
def test_an_operator_admits_for_a_reason_and_his_word_stands(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    person("ada", email="ada@example.com", card="fp_1")
    sister = person("sister", email="ada@example.com")

    services.admit_by_hand(account=sister, operator="grace", note="A shared mailbox.")
    tell(sister, card="fp_1")

    tier = FreeTier.objects.get(account=sister)
    assert (tier.state, tier.operator, tier.note) == ("admitted", "grace", "A shared mailbox.")
    assert factories.free_micros(sister) == DAILY
    assert Identity.objects.exclude(free_tier_of=sister).count() == 2


def test_the_window_admits_only_with_the_permission_and_a_reason(
    vary: Vary, client: Client, settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    vary(AUTO, more=RULE)
    person("ada", email="ada@example.com")
    again = person("again", email="ada@example.com")
    operator = User.objects.create_user("op", password="a long enough word", is_staff=True)
    operator.user_permissions.add(Permission.objects.get(codename="view_freetier"))
    signed_in(client, operator)
    act = {"action": "admit_accounts", "_selected_action": again.pk}
    act |= {"act": "admit_accounts", "reason": "She asked us."}

    client.post("/admin/billing/freetier/", act)
    before = state_of(again)
    operator.user_permissions.add(Permission.objects.get(codename="admit_freetier"))
    client.post("/admin/billing/freetier/", {**act, "reason": "  "})
    without = state_of(again)
    client.post("/admin/billing/freetier/", act)

    assert (before, without) == ("refused", "refused")
    tier = FreeTier.objects.get(account=again)
    assert (tier.state, tier.operator, tier.note) == ("admitted", "op", "She asked us.")


# -- the database's second line ------------------------------------------------------------------
def test_the_database_keeps_an_identity_with_whom_it_was(
    vary: Vary, monkeypatch: pytest.MonkeyPatch
) -> None:
    vary(AUTO, more=RULE)
    ada = person("ada", email="ada@example.com")
    eve = person("eve", email="eve@example.com", device="d1")
    identity = Identity.objects.get(free_tier_of=ada)
    monkeypatch.setattr(free_tier, "_locked", _with_nobody(free_tier._locked))

    with pytest.raises(IntegrityError, match="identity_keeps_its_free_tier"):
        person("third", email="ada@example.com")

    others = Identity.objects.filter(pk=identity.pk)
    refused(lambda: others.update(free_tier_of=None), "identity_keeps_its_free_tier")
    refused(lambda: others.update(free_tier_of=eve), "identity_keeps_its_free_tier")
    identity.refresh_from_db()
    assert identity.free_tier_of == ada


def test_the_database_keeps_counts_sides_and_decisions(
    vary: Vary, monkeypatch: pytest.MonkeyPatch
) -> None:
    vary(AUTO, more=CAPS)
    for number in range(2):
        person(f"a{number}", ip="203.0.113.1")
    waiting = person("a2", ip="203.0.113.1")
    monkeypatch.setattr(free_tier, "has_room", lambda _count: True)

    with pytest.raises(IntegrityError, match="free_tier_count_is_kept"):
        person("a3", ip="203.0.113.1")

    refused(
        lambda: FreeTierCount.objects.filter(cap="ip_day_full").update(begun=1),
        "free_tier_count_only_grows",
    )
    refused(
        lambda: FreeTier.objects.filter(account=waiting).update(operator="eve", note="So."),
        "free_tier_state_matches_columns",
    )
    refused(lambda: FreeTier.objects.filter(account=waiting).delete(), "free_tier_is_never")
    assert FreeTierCount.objects.get(cap="ip_day_full").begun == 2


def _with_nobody(locked: Any) -> Any:  # noqa: ANN401 (wraps what it is given)
    """Read identities as if nobody had their free tier: the code's own line is off."""

    def read(*given: Any) -> list[Identity]:  # noqa: ANN401 (as they are)
        found: list[Identity] = locked(*given)
        for one in found:
            one.free_tier_of_id = None
        return found

    return read

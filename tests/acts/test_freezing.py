"""A frozen account orders nothing and lets no credits go; what is under way ends."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.accounts.errors import AccountFrozen, FreezeRefused
from billing.accounts.freezes import Freeze
from billing.accounts.models import Account
from billing.jobs.models import Job
from billing.operators.models import ActRecord
from billing.subscriptions import services
from tests import factories
from tests.acts.conftest import browser, chosen
from tests.jobs import shop as shopping

FREEZES = "/admin/billing/freeze/"
WHY = "Somebody else's card."


def freeze(account: Account, by: User) -> Freeze:
    """Freeze an account, as the window does."""
    return services.freeze(account=account, operator=by, reason=WHY, now=timezone.now())


def unfreeze(account: Account, by: User) -> Freeze:
    """Let it go on."""
    return services.unfreeze(account=account, operator=by, reason="Hers.", now=timezone.now())


def test_a_frozen_account_orders_nothing_and_a_quote_says_why(
    ada: Account, bob: Account, backend: None, sam: User
) -> None:
    factories.give(ada, 20)
    factories.give(bob, 20)
    freeze(ada, sam)
    before = shopping.facts_of(ada)

    told = shopping.quote(ada, seconds=5)
    with pytest.raises(AccountFrozen) as refusal:
        shopping.submit(ada, seconds=5)

    assert shopping.reasons(told) == ["account_frozen"]
    assert list(told.alternatives) == []
    assert refusal.value.facts["since"] == Freeze.objects.get().frozen_at.isoformat()
    assert shopping.facts_of(ada) == before
    assert not Job.objects.exists()
    assert shopping.submit(bob, seconds=5).status == "queued"
    assert factories.free_micros(ada) == 20_000_000  # it may look at what it has


def test_what_is_under_way_ends_and_is_settled(ada: Account, backend: None, sam: User) -> None:
    factories.give(ada, 20)
    job = shopping.submit(ada, seconds=5)
    freeze(ada, sam)

    shopping.finish(job)

    job.refresh_from_db()
    assert (job.status, job.charged_micros) == ("succeeded", 10_000_000)


def test_an_account_that_is_let_go_orders_again(ada: Account, backend: None, sam: User) -> None:
    factories.give(ada, 20)
    freeze(ada, sam)
    lifted = unfreeze(ada, sam)

    assert shopping.reasons(shopping.quote(ada, seconds=5)) == []
    assert shopping.submit(ada, seconds=5).status == "queued"
    assert (lifted.lifted_by, lifted.lift_reason) == (sam, "Hers.")
    assert freeze(ada, sam).pk != lifted.pk  # a second time is another row


def test_an_account_is_frozen_once_at_a_time_and_let_go_once(ada: Account, sam: User) -> None:
    with pytest.raises(FreezeRefused):
        unfreeze(ada, sam)
    with pytest.raises(FreezeRefused):
        services.freeze(account=ada, operator=sam, reason="  ", now=timezone.now())
    assert not Freeze.objects.exists()
    freeze(ada, sam)
    with pytest.raises(FreezeRefused):
        freeze(ada, sam)
    unfreeze(ada, sam)
    with pytest.raises(FreezeRefused):
        unfreeze(ada, sam)

    assert Freeze.objects.count() == 1


def test_what_was_lifted_lifts_no_later_freeze(ada: Account, sam: User) -> None:
    first = freeze(ada, sam)
    unfreeze(ada, sam)
    second = freeze(ada, sam)

    browser(sam).post(FREEZES, chosen("unfreeze", first.pk, reason="Hers."))

    second.refresh_from_db()
    assert second.lifted_at is None
    line = ActRecord.objects.get()
    assert (line.object_id, line.outcome, line.refusal) == (first.pk, "refused", "freeze_refused")


def test_the_window_shows_what_stays_and_what_is_refused_then_freezes(
    ada: Account, backend: None, sam: User
) -> None:
    factories.give(ada, 20)
    shopping.submit(ada, seconds=5)
    client, form = browser(sam), {"account": "ada", "reason": WHY}

    begun = client.get(f"/admin/billing/account/{ada.pk}/freeze/", follow=True).content.decode()
    looked = client.post(f"{FREEZES}freeze/", form | {"act": "look"}).content.decode()
    unknown = client.post(f"{FREEZES}freeze/", form | {"account": "nobody", "act": "freeze"})
    silent = client.post(f"{FREEZES}freeze/", {"account": "ada", "act": "freeze"})
    assert 'value="ada"' in begun
    assert looked.count("10 credits") == 2  # as many stay as are held
    assert "account_frozen" in looked
    assert (unknown.status_code, silent.status_code) == (200, 200)
    assert not Freeze.objects.exists()

    assert client.post(f"{FREEZES}freeze/", form | {"act": "freeze"}).status_code == 302

    frozen = Freeze.objects.get()
    assert (frozen.account, frozen.operator, frozen.reason) == (ada, sam, WHY)
    line = ActRecord.objects.get()
    assert (line.act, line.object_id, line.account_id) == ("freeze.freeze", frozen.pk, ada.pk)
    client.post(FREEZES, chosen("unfreeze", frozen.pk, reason="It was hers."))
    frozen.refresh_from_db()
    assert (frozen.lifted_by, frozen.lift_reason) == (sam, "It was hers.")


@pytest.mark.parametrize(
    "change", [{"reason": "another"}, {"lifted_at": None, "lifted_by": None, "lift_reason": ""}]
)
def test_the_database_keeps_what_was_lifted(
    ada: Account, sam: User, change: dict[str, Any]
) -> None:
    freeze(ada, sam)
    unfreeze(ada, sam)

    with pytest.raises(IntegrityError), transaction.atomic():
        Freeze.objects.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Freeze.objects.all().delete()

    assert Freeze.objects.get().reason == WHY

"""What operators do, and what is added up and watched, goes by the application's own role."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.alerts.models import Alert, Silence
from billing.corrections import services as corrections
from billing.corrections.models import CampaignRun, OperatorDay
from billing.lab import services as lab
from billing.lab.services import Telling
from billing.notes import services as notes
from billing.notes.models import AccountNote
from billing.operators.models import ActRecord
from billing.outbox import gateway
from billing.rollups import services as rollups
from billing.rollups.models import CreditDay
from plans import drafting
from plans import selectors as plans
from plans.credits import MICROS
from plans.models import CatalogVersion, PublicationRequest
from tests import factories
from tests.acts import frozen
from tests.acts.conftest import SPRING
from tests.acts.test_campaign_runs import ask
from tests.alerts import wrongs
from tests.corrections import desk
from tests.lab import rows

DAY: Final = timedelta(days=1)
# What nobody does to these tables, whatever he may do to rows of his own.
NEVER: Final = (
    "UPDATE billing_accountnote SET text = 'x'",
    "DELETE FROM billing_accountnote",
    "UPDATE billing_actrecord SET reason = 'x'",
    "DELETE FROM billing_actrecord",
    "UPDATE billing_freeze SET reason = 'x'",
    "DELETE FROM billing_freeze",
    "UPDATE billing_campaignrun SET amount_micros = 1",
    "UPDATE billing_campaignrun SET counted_on = NULL",
    "DELETE FROM billing_campaignrun",
    "DELETE FROM billing_campaignrunshare",
    "DELETE FROM billing_operatorday",
    "UPDATE plans_draftrevision SET source = 'x'",
    "DELETE FROM plans_draftrevision",
    *(
        f"TRUNCATE {table} CASCADE"
        for table in ("billing_accountnote", "billing_actrecord", "plans_draftrevision")
    ),
)


@pytest.fixture
def shop(application: str, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Account:
    """A shop with a campaign; Ada buys there. The application's role did all of it."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    desk.open_shop(desk.KEYS + SPRING)
    ada = factories.new_account("ada", is_sandbox=False)
    factories.give(ada, 20)
    return ada


def _people() -> list[User]:
    return [User.objects.create_superuser(name) for name in ("rita", "omar")]


def _now() -> datetime:
    return datetime.now(UTC)


def test_notes_acts_freezes_alerts_and_sums_are_written(shop: Account) -> None:
    asks, _decides = _people()

    frozen.make_rows(shop, text="Because.", now=_now())
    notes.write(account=shop, author=asks, text="Called us.", now=_now())
    wrongs.make_rows(text="A row is wrong.", now=_now())
    rollups.roll_up_due(now=_now())

    assert ActRecord.objects.get().outcome == "done"
    assert AccountNote.objects.get().text == "Called us."
    assert (Alert.objects.count(), Silence.objects.count()) == (1, 1)
    assert CreditDay.objects.filter(kind="grant").get().amount_micros == 20 * MICROS


def test_a_campaign_is_run_and_counted(shop: Account) -> None:
    asks, decides = _people()

    run = ask(asks)
    corrections.approve_campaign_run(run_id=run.pk, digest=run.digest, approver=decides, now=_now())
    corrections.carry_out_run(run_id=run.pk, now=_now())

    assert CampaignRun.objects.get().state == "done"
    assert set(OperatorDay.objects.values_list("used_micros", flat=True)) == {5 * MICROS}
    assert factories.free_micros(shop) == 25 * MICROS


def test_a_draft_is_written_published_and_taken_back(shop: Account) -> None:
    asks, decides = _people()
    source = CatalogVersion.objects.get(pk=plans.current().version_id).source
    draft = drafting.begin(name="dearer", source=source, author=asks, now=_now())
    saved = drafting.revise(
        draft_id=draft.pk,
        source=source.replace('credits = "5"', 'credits = "6"'),
        expected=1,
        author=asks,
        note="",
        now=_now(),
    )
    draft.refresh_from_db()
    asked = lab.request_publication(
        draft=draft,
        revision=saved.number,
        effective_at=_now() + DAY,
        zone="Asia/Shanghai",
        reason="It is spring.",
        telling=Telling("all", "More.", "更多。"),
        requester=asks,
        now=_now(),
    )
    lab.approve_publication(request_id=asked.pk, approver=decides, now=_now())
    lab.announce(request_id=asked.pk, now=_now())
    lab.take_back_publication(request_id=asked.pk, reason="Not yet.", operator=asks, now=_now())

    assert PublicationRequest.objects.get().state == "taken_back"
    assert plans.current(at=_now() + 2 * DAY).version_id == plans.current().version_id


@pytest.mark.parametrize("sentence", NEVER)
def test_what_was_written_stays(shop: Account, sentence: str) -> None:
    asks, decides = _people()
    frozen.make_rows(shop, text="Because.", now=_now())
    notes.write(account=shop, author=asks, text="Called us.", now=_now())
    rows.make_rows(shop, text="Words.", now=_now())
    run = ask(asks)
    corrections.approve_campaign_run(run_id=run.pk, digest=run.digest, approver=decides, now=_now())

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sentence)
        assert cursor.rowcount, "there was a row to refuse"

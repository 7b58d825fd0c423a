"""The operators' windows: each opens in both languages, none edits, and one act gives back."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.accounts.signals import Signal
from billing.fleet import services as fleet
from billing.fleet.breaking import Sign
from billing.fleet.models import BackendState
from billing.jobs.models import Attempt, Callback, Job, LooseFile, Output
from billing.jobs.services import queueing
from billing.ledger.models import Allowance, CountedUse, Entry, Hold, ZoneChange
from billing.ledger.services import Actor
from billing.notes import services as notes
from billing.notices.kinds import Kind
from billing.notices.models import Notice
from billing.operators.models import AccessRecord
from billing.organizations import services as organizations
from billing.pages import services as pages
from billing.partners import services as partners
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from billing.receipts import services as receipts
from billing.rollups import services as rollups
from billing.sandbox import services as sandbox
from billing.subscriptions import services as subscriptions
from billing.topups.models import AutoTopUp, TopUp
from billing.webhooks import services as webhooks
from plans import selectors as plans
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories, operators
from tests.acts import frozen
from tests.alerts import wrongs
from tests.corrections import desk
from tests.jobs.conftest import Ask
from tests.lab import rows as lab
from tests.operators import signed_in
from tests.payments import back, windows

XSS: Final = "<script>alert('灵感')</script>"
ORDER: Final = {
    "model": "kling-v1-6",
    "mode": "std",
    "seconds": 5,
    "inputs": {"prompt": XSS},
    "metadata": {"note": XSS},
}
OURS: Final = sorted(
    (model for app in ("billing", "plans") for model in apps.get_app_config(app).get_models()),
    key=lambda model: model._meta.label,
)
WINDOWS: Final = [model for model in OURS if admin.site.is_registered(model)]
JOBS: Final = "/admin/billing/job/"
_PROGRAMME: Final = """
[[programme]]
code = "agencies"
name = { en = "Agencies", zh = "机构" }
kind = "partner"
when = "sign_up"
reward = "agency-beta"
"""


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def grace(client: Client) -> Client:
    """Return the browser of an operator who may do everything."""
    signed_in(client, User.objects.create_superuser("grace"))
    return client


@pytest.fixture
def viewer(client: Client) -> Client:
    """Return the browser of an operator who may look at jobs, and no more."""
    operator = User.objects.create_user("vera", is_staff=True)
    operator.user_permissions.add(Permission.objects.get(codename="view_job"))
    signed_in(client, operator)
    return client


@pytest.fixture
def job(ada: Account, ask: Ask) -> Job:
    """Ada has 20 credits, and a queued job holds 10 of them."""
    factories.give(ada, 20)
    assert ask("post", "/v1/jobs", ORDER).status_code == 201
    return Job.objects.get()


@pytest.fixture
def rows(ada: Account, ask: Ask, serve: Ask) -> dict[type[Model], Model]:
    """Make at least one row of each kind; return one of each."""
    now = datetime.now(UTC)
    with transaction.atomic():
        webhooks.create_endpoint(account=ada, url="https://hooks.example.com/x", now=now)
    assert ask("post", "/v1/check-in").status_code == 200
    assert ask("post", "/v1/quotes", ORDER | {"metadata": {}}).status_code == 200
    assert ask("post", "/v1/jobs", ORDER).status_code == 201
    subscriptions.start(account=ada, plan="standard")
    with transaction.atomic():
        made = Job.objects.get()
        turn = queueing.turn_at("away", made, now=now)
        assert turn is not None
        queueing.take(turn)
    _as_if_made(made, now)
    _run_low(ada, now)
    windows.make_rows(ada, text=XSS, now=now)
    assert serve("/v1/campaigns/agency-beta/grants", {}).status_code == 201
    [code] = promotions.create_codes(Gift("pack", "credits-3300"), count=1, now=now)
    assert ask("post", "/v1/redemptions", {"code": code}).status_code == 201
    assert ask("post", "/v1/redemptions", {"code": "WRONG"}).status_code == 404
    _lend(ada, now)
    desk.make_rows(ada, Job.objects.get())
    back.make_rows(ada, pack="credits-3300")
    _admit_and_wind(now)
    _invite(ada, now)
    _break_down(now)
    wrongs.make_rows(text=XSS, now=now)
    receipts.present_key(now=now)
    operators.make_rows()
    notes.write(account=ada, author=User.objects.get(username="hedy"), text=XSS, now=now)
    pages.revoke_links(ada, now=now)
    lab.make_rows(ada, text=XSS, now=now)
    frozen.make_rows(ada, text=XSS, now=now)
    assert ask("get", "/v1/exports/ledger.csv").status_code == 200
    rollups.roll_up_due(now=now)
    return {model: model._default_manager.all()[:1].get() for model in WINDOWS}


@transaction.atomic
def _lend(ada: Account, now: datetime) -> None:
    """Found an organization, and let it lend its founder something."""
    actor = Actor("user", ada.pk)
    team = organizations.found(owner=ada, name=XSS, actor=actor, now=now)
    factories.give(team.account, 2)
    organizations.allot(team, to="ada", amount_micros=MICROS, fact="x", note=XSS, actor=actor)


def _admit_and_wind(now: datetime) -> None:
    """Let a catalog ask for signals, and two sandbox accounts live by a clock."""
    rule = '\n[free_tier]\nsignals = ["email"]\nrequires = ["ip"]\nper_ip_day = 3\n'
    publish.publish(factories.KLING.read_text() + rule + _PROGRAMME, now=now)
    eve = factories.new_account("eve")
    told = {Signal.EMAIL: "eve@example.com", Signal.IP: "203.0.113.1"}
    with transaction.atomic():
        subscriptions.tell_signals(account=eve, told=told, now=now)
        sandbox.create(owner=eve, name=XSS, accounts=[eve], now=now)


def _invite(ada: Account, now: datetime) -> None:
    """Let Bob come by the code of Ada, who is a partner."""
    bob = factories.new_account("bob", is_sandbox=ada.is_sandbox)
    with transaction.atomic():
        partners.admit(account=ada, programme="agencies", now=now)
    code = partners.link(account=ada, programme="agencies", now=now).code
    with transaction.atomic():
        partners.accept(account=bob, typed=code, now=now)
    partners.look_and_pay(account_id=bob.pk, now=now)


def _break_down(now: datetime) -> None:
    """Let a backend fail once, and keep it from work."""
    with transaction.atomic():
        fleet.note("away", model="m", attempt_id="at_1", sign=Sign.UNHEARD, reason=XSS, now=now)
    draining = BackendState.Mode.DRAINING
    fleet.set_mode(backend="away", mode=draining, reason=XSS, operator="grace", now=now)


def _as_if_made(job: Job, now: datetime) -> None:
    """Write what a backend would have brought: these windows only look at it."""
    attempt = Attempt.objects.create(
        job=job, number=1, backend="away", lease_until=now, check_at=now, created_at=now
    )
    Callback.objects.create(attempt=attempt, digest=bytes(32), body=b"{}", received_at=now)
    Output.objects.create(
        job=job, position=0, path="x.mp4", mime="video/mp4", bytes=1, created_at=now
    )
    LooseFile.objects.create(path="outputs/y.mp4", created_at=now)
    allowance = Allowance.objects.create(
        wallet_id=job.wallet_id,
        code="videos",
        mode="auto",
        cadence="daily",
        zone="UTC",
        unit="order",
        amount_micros=3 * MICROS,
        source="allowance",
        priority=100,
        expiry="window_end",
        terms={"code": "videos", "cadence": "daily", "unit": "order", "amount": 3},
        anchor_at=now,
        started_at=now,
        created_at=now,
    )
    ZoneChange.objects.create(wallet_id=job.wallet_id, former="UTC", zone="Asia/Tokyo", at=now)
    CountedUse.objects.create(
        wallet_id=job.wallet_id,
        allowance=allowance,
        series="videos",
        window=now.date().isoformat(),
        window_ends_at=now + timedelta(days=1),
        reference=f"job:{job.pk}",
        units_micros=MICROS,
        created_at=now,
    )


def _run_low(account: Account, now: datetime) -> None:
    """Write what an account that runs low would have: these windows only look at it."""
    AutoTopUp.objects.create(
        account=account,
        threshold_micros=MICROS,
        pack=XSS,
        limit_micros=MICROS,
        currency="CNY",
        changed_at=now,
    )
    TopUp.objects.create(
        account=account,
        pack=XSS,
        catalog_version_id=plans.current().version_id,
        currency="CNY",
        price_micros=MICROS,
        decline=XSS,
        created_at=now,
        ring_at=now,
    )
    Notice.objects.create(
        account=account,
        kind=Kind.CARD_EXPIRES.value,
        fact="card:1",
        email="ada@example.com",
        language="en",
        facts={"card": XSS, "expires": "2027-01"},
        created_at=now,
        next_at=now,
    )


def _act(browser: Client, job: Job) -> Any:  # noqa: ANN401 (Django's test response)
    marked = {"action": "fail_jobs", "_selected_action": [job.pk]}
    marked |= {"act": "fail_jobs", "reason": "The backend is gone."}
    return browser.post(JOBS, marked, follow=True)


def _credits(job: Job) -> tuple[str, int, int, int]:
    """Return what would move: the hold, its wallet, and the count of entries."""
    hold = Hold.objects.select_related("wallet").get(pk=job.hold_id)
    entries = Entry.objects.filter(wallet=hold.wallet).count()
    return hold.state, hold.wallet.available_micros, hold.wallet.held_micros, entries


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Linggan administration"), ("zh-CN", "灵感运营后台")]
)
def test_each_window_opens_in_both_languages(
    rows: dict[type[Model], Model], grace: Client, language: str, said: str
) -> None:
    for model, row in rows.items():
        folder = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for path in (folder, f"{folder}{quote(row.pk)}/change/"):
            page = grace.get(path, headers={"Accept-Language": language})

            text = page.content.decode()
            assert page.status_code == 200, path
            assert said in text, path
            assert XSS not in text, path
            # The row's own id, or a link that bears it: unfold writes _ as _5F there.
            assert str(row.pk) in text or str(row.pk).replace("_", "_5F") in text, path


@pytest.mark.usefixtures("rows")
def test_nobody_adds_changes_or_deletes(grace: Client) -> None:
    for model in WINDOWS:
        row = model._default_manager.all()[:1].get()
        before = {field.attname: getattr(row, field.attname) for field in row._meta.fields}
        count = model._default_manager.count()
        folder = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        marked = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}

        refused = [
            grace.get(f"{folder}add/"),
            grace.post(f"{folder}add/", {}),
            grace.post(
                f"{folder}{quote(row.pk)}/change/", {"plan": "premier", "status": "succeeded"}
            ),
            grace.post(f"{folder}{row.pk}/delete/", {"post": "yes"}),
        ]
        grace.post(folder, marked)

        assert {answer.status_code for answer in refused} == {403}, folder
        # Of looks alone there are more: this was one.
        assert model._default_manager.count() == count + (model is AccessRecord), folder
        row = model._default_manager.get(pk=row.pk)
        assert {field.attname: getattr(row, field.attname) for field in row._meta.fields} == before


def test_only_rows_that_belong_to_another_have_no_window_of_their_own() -> None:
    hidden = {model.__name__ for model in OURS if model not in WINDOWS}

    assert hidden == {
        *("Allocation", "DeliveryAttempt", "EventCounter", "Standstill", "TransferPart"),
        "Withdrawal",
    }


def test_a_page_speaks_of_credits_and_of_zones(job: Job, grace: Client) -> None:
    page = f"{JOBS}{job.pk}/change/"

    english = grace.get(page, headers={"Accept-Language": "en"}).content.decode()
    chinese = grace.get(page, headers={"Accept-Language": "zh-CN"}).content.decode()

    assert "10 credits" in english
    assert "10 灵感值" in chinese
    assert "10000000" not in english
    assert "排队中" in chinese
    for text in (english, chinese):
        assert job.created_at.strftime("%Y-%m-%d %H:%M:%S UTC") in text


def test_what_a_customer_wrote_is_only_text(job: Job, grace: Client) -> None:
    text = grace.get(f"{JOBS}{job.pk}/change/").content.decode()

    assert XSS not in text
    assert text.count("&lt;script&gt;alert(&#x27;灵感&#x27;)&lt;/script&gt;") == 2


def test_the_language_is_switched_and_stays(job: Job, grace: Client) -> None:
    switch = '<input name="language" type="hidden" value="zh-hans">'
    before = grace.get(JOBS).content.decode()
    grace.post("/i18n/setlang/", {"language": "zh-hans", "next": JOBS})

    assert switch in before
    assert "排队中" not in before
    assert "排队中" in grace.get(JOBS).content.decode()


def test_who_may_only_look_neither_sees_nor_does_the_act(job: Job, viewer: Client) -> None:
    before = _credits(job)

    shown = viewer.get(JOBS).content.decode()
    _act(viewer, job)

    assert job.pk in shown
    assert "fail_jobs" not in shown
    job.refresh_from_db()
    assert job.status == "queued"
    assert _credits(job) == before
    assert not LogEntry.objects.exists()


def test_who_may_fail_jobs_gives_the_credits_back(job: Job, viewer: Client) -> None:
    vera = User.objects.get(username="vera")
    vera.user_permissions.add(Permission.objects.get(codename="fail_job"))

    shown = viewer.get(JOBS).content.decode()
    page = _act(viewer, job).content.decode()

    assert "fail_jobs" in shown
    assert f"{job.pk}: It has failed; its credits are back." in page
    job.refresh_from_db()
    assert (job.status, job.finished_at is not None) == ("failed", True)
    assert _credits(job)[:3] == ("released", 20_000_000, 0)
    last = Entry.objects.order_by("-seq").first()
    assert last is not None
    assert (last.kind, last.actor_type, last.actor_id) == ("release", "operator", "vera")
    line = LogEntry.objects.get()
    assert (line.object_id, line.user_id) == (job.pk, vera.pk)


def test_a_job_that_has_ended_gives_a_warning_and_nothing_moves(job: Job, grace: Client) -> None:
    _act(grace, job)
    job.refresh_from_db()
    before, ended_at = _credits(job), job.finished_at

    page = _act(grace, job).content.decode()

    assert f"{job.pk}: A job that is failed cannot become failed." in page
    job.refresh_from_db()
    assert job.finished_at == ended_at
    assert _credits(job) == before
    assert LogEntry.objects.count() == 1

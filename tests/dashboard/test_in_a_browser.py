"""The dashboard in a real browser: by day and by night, on a phone and a desk, in both languages.

The pictures are kept in `var/dashboard`, to be looked at by people.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from billing.fleet import services as fleet
from billing.fleet.breaking import Sign
from billing.fleet.models import BackendState
from billing.jobs import services as jobs
from billing.rollups import services
from billing.rollups.models import (
    AccountDay,
    CohortMonth,
    CreditDay,
    JobDay,
    MarginDay,
    MoneyDay,
    RolledDay,
)
from billing.rollups.subjects import Subject
from plans.credits import MICROS
from tests import factories
from tests.insights import sales
from tests.insights.selling import order, sell
from tests.jobs import shop as platform
from tests.matrix.operators import FINANCE, operator_of
from tests.operators import signed_in
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
PICTURES: Final = Path(django_settings.BASE_DIR) / "var" / "dashboard"
SIZES: Final = {"phone": (390, 844), "desk": (1280, 900)}
XSS: Final = "<img src=x onerror=\"document.title='stolen'\">"


@pytest.fixture(params=["en-US", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(tmp_path: Path, language: str) -> Iterator[Browser]:
    with browsing(tmp_path / "chromium", language) as browser:
        yield browser


@pytest.fixture
def sold(shop: None) -> None:
    """A day's business, and a history of sums as it would have left them."""
    buyer = factories.new_account("ada", is_sandbox=False)
    sales.look(sales.paid(buyer))
    factories.give(buyer, 100)
    sell(buyer)
    sell(buyer, seconds=10)
    job, _attempt = order(buyer)
    jobs.fail(job_id=job.pk, operator="grace", now=datetime.now(UTC))
    spec = {"model": "kling-v1-6", "mode": "std", "seconds": 5}
    platform.submit(buyer, platform.order_of(spec))
    with transaction.atomic():
        now = timezone.now()
        fleet.note("away", model="m", attempt_id="at_1", sign=Sign.UNHEARD, reason="x", now=now)
    draining = BackendState.Mode.DRAINING
    fleet.set_mode(backend="away", mode=draining, reason="driver", operator="grace", now=now)
    services.roll_up_due(now=now)
    _remember(Random(7), now)


def _remember(random: Random, now: datetime) -> None:
    """Write the sums of forty days before this one: months of jobs would take a test too long."""
    for age in range(1, 41):
        day, n = (now - timedelta(days=age)).date(), random.randint(60, 140)
        side: dict[str, Any] = {"day": day, "is_sandbox": False}
        for source, kind, cause, is_bought, share in (
            *(("pack", "grant", "pack", True, 30), ("daily", "grant", "allowance", False, 12)),
            *(("pack", "capture", "job", True, 22), ("daily", "capture", "job", False, 7)),
            *(("daily", "expire", "expiry", False, 4), ("pack", "revoke", "refund", True, 2)),
        ):
            amount = n * share * MICROS
            CreditDay.objects.create(
                **side,
                source=source,
                kind=kind,
                cause_type=cause,
                is_bought=is_bought,
                amount_micros=amount,
                entries=n,
            )
        for model, status, failure, count in (
            *(("kling-v1-6", "succeeded", "", n), (XSS, "failed", "backend_error", n // 9)),
            ("kling-v2-6", "canceled", "canceled_queued", n // 12),
        ):
            JobDay.objects.create(
                **side,
                model=model,
                mode="std",
                plan="free",
                backend="away",
                status=status,
                failure_class=failure,
                jobs=count,
                refunded_jobs=count if failure else 0,
                charged_micros=0 if failure else 10 * count * MICROS,
                started_jobs=count,
                wait_ms=4000 * count,
                run_ms=61_000 * count,
            )
        _remember_money(side, n)
        for subject in Subject:
            RolledDay.objects.get_or_create(
                subject=subject,
                day=day,
                defaults={"rolled_at": now, "changed_at": now, "is_open": False},
            )
    _remember_cohorts(now)


def _remember_cohorts(now: datetime) -> None:
    month = now.date().replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    for cohort, then, ordering in ((before, before, 90), (before, month, 40)):
        CohortMonth.objects.create(
            cohort=cohort,
            month=then,
            is_sandbox=False,
            ordering=ordering,
            paying=ordering // 4,
            spent_micros=ordering * 70 * MICROS,
        )


def _remember_money(side: dict[str, Any], n: int) -> None:
    for currency, left in (("", 0), ("USD", n)):
        MarginDay.objects.create(
            **side,
            model="kling-v1-6",
            mode="std",
            plan="free",
            backend="away",
            currency=currency,
            revenue_micros=3 * left * MICROS,
            cost_micros=left * MICROS,
            left_micros=2 * left * MICROS,
            jobs=0 if left else n,
            known_jobs=0 if left else n,
        )
    MoneyDay.objects.create(
        **side,
        currency="USD",
        sold_micros=9 * n * MICROS,
        returned_micros=n * MICROS // 4,
        used_micros=6 * n * MICROS,
        lapsed_micros=n * MICROS // 8,
        deferred_micros=900 * n * MICROS,
    )
    AccountDay.objects.create(
        **side, new=n // 4, ordering=n // 2, paying=n // 9, first_paying=n // 12
    )


def come_in(browser: Browser, url: str) -> None:
    client = signed_in(Client(), operator_of(FINANCE))
    browser.bring("sessionid", client.cookies["sessionid"].value, url)


@pytest.mark.usefixtures("sold")
def test_finance_reads_a_month_by_day_and_by_night(
    live_server: LiveServer, browser: Browser, language: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    home, tag = f"{live_server.url}/admin/", language[:2]
    come_in(browser, live_server.url)
    browser.go(home)
    for theme in ("light", "dark"):
        browser.run(f"localStorage.setItem('adminTheme', '\"{theme}\"')")
        for name, (width, height) in SIZES.items():
            browser.resize(width, height)
            browser.go(home)
            assert browser.run("document.documentElement.scrollWidth <= innerWidth"), name
            assert browser.run("document.title") != "stolen"
            drawn = "[...document.querySelectorAll('section img')].map(one => one.naturalWidth > 0)"
            assert browser.run(f"{drawn}.join()") == ",".join(["true"] * 6)
            browser.picture(PICTURES / f"dashboard-{tag}-{name}-{theme}.png", whole=True)

    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert browser.run("document.title") != "stolen"
    assert XSS in browser.text
    browser.picture(PICTURES / f"dashboard-{tag}-opened.png", whole=True)
    browser.run("document.querySelector('#ranges a').id = 'first-range'")
    browser.click("first-range")
    assert browser.url == f"{home}?range=today"
    browser.run("document.getElementById('sandbox').value = '1'")
    browser.submit("own-days")
    assert "sandbox=1" in browser.url
    assert browser.run("document.getElementById('credits-empty') !== null")
    browser.picture(PICTURES / f"dashboard-{tag}-empty.png", whole=True)
    assert browser.complaints() == []

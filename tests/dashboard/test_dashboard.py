"""The first page of the site: what it tells, to whom, and that it reads sums alone."""

import base64
import csv
import json
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.operators.models import AccessRecord
from billing.rollups import services
from billing.rollups.models import CreditDay, JobDay
from tests import factories
from tests.insights import sales
from tests.insights.selling import order, sell
from tests.jobs import shop as platform
from tests.matrix.operators import SUPPORT, VIEWER, operator_of
from tests.operators import signed_in

HOME: Final = "/admin/"
SECTIONS: Final = (*("now", "credits", "money", "jobs", "margins", "free", "accounts", "cohorts"),)
FILES: Final = (
    *("lanes", "backends", "credits-by-day", "credits-by-source", "money", "jobs-by-model"),
    *("jobs-by-failure", "jobs-by-backend", "jobs-by-plan", "margin-by-model", "margin-by-mode"),
    *("margin-by-plan", "free-by-day", "free-by-source", "accounts", "cohorts"),
)
XSS: Final = '"><img src=x onerror=alert(1)><script>alert(1)</script>'


@pytest.fixture
def sold(buyer: Account) -> Account:
    """Somebody has bought a pack, made two films, failed at one, and waits for another."""
    sales.look(sales.paid(buyer))
    factories.give(buyer, 100, source="goodwill")
    sell(buyer)
    sell(buyer, seconds=10)
    job, _attempt = order(buyer)
    jobs.fail(job_id=job.pk, operator="grace", now=datetime.now(UTC))
    services.roll_up_due(now=datetime.now(UTC))
    return buyer


def page(browser: Client, address: str = HOME, language: str = "en") -> str:
    answer = browser.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def shown(text: str) -> list[str]:
    return re.findall(r'<section aria-labelledby="[a-z]+-title" class="mb-8" id="([a-z]+)"', text)


def table(browser: Client, code: str, ask: str = "") -> list[list[str]]:
    answer = browser.get(
        f"/admin/console/dashboard/{code}.csv{ask}", headers={"Accept-Language": "en"}
    )
    assert answer.status_code == 200, code
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(text.removeprefix("\ufeff"))))


def test_it_tells_what_was_sold_used_and_earned(sold: Account, finn: Client) -> None:
    text = page(finn)

    assert shown(text) == list(SECTIONS)
    for said in ("3500 credits", "100 credits", "50.00 USD", "66.7 %", "33.3 %", "UTC"):
        assert said in text, said
    assert text.count("data:image/svg+xml;base64,") == 6
    assert "as it stands" in text
    assert "What is counted?" in text


def test_each_table_is_a_file_of_what_is_seen(sold: Account, finn: Client) -> None:
    text = page(finn)

    for code in FILES:
        rows = table(finn, code)
        for cell in (cell for row in rows for cell in row):
            assert cell in text or cell.replace("'", "&#x27;") in text, (code, cell)
    [heads, row] = table(finn, "credits-by-day")
    assert dict(zip(heads, row, strict=True)) == {
        "day (UTC)": f"{datetime.now(UTC):%Y-%m-%d}",
        "sold (credits)": "3500",
        "granted free (credits)": "100",
        "used (credits)": row[3],
        **dict.fromkeys(
            [
                "expired (credits)",
                "refunded (credits)",
                "taken back (credits)",
                "moved on (credits)",
            ],
            "0",
        ),
    }
    [_heads, backend] = table(finn, "jobs-by-backend")
    assert backend == ["away", "2", "1", "0", "0", "0", "1", "33.3"]
    [_heads, money] = table(finn, "money")
    assert money[1:3] == ["50.00", "0.00"]
    [_heads, accounts] = table(finn, "accounts")
    assert accounts[1:] == ["1", "1", "1", "1"]
    [_heads, cohort] = table(finn, "cohorts")
    assert cohort[1:7] == ["0", "1", "1", "100.0", "1", "100.0"]
    taken = AccessRecord.objects.filter(kind=AccessRecord.Kind.EXPORTED)
    assert taken.count() == len(FILES) + 5
    assert taken.filter(what__startswith="cohorts-").count() == 2


def test_what_a_spreadsheet_would_run_is_only_shown(sold: Account, finn: Client) -> None:
    JobDay.objects.filter(status="failed").update(plan="=1+1")

    plans = [row[0] for row in table(finn, "jobs-by-plan")]

    assert plans == ["plan", "'=1+1", "free"]


def test_names_are_text_and_never_markup(sold: Account, finn: Client) -> None:
    JobDay.objects.update(model=XSS, backend=XSS, plan=XSS)
    CreditDay.objects.filter(source="goodwill").update(source="<script>alert(2)</script>")

    text = page(finn)

    assert XSS not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(2)" in text
    for picture in re.findall(r"base64,([A-Za-z0-9+/=]+)", text):
        assert b"<script" not in base64.b64decode(picture)


@pytest.mark.parametrize("role", [VIEWER, SUPPORT])
def test_who_may_open_the_rows_sees_their_sums(sold: Account, role: str) -> None:
    assert shown(page(signed_in(Client(), operator_of(role)))) == list(SECTIONS)


def test_who_may_open_one_window_sees_its_section_alone(sold: Account, client: Client) -> None:
    vera = User.objects.create_user("vera", is_staff=True)
    vera.user_permissions.add(Permission.objects.get(codename="view_jobday"))
    browser = signed_in(client, vera)

    text = page(browser)

    assert shown(text) == ["jobs"]
    assert "USD" not in text
    seen = [
        code
        for code in FILES
        if browser.get(f"/admin/console/dashboard/{code}.csv").status_code == 200
    ]
    assert seen == ["jobs-by-model", "jobs-by-failure", "jobs-by-backend", "jobs-by-plan"]
    refused = browser.get("/admin/console/dashboard/money.csv")
    assert refused.status_code == 403
    assert browser.get("/admin/console/dashboard/weather.csv").status_code == 404
    assert AccessRecord.objects.filter(kind=AccessRecord.Kind.EXPORTED).count() == 4


def test_others_see_their_windows(sold: Account, cara: Client) -> None:
    text = page(cara)

    assert shown(text) == []
    assert "/admin/plans/catalogversion/" in text
    assert cara.get("/admin/console/dashboard/jobs-by-model.csv").status_code == 403


def test_nobody_who_is_not_in_sees_anything(sold: Account) -> None:
    for address in (HOME, "/admin/console/dashboard/money.csv"):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_an_empty_page_says_what_will_stand_there(finn: Client, kling: None) -> None:
    for language, said in (("en", "within five minutes"), ("zh-CN", "")):
        text = page(finn, language=language)

        assert said in text
        empties = re.findall(r'id="([a-z]+)-empty"', text)
        assert empties == ["credits", "money", "jobs", "margins", "free", "accounts", "cohorts"]


def test_the_sandbox_and_other_days_are_told_apart(sold: Account, finn: Client) -> None:
    assert "3500 credits" not in page(finn, f"{HOME}?sandbox=1")
    long_ago = page(finn, f"{HOME}?from=2024-01-01&to=2024-01-05")
    assert "3500 credits" not in long_ago
    assert "Compared with 2023-12-27 to 2023-12-31." in long_ago
    assert 'id="wrong"' in page(finn, f"{HOME}?from=x")
    assert 'id="wrong"' not in page(finn)


def test_it_compares_with_the_days_before(sold: Account, finn: Client) -> None:
    row = CreditDay.objects.get(kind="grant", source="goodwill")
    row.pk, row.amount_micros = None, row.amount_micros // 4
    row.day -= timedelta(days=30)
    row.save(force_insert=True)

    assert "+300.0 %" in page(finn)
    assert "+300.0 %" not in page(finn, f"{HOME}?range=7d")


def test_what_waits_and_what_is_shut_is_read_live(sold: Account, finn: Client) -> None:
    order_waiting(sold)

    text = page(finn)

    [_heads, lane] = table(finn, "lanes")
    assert lane[:2] == ["standard", "1"]
    assert int(lane[2]) >= 0
    [_heads, backend] = table(finn, "backends")
    assert backend == ["away", "open to work", "", "1", "50", "50"]
    assert "Queue by lane" in text


def order_waiting(account: Account) -> None:
    """Order a film that nobody makes yet."""
    platform.submit(
        account, platform.order_of({"model": "kling-v1-6", "mode": "std", "seconds": 5})
    )


_SUMS: Final = re.compile(
    r"billing_(?:rolledday|creditday|jobday|marginday|moneyday|accountday|cohortmonth)\b"
)
_OF_HISTORY: Final = re.compile(
    r'"?billing_(entry|grant|hold|wallet|account|purchase|refund|job|attempt)"?\b'
)


# Of each only those rows that are not over.
_OF_WHAT_WAITS: Final = {
    *("job_in_lane", "job_last_of_wallet", "job_overdue"),
    *("attempt_live_of_backend", "attempt_one_live_a_job", "attempt_to_check"),
}


def test_no_question_of_the_page_reads_history(sold: Account, finn: Client) -> None:
    page(finn)  # what is read once in a process is known from here on
    with CaptureQueriesContext(connection) as asked:
        page(finn)

    long_ones = [one["sql"] for one in asked if _OF_HISTORY.search(one["sql"])]
    assert any(_SUMS.search(one["sql"]) for one in asked)
    assert len(long_ones) == 2, "the queue, and what is at work"
    for sql in long_ones:
        nodes = list(_scans(sql))
        assert nodes
        for node in nodes:
            assert node["Node Type"] != "Seq Scan", sql
            assert node.get("Index Name", "job_in_lane") in _OF_WHAT_WAITS, node
    assert len(asked) < 80


def _scans(sql: str) -> Any:  # noqa: ANN401 (PostgreSQL's JSON)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()
    todo = [(json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]]
    while todo:
        node = todo.pop()
        todo += node.get("Plans", [])
        if "Scan" in node["Node Type"]:
            yield node

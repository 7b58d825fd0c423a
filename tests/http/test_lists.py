"""The windows' lists stay quick however long their tables are: nothing is counted or read whole.

What is looked at are the plans of PostgreSQL for what each list really asks, with its other ways
made dear: a table that is read whole even so has no index for the question.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.admin.filters import SimpleListFilter
from django.db import connection
from django.db.models import DateField, DateTimeField, Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.accounts.models import Account
from billing.http.admin import ReadOnlyAdmin
from billing.http.listing import PAGES_MAX
from tests import factories

pytestmark = pytest.mark.django_db
# As many rows as there are people at work, backends, catalogs or decisions of operators.
FEW: Final = {
    *("ApiKey", "BackendState", "Breaker", "LaneClock", "CampaignBudget", "Partner", "ReceiptKey"),
    *("Silence", "Watch", "Inspection", "TestClock", "TestClockAccount", "Compensation"),
    *("OperatorDay", "Dispute", "Endpoint", "Group", "Authenticator", "RecoveryCode", "TryCount"),
    *("Organization", "FreeTierCount", "Alert", "CampaignRun", "Draft"),
}
WINDOWS: Final = [
    (model, window)
    for model, window in sorted(admin.site._registry.items(), key=lambda one: one[0].__name__)
    if isinstance(window, ReadOnlyAdmin)
]
TALL: Final = [(model, window) for model, window in WINDOWS if model.__name__ not in FEW]
FEW_TABLES: Final = {
    "auth_user",
    *(model._meta.db_table for model, _window in WINDOWS if model.__name__ in FEW),
}
WHOLE: Final = re.compile(r"COUNT\(|SELECT DISTINCT|LIKE '%|UPPER\(|MIN\(|MAX\(|DATE_TRUNC")
# Of two empty tables that find each other by their keys, PostgreSQL may begin with either.
BY_TWO_KEYS: Final = re.compile(r'"billing_hold"."id" = "billing_job"."hold_id"\) WHERE')
JOINS_MAX: Final = 6
Plan = dict[str, Any]
Window = Any  # unfold ships no types


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def folder(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def asked(browser: Client, model: type[Model], query: dict[str, str] | None = None) -> list[str]:
    """Return what a list asks of its own table."""
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(folder(model), query)
    assert answer.status_code == 200, (model, query)
    table = f'FROM "{model._meta.db_table}"'
    return [one["sql"] for one in queries.captured_queries if table in one["sql"]]


def choices(window: Window) -> Iterator[dict[str, str]]:
    """Yield what each filter of a window puts into the address, a choice each."""
    request = RequestFactory().get("/")
    for said in window.get_list_filter(request):
        if isinstance(said, tuple) and issubclass(said[1], admin.EmptyFieldListFilter):
            yield {f"{said[0]}__isempty": "0"}
        elif isinstance(said, tuple):
            yield {said[0]: "7"}
        elif isinstance(said, type) and issubclass(said, SimpleListFilter):
            spec = said(request, {}, window.model, window)
            yield {str(spec.parameter_name): str(spec.lookup_choices[0][0])}
        else:
            field = window.model._meta.get_field(said) if "__" not in said else None
            if isinstance(field, DateField) and not isinstance(field, DateTimeField):
                yield {f"{said}__gte": "2026-01-01", f"{said}__lt": "2026-02-01"}
                continue
            first = str(field.choices[0][0]) if field is not None and field.choices else "1"
            yield {f"{said}__exact": first}


def plan_of(sql: str) -> Plan:
    """Return the plan of a question where only an index is cheap."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_mergejoin = off")
        cursor.execute("SET LOCAL enable_hashjoin = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        [(document,)] = cursor.fetchall()
    plans = json.loads(document) if isinstance(document, str) else document
    found: Plan = plans[0]["Plan"]
    return found


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def read_whole(plan: Plan) -> list[str]:
    """Return the tables that a plan reads from end to end."""
    return [
        f"{node['Node Type']} {node.get('Relation Name') or node.get('Index Name')}"
        for node in nodes(plan)
        if node.get("Relation Name") not in FEW_TABLES
        and (
            node["Node Type"] == "Seq Scan"
            or ("Index" in node["Node Type"] and has_to_choose(node) and not is_cut_short(node))
        )
    ]


def has_to_choose(node: Plan) -> bool:
    return "Filter" in node or "Index Cond" in node


def is_cut_short(node: Plan) -> bool:
    """Say whether what is sought stands at the beginning of an index of the table.

    Of tables with next to no rows PostgreSQL takes any of their indexes, not always that one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_indexdef(indexrelid, 1, true), pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = (SELECT indrelid FROM pg_index WHERE indexrelid = %(it)s::regclass)"
            " AND (indpred IS NULL OR indexrelid = %(it)s::regclass)",
            {"it": node["Index Name"]},
        )
        indexes = cursor.fetchall()
    sought = f"{node.get('Index Cond', '')} {node.get('Filter', '')}"
    begins = "~~" not in sought  # "begins with" is found by an index of patterns alone
    return any(first in sought and (begins or "_pattern_" in whole) for first, whole in indexes)


@pytest.mark.parametrize(("model", "window"), WINDOWS, ids=lambda one: getattr(one, "__name__", ""))
def test_no_list_counts_sorts_out_or_seeks_within_texts(
    model: type[Model], window: Window, admin_client: Client
) -> None:
    queries = asked(admin_client, model)
    if window.search_fields:
        queries += asked(admin_client, model, {"q": "7"})
    for choice in choices(window):
        queries += asked(admin_client, model, choice)

    assert queries
    assert [sql for sql in queries if WHOLE.search(sql)] == []


@pytest.mark.parametrize(("model", "window"), TALL, ids=lambda one: getattr(one, "__name__", ""))
def test_a_page_is_in_the_order_of_an_index(
    model: type[Model], window: Window, admin_client: Client
) -> None:
    for sql in asked(admin_client, model):
        plan = plan_of(sql)

        assert "LIMIT" in sql
        assert [node for node in nodes(plan) if node["Node Type"] == "Sort"] == [], sql
        assert read_whole(plan) == [], sql
        # Beyond eight tables PostgreSQL no longer looks for the order that a page needs.
        assert sql.count(" JOIN ") < JOINS_MAX, sql


@pytest.mark.parametrize(("model", "window"), TALL, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_searched_is_found_by_an_index(
    model: type[Model], window: Window, admin_client: Client
) -> None:
    if not window.search_fields:
        return
    lacking = {
        sql: read_whole(plan_of(sql))
        for sql in asked(admin_client, model, {"q": "7"})
        if "SELECT 1" in sql and read_whole(plan_of(sql)) and not BY_TWO_KEYS.search(sql)
    }

    assert lacking == {}


def test_a_list_goes_page_by_page_and_says_that_there_is_more(admin_client: Client) -> None:
    factories.publish_kling()
    for number in range(120):
        factories.new_account(f"account-{number:03}")
    accounts = folder(Account)

    first = admin_client.get(accounts).content.decode()
    last = admin_client.get(accounts, {"p": "3"}).content.decode()

    assert "50 rows so far, and more" in first
    assert first.count('class="action-checkbox"') in {0, 50}
    assert "account-119" in first
    assert "account-069" not in first
    assert "account-000" in last
    assert "account-019" in last
    assert "account-020" not in last
    assert "120 rows" in last


@pytest.mark.parametrize(("model", "window"), TALL, ids=lambda one: getattr(one, "__name__", ""))
def test_a_far_page_passes_over_the_others_by_their_keys_alone(
    model: type[Model], window: Window, admin_client: Client
) -> None:
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(folder(model), {"p": "2"})

    far = [one["sql"] for one in queries.captured_queries if " OFFSET " in one["sql"]]
    assert far
    for sql in far:
        assert sql.count(" JOIN ") == 0, sql
        assert sql.partition(" FROM ")[0].count(",") == 0, sql


def test_nobody_goes_on_for_ever(admin_client: Client) -> None:
    for page in ("0", "2", str(PAGES_MAX + 1), "99999999"):
        answer = admin_client.get(folder(Account), {"p": page})

        assert (answer.status_code, answer["Location"]) == (302, f"{folder(Account)}?e=1")


def test_a_name_is_found_whole_or_by_its_beginning(admin_client: Client) -> None:
    factories.publish_kling()
    for name in ("ada", "adam", "eve", "cicada"):
        factories.new_account(name)

    page = admin_client.get(folder(Account), {"q": " ada "}).content.decode()

    assert ">ada<" in page
    assert ">adam<" in page
    assert "cicada" not in page
    assert ">eve<" not in page

"""Opens each list of the operators' windows over many accounts, and names what reads too much.

The rows are such as jobs leave behind, but their hash chains are none: they are made by SQL alone,
in a database that is thrown away. What is measured is reading.
"""

import statistics
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test import Client

from billing.http.admin import ReadOnlyAdmin
from billing.insights import bench_card, bench_rows
from billing.insights.bench_growth import throw_away_database
from billing.operators import codes, services
from billing.operators.admin import sessions
from billing.operators.models import Authenticator
from plans.catalog import publish

# A question that takes longer is shown, with what its plan reads whole.
SLOW_MS: Final = 20.0
_TALL: Final = 10_000  # rows: who reads fewer of them reads nothing to speak of
_P95: Final = 18  # of the nineteen cuts into twentieths


@dataclass(frozen=True, slots=True)
class Slow:
    """One question that took long.

    Attributes:
        whole: the tables that it reads from end to end, and "count" where it counts.
    """

    milliseconds: float
    sql: str
    whole: Sequence[str]


@dataclass(frozen=True, slots=True)
class Page:
    """What opening one page brought: times, the number of questions, and the slow ones."""

    name: str
    p50_ms: float
    p95_ms: float
    queries: int
    slow: Sequence[Slow]


@dataclass(frozen=True, slots=True)
class Lists:
    """All pages, over so many rows; `filled_seconds` is how long it took to make them."""

    accounts: int
    entries: int
    filled_seconds: float
    calls: int
    pages: Sequence[Page]


def run(*, accounts: int, calls: int, now: datetime, tell: Callable[[Page], None]) -> Lists:
    """Fill a database that is gone afterwards, and open each page of the windows `calls` times.

    Args:
        accounts: how many; each has three jobs and ten entries.
        now: the newest instant of what fills the database.
        tell: is called with each page as soon as it was measured.
    """
    call_command("collectstatic", verbosity=0, interactive=False)
    with throw_away_database():
        publish.publish(bench_card.text(10), now=now)
        return look_around(accounts=accounts, calls=calls, now=now, tell=tell)


def look_around(
    *,
    accounts: int,
    calls: int,
    now: datetime,
    tell: Callable[[Page], None],
    only: Collection[str] = (),
) -> Lists:
    """Fill this database, and open the pages; the arguments are `run`'s.

    Args:
        only: the windows' models, by name; none: all of them.
    """
    began = time.perf_counter()
    bench_rows.fill(accounts=accounts, now=now)
    filled = time.perf_counter() - began
    browser = _operator(now)
    pages = []
    for name, path, query in _pages(only):
        pages.append(_measured(browser, name, path, query, calls=calls))
        tell(pages[-1])
    return Lists(
        accounts=accounts,
        entries=accounts * bench_rows.ENTRIES,
        filled_seconds=filled,
        calls=calls,
        pages=pages,
    )


def _operator(now: datetime) -> Client:
    """Return the browser of an operator who has proven himself twice."""
    operator = User.objects.create_superuser("bench")
    services.enrol_with(operator=operator, secret=codes.new_secret(), now=now)
    device = Authenticator.objects.get(operator=operator)
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(operator)
    session = browser.session
    session[sessions.PROOF] = sessions.proof_of(device, now=now)
    session.save()
    return browser


def _pages(only: Collection[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield each page: its name, its address, and what is asked of it."""
    for model, window in sorted(admin.site._registry.items(), key=lambda one: one[0].__name__):  # noqa: SLF001 (Django's own)
        if not isinstance(window, ReadOnlyAdmin) or (only and model.__name__ not in only):
            continue
        name, folder = model.__name__, f"/admin/{model._meta.app_label}/{model._meta.model_name}/"  # noqa: SLF001 (as above)
        row = _middle(model)
        if row is None:
            continue  # an empty list says nothing
        yield name, folder, {}
        yield f"{name}, page 100", folder, {"p": "100"}
        yield f"{name}, one row", f"{folder}{quote(row.pk)}/change/", {}
        yield f"{name}, searched by key", folder, {"q": str(row.pk)}
        if any("external_id" in field for field in window.search_fields):
            yield f"{name}, searched by account", folder, {"q": bench_rows.NAME.format(7)}
            yield f"{name}, searched in vain", folder, {"q": "nobody"}
        for choice in bench_rows.choices(model, window):
            [(column, value)] = choice.items()
            yield f"{name}, {column}={value}", folder, choice


def _middle(model: type[Model]) -> Model | None:
    """Return a row that is neither the newest nor the oldest, if there are many."""
    some = model._default_manager.order_by("-pk")[:5000]  # noqa: SLF001 (Django's own)
    rows = list(some.only("pk")[2500:2501]) or list(some[:1])
    return rows[0] if rows else None


def _measured(browser: Client, name: str, path: str, query: dict[str, str], *, calls: int) -> Page:
    times: list[float] = []
    slowest: dict[str, tuple[float, Any]] = {}
    asked = 0

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: ANN401, FBT001 (Django's)
        nonlocal asked
        asked += 1
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = (time.perf_counter() - began) * 1000
            if took > SLOW_MS and took > slowest.get(sql, (0.0, None))[0]:
                slowest[sql] = took, params

    browser.get(path, query, secure=True)  # so that nobody pays for the first time
    with connection.execute_wrapper(watch):
        for _call in range(calls):
            began = time.perf_counter()
            answer = browser.get(path, query, secure=True)
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status_code in {200, 302}, (path, query, answer.status_code)
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    slow = [Slow(took, sql, _whole(sql, params)) for sql, (took, params) in slowest.items()]
    return Page(name, statistics.median(times), cuts[_P95], asked // calls, slow)


def _whole(sql: str, params: Any) -> list[str]:  # noqa: ANN401 (as Django hands them on)
    """Return what a question reads from end to end."""
    if not sql.lstrip().upper().startswith("SELECT"):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", params)
        lines = [line for (line,) in cursor.fetchall()]
        found = [
            line.split("Seq Scan on ")[1].split()[0] for line in lines if "Seq Scan on" in line
        ]
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND reltuples > %s",
            [found, _TALL],
        )
        tall = [table for (table,) in cursor.fetchall()]
    return [*(["count"] if "COUNT(" in sql.upper() else []), *tall]

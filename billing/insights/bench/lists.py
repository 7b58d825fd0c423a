"""Opens each page of the operators' site over many accounts, and names what reads too much.

The rows are made by SQL alone, in a database that is thrown away; of some wallets the audit's own
code says at the end that they are sound. What is measured is reading, beside a list without rows.
"""

import statistics
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from billing.insights.bench import card, pages, rows, sample
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Report
from billing.insights.bench.lives import ENTRIES
from billing.insights.bench.place import throw_away_database
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
    """What opening one page brought: times, the number of questions, and the slow ones.

    Attributes:
        cpu_ms: of this process, in the median: what others do on the machine is not in it.
    """

    name: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    queries: int
    slow: Sequence[Slow]


@dataclass(frozen=True, slots=True)
class Lists:
    """All pages, over so many rows.

    Attributes:
        filled_seconds: how long it took to make them.
        mismatches: how many of some accounts' rows break an invariant.
    """

    accounts: int
    entries: int
    filled_seconds: float
    calls: int
    pages: Sequence[Page]
    mismatches: int


def report(asked: Asked) -> Report:
    """Fill a database that is gone afterwards, and open each page of the windows."""
    call_command("collectstatic", verbosity=0, interactive=False)
    with throw_away_database():
        publish.publish(card.text(10), now=asked.now)
        lists = look_around(
            accounts=asked.accounts,
            calls=asked.calls,
            now=asked.now,
            tell=asked.tell,
            add_up=asked.add_up,
        )
    note = (
        f"{lists.accounts:,} accounts and {lists.entries:,} entries, made in "
        f"{lists.filled_seconds:.0f} s; {lists.calls} calls a page."
    )
    return Report(rows=lists.pages, notes=[note], mismatches=lists.mismatches)


def look_around(
    *,
    accounts: int,
    calls: int,
    now: datetime,
    tell: Callable[[Page], None],
    add_up: Callable[[], None] = lambda: None,
    only: Collection[str] = (),
) -> Lists:
    """Fill this database, and open each page of the windows `calls` times.

    Args:
        accounts: how many; each has three jobs and ten entries.
        now: the newest instant of what fills the database.
        tell: is called with each page as soon as it was measured.
        add_up: has the days that the dashboard tells of be added up.
        only: the windows' models, by name; none: all of them.
    """
    began = time.perf_counter()
    rows.fill(accounts=accounts, now=now)
    filled = time.perf_counter() - began
    add_up()
    browser = _operator(now)
    opened_pages = []
    for asked in pages.pages(only):
        opened_pages.append(_measured(browser, asked, calls=calls))
        tell(opened_pages[-1])
    return Lists(
        accounts=accounts,
        entries=accounts * ENTRIES,
        filled_seconds=filled,
        calls=calls,
        pages=opened_pages,
        mismatches=sample.mismatches(),
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


def _measured(browser: Client, page: pages.Asked, *, calls: int) -> Page:
    times: list[float] = []
    worked: list[float] = []
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

    opened(browser, page)  # so that nobody pays for the first time
    with connection.execute_wrapper(watch):
        for _call in range(calls):
            began, idle = time.perf_counter(), time.process_time()
            status = opened(browser, page)
            times.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - idle) * 1000)
            assert status in {200, 302}, (page, status)
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    slow = [Slow(took, sql, _whole(sql, params)) for sql, (took, params) in slowest.items()]
    p50, cpu = statistics.median(times), statistics.median(worked)
    return Page(page.name, p50, cuts[_P95], cpu, asked // calls, slow)


def opened(browser: Client, page: pages.Asked) -> int:
    """Open a page to its end; return how it was answered."""
    send = browser.post if page.posts else browser.get
    answer = send(page.path, {**page.said}, secure=True)
    if answer.streaming:
        for _part in answer:
            pass
    return int(answer.status_code)


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

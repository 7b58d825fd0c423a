"""Makes the rows of many accounts by SQL alone, past every trigger: to be read, and no more."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.admin.filters import SimpleListFilter
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import DateField, DateTimeField, Model
from django.test import RequestFactory

from billing.accounts.models import Account
from billing.ids import floor_of
from billing.jobs.models import Attempt, Job
from billing.ledger.journal import PATHS, Kind
from billing.ledger.models import Entry, Grant, Hold, Wallet
from plans import selectors as plans

NAME: Final = "account-{:08d}"
JOBS: Final = 3
ENTRIES: Final = 1 + 3 * JOBS
_SPAN: Final = timedelta(days=730)
_BATCH: Final = 10_000  # accounts; those of one batch are as old as each other
_AT: Final = "%(at)s::timestamptz"


def fill(*, accounts: int, now: datetime) -> None:
    """Make so many accounts, spread over two years up to `now`, in order of time."""
    version = plans.current().version_id
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for first in range(0, accounts, _BATCH):
            last = min(accounts, first + _BATCH) - 1
            at = now - _SPAN * (1 - (last + 1) / accounts)
            given = {"first": first, "last": last, "at": at, "version": version}
            cursor.execute(
                "SELECT billing_make_partition(date_trunc('month', %s AT TIME ZONE 'UTC')::date)",
                [at],
            )
            for model, columns, source in _tables(at):
                _insert(cursor, model, columns, source, given)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")


def choices(model: type[Model], window: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401 (any window)
    """Yield a choice or two of each filter of a window, as they stand in addresses."""
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    for said in window.get_list_filter(request):
        if isinstance(said, type) and issubclass(said, SimpleListFilter):
            spec = said(request, {}, model, window)
            yield {str(spec.parameter_name): str(spec.lookup_choices[0][0])}
        elif isinstance(said, tuple):
            empty = "Empty" in said[1].__name__
            yield {f"{said[0]}__isempty": "0"} if empty else {said[0]: "nothing of this"}
        elif _is_day(_column(model, said)):
            yield {f"{said}__gte": "2026-01-01", f"{said}__lt": "2026-02-01"}
        else:
            for word in _words(model, said) or {"1"}:
                yield {f"{said}__exact": word}


def _is_day(column: object) -> bool:
    return isinstance(column, DateField) and not isinstance(column, DateTimeField)


def _column(model: type[Model], name: str) -> object:
    """Return a column of the model's own table; None: the name leads into another."""
    return model._meta.get_field(name) if "__" not in name else None  # noqa: SLF001 (Django's own)


def _words(model: type[Model], column: str) -> set[str]:
    """Return the first and the last of the words that a column may hold; none: it holds any."""
    words: Any = getattr(_column(model, column), "choices", None)
    return {str(words[0][0]), str(words[-1][0])} if words else set()


def _tables(at: datetime) -> Iterator[tuple[type[Model], Mapping[str, str], str]]:
    """Yield each table's columns as SQL, and from what: `a` counts accounts, `j` their jobs."""
    each = "generate_series(%(first)s, %(last)s) AS a"
    jobs = f"{each}, generate_series(1, {JOBS}) AS j"

    def key(prefix: str, number: str) -> str:
        return f"'{floor_of(prefix, at)}' || lpad(({number})::text, 25, '0')"

    one, two = "a", f"a * {JOBS} + j"
    owner = {"account_id": key("acc", one), "created_at": _AT}
    wallet, grant, hold = key("wa", one), key("gr", one), key("ho", two)
    name = "'account-' || lpad(a::text, 8, '0')"
    yield Account, {"id": key("acc", one), "external_id": name, "zone": "'UTC'", **_when()}, each
    yield (
        Wallet,
        {"id": wallet, "available_micros": "1000000", "touched_at": _AT, "digest": "''", **owner},
        each,
    )
    yield Grant, {"id": grant, "wallet_id": wallet, **_GRANT, **_when()}, each
    yield Hold, {"id": hold, "wallet_id": wallet, "reference": hold, **_HOLD, **_when()}, jobs
    yield Job, {"id": key("job", two), "wallet_id": wallet, "hold_id": hold, **_JOB, **owner}, jobs
    yield Attempt, {"id": key("at", two), "job_id": key("job", two), **_TRY, **_when()}, jobs
    moved = {"wallet_id": wallet, "grant_id": grant, "effective_at": _AT, **_MOVED, **_when()}
    begin, end = PATHS[Kind.GRANT]
    first = {"kind": "'grant'", "source": f"'{begin}'", "target": f"'{end}'", "seq": "1"}
    yield Entry, {"id": key("en", f"a * {ENTRIES}"), **moved, **first}, each
    paths = ", ".join(
        f"({number}, '{kind}', '{PATHS[kind][0]}', '{PATHS[kind][1]}')"
        for number, kind in enumerate((Kind.HOLD, Kind.CAPTURE, Kind.RELEASE), start=1)
    )
    steps = f"{jobs}, (VALUES {paths}) AS step(n, kind, source, target)"
    number = f"a * {ENTRIES} + (j - 1) * 3 + n"
    rest = {"kind": "kind", "source": "source", "target": "target", "seq": "1 + (j - 1) * 3 + n"}
    yield Entry, {"id": key("en", number), **moved, **rest, "hold_id": hold}, steps


def _when() -> dict[str, str]:
    return {"created_at": _AT}


_GRANT: Final = {
    "source": "'goodwill'",
    "fact": "'bench:' || a",
    "priority": "100",
    "amount_micros": "10000000",
    "available_micros": "1000000",
    "captured_micros": "9000000",
    "effective_at": _AT,
}
_HOLD: Final = {
    "state": "'captured'",
    "amount_micros": "3000000",
    "captured_micros": "3000000",
    "settled_at": _AT,
}
# One of twenty has failed.
_JOB: Final = {
    "catalog_version_id": "%(version)s",
    "plan": "'free'",
    "status": "CASE WHEN a %% 20 = 0 THEN 'failed' ELSE 'succeeded' END",
    "failure_class": "CASE WHEN a %% 20 = 0 THEN 'backend_error' ELSE '' END",
    "model": "'kling-v1-6'",
    "dimensions": "'{}'",
    "price_lines": "'[]'",
    "quoted_micros": "3000000",
    "charged_micros": "3000000",
    "outputs_made": "CASE WHEN a %% 20 = 0 THEN NULL ELSE 1 END",
    "chain_seconds": "5",
    "dispatch_at": _AT,
    "dispatch_by": _AT,
    "ordered_at": _AT,
    "rated_at": _AT,
    "started_at": _AT,
    "finished_at": _AT,
}
_TRY: Final = {
    "number": "1",
    "backend": "'bench'",
    "state": "'ended'",
    "outcome": "CASE WHEN a %% 20 = 0 THEN 'failed' ELSE 'succeeded' END",
    "lease_until": _AT,
    "check_at": _AT,
    "ended_at": _AT,
}
_MOVED: Final = {
    "amount_micros": "3000000",
    "available_after_micros": "1000000",
    "held_after_micros": "0",
    "cause_type": "'operator'",
    "cause_id": "'bench'",
    "actor_type": "'system'",
    "actor_id": "'bench'",
    "digest": "''",
}


def _insert(
    cursor: Any,  # noqa: ANN401 (Django's cursor has no public type)
    model: type[Model],
    columns: Mapping[str, str],
    source: str,
    given: Mapping[str, object],
) -> None:
    """Insert a row for each of `source`; what is not said is as the model begins."""
    said, filled = dict(columns), dict(given)
    for field in model._meta.concrete_fields:  # noqa: SLF001 (Django's own)
        if field.attname not in said and not field.null and not field.primary_key:
            said[field.attname] = f"%({field.attname})s"
            filled[field.attname] = field.get_db_prep_save(field.get_default(), connection)
    names = ", ".join(f'"{model._meta.get_field(name).column}"' for name in said)  # type: ignore[union-attr]  # noqa: SLF001 (as above)
    table = model._meta.db_table  # noqa: SLF001 (as above)
    cursor.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(said.values())} FROM {source}",  # noqa: S608 (SQL of our own pieces)
        filled,
    )

"""A table holds its owner's rows and nobody else's, and says whether it has ended."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from billing.accounts import services as accounts
from billing.accounts.members import Organization
from billing.accounts.models import Account
from billing.exports import selectors
from billing.exports.models import Export
from billing.ledger.models import Entry
from plans.credits import format_micros
from tests import factories
from tests.exports.reading import LEDGER, USAGE, asked, rows_of, table, text_of
from tests.organizations import studio

FORMULA = "=cmd|' /C calc'!A0"


def test_a_table_has_every_entry_once_the_oldest_first(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "CHUNK_ROWS", 3)
    factories.give(ada, 10)
    for _ in range(4):
        factories.release(ada, factories.hold(ada, 2))
    factories.give(factories.new_account("bob"), 7)

    rows = table(LEDGER)

    entries = list(Entry.objects.filter(wallet__account=ada).order_by("seq"))
    assert [row["id"] for row in rows] == [entry.pk for entry in entries]
    assert [row["seq"] for row in rows] == [str(n) for n in range(1, len(entries) + 1)]
    assert rows[0]["credits"] == "10"
    assert [row["balance_after"] for row in rows] == [
        format_micros(entry.available_after_micros) for entry in entries
    ]
    for row, entry in zip(rows, entries, strict=True):
        at = datetime.fromisoformat(row["effective_at"])
        assert at.utcoffset() == timedelta(hours=8)
        assert abs(at - entry.effective_at) < timedelta(milliseconds=1)


def test_the_orders_of_an_organization_say_who_ordered_them(team: Organization) -> None:
    factories.give(team.account, 100, source="pack")
    studio.submit(team, "cleo", 5)
    job = studio.submit(team, "ben", 3)
    studio.cancel(job)

    rows = table(USAGE, "ben", X_Organization=team.pk)

    assert [(row["member"], row["model"], row["status"]) for row in rows] == [
        ("cleo", "m", "queued"),
        ("ben", "m", "canceled"),
    ]
    assert rows[0]["charged"] == ""
    assert rows[1]["charged"] == "0"
    assert rows[0]["task"] == "text_to_video"


def test_only_owners_and_billing_admins_take_an_organizations_tables_away(
    team: Organization,
) -> None:
    factories.give(team.account, 100, source="pack")

    for name in ("ada", "ben"):
        assert len(table(LEDGER, name, X_Organization=team.pk)) == 1
    for name, status in (("cleo", 403), ("mallory", 404)):
        answer = asked(LEDGER, name, X_Organization=team.pk)
        assert answer.status_code == status

    assert Export.objects.count() == 2
    assert {export.account for export in Export.objects.all()} == {team.account}


def test_a_service_needs_the_scope(ada: Account) -> None:
    factories.give(ada, 10)
    now = datetime.now(UTC)
    _, good = accounts.create_api_key("books", ["exports:read"], is_sandbox=True, now=now)
    key, poor = accounts.create_api_key("shop", ["balance:read"], is_sandbox=True, now=now)

    def ask(secret: str, account: str) -> Any:  # noqa: ANN401 (Django's test response)
        headers = {"Authorization": f"Bearer {secret}", "X-Account": account}
        return Client().get(LEDGER, headers=headers)

    assert len(rows_of(text_of(ask(good, "ada")))) == 1
    assert ask(poor, "ada").status_code == 403
    assert ask(good, "nobody").status_code == 404
    assert Client().get(LEDGER).status_code == 401
    export = Export.objects.get()
    assert (export.actor_type, export.rows) == ("service", 1)
    assert export.actor_id != key.pk


def test_days_are_those_of_the_accounts_zone(ada: Account) -> None:
    """At 23:30 and at 00:30 in Shanghai it is one day in UTC, and two there."""
    start = datetime.combine(
        date.today() + timedelta(days=2),  # noqa: DTZ011 (any day ahead)
        datetime.min.time(),
        ZoneInfo("Asia/Shanghai"),
    )
    factories.later(ada, start - timedelta(minutes=30) - datetime.now(UTC))
    first = factories.give(ada, 1)
    factories.later(ada, timedelta(hours=1))
    second = factories.give(ada, 2)

    def grants(query: str) -> set[str]:
        return {row["grant"] for row in table(LEDGER + query)}

    day, before = start.date(), start.date() - timedelta(days=1)
    assert grants(f"?from={day}&to={day}") == {second.pk}
    assert grants(f"?from={before}&to={before}") == {first.pk}
    assert grants(f"?from={before}") == grants(f"?from={before}&to={day}") == {first.pk, second.pk}
    assert grants(f"?to={before - timedelta(days=1)}") == set()


@pytest.mark.parametrize(
    "query",
    [
        "?from=2026-13-01",
        "?from=2026-1-1",
        "?from=20261101",
        "?from=2026-W01-1",
        "?to=yesterday",
        "?to=9999-12-31",
        "?from=0001-01-01",
        "?from=2026-11-02&to=2026-11-01",
        "?bom=yes",
        "?from=",
    ],
)
def test_what_is_no_day_is_refused_and_nothing_leaves(ada: Account, query: str) -> None:
    answer = asked(LEDGER + query)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert not Export.objects.exists()


def test_a_table_without_a_row_ends_too(ada: Account) -> None:
    assert table(LEDGER) == table(USAGE) == []
    assert {export.rows for export in Export.objects.all()} == {0}


def test_no_spreadsheet_runs_a_cell_and_excel_knows_utf_8(ada: Account) -> None:
    factories.give(ada, 5, source="灵感")
    factories.give(ada, 5, source=FORMULA[:32])

    text = text_of(asked(f"{LEDGER}?bom=1", Accept="text/csv"))

    assert text.startswith("\ufeffid,seq,")
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == 4
    first, second = rows_of(text.removeprefix("\ufeff"))
    assert first["source"] == "灵感"
    assert second["source"] == f"'{FORMULA[:32]}"
    assert not text_of(asked(LEDGER)).startswith("\ufeff")


def test_what_is_written_meanwhile_is_left_out(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "CHUNK_ROWS", 2)
    for number in range(1, 5):
        factories.give(ada, number)
    answer = asked(LEDGER)
    pieces = iter(answer.streaming_content)
    read = [next(pieces), next(pieces)]

    factories.give(ada, 100)

    text = b"".join([*read, *pieces]).decode()
    assert [row["credits"] for row in rows_of(text)] == ["1", "2", "3", "4"]
    assert Export.objects.get().rows == 4


def test_it_is_written_down_before_the_first_byte_leaves(ada: Account) -> None:
    factories.give(ada, 5)

    answer = asked(f"{LEDGER}?from=2026-01-01")

    export = Export.objects.get()
    assert (export.ended_at, export.rows, export.is_whole) == (None, None, None)
    assert (export.actor_type, export.actor_id, export.account) == ("user", ada.pk, ada)
    assert export.since == datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert export.request_id == answer["X-Request-Id"]
    text_of(answer)
    export.refresh_from_db()
    assert (export.rows, export.is_whole) == (1, True)


def test_a_reader_who_leaves_is_remembered_with_what_he_got(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "CHUNK_ROWS", 2)
    for number in range(1, 6):
        factories.give(ada, number)
    answer = asked(LEDGER)
    pieces = iter(answer.streaming_content)
    text = b"".join(next(pieces) for _ in range(3)).decode()

    for closer in answer._resource_closers:  # as its own `close` does, which ends the connection
        closer()

    with pytest.raises(AssertionError, match="cut off"):
        rows_of(text)
    export = Export.objects.get()
    assert (export.rows, export.is_whole) == (2, False)
    assert export.ended_at is not None


def test_a_table_that_breaks_lacks_its_end(ada: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.give(ada, 5)

    def broken(*_: object, **__: object) -> Iterator[selectors.Chunk]:
        yield from ()
        raise OSError("The database is away.")

    monkeypatch.setattr(selectors, "chunks", broken)
    answer = asked(LEDGER)

    with pytest.raises(OSError, match="away"):
        text_of(answer)
    assert (Export.objects.get().rows, Export.objects.get().is_whole) == (0, False)


def test_a_look_at_the_headers_exports_nothing(ada: Account) -> None:
    token = asked(LEDGER).wsgi_request.headers["Authorization"]
    Export.objects.all().delete()

    answer = Client().head(LEDGER, headers={"Authorization": token})

    assert answer["Content-Type"].startswith("text/csv")
    assert not Export.objects.exists()


def test_the_database_refuses_an_export_that_is_half_told(ada: Account) -> None:
    wrongs: list[dict[str, Any]] = [
        {"rows": 1},
        {"is_whole": True},
        {"ended_at": datetime.now(UTC), "rows": 1},
        {"kind": "secrets"},
        {"actor_id": ""},
        {"actor_type": "ghost"},
    ]
    for wrong in wrongs:
        facts = {
            "account": ada,
            "kind": "ledger",
            "actor_type": "user",
            "actor_id": ada.pk,
            "begun_at": datetime.now(UTC),
            **wrong,
        }
        with pytest.raises(IntegrityError), transaction.atomic():
            Export.objects.create(**facts)

"""`import_balances`: the whole file or nothing of it, each balance once, whatever dies half-way."""

import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from billing.accounts.models import Account
from billing.imports import services
from billing.imports.errors import ChangedMeanwhile, EndedMeanwhile
from billing.insights import audit
from billing.ledger.models import Entry, Grant
from billing.operators.models import ActRecord
from plans.credits import MICROS
from tests import factories
from tests.imports.conftest import Writer

pytestmark = pytest.mark.usefixtures("shop", "grace")
HEAD = "account,credits,expires_at,source,paid_amount,paid_currency,reference"
FILE = (
    HEAD,
    "ada,10,,,,,",
    "ada,5.25,2037-01-01T00:00:00Z,promo,,,",
    "bob,100,,purchase,99,CNY,row-1",
    "bob,100,,purchase,99,CNY,row-2",
    "cyd,0,,,,,",
    "dan,7,,,,,",
)
AS_GRACE = ("--as", "grace", "--reason", "The old shop closes.")


def run(path: Path, *words: str) -> list[str]:
    """Import a file; return what was printed."""
    out = io.StringIO()
    call_command("import_balances", str(path), *words, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


def refused(path: Path, *words: str) -> str:
    """Return why a file was refused."""
    with pytest.raises(CommandError) as refusal:
        run(path, *words)
    return str(refusal.value)


def imported() -> dict[tuple[str, str], int]:
    """Return what was imported, by account and fact, in micros."""
    rows = Grant.objects.filter(fact__startswith="import:")
    found = rows.values_list("wallet__account__external_id", "fact", "amount_micros")
    assert len(set(found)) == len(found)
    return {(account, fact): micros for account, fact, micros in found}


def micros() -> int:
    return sum(imported().values())


def test_a_dry_run_tells_the_totals_and_writes_nothing(write: Writer) -> None:
    factories.new_account("bob", is_sandbox=False)

    lines = run(write(*FILE), "--dry-run")

    assert lines == [
        "Accounts: 2 new, 1 known. Lines without credits, passed over: 1.",
        "imported: 2 lines, 17 credits",
        "promo: 1 lines, 5.25 credits",
        "purchase: 2 lines, 200 credits, paid 198 CNY",
        "All: 5 lines, 222.25 credits; there before: 0 lines, 0 credits; to give: 222.25 credits",
    ]
    assert Account.objects.count() == 1
    assert not Grant.objects.exists()
    assert not ActRecord.objects.exists()


def test_an_import_gives_what_the_file_says_and_the_audit_finds_nothing(
    write: Writer, grace: User
) -> None:
    lines = run(write(*FILE), *AS_GRACE)

    assert lines[-1] == "Imported: 222.25 credits; the file says: 222.25. They are the same."
    assert imported() == {
        ("ada", "import:own:imported::"): 10 * MICROS,
        ("ada", "import:own:promo::2037-01-01T00:00:00+00:00"): 5_250_000,
        ("bob", "import:ref:row-1"): 100 * MICROS,
        ("bob", "import:ref:row-2"): 100 * MICROS,
        ("dan", "import:own:imported::"): 7 * MICROS,
    }
    bought = Grant.objects.get(fact="import:ref:row-1")
    assert (bought.source, bought.paid_micros, bought.paid_currency) == (
        *("purchase", 99 * MICROS, "CNY"),
    )
    [act] = ActRecord.objects.all()
    assert (act.act, act.operator, act.outcome) == ("balanceimport.run", grace, "done")
    assert act.reason == "The old shop closes."
    entries = Entry.objects.filter(cause_type="import")
    assert {(one.cause_id, one.actor_type, one.actor_id) for one in entries} == {
        (act.pk, "operator", "grace")
    }
    assert entries.aggregate(all=Sum("amount_micros"))["all"] == micros()
    assert [*audit.breaches()] == []


def test_a_second_run_gives_nothing_whatever_the_file_is_called(write: Writer) -> None:
    run(write(*FILE), *AS_GRACE)
    before = imported()
    # The other system's table in another order, its instants in another zone, and one row more.
    ada = "ada,5.25,2037-01-01T08:00:00+08:00,promo,,,"
    again = write(HEAD, "eve,1,,,,,", *reversed(FILE[3:]), ada, FILE[1], name="again.csv")

    told = run(again, "--dry-run")
    assert told[-1].endswith("there before: 5 lines, 222.25 credits; to give: 1 credits")
    run(again, *AS_GRACE)

    assert imported() == before | {("eve", "import:own:imported::"): MICROS}


def test_a_run_that_died_half_way_goes_on_where_it_was(
    write: Writer, grace: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_BATCH_LINES", 2)
    path = write(*FILE)

    def die(_lines: int) -> None:
        raise KeyboardInterrupt

    with path.open() as file, pytest.raises(KeyboardInterrupt):
        services.bring(
            file, is_sandbox=False, operator=grace, act_id="act_1", say=die, now=timezone.now()
        )
    assert micros() == 15_250_000, "the first commit stands"

    told = run(path, "--dry-run")
    assert told[-1].endswith("there before: 2 lines, 15.25 credits; to give: 207 credits")
    run(path, *AS_GRACE)

    assert micros() == 222_250_000
    assert [*audit.breaches()] == []


def test_a_commit_that_fails_in_its_midst_gives_nothing_of_itself(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_BATCH_LINES", 4)
    give, given = services._give_one, []

    def die(*words: object, **more: object) -> None:
        given.append(words)
        if len(given) == 3:
            raise KeyboardInterrupt
        give(*words, **more)  # type: ignore[arg-type]  # as it came

    with monkeypatch.context() as patch:
        patch.setattr(services, "_give_one", die)
        with pytest.raises(KeyboardInterrupt):
            run(write(*FILE), *AS_GRACE)
    assert imported() == {}
    assert not Account.objects.exists()

    run(write(*FILE), *AS_GRACE)
    assert micros() == 222_250_000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ada,1,2020-01-01T00:00:00Z,,,,", "8: expires_at: is past"),
        ("ada,10,,,,,", "8: account: has such a balance in a line before"),
        ("bob,1,,purchase,,,row-1", "8: reference: stands there twice"),
        ("eve,1.1234567,,,,,", "8: credits: must be a plain decimal"),
    ],
)
def test_one_wrong_line_and_nothing_of_the_file_is_imported(
    write: Writer, line: str, words: str
) -> None:
    said = refused(write(*FILE, line), *AS_GRACE)

    assert f"balances.csv:{words}" in said
    assert said.endswith("Nothing was imported.")
    assert not Account.objects.exists()
    assert not Grant.objects.exists()
    assert ActRecord.objects.get().refusal == "invalid_balances"


def test_bytes_that_are_no_utf_8_have_their_line(write: Writer) -> None:
    path = write(HEAD)
    path.write_bytes("account,credits\nada,1\n李雷,1\n".encode("gbk"))

    assert "balances.csv:3: account: must be 1 to 128 visible characters of UTF-8" in refused(
        path, "--dry-run"
    )


def test_a_line_that_was_imported_otherwise_is_refused(write: Writer) -> None:
    run(write(*FILE), *AS_GRACE)
    before = imported()

    said = refused(write(HEAD, "ada,11,,,,,"), *AS_GRACE)

    assert "balances.csv:2: credits: was imported otherwise, as 10 credits" in said
    assert imported() == before


def test_a_balance_that_ends_before_its_turn_stops_the_run_and_the_rest_is_told(
    write: Writer, grace: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_BATCH_LINES", 1)
    path = write(HEAD, "ada,1,,,,,", "bob,1,2026-01-01T00:00:00Z,,,,", "cyd,1,,,,,")
    long_ago = timezone.now().replace(year=2025)

    with path.open() as file, pytest.raises(EndedMeanwhile) as refusal:
        services.bring(file, is_sandbox=False, operator=grace, act_id="act_1", now=long_ago)

    assert refusal.value.facts == {"line": 3}
    assert imported() == {("ada", "import:own:imported::"): MICROS}


def test_a_file_that_changes_while_it_is_read_is_told(
    write: Writer, grace: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(*FILE)
    survey = services.survey

    def then_changed(file: io.TextIOWrapper, **words: object) -> services.Totals:
        totals = survey(file, **words)  # type: ignore[arg-type]  # as it came
        path.write_text("\n".join(FILE[:3]) + "\n", encoding="utf-8")
        return totals

    monkeypatch.setattr(services, "survey", then_changed)
    assert "222.25 credits, and 15.25 are imported" in refused(path, *AS_GRACE)


def test_a_file_that_is_wrong_after_its_import_does_not_say_that_nothing_was_imported(
    write: Writer, grace: User
) -> None:
    path = write(*FILE)

    def spoil(_done: int) -> None:
        path.write_text("\n".join([*FILE[:2], "ada,many,,,,,"]) + "\n", encoding="utf-8")

    with path.open() as file, pytest.raises(ChangedMeanwhile) as refusal:
        services.bring(
            file, is_sandbox=False, operator=grace, act_id="act_1", say=spoil, now=timezone.now()
        )

    assert refusal.value.facts == {"line": 3}
    assert sum(imported().values()) == 22225 * MICROS // 100


def test_only_a_superuser_imports_and_says_why(write: Writer) -> None:
    User.objects.create_user("sam", is_staff=True)

    assert "Only a superuser" in refused(write(*FILE), "--as", "sam", "--reason", "x")
    assert "--as names an operator" in refused(write(*FILE), "--reason", "x")
    assert "--reason says why" in refused(write(*FILE), "--as", "grace")
    assert not Grant.objects.exists()


def test_the_sandbox_is_another_side(write: Writer) -> None:
    run(write(*FILE), "--sandbox", *AS_GRACE)

    assert set(Account.objects.values_list("is_sandbox", flat=True)) == {True}
    told = run(write(*FILE), "--dry-run")
    assert told[-1].endswith("there before: 0 lines, 0 credits; to give: 222.25 credits")


def test_no_file_is_no_traceback(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.csv", "--dry-run")

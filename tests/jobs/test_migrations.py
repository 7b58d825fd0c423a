"""What stood in the tables before jobs knew what priced them and what they cost."""

from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs.models import Attempt, Job, Quote
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop

SQL: Final = Path(settings.BASE_DIR) / "billing" / "migrations" / "sql"


def run(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


def rules() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, md5(prosrc) FROM pg_proc "
            "WHERE proname IN ('billing_job_ends_once', 'billing_job_matches_its_hold', "
            "'billing_job_quote_once')"
        )
        return dict(cursor.fetchall())


def test_jobs_of_before_cost_what_was_captured(ada: Account) -> None:
    policy = '[failure_policy.charge]\ntimeout = "0.5"'
    shop.open_shop(policy)
    factories.give(ada, 100)
    shop.quote(ada)
    queued, done, half = (shop.submit(ada) for _number in range(3))
    shop.finish(done)
    shop.fail(half, "timeout")
    connection.check_constraints()
    run(
        """
        ALTER TABLE billing_job DISABLE TRIGGER job_ends_once;
        ALTER TABLE billing_job DROP CONSTRAINT job_charged_iff_final;
        ALTER TABLE billing_job DROP CONSTRAINT job_success_made_something;
        UPDATE billing_job SET charged_micros = NULL, outputs_made = NULL, charge_lines = '[]',
            context = '{}', ordered_at = now(), rated_at = now();
        """
    )

    run((SQL / "job_charges.before.sql").read_text())

    found = {job.pk: job for job in Job.objects.all()}
    charged = [found[job.pk].charged_micros for job in (queued, done, half)]
    assert charged == [None, 10 * MICROS, 5 * MICROS]
    assert [found[job.pk].outputs_made for job in (queued, done, half)] == [None, 1, None]
    assert all(job.context == {"plan": "free"} for job in found.values())
    assert all(job.ordered_at == job.rated_at == job.created_at for job in found.values())
    quote = Quote.objects.get()
    assert quote.rated_at == quote.created_at
    assert list(audit.breaches()) == []


def test_the_rules_come_and_go_with_the_migration(ada: Account) -> None:
    last = rules()

    run((SQL / "job_debts.down.sql").read_text())
    before = rules()
    assert before.keys() == last.keys()
    assert len(set(last.values()) - set(before.values())) == 2
    run((SQL / "job_quotes.down.sql").read_text())
    between = rules()
    assert before.keys() - between.keys() == {"billing_job_quote_once"}
    assert before["billing_job_ends_once"] != between["billing_job_ends_once"]
    run((SQL / "job_charges.down.sql").read_text())
    assert not set(between.values()) & set(rules().values())

    run((SQL / "job_charges.up.sql").read_text())
    assert rules() == between
    run((SQL / "job_quotes.up.sql").read_text())
    assert rules() == before
    run((SQL / "job_debts.up.sql").read_text())
    assert rules() == last
    assert ada.pk


def test_jobs_that_waited_before_keep_their_lane(ada: Account) -> None:
    shop.open_shop('[[lane]]\ncode = "relaxed"\nname = { en = "R", zh = "慢" }')
    factories.give(ada, 100)
    job, usual = shop.submit(ada, lane="relaxed"), shop.submit(ada)
    connection.check_constraints()
    run((SQL / "turns.down.sql").read_text())
    run("UPDATE billing_job SET lane = 'standard'")

    run((SQL / "turns.up.sql").read_text())

    lanes = dict(Job.objects.values_list("pk", "lane"))
    assert lanes == {job.pk: "relaxed", usual.pk: "standard"}


def test_of_attempts_that_shared_an_id_the_first_keeps_it(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 100)
    first, second, alone = (shop.finish(shop.submit(ada)).attempts.get() for _number in range(3))
    run("ALTER TABLE billing_attempt DISABLE TRIGGER USER")
    run("DROP INDEX attempt_provider_id_once")
    run("UPDATE billing_attempt SET provider_id = 'task-1'")
    Attempt.objects.filter(pk=alone.pk).update(provider_id="task-2")

    run((SQL / "ids_at_backends.before.sql").read_text())

    names = dict(Attempt.objects.values_list("pk", "provider_id"))
    assert names == {first.pk: "task-1", second.pk: "", alone.pk: "task-2"}
    second.refresh_from_db()
    assert "task-1" in second.detail

"""What an operator does by a command has its line, as what he does in a window has."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from billing.accounts.models import Account
from billing.corrections.models import Adjustment
from billing.fleet.models import BackendState
from billing.operators.models import ActRecord
from tests import factories
from tests.matrix.test_acts import TABLE

WHY = ("--reason", "mistake", "--text", "Ticket 7")


def run(*words: str) -> str:
    """Run a command; return what it printed."""
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def lines() -> list[tuple[str, str, str, str, str]]:
    """Return what was written down, the oldest first."""
    found = ActRecord.objects.order_by("at").select_related("operator")
    assert {one.act for one in found} <= TABLE.keys()
    assert all(one.ended_at is not None for one in found)
    return [
        (one.act, one.operator.get_username(), one.object_id, one.reason, one.refusal)
        for one in found
    ]


def test_a_request_and_each_decision_on_it_have_their_lines(
    ada: Account, sam: User, fay: User
) -> None:
    run("adjust", "ada", "50", *WHY)
    assert lines() == [], "a look moves nothing"

    asked = run("adjust", "ada", "50", *WHY, "--request", "--as", "support").split()[0]
    with pytest.raises(CommandError):
        run("adjust", "--approve", asked, "--as", "support")
    run("adjust", "--approve", asked, "--as", "finance", "--text", "As agreed")

    assert lines() == [
        ("adjustment.ask", "support", asked, "Ticket 7", ""),
        ("adjustment.approve", "support", asked, "By a command: adjustment.approve.", "forbidden"),
        ("adjustment.approve", "finance", asked, "As agreed", ""),
    ]
    first = ActRecord.objects.earliest("at")
    assert first.account_id == ada.pk
    assert ["credits", "50"] in first.shown
    assert "operator" not in dict(first.shown)
    assert factories.free_micros(ada) == 50_000_000


def test_what_names_nothing_that_there_is_has_no_line(ada: Account, fay: User) -> None:
    for words in (
        ("adjust", "--approve", "adj_none", "--as", "finance"),
        ("adjust", "nobody", "50", *WHY, "--request", "--as", "finance"),
        ("adjust", "ada", "50", *WHY, "--request", "--as", "nobody"),
        ("refund", "pu_none", "--request", "--as", "finance"),
        ("resolve_job", "job_none", "never_ran", "--reason", "x", "--as", "finance", "--yes"),
    ):
        with pytest.raises(CommandError):
            run(*words)

    assert lines() == []
    assert not Adjustment.objects.exists()


def test_a_backends_mode_and_a_halt_have_their_lines(
    ada: Account, backend: None, sam: User, fay: User, settings: object
) -> None:
    name = next(iter(settings.BACKENDS))  # type: ignore[attr-defined]  # a fixture sets it
    run("backend", name, "drain", "--reason", "New cards.", "--as", "support")
    with pytest.raises(CommandError):
        run("resume_grants", "ada", "--reason", "Looked.", "--as", "finance")

    state = BackendState.objects.get()
    assert lines() == [
        ("backendstate.survey", "support", str(state.pk), "New cards.", ""),
        ("halt.resume", "finance", "", "Looked.", "not_halted"),
    ]
    assert state.since is not None

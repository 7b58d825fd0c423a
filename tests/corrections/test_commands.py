"""`adjust`, `compensate` and `resume_grants`."""

import io
import json
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.models import Adjustment, Compensation, Halt
from billing.ledger.models import Entry, Wallet
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.corrections.test_halts import looped
from tests.jobs import shop

__all__ = ["looped"]

pytestmark = pytest.mark.usefixtures("ends_clean")


def printed(*words: str) -> list[str]:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


ASK = ("--reason", "mistake", "--text", "Ticket 7")


def test_an_adjustment_is_shown_asked_for_and_approved_by_name(
    ada: Account, grace: User, rosa: User
) -> None:
    [shown] = printed("adjust", "ada", "50", *ASK)
    assert shown.startswith("ada would get 50 credits; 0 are free")
    assert not Adjustment.objects.exists()

    [asked] = printed("adjust", "ada", "50", *ASK, "--request", "--as", "grace", "--key", "k")
    assert printed("adjust", "ada", "50", *ASK, "--request", "--as", "grace", "--key", "k") == [
        asked
    ]
    key, state = asked.split()
    assert state == "requested"
    with pytest.raises(CommandError):
        printed("adjust", "--approve", key, "--as", "grace")
    assert printed("adjust", "--approve", key, "--as", "rosa") == [f"{key} executed"]

    assert factories.free_micros(ada) == 50 * MICROS


def test_an_adjustment_is_taken_and_refused_by_name(ada: Account, grace: User, rosa: User) -> None:
    factories.give(ada, 5)
    [shown] = printed("adjust", "ada", "-2.5", *ASK)
    assert shown.startswith("ada would lose 2.5 credits; 5 are free")
    [asked] = printed("adjust", "ada", "-2.5", *ASK, "--request", "--as", "grace")

    key = asked.split()[0]
    assert printed("adjust", "--refuse", key, "--as", "rosa") == [f"{key} refused"]
    assert factories.free_micros(ada) == 5 * MICROS


@pytest.mark.parametrize(
    "words",
    [
        ("nobody", "50"),
        ("ada", "much"),
        ("ada", "50", *ASK, "--request"),
        ("ada", "50", *ASK, "--request", "--as", "nobody"),
        ("ada", "50", *ASK, "--request", "--as", "vera"),
        ("ada", "501", *ASK, "--request", "--as", "grace"),
        ("ada", "50", "--request", "--as", "grace"),
        ("ada", "50"),
        ("ada", "501", *ASK),
        ("ada", "50", *ASK, "--as", "vera"),
        ("--approve", "adj_none", "--as", "grace"),
        (),
    ],
)
def test_an_adjustment_that_cannot_be_is_said(
    ada: Account, grace: User, vera: User, words: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError):
        printed("adjust", *words)

    assert not Adjustment.objects.exists()


def test_what_is_not_free_is_refused_with_the_argument_that_mends_it(
    ada: Account, grace: User
) -> None:
    factories.give(ada, 66)
    for more in ((), ("--request", "--as", "grace")):
        with pytest.raises(CommandError, match=r"^--as-debt: 100 .* 66 are free"):
            printed("adjust", "ada", "-100", *ASK, *more)
    with pytest.raises(CommandError, match=r"^--reason: .*goodwill"):
        printed("adjust", "ada", "-100", "--text", "Ticket 7")

    [shown] = printed("adjust", "ada", "-100", *ASK, "--as-debt")

    assert shown.startswith("ada would lose 66 credits and owe 34; 66 are free, 0 owed.")


def test_requests_are_withdrawn_by_name(
    ada: Account, span: tuple[str, ...], grace: User, rosa: User
) -> None:
    adjustment, compensation = desk.ask(ada, 50, grace), desk.claim(grace, desk.chosen())

    for command, asked in (("adjust", adjustment), ("compensate", compensation)):
        with pytest.raises(CommandError, match="Only the person who has requested this"):
            printed(command, "--withdraw", asked.pk, "--as", "rosa")
        said = printed(command, "--withdraw", asked.pk, "--as", "grace")
        assert said == [f"{asked.pk} withdrawn"]


def test_who_has_left_decides_on_nothing(ada: Account, grace: User, rosa: User) -> None:
    asked = desk.ask(ada, 50, grace)
    User.objects.filter(pk=rosa.pk).update(is_active=False)

    with pytest.raises(CommandError):
        printed("adjust", "--approve", asked.pk, "--as", "rosa")

    assert not Entry.objects.exists()


@pytest.fixture
def span(ada: Account, backend: None) -> tuple[str, ...]:
    """Ada had a video for 10 credits; return the span in which."""
    factories.give(ada, 10)
    shop.finish(shop.submit(ada, seconds=5))
    hour = desk.chosen()
    return ("--since", hour.since.isoformat(), "--until", hour.until.isoformat())


def test_an_incident_is_shown_asked_for_and_approved_by_name(
    ada: Account, span: tuple[str, ...], grace: User, rosa: User
) -> None:
    shown = printed("compensate", "outage", *span, "--share", "0.5")
    told = json.loads(printed("compensate", "outage", *span, "--share", "0.5", "--json")[-1])
    assert told["top"] == [{"account": "ada", "credits": "5", "jobs": 1}]
    assert told["digest"] == shown[-1]
    assert "credits: 5" in shown
    assert not Compensation.objects.exists()

    words = ("--text", "Ticket 8", "--notice-en", "Sorry.", "--notice-zh", "抱歉。")
    ask = ("compensate", "outage", *span, "--share", "0.5", *words, "--request", "--as", "grace")
    with pytest.raises(CommandError, match=r"^--digest is missing"):
        printed(*ask)
    with pytest.raises(CommandError, match=r"^--digest: This is not the digest"):
        printed(*ask, "--digest", "mistyped")
    [asked] = printed(*ask, "--digest", shown[-1])
    key = asked.split()[0]
    with pytest.raises(CommandError, match=r"^--digest is missing"):
        printed("compensate", "--approve", key, "--as", "nobody")
    with pytest.raises(CommandError, match=r"^--digest: This is not the digest"):
        printed("compensate", "--approve", key, "--as", "rosa", "--digest", "mistyped")
    assert printed("compensate", "--approve", key, "--as", "rosa", "--digest", shown[-1]) == [
        f"{key} approved"
    ]

    services.carry_out(compensation_id=key, now=desk.now())
    assert factories.free_micros(ada) == 5 * MICROS


def test_an_incident_is_refused_by_name(span: tuple[str, ...], grace: User, rosa: User) -> None:
    asked = desk.claim(grace, desk.chosen())

    said = printed("compensate", "--refuse", asked.pk, "--as", "rosa")

    assert said == [f"{asked.pk} refused"]


@pytest.mark.parametrize(
    "words",
    [
        ("--share", "1.5"),
        ("--share", "half"),
        (),
        ("--per-job", "1", "--status", "running"),
        ("--per-account", "1", "--model", "none"),
        ("--per-job", "1", "--cap", "0"),
    ],
)
def test_an_incident_that_cannot_be_is_said(span: tuple[str, ...], words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        printed("compensate", "outage", *span, *words)


def test_a_span_has_offsets(span: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        printed("compensate", "outage", "--since", "2026-01-01", "--share", "1")


def test_a_span_counts_from_now_and_the_preview_prints_its_instants(
    span: tuple[str, ...], grace: User, backend: None
) -> None:
    told = json.loads(
        printed("compensate", "outage", "--since", "2h", "--share", "1", "--json")[-1]
    )
    shown = printed("compensate", "outage", "--since", "2h", "--share", "1")
    words = ("--text", "Ticket 8", "--notice-en", "Sorry.", "--notice-zh", "抱歉。")
    ask = ("compensate", "outage", "--share", "1", *words, "--as", "grace", "--request")

    with pytest.raises(CommandError, match=r"^--since: a request takes the instant"):
        printed(*ask, "--since", "2h", "--digest", shown[-1])
    [asked] = printed(*ask, *shown[-2].split(), "--digest", shown[-1])

    assert asked.endswith(" requested")
    assert told["jobs_named"] == 1
    with pytest.raises(CommandError, match=r"^--since is 2h, 3d or an instant"):
        printed("compensate", "outage", "--share", "1")


def test_halted_grants_are_resumed_by_name(looped: Account, grace: User, vera: User) -> None:
    for wrong in (["--as", "vera"], ["--as", "nobody"]):
        with pytest.raises(CommandError):
            printed("resume_grants", "ada", "--reason", "Mended.", *wrong)
    assert Wallet.objects.get().halted_at is not None

    [halt] = printed("resume_grants", "ada", "--reason", "Mended.", "--as", "grace")

    assert Halt.objects.get().pk == halt
    assert isinstance(Halt.objects.get().resumed_at, datetime)
    with pytest.raises(CommandError):
        printed("resume_grants", "ada", "--reason", "Mended.", "--as", "grace")
    with pytest.raises(CommandError):
        printed("resume_grants", "nobody", "--reason", "Mended.", "--as", "grace")

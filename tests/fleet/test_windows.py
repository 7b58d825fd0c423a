"""What operators do to backends: each act by permission, with a reason, and written down."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from billing.fleet import services
from billing.fleet.breaking import OPENS_AFTER, Sign
from billing.fleet.models import BackendState, Breaker
from billing.http import health, probing
from tests.operators import signed_in

pytestmark = pytest.mark.django_db

SURVEY = "/admin/billing/backendstate/survey/"
DRAIN = {"act": "set", "backend": "away", "mode": "draining", "reason": "new disks"}


def now() -> datetime:
    """Return the real instant, as an edge would."""
    return datetime.now(UTC)


@transaction.atomic
def break_down(model: str = "m") -> Breaker:
    """Let orders of a model fail until its breaker is open."""
    for number in range(OPENS_AFTER):
        services.note(
            "away",
            model=model,
            attempt_id=f"at_{number}",
            sign=Sign.UNHEARD,
            reason="refused",
            now=now(),
        )
    return Breaker.objects.get(model=model)


@pytest.fixture(autouse=True)
def _backend(settings: Settings) -> None:
    """Configure a backend at which nobody answers."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    secret = "a-secret-that-guards-nothing"
    away = {"kind": "cog", "url": "http://127.0.0.1:9", "secret": secret, "models": ["m"]}
    settings.BACKENDS = {"away": {**away, "concurrency": 3}}


@pytest.fixture
def grace(client: Client) -> Client:
    """Return the browser of an operator who may look at backends, and no more."""
    operator = User.objects.create_user("grace", is_staff=True)
    for codename in ("view_backendstate", "view_breaker"):
        operator.user_permissions.add(Permission.objects.get(codename=codename))
    signed_in(client, operator)
    return client


def may(codename: str) -> None:
    """Let Grace do one more thing."""
    permission = Permission.objects.get(codename=codename)
    User.objects.get(username="grace").user_permissions.add(permission)


def test_an_operator_asks_all_backends_and_drains_one(grace: Client) -> None:
    may("set_mode_backendstate")
    break_down()

    shown = grace.get(SURVEY).content.decode()
    silent = grace.post(SURVEY, {**DRAIN, "reason": " "}).content.decode()
    assert "down" in shown
    assert "3 of 3 slots" in shown
    assert "open: nothing is sent" in shown
    assert "This field is required" in silent
    assert not BackendState.objects.exists()

    grace.post(SURVEY, DRAIN)

    state = BackendState.objects.get()
    assert (state.mode, state.set_by, state.reason) == ("draining", "grace", "new disks")
    assert "new disks" in LogEntry.objects.get().change_message


def test_who_may_only_look_drains_and_closes_nothing(grace: Client) -> None:
    breaker = break_down()
    answers = [grace.get(SURVEY), grace.post(SURVEY, DRAIN)]
    marked = {"action": "reset", "_selected_action": [breaker.pk]}
    grace.post("/admin/billing/breaker/", marked)

    assert {answer.status_code for answer in answers} == {403}
    assert not BackendState.objects.exists()
    assert Breaker.objects.get().state == "open"


def test_an_operator_closes_a_breaker(grace: Client) -> None:
    may("reset_breaker")
    breaker = break_down()
    marked = {"action": "reset", "_selected_action": [breaker.pk]}
    asked = grace.post("/admin/billing/breaker/", marked).content.decode()
    assert "orders of m go to away again at once" in asked
    assert Breaker.objects.get().state == "open"
    marked |= {"act": "reset", "reason": "It is mended."}

    page = grace.post("/admin/billing/breaker/", marked, follow=True).content.decode()

    assert "away/m is closed." in page
    assert (Breaker.objects.get().state, Breaker.objects.get().unheard) == ("closed", 0)


def test_the_commands_do_the_same(db: None) -> None:
    User.objects.create_user("grace", is_staff=True)
    break_down()
    said = StringIO()

    with pytest.raises(CommandError, match="Say why"):
        call_command("backend", "away", "drain", "--as", "grace")
    with pytest.raises(CommandError, match="no backend"):
        call_command("backend", "nowhere", "drain", "--reason", "x", "--as", "grace")
    with pytest.raises(CommandError, match="never failed"):
        call_command("backend", "away", "reset", "--model", "z", "--as", "grace")
    with pytest.raises(CommandError, match="--as"):
        call_command("backend", "away", "maintenance", "--reason", "disks")
    assert not BackendState.objects.exists()

    call_command(
        "backend", "away", "maintenance", "--reason", "disks", "--as", "grace", stdout=said
    )
    call_command("backends", "--json", stdout=said)
    call_command("backends", stdout=said)
    call_command("backend", "away", "reset", "--model", "m", "--as", "grace", stdout=said)
    call_command("backend", "away", "open", "--as", "grace", stdout=said)

    first, listed, line, closed, opened = said.getvalue().splitlines()
    [away] = json.loads(listed)
    assert (first, opened, closed) == ("away maintenance", "away open", "away/m closed")
    assert (away["health"], away["mode"], away["slots"]) == ("down", "maintenance", 0)
    assert (away["slots_configured"], away["in_flight"]) == (3, 0)
    assert [row["model"] for row in away["breakers"]] == ["m"]
    assert "m open" in line


@pytest.mark.django_db(transaction=True)
def test_an_open_breaker_is_a_warning_and_no_failure(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_CHECKS", ("database", "migrations", "broker"))
    monkeypatch.setattr(probing, "ANSWER_SECONDS", 30)
    assert "warnings" not in client.get("/readyz").json()
    break_down()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["warnings"]) == (200, ["breaker_open"])


def test_who_is_not_let_in_holds_up_nobody_else() -> None:
    """Two jobs that try two backends in opposite order would wait for each other for ever."""
    asked = {"model": "m", "attempt_id": "at_1", "now": now()}
    counts = iter([2, 3])  # somebody was faster than the lock
    with transaction.atomic():
        full = services.admit("away", in_flight=lambda _name: next(counts), **asked)  # type: ignore[arg-type]  # a table of facts
        after_full = _locks()
        let_in = services.admit("away", in_flight=lambda _name: 2, **asked)  # type: ignore[arg-type]  # as above

        assert (full, let_in) == ("at_capacity", None)
        assert (after_full, _locks()) == (0, 1)


def _locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        (count,) = cursor.fetchone()
    return int(count)


@pytest.mark.parametrize(
    "row",
    [
        BackendState(name="x", mode="draining"),
        BackendState(name="x", mode="draining", since=datetime.now(UTC), set_by="g"),
        BackendState(name="x", mode="asleep"),
        BackendState(name="x", slots=0),
        BackendState(name="x", good_ends=1),
        Breaker(backend="x", model="m", state="open"),
        Breaker(backend="x", model="m", state="half_open", opened_at=datetime.now(UTC)),
        Breaker(backend="x", model="m", state="closed", probe_id="at_1"),
        Breaker(backend="x", model="m", state="closed", openings=1),
        Breaker(backend="x", model="m", state="ajar"),
    ],
)
def test_the_database_refuses_a_state_that_does_not_match_its_columns(
    row: BackendState | Breaker,
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)

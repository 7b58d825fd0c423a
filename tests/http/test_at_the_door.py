"""What only the whole service shows: hosts, TLS, methods, and pages that were asked wrongly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName
from pytest_django import Settings

from billing.accounts.models import Account
from config.embedded.environment import nowhere

ROOT = Path(__file__).resolve().parents[2]
LISTS = ["account", "apikey", "idempotentanswer", "job", "hold", "entry", "event", "delivery"]


def settings_in(**variables: str) -> dict[str, Any]:
    """Return some settings as a process with these variables has them."""
    program = (
        "import json; from config import settings as s; "
        "print(json.dumps({'hosts': s.ALLOWED_HOSTS, 'exempt': s.SECURE_REDIRECT_EXEMPT}))"
    )
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **nowhere(), **variables},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_health_checks_and_callbacks_get_through_whatever_hosts_are_listed() -> None:
    hosts = settings_in(
        ALLOWED_HOSTS="api.example.com",
        PUBLIC_URL="https://credits.example.com:8443/",
        BACKEND_WEBHOOK_BASE_URL="http://web:8000",
    )["hosts"]

    assert hosts[0] == "api.example.com"
    assert {"localhost", "127.0.0.1", "[::1]", "credits.example.com", "web"} <= set(hosts)
    assert "*" not in hosts


def test_an_address_of_six_is_a_host_too() -> None:
    assert "[fd00::1]" in settings_in(BACKEND_WEBHOOK_BASE_URL="http://[fd00::1]:8000")["hosts"]


@pytest.mark.django_db
def test_behind_tls_only_what_is_asked_from_inside_is_not_redirected(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    client = Client()

    callback = client.post("/webhooks/backends/demo/att.x", b"{}", content_type="application/json")
    within = [client.get(path) for path in ("/healthz", "/readyz")]
    without = [client.get(path) for path in ("/v1/catalog", "/admin/login/", "/v1/webhooks")]

    assert (callback.status_code, callback.json()["code"]) == (401, "callback_unauthenticated")
    assert {answer.status_code for answer in within} <= {200, 503}
    assert [answer.status_code for answer in without] == [301, 301, 301]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_a_callback_is_posted_and_nothing_else(method: str) -> None:
    answer = getattr(Client(), method)("/webhooks/backends/demo/att.x")

    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "head":
        assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("state", [InvalidSqlStatementName, FeatureNotSupported])
@pytest.mark.django_db
def test_a_session_that_has_forgotten_a_statement_is_asked_again(
    state: type[psycopg.Error], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(**_facts: object) -> None:
        with connection.wrap_database_errors:
            raise state("prepared statement does not exist")

    monkeypatch.setattr("plans.selectors.current", forgotten)
    answer = Client(raise_request_exception=False).get("/v1/catalog")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("address", "hearing"),
    [
        ("/webhooks/stripe", "billing.payments.callbacks.services.hear"),
        ("/webhooks/backends/demo/att.x", "billing.jobs.callbacks.services.hear"),
    ],
)
def test_who_reports_while_the_database_is_away_is_told_to_come_again(
    address: str, hearing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_facts: object) -> None:
        raise OperationalError("the database system is starting up")

    monkeypatch.setattr(hearing, away)
    monkeypatch.setattr("billing.jobs.callbacks.callbacks.attempt_of", lambda _token: "at_1")
    monkeypatch.setattr("billing.gpu.registry.callback_bytes_max", lambda _backend: 100)
    answer = Client(raise_request_exception=False).post(address, b"{}", "application/json")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("method", ["options", "post", "delete"])
def test_the_documents_page_is_read_and_nothing_else(method: str) -> None:
    answer = getattr(Client(raise_request_exception=False), method)("/v1/docs")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_a_connection_that_was_closed_under_us_is_a_database_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(_database: BaseDatabaseWrapper) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", closed)
    answer = Client(raise_request_exception=False).get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["checks"]["database"] == "failing"


@pytest.mark.django_db
def test_a_person_is_not_told_of_a_mistake_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def away() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    browser = Client(raise_request_exception=False)
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    monkeypatch.setattr(connection, "cursor", away)
    answer = browser.get("/admin/", headers={"Accept-Language": "en"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "See what was done before you repeat it." in answer.content.decode()


@pytest.fixture
def plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**configured.STORAGES, "staticfiles": plain}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        *("created_at__year=99999", "created_at__year=-5", "created_at__gte=x", "id__exact=x"),
        *("created_at__year=2026&created_at__month=99", "p=99999", "o=99", "q=%22%3Cx%3E"),
        "created_at__year=2026&created_at__month=2&created_at__day=31",
    ],
)
@pytest.mark.usefixtures("plain_static_files")
def test_a_list_that_is_asked_wrongly_shows_the_plain_one(
    admin_client: Client, name: str, query: str
) -> None:
    admin_client.raise_request_exception = False
    path = f"/admin/billing/{name}/"

    answer = admin_client.get(f"{path}?{query}")

    assert answer.status_code in {200, 302}, answer.content[:500]
    if answer.status_code == 302:
        assert answer.headers["Location"] == f"{path}?e=1"
        assert admin_client.get(f"{path}?e=1").status_code == 200


@pytest.mark.usefixtures("plain_static_files")
def test_a_form_with_nul_in_it_is_refused_and_changes_nothing(admin_client: Client) -> None:
    admin_client.raise_request_exception = False
    marked = {"action": "fail_jobs", "_selected_action": "\0", "index": "0"}

    for name in ("job", "message"):
        assert admin_client.post(f"/admin/billing/{name}/", marked).status_code == 400
    assert not Account.objects.exists()

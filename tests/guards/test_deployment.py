"""A production's own settings: Django has no complaint, and cookies leave by TLS alone."""

import json
import os
import subprocess
import sys
from typing import Final

from config.embedded.environment import nowhere
from tests.architecture.tree import ROOT

PRODUCTION: Final = {
    "PUBLIC_URL": "https://billing.example.com",
    "ALLOWED_HOSTS": "billing.example.com",
    "LOG_FORMAT": "json",
}
_SHOWN: Final = (
    *("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE"),
    *("LANGUAGE_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "DEBUG"),
    *("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SILENCED_SYSTEM_CHECKS"),
)


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python at the root with what a production has in its environment."""
    path = {"PATH": os.environ["PATH"]}
    return subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, *words],
        cwd=ROOT,
        env={**path, **nowhere(), **PRODUCTION, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def settings_of(**more: str) -> dict[str, object]:
    """Return the settings that a production comes to."""
    script = (
        "import json, django; from django.conf import settings; "
        f"print(json.dumps({{n: getattr(settings, n) for n in {_SHOWN}}}))"
    )
    told: dict[str, object] = json.loads(run("-c", script, **more).stdout)
    return told


def test_django_has_no_complaint_of_a_production() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues (2 silenced)" in done.stdout + done.stderr


def test_control_django_complains_of_a_place_without_tls() -> None:
    done = run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        PUBLIC_URL="http://billing.example.com",
    )

    assert done.returncode == 1
    for wrong in ("security.W004", "security.W008", "security.W012", "security.W016"):
        assert wrong in done.stdout + done.stderr


def test_a_production_keeps_its_cookies_to_its_host_and_to_tls() -> None:
    told = settings_of()

    assert told == {
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "CSRF_COOKIE_SECURE": True,
        "LANGUAGE_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31536000,
        "DEBUG": False,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": False,
        "SILENCED_SYSTEM_CHECKS": ["security.W005", "security.W021"],
    }
    assert settings_of(HSTS_SUBDOMAINS="true")["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is True

"""What must be in the database before the first request; run as a process of its own.

Arguments: the file descriptor that gets one line of JSON as its last word, and a log file.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from billing.outbox.names import TaskName
from config.celery import app as celery_app
from config.embedded.console import step
from config.embedded.speech import gettext as _

OPERATOR = "operator"
ACCOUNT = "demo"
_PLAIN_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


def prepare() -> dict[str, object]:
    """Return what the banner shows; a repeat changes nothing but makes a fresh token."""
    with step(_("migrations")):
        call_command("migrate", verbosity=0, interactive=False)
    with step(_("static files")):
        # Compressed copies would take ten seconds, and a laptop's browser needs none.
        settings.STORAGES["staticfiles"]["BACKEND"] = _PLAIN_STORAGE
        call_command("collectstatic", verbosity=0, interactive=False)
    with step(_("catalog")):
        call_command("load_catalog", settings.CATALOG, if_none=True, stdout=io.StringIO())
    if os.environ.get("SYNC_PRICES"):
        with step(_("prices at the emulator of Stripe")):
            call_command("sync_prices", stdout=io.StringIO())
    people = get_user_model()._default_manager  # noqa: SLF001 (Django's documented name)
    is_new = not people.filter(username=OPERATOR).exists()
    if is_new:
        with step(_("operator login")):
            call_command(
                "createsuperuser",
                username=OPERATOR,
                email="operator@localhost",
                interactive=False,
                verbosity=0,
            )
    with step(_("operator's second factor")):
        call_command("totp_code", set_up=OPERATOR, stdout=io.StringIO())
    said = io.StringIO()
    with step(_("token of a demo account")):
        call_command("issue_token", ACCOUNT, stdout=said)
    # So that readiness, which waits for a worker's sign of life, need not wait for the scheduler.
    celery_app.send_task(TaskName.BEAT_HEART.value, expires=60)
    return {"operator_is_new": is_new, "token": said.getvalue().strip().splitlines()[-1]}


def main() -> int:
    """Prepare, answer, and return the exit code."""
    answer_to, log = int(sys.argv[1]), Path(sys.argv[2])
    answer: dict[str, object]
    try:
        # A library's warnings are for the log, not for a newcomer.
        with log.open("w") as aside, contextlib.redirect_stderr(aside):
            try:
                django.setup()
                answer = prepare()
            except Exception:
                traceback.print_exc()
                raise
    except Exception as trouble:  # noqa: BLE001 (a person gets a sentence, the log the rest)
        answer = {"trouble": _sentence(trouble, log)}
    with os.fdopen(answer_to, "w") as answers:
        json.dump(answer, answers)
    return 1 if "trouble" in answer else 0


def _sentence(trouble: Exception, log: Path) -> str:
    if "No space left on device" in str(trouble):
        return f"The disk of {log.parent.parent} is full; free some space and start again."
    first = next(iter(str(trouble).splitlines()), type(trouble).__name__)
    return f"The database could not be prepared: {first} (all of it: {log})"


if __name__ == "__main__":
    sys.exit(main())

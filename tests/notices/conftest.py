"""The cast of letters: a mail server, and Ada, who pays."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.notices import services
from billing.notices.kinds import Kind, Money
from billing.notices.models import Notice
from billing.notices.services import Addressee
from billing.outbox import gateway
from tests.cast import ada, kling
from tests.notices.mailbox import Mailbox

__all__ = ["ada", "kling"]

NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
Post = Callable[..., Notice]


@pytest.fixture(autouse=True)
def _nobody_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test alone say when a worker runs."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A mail server is set, and takes letters."""
    with Mailbox() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_URL = f"smtp://127.0.0.1:{box.port}"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_TIMEOUT = 5
        settings.DEFAULT_FROM_EMAIL = "Linggan <billing@linggan.example>"
        yield box


@pytest.fixture
def post(ada: Account) -> Post:
    """Return what posts a letter to Ada: of a failed payment, if nothing else is said."""

    def posted(
        kind: Kind = Kind.PAYMENT_FAILED,
        facts: dict[str, object] | None = None,
        *,
        fact: str = "invoice:1",
        email: str = "ada@example.com",
        language: str = "en",
    ) -> Notice:
        usual: dict[str, object] = {
            "amount": Money(66_000_000, "CNY"),
            "what": {"en": "Standard", "zh": "标准版"},
            "next_attempt_at": NOW + timedelta(days=3),
            "pay_url": "https://pay.example.com/i/1?a=b&c=d",
        }
        with transaction.atomic():
            services.post(
                kind,
                ada,
                usual if facts is None else facts,  # type: ignore[arg-type]  # some are wrong on purpose
                to=Addressee(email, language),
                fact=fact,
                now=NOW,
            )
        return Notice.objects.get(fact=fact)

    return posted

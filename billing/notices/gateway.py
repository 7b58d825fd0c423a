"""The way to the mail server, which is waited for outside any transaction."""

import smtplib
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from billing.notices.letters import Letter
from billing.transactions import forbid_transaction

_FOR_GOOD: Final = 500  # RFC 5321: replies from 500 on are not to be tried again


class MailAway(Exception):
    """The mail server took nothing, and may take it later; the message names no address."""


class MailRefused(Exception):
    """The mail server will not take this letter, now or later; the message names no address."""


def is_configured() -> bool:
    """Return whether there is a mail server at all."""
    return bool(settings.EMAIL_URL)


def deliver(letter: Letter) -> None:
    """The mail server has taken the letter.

    Raises:
        MailAway, MailRefused: as they say.
    """
    forbid_transaction("notices.gateway")
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    message = EmailMultiAlternatives(
        letter.subject,
        letter.text,
        to=[letter.email],
        # The same at each attempt: what comes twice is seen to be one.
        headers={"Message-ID": f"<{letter.number}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(letter.html, "text/html")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as refusal:
        codes = [code for code, _said in refusal.recipients.values()]
        raise _verdict(min(codes, default=0)) from None
    except smtplib.SMTPDataError as refusal:
        raise _verdict(refusal.smtp_code) from None
    except (smtplib.SMTPException, OSError) as problem:
        raise MailAway(type(problem).__name__) from None


def _verdict(code: int) -> MailAway | MailRefused:
    return MailRefused(str(code)) if code >= _FOR_GOOD else MailAway(str(code))

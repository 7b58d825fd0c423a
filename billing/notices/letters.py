"""Writes a letter: the same words as plain text and as HTML, in the language of its reader.

The texts are templates, one a kind and language: the first line is the subject, and an address
stands on a line of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template import Context, Engine
from django.template.loader import render_to_string
from django.utils import translation

from billing.notices.models import Notice

# Django's names of languages, and ours of the two texts of a name in the catalog.
_TEXTS: Final = {"en": "en", "zh-hans": "zh"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail server is handed.

    Attributes:
        number: who gets two with the same number has one letter, sent twice.
    """

    number: str
    email: str
    subject: str
    text: str
    html: str


def language_of(said: str) -> str:
    """Return the language that we write whose nearest one is `said`: "zh-CN" is "zh-hans"."""
    return "zh-hans" if said.lower().startswith("zh") else settings.LANGUAGE_CODE


def write(notice: Notice) -> Letter:
    """Return the letter of a notice."""
    language = language_of(notice.language)
    zone = notice.account.zone
    with translation.override(language):
        facts = {name: _said(fact, language, zone) for name, fact in notice.facts.items()}
        subject, *paragraphs = _paragraphs(f"notices/{language}/{notice.kind}.txt", facts)
        html = render_to_string(
            "notices/letter.html",
            {"language": language, "subject": subject, "paragraphs": paragraphs},
        )
    return Letter(
        number=notice.pk,
        email=notice.email,
        subject=subject,
        text="\n\n".join(paragraphs) + "\n",
        html=html,
    )


def _paragraphs(template: str, facts: Mapping[str, str]) -> list[str]:
    """Return the paragraphs of a text, as plain text: nothing is escaped yet."""
    named = {name: " ".join(fact.split()) for name, fact in facts.items()}
    text: str = Engine.get_default().get_template(template).render(Context(named, autoescape=False))
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _said(fact: Any, language: str, zone: str) -> str:  # noqa: ANN401 (JSON)
    """Return a fact as a person reads it."""
    match fact:
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}"
        case {"at": at}:
            there = datetime.fromisoformat(at).astimezone(ZoneInfo(zone))
            return f"{there:%Y-%m-%d %H:%M} ({zone})"
        case Mapping():
            return str(fact.get(_TEXTS[language]) or fact.get("en") or "")
    return str(fact)

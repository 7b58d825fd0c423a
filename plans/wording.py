"""The voice of the pure core: it knows no Django, so the app lends it Django's translation."""

from collections.abc import Callable
from dataclasses import dataclass


def _english() -> str:
    return "en"


@dataclass
class Voice:
    """How sentences are translated, and in which language names are given.

    `PlansConfig.ready` sets both once; without Django everything is English.
    """

    translate: Callable[[str], str] = str
    language: Callable[[], str] = _english


VOICE = Voice()


def gettext(sentence: str) -> str:
    """Return `sentence` in the language of the one who asks.

    Imported as `_`, so that makemessages finds the sentences.
    """
    return VOICE.translate(sentence)


def speaks_chinese() -> bool:
    """Say whether names are wanted in Chinese."""
    return VOICE.language().startswith("zh")

"""In which language a terminal is talked to: Simplified Chinese where its environment says so.

The launcher talks before Django can be set up, and never sets it up; so it reads the same
catalogue of words by itself.
"""

import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Final

_LOCALE: Final = Path(__file__).resolve().parents[2] / "locale"
# As gettext looks: the first that is set decides, and LANGUAGE may name several.
_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_CHINESE: Final = "zh"
_KNOWN: Final = ("en", _CHINESE)


def gettext(sentence: str) -> str:
    """Return a sentence in the language of this process's environment."""
    say = _teller(speaks_chinese(os.environ, encoding=sys.stdout.encoding))
    return say(sentence)


def speaks_chinese(environment: Mapping[str, str], *, encoding: str | None) -> bool:
    """Say whether an environment asks for Chinese, and a terminal of this encoding can show it."""
    said = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    languages = [word.replace("-", "_").split("_")[0].lower() for word in said.split(":")]
    wanted = next((language for language in languages if language in _KNOWN), "")
    return wanted == _CHINESE and _can_show(encoding or "ascii")


def _can_show(encoding: str) -> bool:
    try:
        "灵感".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


@cache
def _teller(is_chinese: bool) -> Callable[[str], str]:  # noqa: FBT001 (what it is kept by)
    words = translation("django", _LOCALE, ["zh_Hans"]) if is_chinese else NullTranslations()
    return words.gettext

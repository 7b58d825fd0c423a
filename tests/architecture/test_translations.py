"""Every sentence exists in Simplified Chinese, and is what a Chinese caller is answered with.

Bring locale/ up to date, then write what is empty: `python -m tests.architecture.words`.
"""

import ast
import gettext
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import Settings

from billing.accounts import tokens
from tests import factories
from tests.architecture import words
from tests.architecture.tree import ROOT

HEADER: Final = ""
HAN: Final = re.compile(r"[\u4e00-\u9fff]")
# What is the same in both languages.
SPELT_ALIKE: Final = {"id", "%(what)s: %(units)s at %(price)s"}
SHORT_IN_CHINESE: Final = ("灵感值不足。", "本次需要 10 灵感值，钱包中可用 3。")  # noqa: RUF001 (Chinese has its own comma)
SHORT_IN_ENGLISH: Final = ("More credits are needed.", "This costs 10 credits; the wallet has 3.")
# One word per idea: what the glossary of the .po file leaves behind.
REFUSED: Final = re.compile(r"积分|点数|余额不足|帐户|帐号|用户名下|预扣|释放|退还|返还|套餐包|您")


def said_in(code: str) -> list[str]:
    """Return the sentences of a file with this code."""
    return [said.text for said in words.sentences_of(ast.parse(code), ROOT / "plans" / "shop.py")]


@pytest.fixture(scope="module")
def entries() -> dict[str, str]:
    """Return the .po file as sentence and translation."""
    return {entry.source: entry.target for entry in words.entries()}


def test_a_table_of_letters_translates_no_sentence() -> None:
    assert said_in("plain = typed.upper().translate(_TYPED)\nVOICE.translate(sentence)") == []


@pytest.mark.parametrize("call", ['_("No plan.")', 'gettext_lazy("No plan.")'])
def test_a_sentence_is_found_where_it_is_handed_to_gettext(call: str) -> None:
    assert said_in(f"refuse({call})") == ["No plan."]


@pytest.mark.parametrize("said", ['f"No {plan}."', "sentence", '"No " + plan', "3", ""])
def test_a_sentence_that_is_put_together_at_run_time_is_refused(said: str) -> None:
    with pytest.raises(words.Untranslatable, match=r"plans/shop\.py:2"):
        said_in(f"\nrefuse(_({said}))")


def test_every_sentence_is_translated(entries: dict[str, str]) -> None:
    missing = {
        f"{said.where}: {said.text}" for said in words.sentences() if not entries.get(said.text)
    }

    assert missing == set()


def test_no_translation_is_of_a_sentence_that_nobody_says(entries: dict[str, str]) -> None:
    assert set(entries) - {said.text for said in words.sentences()} == {HEADER}


def test_no_page_says_a_sentence_of_its_own() -> None:
    """Sentences are looked for in code: one that stands in a page would never be translated."""
    pages = (ROOT / "billing" / "templates").rglob("*.html")

    assert [page.name for page in pages if re.search(r"{% (block)?trans", page.read_text())] == []


def test_no_sentence_is_translated_twice() -> None:
    counted = Counter(entry.source for entry in words.entries())

    assert [source for source, times in counted.items() if times > 1] == []


def test_every_translation_fills_in_the_same_facts(entries: dict[str, str]) -> None:
    broken = [
        source
        for source, target in entries.items()
        if Counter(words.PLACEHOLDER.findall(source)) != Counter(words.PLACEHOLDER.findall(target))
    ]

    assert broken == []


def test_every_translation_keeps_what_is_code(entries: dict[str, str]) -> None:
    code = re.compile(r"`[^`]+`")

    assert [s for s, t in entries.items() if not set(code.findall(s)) <= set(code.findall(t))] == []


def test_every_translation_is_chinese_in_words_of_the_glossary(entries: dict[str, str]) -> None:
    bodies = {source: target for source, target in entries.items() if source not in SPELT_ALIKE}

    assert [s for s, t in bodies.items() if s != HEADER and not HAN.search(t)] == []
    assert [t for t in bodies.values() if REFUSED.search(t)] == []


def test_every_sentence_that_ends_goes_on_ending(entries: dict[str, str]) -> None:
    """A refusal is a whole sentence in both languages."""
    endless = [
        source
        for source, target in entries.items()
        if source.endswith((".", "?")) != target.endswith(("。", "\uff1f"))
    ]

    assert endless == []


def test_the_compiled_file_is_the_one_of_the_sentences() -> None:
    assert words.MO.read_bytes() == words.compiled(words.entries())


def test_the_compiled_file_is_one_that_gettext_reads(entries: dict[str, str]) -> None:
    with words.MO.open("rb") as file:
        read = gettext.GNUTranslations(file)

    assert all(
        read.gettext(source) == target for source, target in entries.items() if source != HEADER
    )


def test_renewing_the_file_keeps_every_translation(entries: dict[str, str]) -> None:
    renewed = {entry.source: entry.target for entry in words.entries(words.renewed())}

    assert renewed == entries
    assert words.renewed().startswith("# 灵感")  # with the glossary


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh-CN", SHORT_IN_CHINESE),
        ("zh-Hans", SHORT_IN_CHINESE),
        ("en", SHORT_IN_ENGLISH),
        ("fr", SHORT_IN_ENGLISH),
    ],
)
def test_a_refusal_speaks_the_language_of_its_caller(
    language: str, said: tuple[str, str], settings: Settings
) -> None:
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["kling-v1-6"],
            "concurrency": 1,
        }
    }
    factories.publish_kling()
    ada = factories.new_account("ada", is_sandbox=False)
    factories.give(ada, 3)
    token = tokens.sign("ada", lifetime=timedelta(hours=1), now=datetime.now(UTC))
    order = {
        "model": "kling-v1-6",
        "task": "text_to_video",
        "mode": "std",
        "seconds": 5,
        "inputs": {"prompt": "a red fox"},
    }

    with translation.override("en"):  # the request's language must not outlive this test
        answer = Client().post(
            "/v1/jobs",
            order,
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {token}",
                "Idempotency-Key": "once",
                "Accept-Language": language,
            },
        )

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (402, "insufficient_credits")
    assert (problem["title"], problem["detail"]) == said
    assert (problem["need"], problem["available"], problem["short"]) == ("10", "3", "7")
    assert factories.free_micros(ada) == 3_000_000

"""The table of rules, and what settings may say of it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.alerts import remedies
from billing.alerts.rules import RULES, Rule, RuleCode, read, silence_hours
from config import settings as place

BOOK: Final = Path(settings.BASE_DIR) / "docs" / "operations.md"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.value)
def test_a_rule_is_well_where_it_does_not_bite(rule: Rule) -> None:
    assert rule.bites(rule.bites_at) is not rule.is_low
    assert rule.bites(rule.bites_at - 1) is rule.is_low
    assert rule.is_well(rule.well_at)
    assert not rule.bites(rule.well_at)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.value)
def test_each_rule_has_a_remedy_in_both_books_that_names_the_same_things(rule: Rule) -> None:
    english, chinese = (remedies.section(rule.remedy, one) for one in ("en", "zh-hans"))

    assert english
    assert english != chinese
    assert names_in(chinese) == names_in(english)


def names_in(text: str) -> tuple[list[str], list[str]]:
    """Return the words in code, in any order, and the lines of commands without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return sorted(" ".join(word.split()) for word in re.findall(r"`([^`]+)`", rest)), lines


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.value)
def test_each_rule_stands_in_the_books_table_with_its_bounds(rule: Rule) -> None:
    bounds = rf"^\| `{rule.code.value}` \| {rule.bites_at} \| {rule.well_at} \|.*#{rule.remedy}\)"

    assert re.search(bounds, BOOK.read_text(), re.MULTILINE)


def test_settings_move_a_bound_and_switch_a_rule_off() -> None:
    said = {
        "gpu_success_low": {"bites_at": 60, "well_at": 70, "minutes": 0, "least": 3},
        "webhook_dead": None,
    }

    rules = {rule.code: rule for rule in read(said)}

    moved = rules[RuleCode.GPU_SUCCESS_LOW]
    assert (moved.bites_at, moved.well_at, moved.lasts, moved.least) == (60, 70, timedelta(0), 3)
    assert RuleCode.WEBHOOK_DEAD not in rules
    assert len(rules) == len(RULES) - 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "object"),
        ({"gpu": {}}, "no rule gpu"),
        ({"webhook_dead": 3}, "some of"),
        ({"webhook_dead": {"above": 3}}, "some of"),
        ({"webhook_dead": {"bites_at": "3"}}, "whole numbers"),
        ({"webhook_dead": {"bites_at": True}}, "whole numbers"),
        ({"webhook_dead": {"bites_at": 0}}, "well_at"),
        ({"gpu_success_low": {"well_at": 70}}, "well_at"),
        ({"webhook_dead": {"every_minutes": 0}}, "1 to 1440"),
        ({"webhook_dead": {"every_minutes": -5}}, "1 to 1440"),
        ({"webhook_dead": {"every_minutes": 1441}}, "1 to 1440"),
        ({"webhook_dead": {"minutes": -1}}, "0 to 1440"),
        ({"webhook_dead": {"minutes": 1441}}, "0 to 1440"),
        ({"webhook_dead": {"minutes": 5_256_000}}, "a rule to switch off, by null"),
        ({"webhook_dead": {"least": 0}}, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(said: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(said)


def test_a_day_is_the_longest_that_a_rule_may_wait() -> None:
    [rule] = [
        one for one in read({"webhook_dead": {"minutes": 1440}}) if one.code == "webhook_dead"
    ]

    assert rule.lasts == timedelta(days=1)


@pytest.mark.parametrize("said", [0, -1, 721, 24.0, "24", True, None, []])
def test_a_silence_of_one_person_is_some_whole_hours(said: object) -> None:
    with pytest.raises(ValueError, match="1 to 720 hours"):
        silence_hours(said)


def test_the_service_does_not_start_with_what_cannot_be_and_names_the_setting() -> None:
    for name, understood, said in (
        ("ALERT_RULES", read, '{"webhook_dead": {"minutes": 5256000}}'),
        ("ALERT_SILENCE_HOURS", silence_hours, "100000"),
        ("ALERT_SILENCE_HOURS", silence_hours, "a day"),
    ):
        with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
            place._understood(name, understood, said)

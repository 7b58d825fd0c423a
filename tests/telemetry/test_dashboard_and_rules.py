"""The dashboard and the rules ask for nothing that nobody tells, and each rule says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from billing.alerts import remedies
from billing.facts.reading import FACTS
from billing.telemetry import meters

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = ROOT / "docs" / "operations"
BOARD: Final[dict[str, Any]] = json.loads((PLACE / "grafana" / "linggan.json").read_text())
GROUPS: Final[Any] = yaml.safe_load((PLACE / "prometheus" / "rules.yml").read_text())["groups"]
RULES: Final[list[dict[str, Any]]] = [rule for group in GROUPS for rule in group["rules"]]
SCRAPED: Final[Any] = yaml.safe_load((PLACE / "prometheus" / "prometheus.yml").read_text())
PROMTOOL: Final = shutil.which("promtool")
# What the scrape itself adds to every series.
_ALWAYS: Final = {"instance", "job", "le"}
_NAME: Final = re.compile(r"\b(linggan_\w+)(?:\{([^}]*)\})?")
_ADDED: Final = re.compile(
    r"\b(?:sum|avg|count)(?: by \([^)]*\))? ?\((?:rate\(|increase\()?(linggan_\w+)"
)
# Every process that is asked tells them alike.
_FACTS: Final = {f"{fact.name}_total" if fact.is_count else fact.name for fact in FACTS}
_BY: Final = re.compile(r"\bby \(([^)]*)\)")


def told() -> dict[str, set[str]]:
    """Return every series that is told, with its labels."""
    found: dict[str, set[str]] = {"linggan_facts_up": set(), "linggan_facts_seconds": set()}
    for fact in FACTS:
        found[f"{fact.name}_total" if fact.is_count else fact.name] = set(fact.labels)
    for name, collector in meters.REGISTRY._names_to_collectors.items():
        found[name] = set(collector._labelnames)  # type: ignore[attr-defined]  # every meter has them
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for rule in RULES:
        yield rule["alert"], rule["expr"]


def strange(expression: str, series: Mapping[str, set[str]]) -> list[str]:
    """Return what an expression asks for that nobody tells."""
    wrong, known = list[str](), set(_ALWAYS)
    for name, selected in _NAME.findall(expression):
        if name not in series:
            wrong.append(name)
            continue
        known |= series[name]
        asked = set(re.findall(r"(\w+)\s*[=!]~?", selected))
        wrong += sorted(f"{name}.{label}" for label in asked - series[name])
    by = {label.strip() for labels in _BY.findall(expression) for label in labels.split(",")}
    return wrong + sorted(by - known)


def added(expression: str) -> set[str]:
    """Return the facts that an expression adds up before it has taken what is the same of them."""
    return set(_ADDED.findall(expression)) & _FACTS


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_is_told_with_those_labels(where: str, expression: str) -> None:
    assert strange(expression, told()) == [], where


def test_what_nobody_tells_would_be_seen() -> None:
    series = {"linggan_jobs": {"status"}}

    assert strange('max by (backend) (linggan_jobs{model="x"})', series) == [
        "linggan_jobs.model",
        "backend",
    ]
    assert strange("linggan_gone", series) == ["linggan_gone"]


def test_every_fact_and_every_meter_is_on_the_dashboard() -> None:
    """A figure that nobody shows is one that nobody would miss."""
    shown = " ".join(expression for _where, expression in expressions())
    families = {re.sub(r"_(total|bucket|count|sum|created)$", "", name) for name in told()}

    assert sorted(name for name in families if name not in shown) == []


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_several_tell_alike_is_added_up_by_nobody(where: str, expression: str) -> None:
    assert added(expression) == set(), where


def test_what_is_added_up_would_be_seen() -> None:
    assert added("sum(linggan_jobs) > 3") == {"linggan_jobs"}
    assert added("avg by (state) (rate(linggan_entries_total[5m]))") == {"linggan_entries_total"}
    assert added("sum by (backend) (max by (backend, state) (linggan_attempts_live))") == set()
    assert added("sum(linggan_requests_in_flight)") == set()


@pytest.mark.parametrize("job", ["linggan", "linggan-facts"])
def test_it_is_told_when_a_kind_of_question_is_put_to_nobody(job: str) -> None:
    [rule] = [rule for rule in RULES if rule["alert"] == "LingganNotMeasured"]

    assert f'absent(up{{job="{job}"}})' in rule["expr"]
    assert job in {asked["job_name"] for asked in SCRAPED["scrape_configs"]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_each_rule_says_what_to_do_in_both_languages(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    for language, annotation in (("en", "runbook"), ("zh-hans", "runbook_zh")):
        book, _mark, anchor = said[annotation].partition("#")
        assert book == remedies.book(language)
        assert remedies.section(anchor, language), said[annotation]
    assert rule["labels"]["severity"] in {"critical", "error", "warning"}
    # What a rule names in its sentence is what its alert has.
    named = set(re.findall(r"\$labels\.(\w+)", said["summary"]))
    kept = {label.strip() for labels in _BY.findall(rule["expr"]) for label in labels.split(",")}
    assert named <= kept


def test_the_example_asks_each_process_that_tells_and_web_besides_a_worker_for_the_facts() -> None:
    """Were workers alone asked how things stand, nobody would tell that no worker is left."""
    jobs = {job["metrics_path"]: job for job in SCRAPED["scrape_configs"]}

    [processes] = jobs["/metrics"]["static_configs"]
    [facts] = jobs["/facts"]["static_configs"]
    assert processes["targets"] == ["web:9464", "events:9464", "worker:9464"]
    assert facts["targets"] == ["web:9464", "worker:9464"]
    assert SCRAPED["rule_files"] == ["rules.yml"]


@pytest.mark.skipif(PROMTOOL is None, reason="There is no promtool here (Debian's prometheus).")
def test_the_rules_tell_what_they_shall_when_they_are_played() -> None:
    played = Path(__file__).with_name("rules_played.yml")
    done = subprocess.run(  # noqa: S603 (our own arguments)
        [str(PROMTOOL), "test", "rules", str(played)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_panel_has_a_place_of_its_own() -> None:
    taken = [
        (panel["gridPos"]["x"], panel["gridPos"]["y"])
        for panel in BOARD["panels"]
        if panel["type"] != "row"
    ]
    assert len(set(taken)) == len(taken)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])

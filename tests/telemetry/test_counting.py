"""What processes count: by few words, together, and never twice for what one of them lost."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from prometheus_client import CollectorRegistry, Gauge

from billing.telemetry import meters, scraping
from config import places
from config.embedded import serve
from config.embedded.place import Place
from tests.telemetry.figures import figure

# The words by which series are told apart; one that grows with customers would never end.
FEW: dict[str, str] = {
    "route": "patterns of addresses",
    "method": "methods",
    "status": "classes of status",
    "code": "codes of refusals",
    "task": "names of tasks",
    "outcome": "what came of it",
    "backend": "names of the setting BACKENDS",
    "call": "what backends are asked",
}


def test_series_are_told_apart_by_few_words_alone() -> None:
    labels = {label for meter in meters.REGISTRY.collect() for label in _labels_of(meter.name)}

    assert labels == FEW.keys()


def test_a_request_is_counted_by_the_pattern_of_its_address(db: None) -> None:
    counted = {"route": "v1/jobs/<str:job_id>", "method": "GET", "status": "4xx"}
    before = figure("linggan_requests_total", **counted)
    timed = figure("linggan_request_seconds_count", route=counted["route"])

    Client().get("/v1/jobs/job_of_a_secret_name")

    assert figure("linggan_requests_total", **counted) == before + 1
    assert figure("linggan_request_seconds_count", route=counted["route"]) == timed + 1
    assert figure("linggan_requests_in_flight") == 0
    assert figure("linggan_refusals_total", code="unauthenticated") >= 1


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/nowhere/at/all", ("none", "GET")),
        ("BREW", "/healthz", ("healthz", "other")),
        ("GET", "/admin/billing/job/?q=x", ("admin/", "GET")),
    ],
)
def test_what_a_caller_chooses_makes_no_series(
    db: None, method: str, path: str, named: tuple[str, str]
) -> None:
    Client().generic(method, path)

    known = {
        (sample.labels["route"], sample.labels["method"])
        for meter in meters.REGISTRY.collect()
        for sample in meter.samples
        if sample.name == "linggan_requests_total"
    }
    assert named in known
    assert not any("nowhere" in route or method == "BREW" for route, method in known)
    assert not any(route.startswith("admin/b") for route, _method in known)


def test_a_task_is_done_or_raised_or_what_it_says(subtests: pytest.Subtests) -> None:
    for outcome in ("done", "raised", "failed"):
        with subtests.test(outcome=outcome):
            before = figure("linggan_tasks_total", task="tests.task", outcome=outcome)
            try:
                with meters.working("tests.task"):
                    if outcome == "raised":
                        raise ValueError  # noqa: TRY301 (the task's own)
                    if outcome == "failed":
                        meters.came_to("failed")
            except ValueError:
                assert outcome == "raised"
            assert figure("linggan_tasks_total", task="tests.task", outcome=outcome) == before + 1


def test_outside_of_a_task_nothing_comes_to_anything() -> None:
    meters.came_to("failed")

    before = figure("linggan_tasks_total", task="tests.next", outcome="done")
    with meters.working("tests.next"):
        pass
    assert figure("linggan_tasks_total", task="tests.next", outcome="done") == before + 1


_BROTHER = """
import os, sys
from billing.telemetry import meters
meters.answered(route="v1/jobs", method="POST", status=201, seconds=0.2)
meters.IN_FLIGHT.inc()
print(os.getpid(), flush=True)
sys.stdin.read()
os._exit(0)
"""
_ASK = """
from prometheus_client import generate_latest
from billing.telemetry import meters
print(generate_latest(meters.scraped()).decode())
"""


def test_brothers_are_counted_together_and_the_dead_are_not_at_work(tmp_path: Path) -> None:
    variables = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "made" / "for_it")}

    def start() -> subprocess.Popen[str]:
        brother = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-c", _BROTHER],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert brother.stdout is not None
        brother.stdout.readline()
        return brother

    def ask(name: str) -> list[str]:
        said = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-c", _ASK], env=variables, capture_output=True, text=True, check=True
        ).stdout
        return re.findall(rf"^{name}(?:{{.*}})? (\S+)$", said, re.MULTILINE)

    brothers = [start(), start()]
    assert ask("linggan_requests_total") == ["2.0"]
    assert ask("linggan_requests_in_flight") == ["2.0"]

    brothers[0].communicate("")
    # What it has counted stays; that it was at work does not.
    assert ask("linggan_requests_total") == ["2.0"]
    assert ask("linggan_requests_in_flight") == ["1.0"]
    brothers[1].communicate("")


def test_one_answers_at_the_address_and_another_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "_PATIENCE_SECONDS", 0.05)
    registry = CollectorRegistry()
    Gauge("of_the_facts", "…", registry=registry).set(7)
    told = {"/metrics": meters.scraped, "/facts": lambda: registry}
    first = scraping._Server(("127.0.0.1", 0), told)
    address = ("127.0.0.1", first.server_port)

    follower = scraping.serve(address, lambda: registry)  # the address is taken
    assert follower.is_alive()
    first.server_close()

    base = f"http://127.0.0.1:{address[1]}"
    facts = _got(f"{base}/facts?since=ever")
    assert "of_the_facts 7.0" in facts
    assert "linggan_requests_in_flight" in _got(f"{base}/metrics")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{base}/v1/jobs", timeout=5)  # noqa: S310 (the loopback)


def _got(url: str) -> str:
    for _try in range(100):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (the loopback)
                text: str = answer.read().decode()
                return text
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"Nobody answers at {url}.")


def _labels_of(name: str) -> tuple[str, ...]:
    collector = meters.REGISTRY._names_to_collectors[name]
    labels: tuple[str, ...] = collector._labelnames  # type: ignore[attr-defined]  # every meter has them
    return labels


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", None),
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("worker:9464", ("worker", 9464)),
    ],
)
def test_an_address_is_a_host_and_a_port(written: str, meant: tuple[str, int] | None) -> None:
    assert places.listening(written) == meant


@pytest.mark.parametrize(
    "written", ["9464", ":9464", "worker", "worker:x", "worker:99999", "a:1/b"]
)
def test_anything_else_refuses_to_start(written: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="METRICS_LISTEN"):
        places.listening(written)


def test_a_laptop_counts_together_and_from_nothing_only_if_somebody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setenv("METRICS_LISTEN", "")
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").touch()

    serve._keep_counts(Place(tmp_path))
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == ""
    assert list(folder.iterdir())

    monkeypatch.setenv("METRICS_LISTEN", "127.0.0.1:9464")
    serve._keep_counts(Place(tmp_path))
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(folder)
    assert not folder.exists()

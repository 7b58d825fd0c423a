"""BACKENDS is checked before it is used, and errors name backend and key, never the secret."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from billing.gpu import registry
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.errors import NoBackend, UnknownBackend
from tests.architecture.tree import ROOT

GOOD = {
    "kind": "cog",
    "url": "http://127.0.0.1:5000/",
    "secret": "a-secret-of-16-letters",
    "models": ["kling-v1-6"],
    "concurrency": 3,
}


def test_a_backend_may_make_every_model(settings: Settings) -> None:
    settings.BACKENDS = {"first": GOOD, "all": {**GOOD, "models": ["*"]}}

    assert registry.serving("kling-v1-6", is_sandbox=False) == ["first", "all"]
    assert registry.serving("anything-else", is_sandbox=False) == ["all"]
    assert (registry.models_of("first"), registry.models_of("all")) == (["kling-v1-6"], None)


def test_a_configured_backend_is_found_by_name_and_by_model(settings: Settings) -> None:
    settings.BACKENDS = {"first": GOOD, "second": {**GOOD, "models": ["kling-v1-6", "other"]}}

    assert registry.serving("kling-v1-6", is_sandbox=False)[0] == "first"
    assert registry.serving("other", is_sandbox=False) == ["second"]
    assert registry.concurrency("first") == 3
    assert registry.backend_for("first") == CogBackend(
        base_url="http://127.0.0.1:5000", secret="a-secret-of-16-letters", concurrency=3
    )


def test_a_sandbox_never_reaches_a_backend_that_costs_money(settings: Settings) -> None:
    settings.BACKENDS = {"paid": GOOD, "free": {**GOOD, "sandbox": True}}

    assert registry.serving("kling-v1-6", is_sandbox=True) == ["free"]
    assert registry.serving("kling-v1-6", is_sandbox=False) == ["paid", "free"]


def test_times_have_defaults_that_the_backend_knows_best(settings: Settings) -> None:
    settings.BACKENDS = {
        "plain": GOOD,
        "set": {**GOOD, "deadline_seconds": 60, "absent_grace_seconds": 0},
    }

    assert registry.deadline("plain") == timedelta(minutes=15)
    assert registry.absent_grace("plain") == timedelta(minutes=7)
    assert registry.deadline("set") == timedelta(minutes=1)
    assert registry.absent_grace("set") == timedelta(0)


def test_what_is_not_there_is_refused(settings: Settings) -> None:
    settings.BACKENDS = {"demo": GOOD}

    with pytest.raises(UnknownBackend):
        registry.backend_for("other")
    with pytest.raises(UnknownBackend):
        registry.concurrency("other")
    with pytest.raises(NoBackend) as refusal:
        registry.serving("sora", is_sandbox=False)
    assert refusal.value.facts == {"model": "sora"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "magic"}, "demo.kind: must be one of .*cog"),
        ({"url": "ftp://x"}, "demo.url: .*http"),
        ({"url": "http://"}, "demo.url: .*host"),
        ({"url": "http://user:pw@host"}, "demo.url: .*no user"),
        ({"secret": "short"}, "demo.secret: "),
        ({"models": []}, "demo.models: "),
        ({"models": [""]}, "demo.models"),
        ({"concurrency": 0}, "demo.concurrency: "),
        ({"concurrency": "3"}, "demo.concurrency: "),
        ({"colour": "red"}, "demo.colour: "),
    ],
)
def test_a_wrong_entry_names_backend_and_key(
    settings: Settings, change: dict[str, object], sentence: str
) -> None:
    settings.BACKENDS = {"good": GOOD, "demo": {**GOOD, **change}}

    with pytest.raises(ImproperlyConfigured, match=sentence) as flaw:
        registry.configured()

    assert "good" not in str(flaw.value)
    assert "short" not in str(flaw.value)
    assert "letters" not in str(flaw.value)


def test_all_flaws_are_told_at_once(settings: Settings) -> None:
    settings.BACKENDS = {"a/b": GOOD, "one": {}, "two": {**GOOD, "kind": "x"}}

    with pytest.raises(ImproperlyConfigured) as flaw:
        registry.configured()

    for part in ("a/b: ", "one.kind: ", "one.secret: ", "two.kind: "):
        assert part in str(flaw.value)


def test_a_vendor_calls_a_model_as_the_table_says_the_task_first(settings: Settings) -> None:
    named = {"kling-v1-6": "v1.6", "kling-v1-6/extend": "v1.6-more", "other": "o"}
    settings.BACKENDS = {"table": {**GOOD, "models": named}, "list": GOOD}

    def name(backend: str, model: str, task: str) -> str:
        return registry.vendor_name(backend, model=model, task=task)

    assert name("table", "kling-v1-6", "extend") == "v1.6-more"
    assert name("table", "kling-v1-6", "text_to_video") == "v1.6"
    assert name("list", "kling-v1-6", "extend") == "kling-v1-6"
    assert registry.models_of("table") == ["kling-v1-6", "other"]
    assert registry.serving("other", is_sandbox=False) == ["table"]


def test_an_adapter_is_found_by_its_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "magic"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from billing.gpu.kinds import Kind\nKIND = Kind(build=lambda connection: connection.url)\n"
    )
    seen = (
        f"import billing.gpu.adapters as a; a.__path__.append({str(tmp_path)!r}); "
        "print(sorted(set(a.kinds()) & {'cog', 'magic'}))"
    )

    told = subprocess.run(  # noqa: S603 (our own interpreter and line)
        [sys.executable, "-c", seen], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "['cog', 'magic']"

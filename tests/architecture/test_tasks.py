"""Every task has one name, one home, one queue, and a worker that listens to it."""

import ast
import importlib
import re
from typing import Final

import pytest
import yaml

from billing.outbox.names import QUEUES, TaskName
from config.celery import app, queues
from tests.architecture.tree import ROOT, files, parsed

importlib.import_module("billing.tasks")

OURS: Final = {
    name: task for name, task in app.tasks.items() if task.__module__.startswith("billing.")
}


def homes() -> list[tuple[str, str]]:
    """Return each task name that a decorator of the source gives out, with its file."""
    return [
        (str(path.relative_to(ROOT)), node.attr)
        for path in files("billing")
        for function in ast.walk(parsed(path))
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        for node in ast.walk(decorator)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "TaskName"
    ]


def test_each_name_is_a_task_that_celery_knows() -> None:
    assert set(OURS) == {name.value for name in TaskName}


def test_each_name_is_given_out_once_and_by_a_tasks_file() -> None:
    given = homes()

    assert sorted(name for _file, name in given) == sorted(name.name for name in TaskName)
    assert all(file.endswith("/tasks.py") for file, _name in given)


@pytest.mark.parametrize("name", TaskName)
def test_a_name_begins_with_its_package(name: TaskName) -> None:
    assert OURS[name].__module__ == f"billing.{name.partition('.')[0]}.tasks"


@pytest.mark.parametrize("name", TaskName)
def test_each_task_has_its_queue(name: TaskName) -> None:
    assert app.conf.task_routes[name.value]["queue"] == QUEUES[name]


def test_what_dies_with_its_worker_is_scheduled_again_within_seconds() -> None:
    """All else is acknowledged late, and so is given to another worker."""
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert {name for name, task in OURS.items() if not task.acks_late} == scheduled


def test_what_is_scheduled_is_a_task_and_stands_in_one_file() -> None:
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert scheduled <= {name.value for name in TaskName}
    assert [
        str(path.relative_to(ROOT))
        for path in files("billing", "config", "plans")
        if "beat_schedule" in path.read_text()
    ] == ["config/celery.py"]


def test_each_queue_is_served_on_a_laptop_and_in_production() -> None:
    containers = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    listened = {
        queue
        for container in containers.values()
        for listed in re.findall(r"(?:-Q|--queues)[ =,]*([a-z,]+)", _command(container))
        for queue in listed.split(",")
    }

    assert listened == set(queues())
    assert "queues()" in (ROOT / "config" / "embedded" / "serve.py").read_text()


def _command(container: dict[str, object]) -> str:
    command = container.get("command", "")
    return " ".join(map(str, command)) if isinstance(command, list) else str(command)

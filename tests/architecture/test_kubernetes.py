"""The manifests of a cluster say what the containers of docker-compose.yml say: they cannot drift.

That each is one that a cluster takes, `./run test --static` asks of the schemas themselves.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from config.embedded.environment import nowhere
from tests.architecture.test_compose import COMPOSE, OURS, SERVICES, example

_OPERATIONS: Final = Path(__file__).parents[2] / "docs" / "operations"
_FOLDER: Final = _OPERATIONS / "kubernetes"
_KUSTOMIZATION: Final = yaml.safe_load((_FOLDER / "kustomization.yaml").read_text())
OBJECTS: Final[list[dict[str, Any]]] = [
    one
    for name in _KUSTOMIZATION["resources"]
    for one in yaml.safe_load_all((_FOLDER / name).read_text())
]
WORKLOADS: Final = {
    one["metadata"]["name"]: one for one in OBJECTS if one["kind"] in {"Deployment", "Job"}
}
LASTING: Final = sorted(WORKLOADS.keys() - {"migrate"})


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return found


def container(name: str) -> dict[str, Any]:
    [found] = pod(name)["containers"]
    return dict(found)


def names_of(file: str) -> set[str]:
    """Return the variables that a file of settings names."""
    return set(re.findall(r"^([A-Z_]+)=", (_FOLDER / file).read_text(), re.MULTILINE))


def seconds(said: str) -> int:
    return int(said.removesuffix("s"))


def test_every_manifest_of_the_folder_is_applied() -> None:
    files = {path.name for path in _FOLDER.glob("*.yaml")} - {"kustomization.yaml"}

    assert files == set(_KUSTOMIZATION["resources"])


def test_the_workloads_are_the_containers_but_for_the_servers_and_the_demo() -> None:
    assert WORKLOADS.keys() == SERVICES.keys() - {"postgres", "redis", "replica", "gpu"}


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_workload_runs_the_command_of_its_container(name: str) -> None:
    there = SERVICES[name].get("command")
    here = container(name).get("command")

    assert here == (there and [word.replace("$$", "$") for word in there])


def test_the_workloads_are_told_what_the_containers_are_told() -> None:
    settings, secrets = names_of("settings.env"), names_of("secrets.env.example")
    by_image = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

    assert settings | secrets == SERVICES["web"]["environment"].keys()
    assert not settings & secrets
    assert by_image <= secrets
    for name in OURS:
        sources = [next(iter(one.values()))["name"] for one in container(name)["envFrom"]]
        owner = ["linggan-owner"] if name == "migrate" else []
        assert sources == ["settings", "linggan", *owner]


def test_no_secret_stands_in_a_file() -> None:
    text = (_FOLDER / "secrets.env.example").read_text()

    assert re.findall(r"(?m)^[A-Z_]+=.+$", text) == []
    assert not [one for one in OBJECTS if one["kind"] == "Secret"]
    told = re.findall(r"(?m)^([A-Z_]*(?:SECRET|PASSWORD|PRIVATE|TOKEN)[A-Z_]*)=", text)
    assert not names_of("settings.env") & set(told)


def test_what_is_copied_here_is_what_stands_beside_the_containers() -> None:
    for name in ("pgbouncer", "nginx"):
        file = Path(COMPOSE["configs"][name]["file"]).name
        there = (_OPERATIONS / file).read_text()
        here = (_FOLDER / file).read_text().replace(".linggan.svc.cluster.local", "")
        named = "kube-dns.kube-system.svc.cluster.local"
        here = here.replace(named, "127.0.0.11")
        comments = re.compile(r"(?m)^ *[#;].*\n")
        assert comments.sub("", here) == comments.sub("", there)


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_nothing_runs_as_root_or_writes_its_own_disk(name: str) -> None:
    own, its_pod = container(name)["securityContext"], pod(name)

    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert its_pod["securityContext"]["runAsNonRoot"] is True
    assert its_pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert its_pod["automountServiceAccountToken"] is False
    assert container(name)["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_workload_writes_wherever_its_container_does(name: str) -> None:
    volumes = {one["name"] for one in pod(name)["volumes"] if "emptyDir" in one}
    there = {one["mountPath"] for one in container(name)["volumeMounts"] if one["name"] in volumes}

    assert there >= set(SERVICES[name]["tmpfs"])


@pytest.mark.parametrize("name", LASTING)
def test_a_probe_names_a_host_for_a_pods_own_address_is_answered_400(name: str) -> None:
    probes = [one for key, one in container(name).items() if key.endswith("Probe")]
    asked = [one["httpGet"] for one in probes if "httpGet" in one]

    for one in asked:
        assert one["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


def test_the_service_starts_with_what_the_examples_leave_empty(tmp_path: Path) -> None:
    secrets = dict.fromkeys(names_of("secrets.env.example"), "")
    said = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", (_FOLDER / "settings.env").read_text()))
    required = {name for name, (has_default, _value) in example().items() if not has_default}
    filled_in = {name: value for name, value in nowhere().items() if name in required}

    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=_OPERATIONS.parents[1],
        env={**said, **secrets, **filled_in, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.parametrize("name", LASTING)
def test_who_ends_has_at_least_the_time_that_his_container_has(name: str) -> None:
    there = seconds(SERVICES[name].get("stop_grace_period", "10s"))
    hook = container(name).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
    waits = sum(map(int, re.findall(r"sleep (\d+)", " ".join(hook or []))))

    assert pod(name)["terminationGracePeriodSeconds"] >= max(there, waits)


@pytest.mark.parametrize("name", ["web", "worker", "events", "proxy", "pgbouncer"])
def test_a_rolling_update_takes_none_away_before_another_is_ready(name: str) -> None:
    assert WORKLOADS[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert [
        one
        for one in OBJECTS
        if one["kind"] == "PodDisruptionBudget" and one["metadata"]["name"] == name
    ]


def test_a_lost_database_restarts_no_web_and_a_lost_worker_turns_nobody_away() -> None:
    web = container("web")

    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz?without=redis"
    assert web["readinessProbe"]["timeoutSeconds"] > 1


def test_what_a_scaler_counts_has_no_number_of_its_own() -> None:
    """Each `apply` would bring that number back over the scaler's."""
    scalers = [one["spec"] for one in OBJECTS if one["kind"] == "HorizontalPodAutoscaler"]
    scaled = {one["scaleTargetRef"]["name"] for one in scalers}

    assert scaled == {"web", "worker"}
    for name in LASTING:
        assert ("replicas" in WORKLOADS[name]["spec"]) == (name not in scaled)


def test_every_secret_that_a_workload_reads_is_made_by_the_pasted_lines() -> None:
    told = "\n".join((_FOLDER / name).read_text() for name in _KUSTOMIZATION["resources"])
    read = set(re.findall(r"secret(?:Key)?Ref: \{name: ([a-z-]+)", told))

    assert read == {"linggan", "linggan-owner", "linggan-pooler"}
    for page in ("several-hosts.md", "several-hosts.zh-CN.md"):
        text = (_OPERATIONS / page).read_text()
        assert set(re.findall(r"create secret generic ([a-z-]+) ", text)) == read


def test_a_label_that_something_selects_is_a_workloads() -> None:
    text = "\n".join((_FOLDER / name).read_text() for name in _KUSTOMIZATION["resources"])
    single = set(re.findall(r"app\.kubernetes\.io/component: ([a-z]+)", text))
    listed = re.findall(r"values: \[([a-z, ]+)\]", text)

    assert single | {name for one in listed for name in one.split(", ")} == WORKLOADS.keys()


def test_our_images_are_those_that_compose_builds() -> None:
    tags = {one["name"]: one["newTag"] for one in _KUSTOMIZATION["images"]}

    assert {f"{name}:{tag}" for name, tag in tags.items()} == {
        SERVICES["web"]["image"],
        SERVICES["pgbouncer"]["image"],
    }
    for name in WORKLOADS:
        image = container(name)["image"]
        assert image in tags or image == SERVICES[name]["image"]

"""The containers, checked by reading: `./run test --containers` starts them, where an engine is."""

import ast
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from billing.jobs.events import streaming
from config.celery import queues

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NGINX = ROOT / "docs" / "operations" / "nginx.conf"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ["migrate", "web", "events", "worker", "scheduler"]
# What a service of the compose specification may say, as far as this file needs it: a key with a
# slip of the pen would be refused by an engine, and CI has none to refuse it.
KNOWN_KEYS = {
    *("build", "image", "restart", "init", "read_only", "tmpfs", "cap_drop", "security_opt"),
    *("volumes", "environment", "depends_on", "command", "healthcheck", "ports"),
    *("cap_add", "configs", "profiles", "user", "networks"),
    *("stop_signal", "stop_grace_period", "ulimits"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(:?[-?])?")
# Programs of the database's, the broker's and the proxy's own images.
FOREIGN_PROGRAMS = {
    *("sh", "umask", "printf", "test", "curl", "docker-entrypoint.sh", "redis-cli"),
    *("postgres", "pg_isready", "pgbouncer"),
}


def example() -> dict[str, tuple[bool, str]]:
    """`.env.example` as name → (has a default, what stands there)."""
    lines = re.findall(r"^(#?)([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return {name: (bool(mark), value) for mark, name, value in lines}


def settings_variables() -> dict[str, ast.Call]:
    """Every variable that the settings read, with the call that reads it."""
    found: dict[str, ast.Call] = {}
    for node in ast.walk(ast.parse((ROOT / "config" / "settings.py").read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = ast.unparse(node.func)
        name = node.args[0]
        if re.fullmatch(r"_required|env\.[a-z_]+", called) and isinstance(name, ast.Constant):
            found.setdefault(str(name.value), node)
    return found


def compose_variables() -> dict[str, set[str]]:
    """Every variable of the compose file, with how it says what an unset one means."""
    text = re.sub(r"^\s*#.*$", "", (ROOT / "docker-compose.yml").read_text(), flags=re.MULTILINE)
    found: dict[str, set[str]] = {}
    for name, operator in VARIABLE.findall(text):
        found.setdefault(name, set()).add(operator)
    return found


def commands(service: dict[str, Any]) -> list[list[str]]:
    """Every command line of a service: its own, its health check's, and what its shell runs."""
    lines = [service["command"]] if "command" in service else []
    if "healthcheck" in service:
        kind, *words = service["healthcheck"]["test"]
        assert kind == "CMD", "no shell between the engine and the check"
        lines.append(words)
    for line in list(lines):
        if line[0] == "sh":
            lines += [part.replace("exec ", "").split() for part in line[2].split("&&")]
    return lines


def test_the_services_are_those_of_the_design() -> None:
    ours = ["web", "events", "worker", "scheduler", "gpu"]
    beside = ["pgbouncer", "replica"]  # where they are wanted

    assert list(SERVICES) == ["postgres", "redis", "migrate", *beside, "proxy", *ours]
    assert [name for name, one in SERVICES.items() if "profiles" in one] == beside


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_only_what_the_specification_knows(name: str) -> None:
    service = SERVICES[name]

    assert service.keys() <= KNOWN_KEYS
    assert service.get("healthcheck", {}).keys() <= HEALTH_KEYS
    assert "image" in service
    assert not service["image"].endswith(":latest")
    assert ":" in service["image"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"migrate"}))
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"].keys() >= {"test", "interval", "timeout", "retries"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_services_that_exist(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


def test_nothing_of_ours_starts_before_the_migrations_are_done() -> None:
    for name in ["web", "events", "worker", "scheduler"]:
        how = SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert how == "service_completed_successfully"


@pytest.mark.parametrize("name", SERVICES)
def test_each_commands_first_word_exists(name: str) -> None:
    for line in commands(SERVICES[name]):
        if line[0] == "python":
            assert_python_runs(line[1:])
        else:
            assert line[0] in FOREIGN_PROGRAMS


def assert_python_runs(words: list[str]) -> None:
    """Fail unless these arguments name a module, a command or a program that there is."""
    if words[0] == "-m":
        top = words[1].split(".", maxsplit=1)[0]
        here = ROOT.joinpath(*words[1].split(".")).is_dir()
        assert here or shutil.which(top, path=str(Path(sys.executable).parent))
    elif words[0] == "-c":
        compile(words[1], "a health check", "exec")
    else:
        assert words[0] == "manage.py"
        assert words[1] in get_commands()


def test_the_worker_serves_every_queue() -> None:
    line = SERVICES["worker"]["command"]

    assert set(line[line.index("--queues") + 1].split(",")) == set(queues())


@pytest.mark.parametrize("name", [*OURS, "pgbouncer", "gpu"])
def test_our_containers_have_no_rights_that_they_need_not(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert f"AS {service['build']['target']}" in DOCKERFILE


def test_no_server_of_others_stays_root() -> None:
    """Their images take the rights away on their own way in, which a shell would go past."""
    way_in = "docker-entrypoint.sh"

    assert SERVICES["postgres"]["command"][0] == "postgres"
    assert SERVICES["replica"]["user"] == "postgres"
    assert SERVICES["redis"]["command"][2].startswith(f"exec {way_in} redis-server ")


def test_memory_that_a_container_writes_is_everybodys_also_when_it_starts_again() -> None:
    """The second time, an engine gives it the rights of the folder that the image has there."""
    opened = {"/tmp", *re.findall(r"install -d -m 1777 (\S+)", DOCKERFILE)}  # noqa: S108 (the container's own)

    for name in [*OURS, "pgbouncer"]:
        assert set(SERVICES[name]["tmpfs"]) <= opened, name


def test_only_the_loopback_address_is_opened() -> None:
    opened = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert opened == ["127.0.0.1:8000:8000"]


def test_nobody_reaches_a_web_process_but_through_the_proxy() -> None:
    proxy = SERVICES["proxy"]
    settings = NGINX.read_text()

    assert "ports" not in SERVICES["web"]
    assert proxy["configs"] == [{"source": "nginx", "target": "/etc/nginx/nginx.conf"}]
    assert ROOT / COMPOSE["configs"]["nginx"]["file"] == NGINX
    assert proxy["cap_drop"] == ["ALL"]
    for rule in ["client_header_timeout", "client_body_timeout", "client_max_body_size"]:
        assert re.search(rf"^ +{rule} \w+;", settings, re.MULTILINE), rule
    assert "proxy_request_buffering on;" in settings
    assert "access_log off;" in settings


def test_the_proxy_says_who_asks_and_nobody_but_it_is_believed() -> None:
    [written] = re.findall(r"proxy_set_header X-Forwarded-For (\S+);", NGINX.read_text())

    assert written == "$proxy_add_x_forwarded_for"
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"


def test_the_proxy_sends_streams_past_its_buffers_to_the_process_that_streams() -> None:
    found = re.search(r"location ~ (\S+) \{(.*?)\}", NGINX.read_text(), re.DOTALL)
    assert found is not None
    pattern, rules = found.groups()

    assert re.fullmatch(pattern.strip("^$"), "/v1/jobs/job_01/events")
    assert not re.fullmatch(pattern.strip("^$"), "/v1/jobs/job_01/cancel")
    assert "proxy_buffering off;" in rules
    assert "proxy_pass $events;" in rules
    assert "proxy_set_header" not in rules  # one of its own would lose those of the server
    silence = re.search(r"proxy_read_timeout (\d+)s;", rules)
    assert silence is not None
    assert int(silence[1]) > 2 * streaming.BEAT_SECONDS
    assert "config.asgi" in SERVICES["events"]["command"]
    assert "ports" not in SERVICES["events"]


def test_a_backend_shares_a_network_with_who_gives_it_work_and_who_hears_of_it_alone() -> None:
    assert SERVICES["gpu"]["networks"] == ["backends"]
    beside = {name for name, one in SERVICES.items() if "backends" in one.get("networks", [])}

    assert beside == {"gpu", "web", "worker"}
    assert COMPOSE["networks"].keys() == {"default", "backends"}
    assert SERVICES["web"]["networks"] == SERVICES["worker"]["networks"] == ["default", "backends"]


def test_a_start_publishes_no_catalog_over_one_that_is_there() -> None:
    assert 'load_catalog --if-none "$$CATALOG"' in SERVICES["migrate"]["command"][2]


def test_the_process_that_streams_may_open_a_socket_for_each_listener() -> None:
    listeners = int(example()["EVENTS_LISTENERS_MAX"][1])

    assert SERVICES["events"]["ulimits"]["nofile"] > 2 * listeners


def test_the_proxy_lets_the_largest_callback_through() -> None:
    written = re.findall(r"client_max_body_size (\d+)m;", NGINX.read_text())
    bytes_max = int(example()["OUTPUT_BYTES_MAX"][1])

    assert max(map(int, written)) << 20 > bytes_max // 3 * 4 + (1 << 20)


def test_no_process_writes_the_paths_of_requests_down() -> None:
    started = [DOCKERFILE, *(str(line) for name in OURS for line in commands(SERVICES[name]))]

    assert not any("access-logfile" in line for line in started)


def test_every_volume_is_declared() -> None:
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    }

    assert used == COMPOSE["volumes"].keys()


def test_no_secret_has_a_default_in_the_compose_file() -> None:
    own = ["POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "DEMO_GPU_TOKEN"]
    secrets = ["SECRET_KEY", *own]

    for name in [*secrets, "JWT_ISSUER", "JWT_AUDIENCE"]:
        assert compose_variables()[name] == {":?"}
    for name in ["JWT_PUBLIC_KEY", "JWT_PRIVATE_KEY"]:
        assert f"{name}: ${{{name}:-}}" in (ROOT / "docker-compose.yml").read_text()


def test_every_variable_of_the_compose_file_says_what_unset_means() -> None:
    for name, operators in compose_variables().items():
        assert operators <= {":-", ":?", "-"}, name


def test_the_containers_get_every_setting() -> None:
    # The image itself says where its files are.
    by_image = set(re.findall(r"([A-Z_]+)=/srv/", DOCKERFILE))

    for name in OURS:
        owners = set() if name == "migrate" else {"DATABASE_OWNER_URL"}
        told = SERVICES[name]["environment"].keys() | owners
        assert told | by_image >= settings_variables().keys()


def test_only_the_migrations_reach_the_owner_of_the_tables() -> None:
    for name, service in SERVICES.items():
        told = service.get("environment", {})
        is_owner = "DATABASE_OWNER_URL" in told or "POSTGRES_USER" in told
        assert is_owner == (name in {"postgres", "migrate"})
        assert "linggan_app:" in told.get("DATABASE_URL", "linggan_app:")


def test_the_demo_backends_entry_is_json_once_its_secret_is_set() -> None:
    text = re.sub(r"\$\{[^}]*\}", "s" * 16, SERVICES["web"]["environment"]["BACKENDS"])

    assert json.loads(text)["demo"]["url"] == "http://gpu:5000"
    assert SERVICES["gpu"]["environment"]["PORT"] == "5000"


def test_the_example_lists_exactly_what_is_read() -> None:
    own = {"POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "DEMO_GPU_TOKEN"}

    assert example().keys() == settings_variables().keys() | own
    of_the_bucket = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # its own client reads them
    of_the_collector = {
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"),
        *("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
    }
    others = of_the_bucket | of_the_collector
    assert compose_variables().keys() - others <= example().keys()


def test_the_example_gives_each_default_as_the_settings_have_it() -> None:
    for name, call in settings_variables().items():
        given = [word.value for word in call.keywords if word.arg == "default"]
        has_default, value = example()[name]
        if not given:
            assert (has_default, value) == (False, ""), name
            continue
        assert has_default, name
        try:
            default = ast.literal_eval(given[0])
        except ValueError:
            continue  # worked out from another setting
        if isinstance(default, list):
            default = ",".join(default)
        assert value == ("{}" if default == {} else str(default)), name


def test_every_example_line_has_its_comment() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()

    for before, line in itertools.pairwise(lines):
        if re.match(r"#?[A-Z_]+=", line):
            assert re.match(r"# .", before), line


def test_the_image_is_pinned_hashed_and_not_root() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)

    assert re.search(r"^ARG PYTHON=python:\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert stages[-1] == ("code", "service")
    pinned = {"${PYTHON}", "${POSTGRES}"}
    assert {base for base, _name in stages} <= {*pinned, *(name for _base, name in stages)}
    assert f"ARG POSTGRES={SERVICES['postgres']['image']}\n" in DOCKERFILE
    assert DOCKERFILE.count("pip install") == DOCKERFILE.count("--require-hashes")
    for target, user in [
        ("demo-gpu", "linggan"),
        ("service", "linggan"),
        ("pgbouncer", "postgres"),
    ]:
        body = DOCKERFILE.split(f"AS {target}\n")[1].split("\nFROM ")[0]
        assert f"\nUSER {user}\n" in body


def test_the_settings_load_with_what_the_image_is_built_with() -> None:
    built = DOCKERFILE.split("AS service\n")[1]
    given = dict(re.findall(r"\b([A-Z_]+)=(\S+)", built))
    words = [sys.executable, "manage.py", "collectstatic", "--dry-run", "--no-input", "-v", "0"]

    done = subprocess.run(words, cwd=ROOT, env=given, capture_output=True, text=True, check=False)  # noqa: S603 (our own words)

    assert done.returncode == 0, done.stderr[-500:]


def test_what_is_copied_into_the_image_exists_and_is_let_through() -> None:
    let_through = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert {"billing", "config", "plans", "requirements", "manage.py"} <= set(let_through)
    for path in re.findall(r"^COPY (requirements/\S+)", DOCKERFILE, re.MULTILINE):
        assert (ROOT / path).is_file()

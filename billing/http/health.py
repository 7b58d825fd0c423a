"""Whether this process lives, and whether the service can do its work."""

import functools
import logging
import time
from collections.abc import Mapping
from typing import ClassVar, Final

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import replica
from billing.http import errors
from billing.http.probing import Question

HEARTBEAT_KEY: Final = "worker-heartbeat"  # the worker writes its Unix time there every few seconds
HEARTBEAT_SECONDS_MAX: Final = 30
_BROKER_SECONDS_MAX: Final = 1
Facts = Mapping[str, bool]
_log = logging.getLogger(__name__)
_LEFT_OUT: Final = {"worker": frozenset({"worker"}), "redis": frozenset({"worker", "broker"})}


class LivenessOut(serializers.Serializer[dict[str, str]]):
    """This process answers."""

    status = serializers.CharField()


class ReadinessOut(serializers.Serializer[dict[str, object]]):
    """What the service needs, and whether each is there."""

    status = serializers.CharField()
    checks = serializers.DictField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField(), required=False)


class Healthz(APIView):
    """Liveness: asks nothing but this process, so that a lost database does not restart it."""

    authentication_classes = []
    permission_classes = [AllowAny]
    any_parameters = True  # probes are written by others
    authz: ClassVar = {"GET": "health.read"}
    limit: ClassVar = {"GET": "probes"}

    @extend_schema(responses=LivenessOut, operation_id="healthz", tags=["operation"])
    def get(self, request: Request) -> Response:
        """Say that this process answers."""
        return Response({"status": "ok"})


class Readyz(APIView):
    """Readiness: a database that takes what is written, broker, and a worker that was seen.

    Nothing is remembered from one probe to the next, and none waits longer than a second.
    """

    authentication_classes = []
    permission_classes = [AllowAny]
    any_parameters = True  # probes are written by others
    authz: ClassVar = {"GET": "health.read"}
    limit: ClassVar = {"GET": "probes"}

    @extend_schema(
        responses=ReadinessOut,
        operation_id="readyz",
        tags=["operation"],
        parameters=[
            OpenApiParameter(
                "without",
                {"type": "string", "enum": sorted(_LEFT_OUT)},
                description="Whether this process can take requests. `worker`: orders wait for "
                "workers, so that their absence is no reason to send nobody here. `redis`: nor is "
                "that of what calls them; orders and all reading go on.",
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Say that the service can do its work; 503 names in `checks` what is missing.

        `warnings` names what somebody should look at although the work goes on.
        """
        facts = _found_out()
        for name in (name for name, is_good in facts.items() if not is_good):
            _log.warning("not ready: %s", name)
        left_out = _LEFT_OUT.get(request.query_params.get("without", ""), frozenset())
        asked = [name for name in _CHECKS if name not in left_out]
        checks = {name: "ok" if facts[name] else "failing" for name in asked}
        if set(checks.values()) != {"ok"}:
            raise errors.Unavailable(_("Something that the service needs is away."), checks=checks)
        warnings = [name for name in _WARNINGS if not facts.get(name, True)]
        said = {"warnings": warnings} if warnings else {}
        return Response({"status": "ready", "checks": checks, **said})


def database_facts() -> Facts:
    """Return what the database says of itself; one that does not answer raises."""
    with connection.cursor() as cursor:
        # Also "on" while it follows another server: a primary that became a standby.
        cursor.execute("SHOW transaction_read_only")
        (read_only,) = cursor.fetchone()
    applied = MigrationRecorder(connection).applied_migrations().keys()
    facts = {
        "database": read_only == "off",
        "migrations": applied >= _migrations_of_the_code(),
        "migrations_newer": applied <= _migrations_of_the_code(),
    }
    if facts["migrations"]:  # else there may be no such tables
        facts["breaker_open"] = no_breaker_is_open()
        facts["entries_astray"] = entries_are_in_their_months()
    return facts


def broker_facts() -> Facts:
    """Return whether the broker answers; one that is gone raises."""
    with redis.Redis.from_url(
        settings.CELERY_BROKER_URL,
        socket_timeout=_BROKER_SECONDS_MAX,
        socket_connect_timeout=_BROKER_SECONDS_MAX,
    ) as broker:
        return {"broker": bool(broker.ping())}


def worker_facts() -> Facts:
    """Return whether a worker has lately run its heartbeat task, which comes through the broker."""
    beaten = cache.get(HEARTBEAT_KEY)
    age = None if beaten is None else time.time() - float(beaten)
    return {"worker": age is not None and age <= HEARTBEAT_SECONDS_MAX}


def replica_facts() -> Facts:
    """Return whether reports can be read from the replica, where there is one."""
    if not replica.is_there():
        return {}
    found = replica.look()
    return {"replica_away": not found.is_away, "replica_behind": not found.is_behind}


def entries_are_in_their_months() -> bool:
    """Return whether no process wrote entries by a clock that is months ahead."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM billing_entry_default)")
        (are_astray,) = cursor.fetchone()
    return not are_astray


def no_breaker_is_open() -> bool:
    """Return whether orders get through to every backend, for each of its models."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM billing_breaker WHERE state <> 'closed')")
        (is_any_open,) = cursor.fetchone()
    return not is_any_open


_CHECKS: Final = ("database", "migrations", "broker", "worker")
_WARNINGS: Final = (
    *("breaker_open", "entries_astray", "migrations_newer"),
    *("replica_away", "replica_behind"),
)
# Each with what is known of whoever does not answer.
_QUESTIONS: Final = (
    (Question("database", database_facts), {"database": False, "migrations": False}),
    (Question("broker", broker_facts), {"broker": False}),
    (Question("worker", worker_facts), {"worker": False}),
    (Question("replica", replica_facts), {"replica_away": False}),
)


@functools.cache
def _migrations_of_the_code() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations or {})


def _found_out() -> Facts:
    """Return all that could be found out in time; nothing is good of whoever is silent."""
    _migrations_of_the_code()  # read from this machine, once, before anybody's time runs
    found: dict[str, bool] = {}
    for question, silent, answer in [(one, silent, one.put()) for one, silent in _QUESTIONS]:
        try:
            found.update(answer.heard())
        except (Error, redis.RedisError, OSError, ValueError) as problem:  # TimeoutError is one
            _log.warning("not ready: %s", question.name, exc_info=problem)
            found.update(silent)
    return found

"""Whether this process lives, and whether the service can do its work."""

import logging
import time
from collections.abc import Callable
from typing import ClassVar, Final

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.http import errors

HEARTBEAT_KEY: Final = "worker-heartbeat"  # the worker writes its Unix time there every few seconds
HEARTBEAT_SECONDS_MAX: Final = 30
_BROKER_SECONDS_MAX: Final = 1
_log = logging.getLogger(__name__)


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
    """Readiness: database, broker, and a worker that has lately been seen."""

    authentication_classes = []
    permission_classes = [AllowAny]
    any_parameters = True  # probes are written by others
    authz: ClassVar = {"GET": "health.read"}
    limit: ClassVar = {"GET": "probes"}

    @extend_schema(responses=ReadinessOut, operation_id="readyz", tags=["operation"])
    def get(self, request: Request) -> Response:
        """Say that the service can do its work; 503 names in `checks` what is missing.

        `warnings` names what somebody should look at although the work goes on.
        """
        checks = {
            name: "ok" if _passes(name, check) else "failing" for name, check in _CHECKS.items()
        }
        if set(checks.values()) != {"ok"}:
            raise errors.Unavailable(_("Something that the service needs is away."), checks=checks)
        warnings = [name for name, check in _WARNINGS.items() if not _passes(name, check)]
        said = {"warnings": warnings} if warnings else {}
        return Response({"status": "ready", "checks": checks, **said})


def database_answers() -> bool:
    """Return whether the database takes writes; one that does not answer raises."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only') = 'off'")
        (takes_writes,) = cursor.fetchone()
    return bool(takes_writes)


def broker_answers() -> bool:
    """Return whether the broker answers within a second; one that is gone raises."""
    with redis.Redis.from_url(
        settings.CELERY_BROKER_URL,
        socket_timeout=_BROKER_SECONDS_MAX,
        socket_connect_timeout=_BROKER_SECONDS_MAX,
    ) as broker:
        return bool(broker.ping())


def worker_was_seen() -> bool:
    """Return whether a worker has lately run its heartbeat task, which comes through the broker."""
    beaten = cache.get(HEARTBEAT_KEY)
    return beaten is not None and time.time() - float(beaten) <= HEARTBEAT_SECONDS_MAX


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


_CHECKS: Final[dict[str, Callable[[], bool]]] = {
    "database": database_answers,
    "broker": broker_answers,
    "worker": worker_was_seen,
}
_WARNINGS: Final[dict[str, Callable[[], bool]]] = {
    "breaker_open": no_breaker_is_open,
    "entries_astray": entries_are_in_their_months,
}


def _passes(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (Error, redis.RedisError, OSError, ValueError) as exc:
        _log.warning("not ready: %s", name, exc_info=exc)
        return False

"""Counts in Redis, in one step that nothing comes between; says so when nobody can count."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Final

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing.http.quotas import Quota

# What a request waits for a silent Redis, once in a while; everyone else does not wait at all.
_TIMEOUT_SECONDS: Final = 0.5
_SILENCE_SECONDS: Final = 2.0
_MICROS: Final = 1_000_000
# The generic cell rate algorithm. Each quota is one number: the instant at which all of its units
# are back. All quotas admit the request, or none of them is charged.
# KEYS: one for each quota. ARGV: for each, its units and the microseconds after which one of them
# is back. Returns for each: whether it admits, what is left, microseconds until one more is there.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local refilled, admitted = {}, true
for place, key in ipairs(KEYS) do
  local units, step = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
  local at = tonumber(redis.call('GET', key) or now)
  -- A clock that was set back must not lock anybody out for longer than a full quota does.
  refilled[place] = math.min(math.max(at, now), now + units * step)
  admitted = admitted and refilled[place] + step <= now + units * step
end
local counts = {}
for place, key in ipairs(KEYS) do
  local units, step = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
  local admits = refilled[place] + step <= now + units * step
  if admitted then
    refilled[place] = refilled[place] + step
    local lasts = math.ceil((refilled[place] - now) / 1000)
    redis.call('SET', key, string.format('%.0f', refilled[place]), 'PX', lasts)
  end
  local left = math.floor((now + units * step - refilled[place]) / step)
  local wait = refilled[place] - now - (units - left - 1) * step
  counts[place] = {admits and 1 or 0, left, math.max(wait, 0)}
end
return counts
"""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Counter:
    """One quota of one subject.

    Attributes:
        policy: what the quota is called towards callers.
        key: where it is kept.
    """

    policy: str
    key: str
    quota: Quota


@dataclass(frozen=True)
class Count:
    """How a quota stands after a request.

    Attributes:
        admits: whether there was a unit left for the request.
        left: how many are left now.
        wait_seconds: after which one more is there, at least 1.
    """

    policy: str
    quota: Quota
    admits: bool
    left: int
    wait_seconds: int


class Uncounted(Exception):
    """Redis does not answer, or has no room: nobody can say how many there were."""


class _Breaker:
    """Lets one request at a time find out whether Redis is back; the others go on at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False
        self._silent_until = 0.0

    def admits(self) -> bool:
        """Say whether to ask Redis now."""
        if not self._is_open:
            return True
        with self._lock:
            if monotonic() < self._silent_until:
                return False
            self._silent_until = monotonic() + _SILENCE_SECONDS
            return True

    def failed(self, problem: Exception) -> None:
        """Ask nothing for a while; say so once."""
        with self._lock:
            is_new, self._is_open = not self._is_open, True
            self._silent_until = monotonic() + _SILENCE_SECONDS
        if is_new:
            _log.error("limits_are_not_counted", problem=type(problem).__name__)

    def answered(self) -> None:
        """Ask again for every request."""
        if self._is_open:
            with self._lock:
                self._is_open = False
            _log.info("limits_are_counted_again")


class _Redis:
    """One process's connections to one Redis, and what is known of its health."""

    def __init__(self, url: str) -> None:
        self.breaker = _Breaker()
        client = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self.script = client.register_script(_SCRIPT)


_redis_at = cache(_Redis)


def spend(counters: Sequence[Counter]) -> list[Count]:
    """Return how each quota stands after one more request; refused by one, none is charged.

    Raises:
        Uncounted: Redis cannot be asked. After the first failure nobody waits for it.
    """
    place = _redis_at(settings.REDIS_URL)
    if not place.breaker.admits():
        raise Uncounted
    arguments = [word for one in counters for word in (one.quota.units, _step_of(one.quota))]
    try:
        counts = place.script(keys=[one.key for one in counters], args=arguments)
    except (redis.RedisError, OSError) as problem:
        place.breaker.failed(problem)
        raise Uncounted from problem
    place.breaker.answered()
    return [
        Count(one.policy, one.quota, bool(admits), left, max(1, math.ceil(wait / _MICROS)))
        for one, (admits, left, wait) in zip(counters, counts, strict=True)
    ]


def _step_of(quota: Quota) -> int:
    """Return after how many microseconds one unit is back."""
    return max(1, quota.window_seconds * _MICROS // quota.units)

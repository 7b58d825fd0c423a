"""The doorbell: a word by Redis that a job has changed. It may be missed: the hub looks anyway."""

import asyncio
from typing import Final

import redis.asyncio
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from billing.jobs.events.hub import Hub
from billing.jobs.names import JOBS_TOPIC

_AGAIN_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


async def answer(hub: Hub) -> None:
    """Ring the hub for each job that is named, for as long as the process lives.

    While Redis is away nobody is told an error, and events come up to a second later.
    """
    is_deaf = False
    while True:
        try:
            async with (
                redis.asyncio.from_url(
                    settings.REDIS_URL,
                    socket_connect_timeout=2,
                    socket_timeout=None,  # silence is no fault
                    socket_keepalive=True,
                    health_check_interval=15,
                ) as broker,
                broker.pubsub(ignore_subscribe_messages=True) as door,
            ):
                await door.subscribe(JOBS_TOPIC)
                is_deaf = False
                async for message in door.listen():
                    hub.ring(message["data"].decode(errors="replace"))
        except (RedisError, OSError) as problem:
            if not is_deaf:
                _log.warning("doorbell_is_deaf", problem=type(problem).__name__)
            is_deaf = True
        await asyncio.sleep(_AGAIN_SECONDS)

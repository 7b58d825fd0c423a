"""How the service's databases are reached: what each connection has, whatever it is for."""

from typing import Any

# A server that is gone without a word is noticed within half a minute, not after two hours: what
# was sent is acknowledged, or the connection is dead. It has nothing to do with slow statements.
_SILENCE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}


def database(
    read: dict[str, Any], *, seconds_kept: int, session_options: str, plans_once: bool
) -> dict[str, Any]:
    """Return the settings of a database.

    Args:
        read: what its address says.
        seconds_kept: how long a process keeps a connection for its next request.
        session_options: what each session starts with; empty: what its role has.
        plans_once: what `plans.asking` asks a second time is planned once a connection.
    """
    limits = {
        "connect_timeout": 5,
        "options": session_options,
        "prepare_threshold": 1 if plans_once else None,
        **_SILENCE,
    }
    return {
        **read,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": seconds_kept,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # safe behind PgBouncer in transaction mode
        "OPTIONS": {**limits, **read.get("OPTIONS", {})},
    }

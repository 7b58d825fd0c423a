"""What the settings read when processes are cut off; it is known before they are loaded."""

import os
from pathlib import Path

from tests.servers import UNLIMITED, Servers


def set_up(folder: Path, servers: Servers) -> None:
    """Set this process's variables."""
    (folder / "static").mkdir()
    os.environ.update(
        DATABASE_URL=servers.postgres.url,
        REDIS_URL=servers.valkey.url,
        MEDIA_ROOT=str(folder / "media"),
        STATIC_ROOT=str(folder / "static"),
        LIMITS=UNLIMITED,
        WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8",
        DJANGO_SETTINGS_MODULE="config.settings",
    )

"""How a person writes since when: 30d, 12h, a date or an instant. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"([1-9][0-9]{0,4})([dh])")


def read_since(written: str, *, now: datetime) -> datetime:
    """Return the instant that is meant.

    Raises:
        ValueError: none is; the message is for its author.
    """
    return read_ago(written, now=now) or read_instant(written)


def read_ago(written: str, *, now: datetime) -> datetime | None:
    """Return the instant so many days or hours before now; None: it is not written like that."""
    ago = _AGO.fullmatch(written)
    if ago is None:
        return None
    number = int(ago.group(1))
    return now - (timedelta(days=number) if ago.group(2) == "d" else timedelta(hours=number))


def read_instant(written: str) -> datetime:
    """Return the instant that is meant; without an offset it is in UTC.

    Raises:
        ValueError: none is; the message is for its author.
    """
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError("Write 30d, 12h, a date or an instant.") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)

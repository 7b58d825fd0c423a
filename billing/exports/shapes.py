"""What may be asked of a table: from which day, to which day, and whether Excel shall read it."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from billing.http import errors

_EARLIEST, _LATEST = date(2000, 1, 1), date(2999, 12, 31)
_DAY: Final = {"type": "string", "format": "date", "pattern": r"^2\d{3}-\d{2}-\d{2}$"}
PARAMETERS: Final = [
    OpenApiParameter("from", _DAY, description="The first day, by the account's zone."),
    OpenApiParameter(
        "to", _DAY, description="The last day, by the account's zone; not before the first."
    ),
    OpenApiParameter(
        "bom",
        str,
        enum=["0", "1"],
        description="1: begin with the mark by which Excel knows UTF-8.",
    ),
]


def read_days(parameters: Mapping[str, str], zone: str) -> tuple[datetime | None, datetime | None]:
    """Return the instants at which the first day begins and the last one is over.

    Raises:
        Malformed: a day is none, or the last comes before the first.
    """
    first, last = _day(parameters, "from"), _day(parameters, "to")
    if first is not None and last is not None and last < first:
        raise errors.Malformed(_("`to` comes before `from`."), parameter="to")
    place = ZoneInfo(zone)
    since = None if first is None else datetime.combine(first, time.min, place)
    until = None if last is None else datetime.combine(last + timedelta(days=1), time.min, place)
    return since, until


def read_bom(parameters: Mapping[str, str]) -> bool:
    """Return whether the mark is wanted.

    Raises:
        Malformed: it says something else than 0 or 1.
    """
    said = parameters.get("bom", "0")
    if said not in {"0", "1"}:
        raise errors.Malformed(_("`bom` is 0 or 1."), parameter="bom")
    return said == "1"


def _day(parameters: Mapping[str, str], name: str) -> date | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or not _EARLIEST <= day <= _LATEST:
        raise errors.Malformed(
            _("`%(name)s` is a day such as 2026-11-23.") % {"name": name}, parameter=name
        )
    return day

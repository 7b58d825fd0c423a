"""Lists in pages: a signed cursor names the last row seen, so new rows shift nothing."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from billing.http import errors

PARAMETERS: Final = ("limit", "cursor")
LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
_DIGITS_MAX: Final = 3
_CURSOR_LENGTH_MAX: Final = 256
_Row = TypeVar("_Row", bound=Model)


def page(
    queryset: QuerySet[_Row],
    request: Request,
    serializer: type[BaseSerializer[Any]],
    *,
    by: str = "pk",
    at: str = "",
) -> dict[str, Any]:
    """Return `{"data": [...], "next": cursor or None}`, newest first.

    Ids sort by the moment in which they were made, so a row that arrives between two pages
    stands before both: no row is seen twice, none is left out.

    Args:
        queryset: already narrowed to what the caller may see.
        by: a column that is unique in it and grows with time: a text id, a sequence number.
        at: an instant that comes first, where the unique column does not grow with time.
        request: may say `limit` and `cursor`.
        serializer: gives one row its shape.

    Raises:
        Malformed: `limit` or `cursor` is not one of ours.
    """
    limit = _limit(request.query_params.get("limit"))
    name = queryset.model._meta.label_lower  # noqa: SLF001 (public by documentation)
    signer = signing.Signer(salt=f"cursor:{name}:{at or by}")
    rows = queryset.order_by(*(f"-{column}" for column in (at, by) if column))
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        rows = rows.filter(_after(_last_seen(signer, cursor), by=by, at=at))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return {
        "data": serializer(shown, many=True, context={"request": request, "listed": True}).data,
        "next": signer.sign_object(_name_of(shown[-1], by=by, at=at))
        if len(found) > limit
        else None,
    }


def _name_of(row: Model, *, by: str, at: str) -> Any:  # noqa: ANN401 (what a cursor holds)
    """Return what a cursor says of the last row that was shown."""
    return [getattr(row, at).isoformat(), getattr(row, by)] if at else getattr(row, by)


def _after(last: Any, *, by: str, at: str) -> Q:  # noqa: ANN401 (as above)
    """Return which rows stand after the last one that was shown."""
    if not at:
        return Q(**{f"{by}__lt": last})
    instant, key = last
    return Q(**{f"{at}__lt": instant}) | Q(**{at: instant, f"{by}__lt": key})


def named(names: Sequence[str], request: Request, *, name: str) -> tuple[list[str], str | None]:
    """Return a page of names that sort as they stand, the last first, and its next cursor.

    Args:
        names: without repeats; each sorts after those that follow it.
        name: of the list, which no other list's cursor opens.

    Raises:
        Malformed: `limit` or `cursor` is not one of ours.
    """
    limit = _limit(request.query_params.get("limit"))
    signer = signing.Signer(salt=f"cursor:{name}")
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        last = str(_last_seen(signer, cursor))
        names = [one for one in names if one < last]
    shown = list(names[:limit])
    return shown, signer.sign_object(shown[-1]) if len(names) > limit else None


def _limit(given: str | None) -> int:
    if given is None:
        return LIMIT_DEFAULT
    is_number = given.isascii() and given.isdecimal() and len(given) <= _DIGITS_MAX
    if not is_number or not 1 <= int(given) <= LIMIT_MAX:
        raise errors.Malformed(
            _("`limit` is a number from 1 to %(most)d.") % {"most": LIMIT_MAX}, parameter="limit"
        )
    return int(given)


def _last_seen(signer: signing.Signer, cursor: str) -> Any:  # noqa: ANN401 (as above)
    try:
        last = signer.unsign_object(cursor[:_CURSOR_LENGTH_MAX])
    except signing.BadSignature:
        raise errors.Malformed(
            _("`cursor` is not one that this list gave out."), parameter="cursor"
        ) from None
    return last

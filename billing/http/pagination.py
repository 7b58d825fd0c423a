"""Lists in pages: a signed cursor names the last row seen, so new rows shift nothing."""

from typing import Any, Final, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from billing.http import errors

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
) -> dict[str, Any]:
    """Return `{"data": [...], "next": cursor or None}`, newest first.

    Ids sort by the moment in which they were made, so a row that arrives between two pages
    stands before both: no row is seen twice, none is left out.

    Args:
        queryset: already narrowed to what the caller may see.
        by: a column that is unique in it and grows with time: a text id, a sequence number.
        request: may say `limit` and `cursor`.
        serializer: gives one row its shape.

    Raises:
        Malformed: `limit` or `cursor` is not one of ours.
    """
    limit = _limit(request.query_params.get("limit"))
    name = queryset.model._meta.label_lower  # noqa: SLF001 (public by documentation)
    signer = signing.Signer(salt=f"cursor:{name}:{by}")
    rows = queryset.order_by(f"-{by}")
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        rows = rows.filter(**{f"{by}__lt": _last_seen(signer, cursor)})
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return {
        "data": serializer(shown, many=True, context={"request": request, "listed": True}).data,
        "next": signer.sign_object(getattr(shown[-1], by)) if len(found) > limit else None,
    }


def _limit(given: str | None) -> int:
    if given is None:
        return LIMIT_DEFAULT
    is_number = given.isascii() and given.isdecimal() and len(given) <= _DIGITS_MAX
    if not is_number or not 1 <= int(given) <= LIMIT_MAX:
        raise errors.Malformed(
            _("`limit` is a number from 1 to %(most)d.") % {"most": LIMIT_MAX}, parameter="limit"
        )
    return int(given)


def _last_seen(signer: signing.Signer, cursor: str) -> str | int:
    try:
        last: str | int = signer.unsign_object(cursor[:_CURSOR_LENGTH_MAX])
    except signing.BadSignature:
        raise errors.Malformed(
            _("`cursor` is not one that this list gave out."), parameter="cursor"
        ) from None
    return last

"""How an organization is told what its members use."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from billing.accounts.members import Organization
from billing.http import errors, parsing
from plans.credits import format_micros

_KEYS: Final = ("member", "day", "model")
_WAYS: Final = [
    ",".join(keys) for count in (1, 2, 3) for keys in itertools.permutations(_KEYS, count)
]
USAGE_PARAMETERS: Final = [
    OpenApiParameter(
        "group_by",
        {"type": "string", "enum": _WAYS},
        description="Of member, day and model, with commas; member if left out.",
    ),
    OpenApiParameter("since", OpenApiTypes.DATETIME, description="Ordered from then on."),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="Ordered before then."),
]


class UsageRowOut(serializers.Serializer[Any]):
    """What was ordered of the pool, in one group."""

    member = serializers.CharField(
        required=False, allow_null=True, help_text="External id; null: the account itself."
    )
    membership = serializers.CharField(required=False, allow_null=True)
    day = serializers.DateField(required=False, help_text="On the organization's calendar.")
    model = serializers.CharField(required=False)
    orders = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    held = serializers.CharField()
    charged = serializers.CharField()


class UsageOut(serializers.Serializer[Any]):
    """All groups, in their order."""

    data = UsageRowOut(many=True)  # type: ignore[assignment]  # the contract's name for it


def read_usage(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return by what, since when and until when to sum.

    Raises:
        Malformed: a key is none of ours, or an instant is none.
    """
    keys = parameters.get("group_by", "member").split(",")
    if not set(keys) <= set(_KEYS) or len(set(keys)) != len(keys):
        raise errors.Malformed(
            _("`group_by` takes %(known)s.") % {"known": ", ".join(_KEYS)}, parameter="group_by"
        )
    return {"by": keys, **{name: _instant(parameters, name) for name in ("since", "until")}}


def usage_body(rows: Iterable[Mapping[str, Any]], organization: Organization) -> list[object]:
    """Return the sums as they are told, members by their external ids."""
    names = dict(organization.memberships.values_list("pk", "account__external_id"))
    told: list[object] = []
    for row in rows:
        group: dict[str, Any] = {
            name: row[f"by_{name}"] for name in ("day", "model") if f"by_{name}" in row
        }
        if "by_member" in row:
            membership = row["by_member"]
            group |= {"member": names.get(membership), "membership": membership}
        told.append(
            {
                **group,
                "orders": row["orders"],
                "succeeded": row["succeeded"],
                "held": format_micros(row["held_micros"]),
                "charged": format_micros(row["charged_micros"]),
            }
        )
    return told


def _instant(parameters: Mapping[str, str], name: str) -> datetime | None:
    text = parameters.get(name)
    if text is None:
        return None
    instant = parsing.read_instant(text)
    if instant is None:
        raise errors.Malformed(
            _("`%(name)s` is an instant such as 2026-11-23T12:00:00Z.") % {"name": name},
            parameter=name,
        )
    return instant

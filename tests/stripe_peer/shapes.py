"""The fields that Stripe's own description of an object says may be null."""

import types
from typing import Any, Union, get_args, get_origin

from stripe import StripeObject

from tests.stripe_peer.listing import included_fields


def _nullable(resource: type[StripeObject]) -> tuple[str, ...]:
    annotations: dict[str, Any] = resource.__annotations__
    return tuple(
        name
        for name, hint in annotations.items()
        if get_origin(hint) in (Union, types.UnionType)
        and type(None) in get_args(hint)
        and name != "deleted"
    )


def nulls(resource: type[StripeObject]) -> dict[str, Any]:
    """Return each nullable field of an object as null, but those that `expand` must ask for."""
    kind = getattr(resource, "OBJECT_NAME", "")
    asked_for = included_fields(kind)
    return {name: None for name in _nullable(resource) if name not in asked_for}

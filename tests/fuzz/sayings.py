"""What stands in requests that mean something: by place, and for operations that need more."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

# What somebody owns, by kind: `job_id` where a parameter has that name; `spare …` is used up.
Things: TypeAlias = dict[str, list[str]]

ORDER: Final = {"model": "m", "task": "text_to_video", "inputs": {"prompt": "a kite"}}
_HOME: Final = "https://platform.example/home"
_PAGES: Final = {"success_url": _HOME, "cancel_url": _HOME}
_HOOK: Final = "/v1/webhook-endpoints/{endpoint_id}"
_MEMBER: Final = "/v1/organizations/{organization_id}/members/{membership_id}"
# Which things an operation uses up, or changes so that they are of no use to the others.
_USED: Final = {
    f"DELETE {_HOOK} path.endpoint_id": "spare endpoint_id",
    f"PATCH {_HOOK} path.endpoint_id": "spare endpoint_id",
    f"DELETE {_MEMBER} path.membership_id": "spare membership_id",
    f"PATCH {_MEMBER} path.membership_id": "spare membership_id",
    "DELETE /v1/test-clocks/{clock_id} path.clock_id": "spare clock_id",
    "POST /v1/invitations/{membership_id}/accept path.membership_id": "spare invitation",
    "POST /v1/invitations/{membership_id}/decline path.membership_id": "spare invitation",
    "GET /v1/outputs/{token} path.token": "film",
    "GET /v1/outputs/{token}/thumbnail path.token": "picture",
}


def said(things: Things) -> Mapping[str, list[Any]]:
    """Return what their owner says of operations; see `plan.Person`."""
    named = {place: things[kind] for place, kind in _USED.items() if kind in things}
    refunds = [
        {"purchase": one, "rule": rule, "reason": "fuzz"}
        for one in things.get("purchase", ())
        for rule in ("goodwill", "cooling_off")
    ]
    year = {"plan": "pro", "interval": "P1Y", "when": "period_end"}
    seats = {"plan": "team", "interval": "P1M", "seats": 200, "when": "period_end"}
    late = [{"accounts": [name]} for name in things.get("spare account", ())]
    return named | {
        "POST /v1/quotes body": [ORDER, None],
        "POST /v1/jobs body": [ORDER, None, None],
        "POST /v1/test-clocks/{clock_id}/accounts body": [*late, None],
        "POST /v1/checkout-sessions body": [{"pack": "hundred", "quantity": 1, **_PAGES}, None],
        "POST /v1/refunds body": [*refunds, None] if refunds else [None],
        # What ends at once is over for all others that ask as this role.
        "POST /v1/subscription/cancel body": [{"when": "period_end"}],
        "POST /v1/subscription/change body": [year, seats, None],
        "POST /v1/subscription/preview body": [year, seats, None],
    }


def values(
    all_of: Callable[[str], list[str]], *, codes: Sequence[str], accounts: Sequence[str], home: str
) -> Mapping[str, list[str]]:
    """Return what may stand at each place of any operation.

    Args:
        all_of: gives everybody's things of a kind.
    """
    now = datetime.now(UTC)
    this_month, named = f"{now:%Y-%m}", list(accounts)
    return {
        "path.code": list(codes[:4]),
        "path.external_id": named,
        "path.month": [this_month, "2026-01"],
        "query.month": [this_month],
        "query.group_by": ["day", "member", "day,model"],
        "query.model": ["m"],
        "query.from": ["2026-01-01", f"{now:%Y-%m-%d}"],
        "query.to": [f"{now:%Y-%m-%d}", "2999-12-31"],
        "query.token": all_of("stream"),
        "body.account": named,
        "body.to": named,
        "body.code": list(codes),
        "body.credits": ["1", "0.5", "100000000"],
        "body.expires_at": [f"{now + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"],
        "body.plan": ["free", "pro", "team"],
        "body.interval": ["P1M", "P1Y"],
        "body.pack": ["hundred", "later"],
        "body.purchase": all_of("purchase"),
        "body.success_url": [home],
        "body.cancel_url": [home],
        "body.return_url": [home],
        "body.url": ["https://platform.example/hook"],
        "body.model": ["m"],
        "body.task": ["text_to_video"],
        "body.mode": ["std", "pro"],
        "body.resolution": ["720p"],
        "body.lane": ["standard"],
        "body.quote": all_of("quote"),
        "body.parent": all_of("job_id"),
        "body.max_credits": ["100"],
        "body.threshold": ["50"],
        "body.by": ["P1D", "PT1H"],
        "body.reason": ["customer_request", "goodwill"],
        "body.source": ["goodwill"],
    }

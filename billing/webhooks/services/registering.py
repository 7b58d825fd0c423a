"""Endpoints are made, changed, switched off and on, and deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models.functions import Coalesce

from billing import egress
from billing.accounts.models import Account
from billing.transactions import require_transaction
from billing.webhooks import gateway, signing
from billing.webhooks.errors import EndpointDeleted, EndpointDisabled, TooManyEndpoints, UrlRefused
from billing.webhooks.event_types import EventType
from billing.webhooks.models import Endpoint, EventCounter
from billing.webhooks.services import turning

ENDPOINTS_MAX: Final = 10
# An old signature stays valid for so long, for receivers to learn the new secret.
_ROTATION: Final = timedelta(hours=24)


def create_endpoint(
    *,
    account: Account | None,
    url: str,
    events: Sequence[str] = (),
    is_sandbox: bool = False,
    now: datetime,
) -> Endpoint:
    """An endpoint exists and is told of what happens from now on.

    Its secret is sealed in `secret_sealed`; `signing.unseal` opens it, to be shown this once.

    Args:
        account: whose events; None for everybody's, which only operators make.
        url: https; for `account` None also what `WEBHOOK_ALLOWED_CIDRS` opens, by http too.
        events: the types it wants; none means all.
        is_sandbox: which side's events, when `account` is None; otherwise the account says.
        now: the real instant.

    Raises:
        UrlRefused: `url` is nothing that we would call.
        TooManyEndpoints: the account has ten.
    """
    require_transaction("webhooks.create_endpoint")
    _check_url(url, account)
    _require_room(account)
    return Endpoint.objects.create(
        account=account,
        is_sandbox=is_sandbox if account is None else account.is_sandbox,
        url=url,
        events=_sorted(events),
        secret_sealed=signing.seal(signing.new_secret()),
        created_at=now,
    )


def change_endpoint(
    endpoint: Endpoint,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    is_enabled: bool | None = None,
    now: datetime,
) -> Endpoint:
    """The endpoint is as was asked; what is None stays. A repeat changes nothing.

    Switched off, it is told nothing, and what is on its way dies when its turn comes. Switched
    on again, it is told of what happens from now on; `replay` sends what it has missed.

    Args:
        url: as for `create_endpoint`. How promptly the old one answered says nothing of it.

    Raises:
        EndpointDeleted: its owner has deleted it.
        UrlRefused: `url` is nothing that we would call.
        TooManyEndpoints: the account has ten others that are switched on.
    """
    require_transaction("webhooks.change_endpoint")
    endpoint = turning.lock(endpoint.pk)
    if endpoint.disabled_reason == Endpoint.DisabledReason.DELETED:
        raise EndpointDeleted
    if url is not None and url != endpoint.url:
        _check_url(url, endpoint.account)
        endpoint.url, endpoint.prompt_from = url, None
    if events is not None:
        endpoint.events = _sorted(events)
    if is_enabled is True and endpoint.disabled_at is not None:
        _require_room(endpoint.account)
        endpoint.disabled_at, endpoint.disabled_reason = None, Endpoint.DisabledReason.NONE
    if is_enabled is False and endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = now, Endpoint.DisabledReason.PAUSED
    endpoint.save(update_fields=["url", "prompt_from", "events", "disabled_at", "disabled_reason"])
    return endpoint


def rotate_secret(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    """Messages bear a new signature from now on, and the old one too for a day.

    The new secret is sealed in `secret_sealed`, to be shown this once.

    Raises:
        EndpointDisabled: nothing is sent to it any more.
    """
    require_transaction("webhooks.rotate_secret")
    endpoint = turning.lock(endpoint.pk)
    if endpoint.disabled_at is not None:
        raise EndpointDisabled
    endpoint.previous_secret_sealed = endpoint.secret_sealed
    endpoint.previous_until = now + _ROTATION
    endpoint.secret_sealed = signing.seal(signing.new_secret())
    endpoint.save(update_fields=["previous_secret_sealed", "previous_until", "secret_sealed"])
    return endpoint


def delete_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    """The endpoint is told nothing any more; what was on its way dies. A repeat changes nothing."""
    Endpoint.objects.filter(pk=endpoint.pk).update(
        disabled_at=Coalesce("disabled_at", now), disabled_reason=Endpoint.DisabledReason.DELETED
    )


def _check_url(url: str, account: Account | None) -> None:
    try:
        egress.check_url(url, gateway.policy(for_platform=account is None))
    except ValueError as reason:
        raise UrlRefused(str(reason)) from None


def _sorted(events: Sequence[str]) -> list[str]:
    unknown = set(events) - set(EventType)
    assert not unknown, f"the edge lets no unknown type through: {unknown}"
    return sorted(set(events))


def _require_room(account: Account | None) -> None:
    """Raise `TooManyEndpoints` when the account has its fill; holds its counter's row.

    The lock keeps two requests at once from both being the tenth.
    """
    if account is None:
        return
    EventCounter.objects.get_or_create(account=account)
    EventCounter.objects.select_for_update().get(account=account)
    if Endpoint.objects.filter(account=account, disabled_at=None).count() >= ENDPOINTS_MAX:
        raise TooManyEndpoints(limit=ENDPOINTS_MAX)

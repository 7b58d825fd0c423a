"""Credits by hand: requested by one person, approved or refused by another."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.corrections.errors import AboveMaximum, InvalidCorrection
from billing.corrections.models import Adjustment
from billing.corrections.services import counting
from billing.corrections.services.executing import Movement, execute, require_enough, would_move
from billing.corrections.services.permitting import (
    REQUESTS_LAST,
    require_decidable,
    require_permission,
    require_reason,
    require_withdrawable,
)
from billing.http.errors import IdempotencyMismatch
from billing.ids import new_id
from billing.ledger import selectors as ledger
from billing.ledger import services as wallets
from plans import selectors as plans
from plans.catalog.corrections import Corrections


@transaction.atomic(durable=True)
def request_adjustment(  # noqa: PLR0913 (a request has as many facts)
    *,
    account: Account,
    amount_micros: int,
    reason: str,
    text: str,
    requester: User,
    key: str,
    grant_ids: Sequence[str] = (),
    as_debt: bool = False,
    now: datetime,
) -> Adjustment:
    """An adjustment waits for another person; up to `approval_above` it is executed at once.

    A repeat with the same key changes nothing and returns the first.

    Args:
        amount_micros: above zero it is given, below zero it is taken.
        reason: a code of the catalog's corrections; `text` explains it.
        key: one adjustment has one.
        grant_ids: what it is taken from, in this order; none: as the catalog burns.
        as_debt: what is not free is owed; else the request is refused then, and the approval
            where it is free no longer.

    Raises:
        Forbidden: he may not request adjustments.
        InvalidCorrection: no such reason, no explanation, or grants that are not the account's.
        AboveMaximum: beyond what one adjustment may move.
        IdempotencyMismatch: the key has another adjustment.
        NotEnoughToTake: less is free than is to be taken, and the rest may not be owed.
        DayCapReached, AmountOutOfRange: as `approve_adjustment`, when it is executed at once.
    """
    require_permission(requester, "request_adjustment")
    published = plans.current()
    terms = published.catalog.corrections
    wanted = Adjustment(
        id=new_id("adj"),
        key=key,
        account=account,
        catalog_version_id=published.version_id,
        amount_micros=amount_micros,
        grant_ids=[*grant_ids],
        as_debt=as_debt,
        reason=reason,
        text=text.strip(),
        alone_max_micros=terms.approval_above_micros,
        requester=requester,
        requested_at=now,
        expires_at=now + REQUESTS_LAST,
    )
    _require_sense(wanted, terms)
    Adjustment.objects.bulk_create([wanted], ignore_conflicts=True)  # the first of its key stands
    adjustment = _lock(key=key)
    if adjustment.pk != wanted.pk:
        return _same(adjustment, wanted)
    if abs(amount_micros) <= adjustment.alone_max_micros:
        execute(adjustment, approver=None, now=now)
    else:
        _look(adjustment)
    return adjustment


@transaction.atomic(durable=True)
def preview_adjustment(
    *,
    account: Account,
    amount_micros: int,
    reason: str,
    text: str,
    requester: User | None,
    grant_ids: Sequence[str] = (),
    as_debt: bool = False,
    now: datetime,
) -> Movement:
    """Return what the request would ask for; it is refused as that would be. Nothing is written.

    Args:
        requester: None: whoever it will be; then nothing is said of what he may.

    Raises:
        Forbidden, InvalidCorrection, AboveMaximum, NotEnoughToTake, DayCapReached: as
            `request_adjustment`.
    """
    published = plans.current()
    wanted = Adjustment(
        key="preview",
        account=account,
        amount_micros=amount_micros,
        grant_ids=[*grant_ids],
        as_debt=as_debt,
        reason=reason,
        text=text.strip(),
        alone_max_micros=published.catalog.corrections.approval_above_micros,
    )
    if requester is not None:
        require_permission(requester, "request_adjustment")
    _require_sense(wanted, published.catalog.corrections)
    movement = _look(wanted)
    if requester is not None and abs(amount_micros) <= wanted.alone_max_micros:
        counting.require_room(
            requester,
            amount_micros=abs(amount_micros),
            is_sandbox=account.is_sandbox,
            catalog=published.catalog,
            now=now,
        )
    return movement


@transaction.atomic(durable=True)
def look_at_adjustment(*, adjustment_id: str) -> Movement:
    """Return what the adjustment would move if it were approved now. Nothing is written.

    What is not free stands in `owed_micros`; where that may not be, the approval is refused.
    """
    adjustment = _lock(pk=adjustment_id)
    catalog = plans.current().catalog
    locked = wallets.lock_wallet(adjustment.account, catalog=catalog)
    return would_move(locked, adjustment, catalog=catalog)


@transaction.atomic(durable=True)
def approve_adjustment(*, adjustment_id: str, approver: User, now: datetime) -> Adjustment:
    """The credits have moved, in this very transaction. A repeat of his changes nothing.

    Raises:
        Forbidden: he may not approve adjustments.
        Decided: it was decided on by another, or its time is over.
        OwnRequest: he has requested it himself.
        DayCapReached: it is more than he, or who requested it, may move on one day.
        NotEnoughToTake: less is free than is to be taken, and the rest may not be owed.
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_permission(approver, "approve_adjustment")
    adjustment = _lock(pk=adjustment_id)
    if adjustment.state == Adjustment.State.EXECUTED and adjustment.approver_id == approver.pk:
        return adjustment
    require_decidable(adjustment, by=approver, now=now)
    execute(adjustment, approver=approver, now=now)
    return adjustment


@transaction.atomic(durable=True)
def refuse_adjustment(*, adjustment_id: str, approver: User, now: datetime) -> Adjustment:
    """Nothing moves, now or ever. A repeat by the same person changes nothing.

    Raises:
        Forbidden, Decided, OwnRequest: as for an approval.
    """
    require_permission(approver, "approve_adjustment")
    adjustment = _lock(pk=adjustment_id)
    if adjustment.state == Adjustment.State.REFUSED and adjustment.approver_id == approver.pk:
        return adjustment
    require_decidable(adjustment, by=approver, now=now, refusing=True)
    adjustment.state = Adjustment.State.REFUSED
    adjustment.approver = approver
    adjustment.decided_at = now
    adjustment.save(update_fields=["state", "approver", "decided_at"])
    return adjustment


@transaction.atomic(durable=True)
def withdraw_adjustment(*, adjustment_id: str, requester: User, now: datetime) -> Adjustment:
    """Who has requested it has taken that back: nothing moves. A repeat changes nothing.

    Raises:
        NotYourRequest: another has requested it.
        Decided: it was decided on, or has expired.
    """
    adjustment = _lock(pk=adjustment_id)
    if adjustment.state == Adjustment.State.WITHDRAWN and adjustment.requester_id == requester.pk:
        return adjustment
    require_withdrawable(adjustment, by=requester)
    adjustment.state = Adjustment.State.WITHDRAWN
    adjustment.decided_at = now
    adjustment.save(update_fields=["state", "decided_at"])
    return adjustment


def _lock(**which: str) -> Adjustment:
    rows = Adjustment.objects.select_for_update(of=("self",)).select_related("account", "requester")
    return rows.get(**which)


def _look(adjustment: Adjustment) -> Movement:
    """Return what it would move by now.

    Raises:
        NotEnoughToTake: less is free than is to be taken, and the rest may not be owed.
    """
    catalog = plans.current().catalog
    locked = wallets.lock_wallet(adjustment.account, catalog=catalog)
    movement = would_move(locked, adjustment, catalog=catalog)
    require_enough(adjustment, movement)
    return movement


def _require_sense(wanted: Adjustment, terms: Corrections) -> None:
    require_reason(terms, key=wanted.key, reason=wanted.reason, text=wanted.text)
    _require_amount(wanted.amount_micros, max_micros=terms.adjustment_max_micros)
    _require_grants(wanted.account, wanted.amount_micros, wanted.grant_ids, as_debt=wanted.as_debt)


def _require_amount(amount_micros: int, *, max_micros: int) -> None:
    if amount_micros == 0:
        raise InvalidCorrection(_("An adjustment gives or takes something."), field="amount_micros")
    if abs(amount_micros) > max_micros:
        raise AboveMaximum(max_micros=max_micros)


def _require_grants(
    account: Account, amount_micros: int, grant_ids: Sequence[str], *, as_debt: bool
) -> None:
    if amount_micros > 0 and (grant_ids or as_debt):
        raise InvalidCorrection(
            _("Only what takes credits names grants, or lets a rest be owed."),
            field="grant_ids" if grant_ids else "as_debt",
        )
    if as_debt and len(grant_ids) > 1:
        # What was spent of a grant is owed once; of a shared rest nobody could say whose it is.
        raise InvalidCorrection(
            _("A rest can be owed of one grant: name one, and request the others by themselves."),
            field="grant_ids",
        )
    if len(set(grant_ids)) < len(grant_ids):
        raise InvalidCorrection(_("A grant is named twice."), field="grant_ids")
    known = ledger.own_grants(account, grant_ids)
    strange = [one for one in grant_ids if one not in known]
    if strange:
        raise InvalidCorrection(
            _("The account has no such grants: %(grants)s.") % {"grants": ", ".join(strange)},
            field="grant_ids",
        )


def _same(first: Adjustment, wanted: Adjustment) -> Adjustment:
    """Return the first adjustment of a key, where it is the one that is wanted again."""
    facts = ("account_id", "amount_micros", "grant_ids", "as_debt", "reason", "text")
    if any(getattr(first, name) != getattr(wanted, name) for name in facts):
        raise IdempotencyMismatch(_("This key has another adjustment; take a new one."))
    if first.requester_id != wanted.requester_id:
        raise IdempotencyMismatch(_("This key has another adjustment; take a new one."))
    return first

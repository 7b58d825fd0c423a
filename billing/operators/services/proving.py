"""The second step of coming in: a code of a device, or one on paper."""

import logging
from datetime import datetime
from typing import Final

from cryptography.fernet import InvalidToken
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing import sealing
from billing.ids import new_id
from billing.operators import codes
from billing.operators.addresses import Address
from billing.operators.errors import TooManyTries, WrongCode
from billing.operators.models import AccessRecord, Authenticator, RecoveryCode
from billing.operators.selectors import SALT
from billing.operators.services import counting
from billing.operators.services.noting import note, record

_TRIES_MAX: Final = 5
_log = logging.getLogger(__name__)
Kind = AccessRecord.Kind


@transaction.atomic(durable=True)
def offer(*, operator: User, now: datetime) -> None:
    """An operator without a second factor has a fresh secret to set one up with.

    Fresh each time that he has given his password: what somebody else was shown opens nothing. One
    who has his second factor keeps it.
    """
    authenticator = _locked(operator)
    if authenticator is None:
        _make(operator, codes.new_secret(), now=now)
    elif authenticator.confirmed_at is None:
        authenticator.sealed_secret = sealing.seal(codes.new_secret(), salt=SALT)
        authenticator.made_at = now
        authenticator.save(update_fields=["sealed_secret", "made_at"])


def enrol(*, operator: User, typed: str, address: Address | None, now: datetime) -> list[str]:
    """His device is his second factor, and he is in; return the codes on paper.

    Nobody reads those again.

    Raises:
        TooManyTries: five codes were wrong in a quarter of an hour.
        WrongCode: it is not the one that the device shows, or nothing was offered.
    """
    _count(operator, address=address, now=now)
    made = _confirm(operator, codes.plain_of(typed), address=address, now=now)
    if made is None:
        raise _wrong()
    _forget(operator, now=now)
    return made


@transaction.atomic(durable=True)
def enrol_with(*, operator: User, secret: str, now: datetime) -> None:
    """The secret is his second factor, unless he has one: for a laptop's first operator."""
    if _locked(operator) is not None:
        return
    authenticator = _make(operator, secret, now=now)
    authenticator.confirmed_at = now
    authenticator.save(update_fields=["confirmed_at"])
    record(Kind.ENROLLED, operator=operator, now=now)


def prove(
    *, operator: User, typed: str, kind: Kind, address: Address | None, now: datetime
) -> Authenticator:
    """The operator has typed a code that counts, and that counts no more; return what it is of.

    Args:
        kind: what he proves himself for: signing in, or confirming.

    Raises:
        TooManyTries: five codes were wrong in a quarter of an hour.
        WrongCode: it is none of his, too old, or used before.
    """
    _count(operator, address=address, now=now)
    authenticator = _judge(operator, codes.plain_of(typed), kind, address=address, now=now)
    if authenticator is None:
        raise _wrong()
    _forget(operator, now=now)
    return authenticator


@transaction.atomic(durable=True)
def renew_recovery_codes(*, operator: User, address: Address | None, now: datetime) -> list[str]:
    """The codes on paper are others now; return them. The former ones open nothing any more.

    Raises:
        WrongCode: he has no second factor.
    """
    authenticator = _locked(operator)
    if authenticator is None or authenticator.confirmed_at is None:
        raise _wrong()
    return _write_sheet(authenticator, operator, address=address, now=now)


@transaction.atomic(durable=True)
def _judge(
    operator: User, plain: str, kind: Kind, *, address: Address | None, now: datetime
) -> Authenticator | None:
    """Use the code up under the lock, so that of two who type it at once only one comes in."""
    authenticator = _locked(operator)
    if authenticator is None or authenticator.confirmed_at is None:
        is_right = False
    elif codes.is_of_a_device(plain):
        is_right = _takes_step(authenticator, plain, now=now)
    else:
        is_right = _takes_from_sheet(authenticator, plain, now=now)
        if is_right:
            record(Kind.RECOVERY_CODE_USED, operator=operator, address=address, now=now)
    outcome = kind if is_right else Kind.CODE_REFUSED
    record(outcome, operator=operator, address=address, now=now)
    return authenticator if is_right else None


@transaction.atomic(durable=True)
def _confirm(
    operator: User, plain: str, *, address: Address | None, now: datetime
) -> list[str] | None:
    authenticator = _locked(operator)
    if (
        authenticator is None
        or authenticator.confirmed_at is not None
        or not _takes_step(authenticator, plain, now=now)
    ):
        record(Kind.CODE_REFUSED, operator=operator, address=address, now=now)
        return None
    authenticator.confirmed_at = now
    authenticator.save(update_fields=["confirmed_at"])
    record(Kind.ENROLLED, operator=operator, address=address, now=now)
    record(Kind.SIGNED_IN, operator=operator, address=address, now=now)
    return _write_sheet(authenticator, operator, address=address, now=now)


def _locked(operator: User) -> Authenticator | None:
    """Lock the operator, for he may have none yet; return his second factor."""
    User.objects.select_for_update(no_key=True).get(pk=operator.pk)
    return Authenticator.objects.filter(operator=operator).first()


def _make(operator: User, secret: str, *, now: datetime) -> Authenticator:
    return Authenticator.objects.create(
        id=new_id("otp"),
        operator=operator,
        sealed_secret=sealing.seal(secret, salt=SALT),
        made_at=now,
    )


def _takes_step(authenticator: Authenticator, plain: str, *, now: datetime) -> bool:
    """Say whether a device's code counts; if so it counts no more."""
    try:
        secret = sealing.opened(authenticator.sealed_secret, salt=SALT)
    except InvalidToken:
        _log.warning("a second factor is sealed by a key that is here no more")
        return False
    step = codes.step_of(secret, plain, now=now, after=authenticator.last_step)
    if step is None:
        return False
    authenticator.last_step = step
    # Sealed anew by the present key: a former one is needed only until its last use.
    authenticator.sealed_secret = sealing.seal(secret, salt=SALT)
    authenticator.save(update_fields=["last_step", "sealed_secret"])
    return True


def _takes_from_sheet(authenticator: Authenticator, plain: str, *, now: datetime) -> bool:
    """Say whether a code on paper counts; if so it counts no more."""
    unused = RecoveryCode.objects.filter(
        authenticator=authenticator, digest=codes.digest_of(plain), used_at=None
    )
    return unused.update(used_at=now) == 1


def _write_sheet(
    authenticator: Authenticator, operator: User, *, address: Address | None, now: datetime
) -> list[str]:
    sheet = codes.new_recovery_codes()
    RecoveryCode.objects.filter(authenticator=authenticator).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(authenticator=authenticator, digest=codes.digest_of(code), made_at=now)
        for code in sheet
    )
    record(Kind.RECOVERY_CODES_MADE, operator=operator, address=address, now=now)
    return sheet


def _limits(operator: User) -> list[counting.Limit]:
    # Whoever types codes has given the password: no stranger can shut the operator out by this.
    return [counting.limit("code", str(operator.pk), _TRIES_MAX)]


def _count(operator: User, *, address: Address | None, now: datetime) -> None:
    over = counting.take(_limits(operator), now=now)
    if over <= 0:
        return
    if over == 1:
        note(Kind.LOCKED_OUT, operator=operator, address=address, now=now)
    raise TooManyTries(
        _("Too many tries. Wait a quarter of an hour; until then a right one counts neither.")
    )


def _forget(operator: User, *, now: datetime) -> None:
    counting.give_back(forget=_limits(operator), now=now)


def _wrong() -> WrongCode:
    return WrongCode(_("That code does not count: it is wrong, too old, or used before."))

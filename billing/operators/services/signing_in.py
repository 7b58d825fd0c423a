"""The first step of coming in: a name and its password."""

from datetime import datetime
from typing import Final

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from billing.operators.addresses import Address
from billing.operators.errors import SignInRefused, TooManyTries
from billing.operators.models import AccessRecord
from billing.operators.services import counting
from billing.operators.services.counting import Limit
from billing.operators.services.noting import note
from billing.operators.services.proving import offer

# One person who errs; one operator whom many addresses try; one address that tries many.
_OF_ONE_AT_ONE: Final = 5
_OF_ONE: Final = 20
_AT_ONE: Final = 50


def check_password(*, name: str, password: str, address: Address | None, now: datetime) -> User:
    """Return the operator; he is not in yet, for his code is still to come.

    Who has no second factor has a fresh secret to set one up with.

    A name that nobody has is answered as a wrong password is, after as long a while: for it, too,
    a hash is made, its tries are counted and a record is written.

    Raises:
        TooManyTries: this one would be the sixth here in a quarter of an hour, the twenty-first of
            this name anywhere, or the fifty-first of this address.
        SignInRefused: the name, the password or the person is wrong.
    """
    here, *elsewhere = _limits(name, address)
    over = counting.take([here, *elsewhere], now=now)
    if over > 0:
        if over == 1:  # a flood fills no table
            note(AccessRecord.Kind.LOCKED_OUT, operator=_known(name), address=address, now=now)
        raise TooManyTries(
            _("Too many tries. Wait a quarter of an hour; until then a right one counts neither.")
        )
    user = authenticate(username=name, password=password)
    if not isinstance(user, User) or not user.is_staff:
        note(AccessRecord.Kind.PASSWORD_REFUSED, operator=_known(name), address=address, now=now)
        raise SignInRefused(_("That name and password open nothing here."))
    counting.give_back(forget=[here], lower=elsewhere, now=now)
    offer(operator=user, now=now)
    return user


def _limits(name: str, address: Address | None) -> list[Limit]:
    return [
        counting.limit("name and address", f"{name}\n{address}", _OF_ONE_AT_ONE),
        counting.limit("name", name, _OF_ONE),
        counting.limit("address", str(address), _AT_ONE),
    ]


def _known(name: str) -> User | None:
    return User.objects.filter(username=name, is_staff=True).first()

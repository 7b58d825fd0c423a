"""How many members a subscription is for: what may be sold, and changing it in a period."""

from typing import Final

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.journal import SYSTEM
from billing.ledger.services import Cause, LockedWallet
from billing.subscriptions import selectors
from billing.subscriptions.errors import FewerSeatsThanMembers, SeatsOutOfRange
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import coming
from billing.subscriptions.services.telling import tell
from billing.transactions import require_transaction
from plans.catalog.offers import Plan

SEATS_MAX: Final = 10_000  # of a plan that names no most


def seats_of(plan: Plan, account: Account, wished: int | None, *, before: int | None) -> int | None:
    """Return how many seats are sold; None: no seats.

    As many as are wished, or else as before, or the fewest that hold the members.

    Only organizations have seats; a person on a plan for several has what one seat has.

    Raises:
        SeatsOutOfRange: it is not sold so.
        FewerSeatsThanMembers: the organization has more members.
    """
    if account.is_person or not plan.is_by_seats:
        if wished is not None:
            raise SeatsOutOfRange(plan=plan.code, least=0, most=0)
        return None
    least, most = plan.seats_min or 1, plan.seats_max or max(SEATS_MAX, plan.seats_min or 1)
    members = accounts.members_of(account)
    seats = min(max(before or least, members, least), most) if wished is None else wished
    if not least <= seats <= most:
        raise SeatsOutOfRange(plan=plan.code, least=least, most=most)
    if members > seats:
        raise FewerSeatsThanMembers(members=members, seats=seats)
    return seats


def change_seats(locked: LockedWallet, subscription: Subscription, seats: int) -> LockedWallet:
    """The subscription is for so many seats from now on; return the wallet to go on with.

    What more seats bring of the windows under way comes at once; fewer count from the next
    window on. Counted units go by the seats of the moment. A repeat changes nothing.
    """
    require_transaction("subscriptions.change_seats")
    if seats == subscription.seats:
        return locked
    each_micros = selectors.renewal_of_one(subscription)
    subscription.seats = seats
    if each_micros is not None:
        subscription.renewal_micros = each_micros * selectors.seats_in_price(subscription)
    subscription.save(update_fields=["seats", "renewal_micros"])
    given = selectors.given_by(subscription)
    locked = coming.go_on(locked, subscription, given)
    cause = Cause("subscription", subscription.pk)
    ledger.enlarge_windows(locked, cause=cause, actor=SYSTEM)
    tell(subscription, "subscription.changed", now=locked.now)
    return locked

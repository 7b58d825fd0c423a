"""What was paid, asked and agreed: reads of payments; a foreign row looks absent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from billing.accounts.models import Account
from billing.http import problems
from billing.payments.models import Checkout, Contract, Invoice, Purchase, Refund, StripeEvent

# Stripe makes a period's bill when it begins, and collects it an hour later.
_COLLECTED_AFTER: Final = timedelta(hours=1, minutes=1)
_DEAD = ("incomplete", "incomplete_expired", "canceled")


def checkout(account: Account, checkout_id: str) -> Checkout:
    """Return a checkout of the account.

    Raises:
        NotFound: absent, or another's.
    """
    found = Checkout.objects.filter(account=account, pk=checkout_id).first()
    if found is None:
        raise problems.absent()
    return found


def living_contract(account: Account) -> Contract | None:
    """Return the contract by which Stripe collects from the account; None: there is none."""
    living = Contract.objects.filter(account=account, ended_at=None)
    return living.exclude(status__in=_DEAD).order_by("-id").first()


def latest_contract(account: Account) -> Contract | None:
    """Return the contract that was collected by last, dead or alive; None: there was none."""
    return Contract.objects.filter(account=account).order_by("-id").first()


def pay_url(contract: Contract) -> str:
    """Return the page on which the open bill of a contract is paid; "": none is open."""
    open_ones = Invoice.objects.filter(contract=contract, status=Invoice.Status.OPEN)
    found = open_ones.order_by("-created_at").values_list("page_url", flat=True).first()
    return found or ""


def had_trial(account: Account) -> bool:
    """Say whether the account ever had a trial."""
    return Contract.objects.filter(account=account, trial_ends_at__isnull=False).exists()


def has_paid_for_plan(account: Account, plan: str) -> bool:
    """Say whether the account ever paid for a period of the plan."""
    return Purchase.objects.filter(
        account=account, kind=Purchase.Kind.PLAN, amount_micros__gt=0, contract__plan=plan
    ).exists()


def open_pages_for_plans(account_id: str) -> QuerySet[Checkout]:
    """Return the account's pages on which a plan can still be paid."""
    return Checkout.objects.filter(
        account=account_id, kind=Checkout.Kind.PLAN, state=Checkout.State.OPEN
    ).order_by("id")


def unapplied(*, since: datetime, until: datetime) -> QuerySet[StripeEvent]:
    """Return the events that came in that time and were not applied, the oldest first."""
    return StripeEvent.objects.filter(
        applied_at=None, received_at__gte=since, received_at__lte=until
    ).order_by("received_at", "id")


def chosen_events(*, ids: Sequence[str], since: datetime | None, is_unapplied: bool) -> list[str]:
    """Return these events, those that came since then, and all that were never applied."""
    wanted = Q(pk__in=ids)
    if since is not None:
        wanted |= Q(received_at__gte=since)
    if is_unapplied:
        wanted |= Q(applied_at=None)
    found = StripeEvent.objects.filter(wanted).order_by("received_at", "id")
    return list(found.values_list("pk", flat=True))


def purchases(account: Account) -> QuerySet[Purchase]:
    """Return what the account has paid."""
    return Purchase.objects.filter(account=account)


def own_purchase_id(account: Account, ref: str) -> str:
    """Return the id of a purchase of the account, by its own or by its pack purchase's.

    Raises:
        NotFound: absent, or another's.
    """
    own = purchases(account)
    found = own.filter(pk=ref).first() or own.filter(pack_purchase=ref).first()
    if found is None:
        raise problems.absent()
    return found.pk


def refunds(account: Account) -> QuerySet[Refund]:
    """Return what went back to the account, is to go, or was asked for."""
    return Refund.objects.filter(purchase__account=account).select_related("purchase")


def stripe_acts_at(account_ids: Sequence[str]) -> list[tuple[str, datetime]]:
    """Return when Stripe does something by itself for accounts that live by a test clock."""
    open_ones = Contract.objects.filter(
        account__in=account_ids, account__customer__lives_by_clock=True, ended_at=None
    )
    found: list[tuple[str, datetime]] = []
    for one in open_ones:
        ends = [end for end in (one.period_ends_at, one.trial_ends_at) if end is not None]
        told = (one.next_attempt_at, one.cancel_at, one.changes_at)
        instants = [*ends, *(end + _COLLECTED_AFTER for end in ends)]
        instants += [at for at in told if at is not None]
        found.extend((one.account_id, at) for at in instants)
    return found

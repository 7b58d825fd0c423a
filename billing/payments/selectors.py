"""What was paid, asked and agreed: reads of payments; a foreign row looks absent."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.http import problems
from billing.packs.models import PackPurchase
from billing.payments.models import (
    Checkout,
    Contract,
    Customer,
    Invoice,
    Purchase,
    Refund,
    StripeEvent,
)
from plans import periods
from plans import selectors as plans

# How long before something ends who pays is written to.
WRITTEN_BEFORE: Final = timedelta(days=3)
# Stripe makes a period's bill when it begins, and collects it an hour later.
_COLLECTED_AFTER: Final = timedelta(hours=1, minutes=1)
_SETTLED: Final = (Invoice.Status.PAID, Invoice.Status.VOID)
_DEAD = ("incomplete", "incomplete_expired", "canceled")
_AT_FIRST_PRICE: Final = Q(kind=Checkout.Kind.PACK) & ~Q(
    amount_micros=F("quantity") * F("renewal_micros")
)


def checkout(account: Account, checkout_id: str) -> Checkout:
    """Return a checkout of the account.

    Raises:
        NotFound: absent, or another's.
    """
    found = Checkout.objects.filter(account=account, pk=checkout_id).first()
    if found is None:
        raise problems.absent()
    return found


def checkout_at_stripe(account: Account, stripe_id: str) -> Checkout | None:
    """Return the account's checkout that is paid on this page of Stripe's; None: there is none."""
    return Checkout.objects.filter(account=account, stripe_id=stripe_id).first()


def invoices(account: Account) -> QuerySet[Invoice]:
    """Return what the account was billed, the newest first; drafts, which nobody pays, are not."""
    rows = Invoice.objects.filter(account=account).exclude(status=Invoice.Status.DRAFT)
    return rows.order_by("-created_at", "-stripe_id")


def living_contract(account: Account) -> Contract | None:
    """Return the contract by which Stripe collects from the account; None: there is none."""
    return living_contracts(account.pk).order_by("-id").first()


def living_contracts(account_id: str) -> QuerySet[Contract]:
    """Return the contracts by which Stripe collects from the account; there should be one."""
    living = Contract.objects.filter(account=account_id, ended_at=None, superseded_at=None)
    return living.exclude(status__in=_DEAD)


def latest_contract(account: Account) -> Contract | None:
    """Return the contract that was collected by last, dead or alive; None: there was none."""
    own = Contract.objects.filter(account=account, superseded_at=None)
    return own.order_by("-id").first()


def pay_url(contract: Contract) -> str:
    """Return the page on which the open bill of a contract is paid; "": none is open."""
    open_ones = Invoice.objects.filter(contract=contract, status=Invoice.Status.OPEN)
    found = open_ones.order_by("-created_at").values_list("page_url", flat=True).first()
    return found or ""


def had_trial(account: Account) -> bool:
    """Say whether the account's person ever had a trial, with it or with another account."""
    tried = Contract.objects.filter(superseded_at=None, trial_ends_at__isnull=False)
    return tried.filter(account__in=accounts.same_person(account)).exists()


def has_paid_for_plan(account: Account, plan: str) -> bool:
    """Say whether the account ever paid for a period of the plan, and not in vain."""
    return (
        Purchase.objects.filter(
            account=account, kind=Purchase.Kind.PLAN, amount_micros__gt=0, contract__plan=plan
        )
        .exclude(subscription=None)
        .exists()
    )


def without_address(stripe_ids: Iterable[str]) -> list[str]:
    """Return which of these customers of ours have no e-mail address here."""
    known = Customer.objects.filter(stripe_id__in=set(stripe_ids) - {""}, email="")
    return sorted(known.values_list("stripe_id", flat=True))


def earlier_rivals(checkout: Checkout) -> QuerySet[Checkout]:
    """Return the pages that were asked for before this one, and are not to be paid beside it."""
    return _rivals(checkout).filter(state=Checkout.State.OPEN, pk__lt=checkout.pk)


def later_rivals(checkout: Checkout) -> QuerySet[Checkout]:
    """Return those that were asked for after it, and may be paid."""
    under_way = [Checkout.State.ASKED, Checkout.State.OPEN]
    return _rivals(checkout).filter(state__in=under_way, pk__gt=checkout.pk)


def pages_at_a_first_price_that_was_had(*, before: datetime) -> QuerySet[Checkout]:
    """Return the pages of before then that sell at a first price what was paid for meanwhile."""
    paid = PackPurchase.objects.filter(
        account=OuterRef("account"), pack=OuterRef("code"), paid_micros__gt=0
    )
    open_ones = Checkout.objects.filter(state=Checkout.State.OPEN, created_at__lte=before)
    return open_ones.filter(_AT_FIRST_PRICE, Exists(paid))


def _rivals(checkout: Checkout) -> QuerySet[Checkout]:
    """Return of which pages one at most is to be paid: of plans; of one pack at its first price."""
    own = Checkout.objects.filter(account=checkout.account_id)
    if checkout.kind == Checkout.Kind.PLAN:
        return own.filter(kind=Checkout.Kind.PLAN)
    own = own.filter(_AT_FIRST_PRICE, code=checkout.code)
    return own if checkout.is_at_first_price else own.none()


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


@dataclass(frozen=True, slots=True)
class Coming:
    """What comes for an account that lives by a test clock, and when.

    Attributes:
        at_stripe: Stripe does something by itself; otherwise who pays is written to.
    """

    account_id: str
    at: datetime
    at_stripe: bool


def coming_by_clock(account_ids: Collection[str]) -> list[Coming]:
    """Return what comes for those of these accounts that live by a test clock.

    What Stripe has done, and we have seen, is not among it.
    """
    open_ones = Contract.objects.filter(
        account__in=account_ids, account__customer__lives_by_clock=True, ended_at=None
    )
    drafts = Prefetch("invoices", Invoice.objects.filter(status=Invoice.Status.DRAFT), "drafts")
    return [
        Coming(one.account_id, at, at_stripe)
        for one in open_ones.prefetch_related(drafts)
        for at_stripe, instants in ((True, _acts_at(one)), (False, _written_at(one)))
        for at in instants
        if at is not None
    ]


def _acts_at(contract: Contract) -> list[datetime | None]:
    drafts: list[Invoice] = contract.drafts  # type: ignore[attr-defined]  # as they were fetched
    return [
        *(contract.period_ends_at, contract.next_attempt_at),
        *(contract.cancel_at, contract.changes_at),
        *(draft.created_at + _COLLECTED_AFTER for draft in drafts),
    ]


def _written_at(contract: Contract) -> list[datetime | None]:
    ends = [contract.cancel_at]
    if contract.status == Contract.Status.TRIALING:
        ends.append(contract.trial_ends_at)
    if contract.status == Contract.Status.PAST_DUE:
        grace = plans.current().catalog.payments.grace
        ends.append(periods.add_period(contract.period_starts_at, grace, zone="UTC"))
    return [end - WRITTEN_BEFORE for end in ends if end is not None]


def is_settled(kind: str, stripe_id: str) -> bool:
    """Say whether an object of Stripe's is known here in a state that time alone cannot change.

    Args:
        kind: "subscription" or "invoice".
    """
    if kind == "subscription":
        return Contract.objects.filter(stripe_id=stripe_id, ended_at__isnull=False).exists()
    return Invoice.objects.filter(pk=stripe_id, status__in=_SETTLED).exists()

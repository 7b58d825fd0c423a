"""Which wallet pays an order: the first of those that may whose account is admitted with it.

One job has one hold, and one hold takes from one wallet: nothing is paid half by the one and half
by the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.jobs.models import Quote
from billing.jobs.orders import JobOrder
from billing.jobs.services.assessing import Assessment, assess
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.lots import Lot
from billing.ledger.services import LockedWallet
from billing.ledger.timeline import Timeline
from billing.organizations import selectors as organizations
from billing.packs import services as packs
from billing.subscriptions import services as subscriptions
from plans.catalog.schema import Catalog
from plans.catalog.teams import OWN, POOL, Payer
from plans.selectors import Published


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that may pay.

    Attributes:
        wallet: "pool": the organization's; "own": that of who orders.
    """

    wallet: Payer
    account: Account


@dataclass(frozen=True, slots=True)
class Offer:
    """What came of asking one of them; without an assessment there is no price.

    Attributes:
        reasons: why it would not pay; empty: it would.
    """

    candidate: Candidate
    timeline: Timeline
    assessment: Assessment | None
    reasons: Sequence[DomainError]

    @property
    def lots(self) -> Mapping[str, Lot]:
        """The grants that would pay."""
        return self.timeline.lots


def candidates(account: Account, member: Membership | None, *, catalog: Catalog) -> list[Candidate]:
    """Return who may pay what `account` orders, in the order in which they are asked.

    Args:
        member: for which organization it orders; None: for itself.
    """
    if member is None:
        return [Candidate(OWN, account)]
    accounts = {POOL: member.organization.account, OWN: account}
    return [Candidate(wallet, accounts[wallet]) for wallet in catalog.team.pays]


def offers(
    asked: Sequence[Candidate], order: JobOrder, *, published: Published, member: Membership | None
) -> list[Offer]:
    """Return what each of them would pay, or why not; nothing is held."""
    found = []
    for one in asked:
        wallet = ledger.open_wallet(one.account, catalog=published.catalog)
        timeline = ledger_selectors.peek(wallet)
        try:
            assessment = assess(
                account=one.account,
                order=order,
                published=published,
                timeline=timeline,
                member=member,
            )
        except DomainError as refusal:
            found.append(Offer(one, timeline, None, [refusal]))
        else:
            found.append(Offer(one, timeline, assessment, assessment.barriers))
    return found


def best(found: Sequence[Offer]) -> tuple[Offer, Assessment]:
    """Return the first offer that stands, or else the first that has a price.

    Raises:
        DomainError: none has one; what the first says of it.
    """
    for one in sorted(found, key=lambda one: bool(one.reasons)):  # those that stand come first
        if one.assessment is not None:
            return one, one.assessment
    raise found[0].reasons[0]


def choose(
    asked: Sequence[Candidate],
    order: JobOrder,
    *,
    published: Published,
    told: Quote | None,
    member: Membership | None,
) -> tuple[LockedWallet, Assessment]:
    """Lock the wallets that may pay, and return the first that does, with its assessment.

    All of them are locked at once: another who locks two takes them in the same order. What has
    ended or begun by itself in them is written down first.

    Raises:
        NotFound: the member belongs to the organization no more.
        DomainError: none of them is admitted; what the first that was asked says of it.
    """
    # Who orders is asked whether he is frozen, so his wallet is locked though it may pay nothing.
    whom = [one.account for one in asked] + ([member.account] if member is not None else [])
    locked = ledger.lock_wallets(whom, catalog=published.catalog)
    if member is not None:
        # Nobody changes it any more: it may have ended, and its ceiling may be another.
        member = organizations.present_member(member.pk)
    refusal: DomainError | None = None
    for one in asked:
        wallet = subscriptions.finish_if_over(
            locked[one.account.pk], one.account, catalog=published.catalog
        )
        packs.begin_overdue(wallet, one.account)
        try:
            assessment = assess(
                account=one.account,
                order=order,
                published=published,
                timeline=wallet.timeline,
                told=told,
                member=member,
            )
        except DomainError as refused:
            refusal = refusal or refused
            continue
        if not assessment.barriers:
            return wallet, assessment
        refusal = refusal or assessment.barriers[0]
    assert refusal is not None, "somebody was asked"
    raise refusal

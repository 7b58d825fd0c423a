"""Organizations and their people as they may be seen, and what is lent to whom."""

from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Now

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account
from billing.http import problems
from billing.organizations.models import Allotment
from billing.subscriptions import selectors as subscriptions
from billing.sweeps import fairly
from plans.catalog.schema import Catalog

_ACTIVE = Membership.State.ACTIVE


def organizations_of(person: Account) -> QuerySet[Organization]:
    """Return the organizations that the person belongs to, the newest first."""
    return Organization.objects.filter(
        memberships__account=person, memberships__state=_ACTIVE
    ).order_by("-id")


def organization(organization_id: str, *, is_sandbox: bool) -> Organization:
    """Return an organization of one side.

    Raises:
        NotFound: there is none.
    """
    found = (
        Organization.objects.filter(pk=organization_id, account__is_sandbox=is_sandbox)
        .select_related("account")
        .first()
    )
    if found is None:
        raise problems.absent()
    return found


def members(organization: Organization) -> QuerySet[Membership]:
    """Return everybody who belongs to it, is invited, or did belong to it; the newest first."""
    return (
        Membership.objects.filter(organization=organization)
        .select_related("account", "organization")
        .order_by("-id")
    )


def member(organization: Organization, membership_id: str) -> Membership:
    """Return one of its memberships.

    Raises:
        NotFound: absent, or another organization's.
    """
    found = members(organization).filter(pk=membership_id).first()
    if found is None:
        raise problems.absent()
    return found


def present_member(membership_id: str) -> Membership:
    """Return a membership as it is now.

    Raises:
        NotFound: it has ended, or has not begun.
    """
    known = Membership.objects.select_related("organization__account", "account")
    found = known.filter(pk=membership_id, state=_ACTIVE).first()
    if found is None:
        raise problems.absent()
    return found


def require_place(member: Membership | None) -> None:
    """Return if who acts for an organization still has the place by which he was let in.

    Asked under the pool's lock: he may have been removed while he waited for it.

    Args:
        member: as he was read before; None: the platform itself acts, or a person for himself.

    Raises:
        NotFound: he has left since, or has another role by now.
    """
    if member is not None and present_member(member.pk).role != member.role:
        raise problems.absent()


def place_of(person: Account, membership_id: str) -> Membership:
    """Return one of the person's memberships, whatever its state.

    Raises:
        NotFound: absent, or another's.
    """
    known = Membership.objects.select_related("organization__account", "account")
    found = known.filter(account=person, pk=membership_id).first()
    if found is None:
        raise problems.absent()
    return found


def account_named(external_id: str, *, is_sandbox: bool, pointer: str = "") -> Account:
    """Return the account of that name, seen from inside or outside of the sandbox.

    Args:
        pointer: the JSON Pointer of the name in the body; "" where it stands elsewhere.

    Raises:
        NotFound: there is none.
    """
    found = accounts.find_account(external_id, is_sandbox=is_sandbox)
    if found is None:
        raise problems.absent(pointer=pointer)
    return found


def person_named(external_id: str, *, is_sandbox: bool, pointer: str = "") -> Account:
    """Return the person of that name; see `account_named`.

    Raises:
        NotFound: there is none, or it is an organization.
    """
    found = account_named(external_id, is_sandbox=is_sandbox, pointer=pointer)
    if not found.is_person:
        raise problems.absent(pointer=pointer)
    return found


def invitations_of(person: Account) -> QuerySet[Membership]:
    """Return the invitations that the person has not answered, the newest first."""
    return (
        Membership.objects.filter(account=person, state=Membership.State.INVITED)
        .select_related("account", "organization")
        .order_by("-id")
    )


def seats_of(account: Account, *, catalog: Catalog) -> int | None:
    """Return how many members the organization of this account may have; None: any number."""
    membership = subscriptions.membership_of(account, catalog=catalog)
    if membership.subscription is not None:
        return membership.subscription.seats
    return membership.plan.seats_max if membership.plan is not None else None


def allotments_by(organization: Organization) -> QuerySet[Allotment]:
    """Return what the organization has allotted, the newest first."""
    return allotments_with_sums(Allotment.objects.filter(organization=organization))


def allotments_to(account: Account) -> QuerySet[Allotment]:
    """Return what was allotted to the account, the newest first."""
    return allotments_with_sums(Allotment.objects.filter(account=account))


def allotment(allotment_id: str, *, is_sandbox: bool) -> Allotment:
    """Return an allotment of one side, with where its credits are.

    Raises:
        NotFound: there is none.
    """
    one_side = Allotment.objects.filter(account__is_sandbox=is_sandbox)
    found = allotments_with_sums(one_side).filter(pk=allotment_id).first()
    if found is None:
        raise problems.absent()
    return found


def to_collect(*, limit: int) -> list[str]:
    """Return open allotments of which something is to be brought back, or nothing is left.

    By the clock of the wallet that has them, whether somebody has touched it or not.
    """
    lent = "transfer__parts__target__"
    now = Now() + F("account__wallet__clock_offset")
    over = Allotment.objects.filter(
        Q(**{f"{lent}available_micros__gt": 0, f"{lent}expires_at__lte": now})
        | Q(**{f"{lent}available_micros__gt": 0, f"{lent}ends_at__lte": now}),
        pk=OuterRef("pk"),
    )
    open_ones = allotments_with_sums(Allotment.objects.filter(closed_at=None))
    due = open_ones.filter(Q(back_micros__gt=F("brought_micros")) | Q(left_micros=0) | Exists(over))
    return [one.pk for one in fairly(due.order_by("pk"), limit=limit)]


def is_used_up(allotment_id: str) -> bool:
    """Say whether nothing of it is left with its person, nor on its way back."""
    one = allotments_with_sums(Allotment.objects.filter(pk=allotment_id))
    return not one.exclude(Q(left_micros=0) & Q(back_micros=F("brought_micros"))).exists()


def allotments_with_sums(allotments: QuerySet[Allotment]) -> QuerySet[Allotment]:
    """Add where the credits are: free, held, used, sent back, and what of that was brought."""
    lent = {
        f"{name}_micros": _sum(*(f"transfer__parts__target__{one}_micros" for one in columns))
        for name, columns in (
            ("free", ("available",)),
            ("held", ("held",)),
            ("used", ("captured",)),
            ("back", ("transferred",)),
            ("left", ("pending", "available", "held")),
        )
    }
    return (
        allotments.annotate(**lent, brought_micros=_sum("transfer__returned_by__amount_micros"))
        .select_related("organization__account", "account", "transfer")
        .order_by("-id")
    )


def _sum(*columns: str) -> Coalesce:
    """Return the sum of columns on the way of an allotment's transfer."""
    one = Allotment.objects.filter(pk=OuterRef("pk")).values("pk")
    total = sum((Coalesce(Sum(column), 0) for column in columns), Value(0))
    found = one.annotate(total=total).values("total")
    return Coalesce(Subquery(found, output_field=BigIntegerField()), 0)

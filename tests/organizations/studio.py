"""A small platform that sells to teams, and a studio on it; set up through services."""

from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection, transaction

from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.jobs.services.ordering import Told
from billing.ledger.models import Entry, Grant, Hold, Transfer
from billing.ledger.services import Actor
from billing.organizations import services
from billing.organizations.models import Allotment
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories

PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [[plan.allowance]]
  code = "daily"
  cadence = "daily"
  credits = "10"
  [plan.entitlements]
  concurrency = 500

[[plan]]
code = "team"
name = { en = "Team", zh = "团队" }
unpriced = true
seats_min = 3
seats_max = 20
  [[plan.allowance]]
  code = "seat"
  cadence = "monthly"
  credits = "100"
  per_seat = true
  [[plan.allowance]]
  code = "videos"
  cadence = "daily"
  unit = "order"
  amount = 2
  per_seat = true
  scope = { seconds = 1 }
  [plan.entitlements]
  concurrency = 500
"""
_SHOP: Final = """
schema = 1
slug = "shop"
title = {{ en = "Shop", zh = "店" }}
zone = "Asia/Shanghai"
burn_order = ["expires_at", "priority", "effective_at"]
credit = {{ name = {{ en = "credits", zh = "点" }} }}
{keys}
{plans}
[[model]]
code = "m"
name = {{ en = "M", zh = "M" }}
[[model.task]]
code = "text_to_video"
[model.dimensions]
seconds = {{ min = 1, max = 1000, default = 5 }}

[[rate]]
id = "second"
form = "per_unit"
basis = "seconds"
price = "1"
"""
PAYS: Final = "pool, own"
OPERATOR: Final = Actor("operator", "grace")


def open_shop(
    *,
    team: str = "",
    transfers: str = 'transfers = { sources = ["pack"], minimum = "2" }',
    without: str = "",
) -> None:
    """Put the platform's catalog in force.

    Args:
        team: what it says of teams, as one line of TOML.
        without: what its plans do not say.
    """
    assert without in PLANS
    plans = PLANS.replace(without, "", 1)
    publish.publish(_SHOP.format(keys=f"{team}\n{transfers}", plans=plans), now=datetime.now(UTC))


def found(*, is_sandbox: bool = True) -> Organization:
    """Return a studio of Ada (owner), Ben (billing admin) and Cleo (member)."""
    ada = factories.new_account("ada", is_sandbox=is_sandbox)
    with transaction.atomic():
        team = services.found(owner=ada, name="Studio", actor=actor(ada), now=datetime.now(UTC))
    join(team, "ben", Role.BILLING_ADMIN)
    join(team, "cleo", Role.MEMBER)
    return team


def join(team: Organization, name: str, role: Role = Role.MEMBER) -> Membership:
    """Invite somebody, and have him accept."""
    return join_invited(invite(team, name, role))


@transaction.atomic
def join_invited(invited: Membership) -> Membership:
    """Have an invitation accepted."""
    return services.accept(invited.account, invited.pk, actor=actor(invited.account))


def invite(team: Organization, name: str, role: Role = Role.MEMBER) -> Membership:
    """Invite somebody, as the owner would."""
    with transaction.atomic():
        return services.invite(team, external_id=name, role=role, actor=OPERATOR)


def actor(account: Account) -> Actor:
    """Return a person as he acts."""
    return Actor("user", account.pk)


def member(team: Organization, name: str) -> Membership:
    """Return somebody's place in the team."""
    known = Membership.objects.select_related("organization__account", "account")
    return known.get(organization=team, account__external_id=name)


def ceiling(team: Organization, name: str, credits_: int, per: str = "day") -> Membership:
    """Let somebody use only so many credits of the pool in each window."""
    wished = services.Ceiling(credits_ * MICROS, per)
    return services.change_member(team, member(team, name).pk, ceiling=wished, actor=OPERATOR)


def submit(team: Organization, name: str, seconds: int, **order: Any) -> Job:  # noqa: ANN401 (fields of an order)
    """Place an order for the team, as the edge does; a second costs a credit."""
    place = member(team, name)
    with transaction.atomic():
        return jobs.submit(
            account=place.account,
            order=JobOrder(
                spec={"model": "m", "seconds": seconds}, inputs={"prompt": "a kite"}, **order
            ),
            actor=actor(place.account),
            now=datetime.now(UTC),
            member=place,
        )


def quote(team: Organization, name: str, seconds: int) -> Told:
    """Ask for a price for the team."""
    place = member(team, name)
    order = JobOrder(spec={"model": "m", "seconds": seconds}, inputs={"prompt": "a kite"})
    return jobs.quote(account=place.account, order=order, member=place)


def cancel(job: Job) -> Job:
    """End a job that waits: all its credits come back."""
    with transaction.atomic():
        return jobs.cancel(job=job, actor=OPERATOR, now=datetime.now(UTC))


@transaction.atomic
def allot(
    team: Organization,
    name: str,
    credits_: int,
    *,
    expires_at: datetime | None = None,
    by: Membership | None = None,
) -> Allotment:
    """Lend somebody credits of the pool."""
    return services.allot(
        team,
        to=name,
        amount_micros=credits_ * MICROS,
        fact=f"test:{Transfer.objects.count()}",
        expires_at=expires_at,
        by=by,
        actor=OPERATOR,
    )


@transaction.atomic
def take_back(allotment: Allotment, *, by: Membership | None = None) -> Allotment:
    """Have an allotment back."""
    return services.take_back(allotment, by=by, actor=OPERATOR)


@transaction.atomic
def transfer(sender: Account, to: str, credits_: int, *, fact: str | None = None) -> Transfer:
    """Give credits to somebody."""
    return services.transfer(
        sender=sender,
        to=to,
        amount_micros=credits_ * MICROS,
        fact=fact or f"test:{Transfer.objects.count()}",
        actor=actor(sender),
    )


def credits_of(account: Account) -> int:
    """Return how many whole credits are free."""
    return factories.free_micros(account) // MICROS


def facts() -> tuple[object, ...]:
    """Return all that could have moved, to compare before and after a refusal."""
    return (
        list(Entry.objects.order_by("pk").values_list("pk")),
        list(Grant.objects.order_by("pk").values_list("pk", "available_micros", "held_micros")),
        list(Hold.objects.order_by("pk").values_list("pk", "state")),
        list(Transfer.objects.order_by("pk").values_list("pk")),
        list(Membership.objects.order_by("pk").values_list("pk", "role", "state")),
        list(Job.objects.order_by("pk").values_list("pk", "status")),
    )


def checked() -> None:
    """Ask every rule of the database, and every check of the audit."""
    connection.check_constraints()
    assert [str(breach) for breach in audit.breaches()] == []

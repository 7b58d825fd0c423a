"""Who may do what: one row for each action, one column for each kind of caller; pure.

A view names its actions (`authz = {"GET": "job.read"}`), and the document tells the row with each
operation, as `x-authz`. The views themselves ask for scopes, roles and owners; `tests/matrix`
calls each operation as each caller, about each kind of thing, and finds them to do as it says here.

Whoever acts for an organization (`X-Organization`, or one in the path) stands in the column of his
role; a service that acts so needs a scope as well. What somebody does not reach is absent
for him where it is another's, and forbidden where it is his role or his key that does not suffice.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class Reach(StrEnum):
    """Upon what a caller may act; the names are public."""

    NO = "no"
    OWN = "own"  # what is his alone
    SEEN = "organization_if_members_see"  # nothing, unless members see what the others do
    OWN_OR_SEEN = "own_or_organization_if_members_see"  # his; the others' too, if members see it
    ORGANIZATION = "organization"  # whatever belongs to the organization for which he acts
    ALL = "all"  # it is nobody's: everybody has it


NOBODY: Final = "no"  # in place of a scope: no service key may
ANY_KEY: Final = "any"  # in place of a scope: whatever the key may


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One row: how far each caller reaches with an action.

    Attributes:
        anonymous: whoever proves nothing.
        address: whoever has a signed address, of a file or a stream, which ends by itself.
        user: a person by his own token, who acts for himself.
        member: a person who acts for an organization as a member of it.
        billing_admin: as its billing admin.
        owner: as its owner.
        service: by which scope a service key acts for the account that it names; by which
            scopes, with a blank between them, where it takes several.
        service_as_member: by which scope it acts as a person for his organization (`X-Account`
            and `X-Organization`), as far as his role reaches; "" for the same.
        platform: by which scope a service key acts that names no account.
        backend: a GPU backend, by its signature.
        stripe: Stripe, by its signature.
        sandbox_only: the other side has nothing of the kind.
    """

    anonymous: Reach = Reach.NO
    address: Reach = Reach.NO
    user: Reach = Reach.NO
    member: Reach = Reach.NO
    billing_admin: Reach = Reach.NO
    owner: Reach = Reach.NO
    service: str = NOBODY
    service_as_member: str = ""
    platform: str = NOBODY
    backend: Reach = Reach.NO
    stripe: Reach = Reach.NO
    sandbox_only: bool = False

    @property
    def asks_nobody(self) -> bool:
        """Whether a caller need not say who he is: all may, or the address is the permission."""
        return Reach.ALL in {self.anonymous, self.address} or (
            self.address != Reach.NO and self.user == Reach.NO
        )


def _public() -> Policy:
    return Policy(
        anonymous=Reach.ALL,
        address=Reach.ALL,
        user=Reach.ALL,
        member=Reach.ALL,
        billing_admin=Reach.ALL,
        owner=Reach.ALL,
        service=ANY_KEY,
        platform=ANY_KEY,
        backend=Reach.ALL,
        stripe=Reach.ALL,
    )


def _read(scope: str = "balance:read") -> Policy:
    """What an account has: an organization's members see it if they see what the others do."""
    return Policy(
        user=Reach.OWN,
        member=Reach.SEEN,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service=scope,
    )


def _buy(scope: str = NOBODY, *, as_member: str = "") -> Policy:
    """What costs an account money or moves its credits: an organization's for who answers for it.

    Services have no money; `scope` is for what they do all the same.
    """
    return Policy(
        user=Reach.OWN,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service=scope,
        service_as_member=as_member,
    )


def _own(scope: str = NOBODY) -> Policy:
    """What a person has for himself, whatever he acts for."""
    return Policy(
        user=Reach.OWN, member=Reach.OWN, billing_admin=Reach.OWN, owner=Reach.OWN, service=scope
    )


def _serve(scope: str) -> Policy:
    """What only the platform's own server does for an account."""
    return Policy(service=scope)


def _account() -> Policy:
    """What only the platform's own server does to an account that stands in the path."""
    return Policy(service="accounts:write", platform="accounts:write")


def _govern(
    scope: str, *, member: Reach = Reach.NO, billing_admin: Reach = Reach.ORGANIZATION
) -> Policy:
    """What is done with an organization in the path: by its people, or by the platform itself."""
    return Policy(
        member=member,
        billing_admin=billing_admin,
        owner=Reach.ORGANIZATION,
        service=scope,
        platform="accounts:write",
    )


def _clock(user: Reach = Reach.OWN) -> Policy:
    """What is done with test clocks; an organization has none of its own."""
    return Policy(
        user=user,
        member=user,
        billing_admin=user,
        owner=user,
        service="accounts:write",
        platform="accounts:write",
        sandbox_only=True,
    )


_JOBS: Final = Policy(
    user=Reach.OWN,
    member=Reach.OWN_OR_SEEN,
    billing_admin=Reach.ORGANIZATION,
    owner=Reach.ORGANIZATION,
    service="jobs:read",
)
_WEBHOOKS: Final = Policy(
    user=Reach.OWN,
    owner=Reach.ORGANIZATION,
    service="webhooks:write",
    platform="webhooks:write",  # of those that hear of every account
)
_SPEND: Final = "subscriptions:write"

POLICIES: Final[Mapping[str, Policy]] = {
    # -- for everybody ---------------------------------------------------------------------
    "plans.read": _public(),
    "health.read": _public(),
    "receipt_key.read": _public(),
    "output.read": Policy(address=Reach.OWN),
    # -- jobs ------------------------------------------------------------------------------
    "job.quote": Policy(
        user=Reach.OWN,
        member=Reach.ORGANIZATION,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service="jobs:read",
    ),
    "job.submit": Policy(
        user=Reach.OWN,
        member=Reach.ORGANIZATION,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service="jobs:write",
    ),
    "job.read": _JOBS,
    "job.follow": Policy(
        address=Reach.OWN,
        user=_JOBS.user,
        member=_JOBS.member,
        billing_admin=_JOBS.billing_admin,
        owner=_JOBS.owner,
        service=_JOBS.service,
    ),
    "job.cancel": Policy(
        user=Reach.OWN,
        member=Reach.OWN,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service="jobs:write",
    ),
    # -- what an account has ---------------------------------------------------------------
    "balance.read": _read(),
    "entries.read": _read(),
    "invoice.read": _read(),
    "purchases.read": _read(),
    "statement.read": _read(),
    "subscription.read": _read(),
    "programme.read": _read(),
    "export.read": Policy(
        user=Reach.OWN,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service="exports:read",
    ),
    "billing_profile.read": _read(),
    "billing_profile.write": _buy(_SPEND),
    # -- money, plans, and credits that move -----------------------------------------------
    "checkout.create": _buy(),
    "auto_top_up.read": _buy(),
    "auto_top_up.set": _buy(),
    "subscription.change": _buy(),
    "subscription.cancel": _buy(_SPEND),
    "subscription.resume": _buy(_SPEND),
    "subscription.set": _serve(_SPEND),
    "transfer.create": _buy("grants:write", as_member=_SPEND),
    "code.redeem": _buy("grants:write", as_member=_SPEND),
    "pack.activate": _buy("grants:write", as_member=_SPEND),
    "programme.collect": _buy("grants:write", as_member=_SPEND),
    "daily.claim": Policy(user=Reach.OWN),
    "referral.create": Policy(user=Reach.OWN),
    "grant.create": _serve("grants:write"),
    "campaign.grant": _serve("grants:write"),
    "partner.admit": _serve("grants:write"),
    "refund.create": _serve("grants:write"),
    # -- organizations ---------------------------------------------------------------------
    "organization.list": _own("balance:read"),
    "organization.create": _own("accounts:write"),
    "organization.read": _govern("balance:read", member=Reach.ORGANIZATION),
    "organization.change": _govern(_SPEND, billing_admin=Reach.NO),
    "usage.read": _govern("balance:read", member=Reach.OWN_OR_SEEN),
    "member.read": _govern("balance:read", member=Reach.ORGANIZATION),
    "member.invite": _govern(_SPEND),
    "member.change": _govern(_SPEND),
    "member.promote": _govern(_SPEND, billing_admin=Reach.NO),
    "member.remove": _govern(_SPEND, member=Reach.OWN, billing_admin=Reach.OWN),
    "invitation.read": _own("balance:read"),
    "invitation.answer": _own("accounts:write"),
    "allotment.list": _own("balance:read"),
    "allotment.read": Policy(
        user=Reach.OWN,
        member=Reach.OWN,
        billing_admin=Reach.ORGANIZATION,
        owner=Reach.ORGANIZATION,
        service="balance:read",
        platform="accounts:write",
    ),
    "allotment.oversee": _govern("balance:read"),
    "allotment.create": _govern(_SPEND),
    "allotment.take_back": _govern(_SPEND),
    # -- hosted pages --------------------------------------------------------------------
    "page.link": Policy(user=Reach.OWN, service="balance:read jobs:read"),
    "page.act": Policy(
        user=Reach.OWN, service="balance:read jobs:read subscriptions:write accounts:write"
    ),
    "page.revoke": Policy(user=Reach.OWN, service="accounts:write"),
    # -- the platform's own ----------------------------------------------------------------
    "account.read": _account(),
    "account.change": _account(),
    "webhook.read": _WEBHOOKS,
    "webhook.manage": _WEBHOOKS,
    "test_clock.read": _clock(),
    "test_clock.write": _clock(),
    "test_clock.join": _clock(Reach.NO),
    # -- programs that report --------------------------------------------------------------
    "gpu.callback": Policy(backend=Reach.OWN),
    "stripe.webhook": Policy(stripe=Reach.ALL),
}


def facts_of(action: str) -> dict[str, Any]:
    """Return the row of an action, as the document tells it.

    Raises:
        LookupError: the table has no such row.
    """
    policy = POLICIES.get(action)
    if policy is None:
        raise LookupError(f"Nobody has said who may do {action!r}: give it a row in POLICIES.")
    as_member = policy.service_as_member or policy.service
    return {"action": action, **asdict(policy), "service_as_member": as_member}

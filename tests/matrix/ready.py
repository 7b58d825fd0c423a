"""For each operation of the contract: what it is about, and a request that it would carry out.

An operation that stands not here fails the walk. Give it a row: `about` what it is (`About`), by
which `thing` of a holder its path or body names it, and a `body` that is good.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.matrix.shelf import MONTH


class About(StrEnum):
    """By what an operation finds what it is about."""

    NOBODY = "nobody"  # it is everybody's
    ACCOUNT = "account"  # the account for which the caller acts
    PERSON = "person"  # the person who calls or is acted for, whatever he acts for
    TEAM = "team"  # an organization in the path
    NAME = "name"  # an account that stands in the path
    ADDRESS = "address"  # a signed address


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that an operation would carry out.

    Attributes:
        thing: the kind of thing of which it bears an id; "" for none.
        names: what stands in the path: the name of a parameter → a kind of thing.
        body: what it says; a `"<kind>"` in it becomes the id of that kind of thing.
        shared: the things are several persons' in one account, each with his own.
        after: codes of refusals by which one also sees that the caller was let in.
        makes: it makes what is absent, and so finds what nobody has.
        field: the operation's own row counts for who says no such field; this one, for who does.
    """

    about: About
    thing: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    after: tuple[str, ...] = ()
    makes: bool = False
    field: str = ""


_ACCOUNT: Final = Ready(About.ACCOUNT)
_PERSON: Final = Ready(About.PERSON)
_TEAM: Final = Ready(About.TEAM, names={"organization_id": "team"})
_PUBLIC: Final = Ready(About.NOBODY)
_SPEC: Final = {"model": "m", "task": "text_to_video", "inputs": {"prompt": "a kite"}}
_UNPAID: Final = ("payments_not_configured",)
_PAGES: Final = {
    "success_url": "https://app.example/done",
    "cancel_url": "https://app.example/back",
}
_PLAN: Final = {"plan": "pro", "interval": "P1Y"}


def _job(**more: Any) -> Ready:  # noqa: ANN401 (as Ready takes them)
    return Ready(About.ACCOUNT, "job", {"job_id": "job"}, shared=True, **more)


def _hook(**more: Any) -> Ready:  # noqa: ANN401 (as above)
    return Ready(About.ACCOUNT, "endpoint", {"endpoint_id": "endpoint"}, **more)


def _delivery(**more: Any) -> Ready:  # noqa: ANN401 (as above)
    names = {"endpoint_id": "endpoint", "delivery_id": "delivery"}
    return Ready(About.ACCOUNT, "delivery", names, **more)


def _programme(code: str = "invite", **more: Any) -> Ready:  # noqa: ANN401 (as above)
    return Ready(About.ACCOUNT, names={"code": f"={code}"}, **more)


def _member(**more: Any) -> Ready:  # noqa: ANN401 (as above)
    names = {"organization_id": "team", "membership_id": "membership"}
    return Ready(About.TEAM, "membership", names, shared=True, **more)


def _team(**more: Any) -> Ready:  # noqa: ANN401 (as above)
    return Ready(About.TEAM, names={"organization_id": "team"}, **more)


def _invitation() -> Ready:
    return Ready(About.PERSON, "invitation", {"membership_id": "invitation"})


def _clock(**more: Any) -> Ready:  # noqa: ANN401 (as above)
    return Ready(About.PERSON, "clock", {"clock_id": "clock"}, **more)


def _month(**more: Any) -> Ready:  # noqa: ANN401 (as above)
    return Ready(About.ACCOUNT, names={"month": f"={MONTH}"}, **more)


READY: Final[Mapping[str, tuple[Ready, ...]]] = {
    "healthz": (_PUBLIC,),
    "readyz": (Ready(About.NOBODY, after=("unavailable",)),),
    "read_catalog": (_PUBLIC,),
    "read_rates": (_PUBLIC,),
    "read_receipt_keys": (_PUBLIC,),
    "read_output": (Ready(About.ADDRESS, "film", {"token": "film"}),),
    "read_thumbnail": (Ready(About.ADDRESS, "picture", {"token": "picture"}),),
    # -- jobs ------------------------------------------------------------------------------
    "create_quote": (Ready(About.ACCOUNT, body=_SPEC),),
    "list_jobs": (_ACCOUNT,),
    "submit_job": (Ready(About.ACCOUNT, body=_SPEC),),
    "read_job": (_job(),),
    "cancel_job": (_job(),),
    "stream_job_events": (_job(),),
    # -- what an account has ---------------------------------------------------------------
    "read_balance": (_ACCOUNT,),
    "list_debts": (_ACCOUNT,),
    "list_grants": (_ACCOUNT,),
    "list_purchases": (_ACCOUNT,),
    "list_refunds": (_ACCOUNT,),
    "list_pack_purchases": (_ACCOUNT,),
    "list_transfers": (_ACCOUNT,),
    "list_entries": (_ACCOUNT,),
    "list_invoices": (_ACCOUNT,),
    "list_statements": (_ACCOUNT,),
    "read_receipt": (Ready(About.ACCOUNT, "entry", {"entry_id": "entry"}),),
    "read_statement": (_month(),),
    "read_statement_table": (_month(),),
    "read_subscription": (_ACCOUNT,),
    "preview_subscription": (Ready(About.ACCOUNT, body=_PLAN),),
    "read_checkout_session": (Ready(About.ACCOUNT, "checkout", {"checkout_id": "checkout"}),),
    "read_programme_link": (_programme(),),
    "read_earnings": (_programme(),),
    "export_ledger": (_ACCOUNT,),
    "export_usage": (_ACCOUNT,),
    "read_billing_profile": (_ACCOUNT,),
    "write_billing_profile": (
        Ready(About.ACCOUNT, body={"kind": "personal", "title": "Somebody"}),
    ),
    # -- money, plans, and credits that move -----------------------------------------------
    "create_checkout_session": (
        Ready(About.ACCOUNT, body={"pack": "plain", **_PAGES}, after=_UNPAID),
    ),
    "create_portal_session": (
        Ready(About.ACCOUNT, body={"return_url": "https://app.example/"}, after=_UNPAID),
    ),
    "read_auto_top_up": (_ACCOUNT,),
    "set_auto_top_up": (Ready(About.ACCOUNT, body={"on": False}),),
    "change_subscription": (Ready(About.ACCOUNT, body=_PLAN, after=_UNPAID),),
    "cancel_subscription": (Ready(About.ACCOUNT, body={}, after=_UNPAID),),
    "resume_subscription": (Ready(About.ACCOUNT, body={}, after=_UNPAID),),
    "set_subscription": (
        Ready(About.ACCOUNT, body={"plan": "gift"}, after=("already_subscribed",)),
    ),
    "create_transfer": (Ready(About.ACCOUNT, body={"to": "ned", "credits": "1"}),),
    "create_redemption": (Ready(About.ACCOUNT, body={"code": "<redemption>"}),),
    "activate_pack_purchase": (
        Ready(About.ACCOUNT, "pack_purchase", {"purchase_id": "pack_purchase"}),
    ),
    "collect_rewards": (_programme(),),
    "check_in": (Ready(About.ACCOUNT, after=("nothing_to_claim",)),),
    "create_referral": (Ready(About.ACCOUNT, body={"code": "<code>"}, after=("account_not_new",)),),
    "create_grant": (
        Ready(About.ACCOUNT, body={"credits": "1", "source": "goodwill", "reason": "kind"}),
        Ready(About.ACCOUNT, body={"pack": "plain"}),
    ),
    "create_campaign_grant": (_programme("many", body={}),),
    "admit_partner": (_programme("studio", body={}),),
    "create_refund": (
        Ready(
            About.ACCOUNT,
            "purchase",
            body={"purchase": "<purchase>", "rule": "goodwill", "reason": "kind"},
        ),
    ),
    # -- organizations ---------------------------------------------------------------------
    "list_organizations": (_PERSON,),
    "create_organization": (Ready(About.PERSON, body={"name": "Another"}),),
    "read_organization": (_TEAM,),
    "change_organization": (_team(body={"name": "Another"}),),
    "read_organization_usage": (_TEAM,),
    "list_members": (_TEAM,),
    "invite_member": (
        _team(body={"account": "ned"}),
        _team(body={"account": "ned", "role": "owner"}, field="role"),
    ),
    "read_member": (_member(),),
    "change_member": (
        _member(body={"ceiling": {"credits": "5", "per": "day"}}),
        _member(body={"role": "member"}, field="role", after=("last_owner",)),
    ),
    "remove_member": (_member(after=("last_owner",)),),
    "list_invitations": (_PERSON,),
    "accept_invitation": (_invitation(),),
    "decline_invitation": (_invitation(),),
    "list_allotments": (_PERSON,),
    "read_allotment": (
        Ready(About.PERSON, "allotment", {"allotment_id": "allotment"}, shared=True),
    ),
    "list_organization_allotments": (_TEAM,),
    "create_allotment": (_team(body={"account": "ned", "credits": "1"}),),
    "take_back_allotment": (
        Ready(About.TEAM, "allotment", {"allotment_id": "allotment"}, shared=True),
    ),
    # -- the platform's own ----------------------------------------------------------------
    "read_account": (Ready(About.NAME, "name", {"external_id": "name"}),),
    "change_account": (
        Ready(About.NAME, "name", {"external_id": "name"}, body={"metadata": {"a": "b"}}),
    ),
    "tell_signals": (
        Ready(
            About.NAME, "name", {"external_id": "name"}, body={"email": "a@example.com"}, makes=True
        ),
    ),
    "list_webhook_endpoints": (_ACCOUNT,),
    "create_webhook_endpoint": (Ready(About.ACCOUNT, body={"url": "https://hooks.example.com/x"}),),
    "read_webhook_endpoint": (_hook(),),
    "delete_webhook_endpoint": (_hook(),),
    "test_webhook_endpoint": (_hook(),),
    "rotate_webhook_secret": (_hook(),),
    "list_webhook_deliveries": (_hook(),),
    "change_webhook_endpoint": (_hook(body={"enabled": False}),),
    "replay_webhook_events": (
        _hook(body={"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}),
    ),
    "read_webhook_delivery": (_delivery(),),
    "retry_webhook_delivery": (_delivery(after=("delivery_under_way",)),),
    "create_page_link": (
        Ready(About.ACCOUNT, body={}),
        Ready(About.ACCOUNT, body={"act": True}, field="act", makes=True),
    ),
    "revoke_page_links": (Ready(About.ACCOUNT, makes=True),),
    "list_test_clocks": (_PERSON,),
    "create_test_clock": (Ready(About.PERSON, body={}, after=("not_on_this_clock",)),),
    "read_test_clock": (_clock(),),
    "retire_test_clock": (_clock(),),
    "add_test_clock_accounts": (_clock(body={"accounts": ["ned"]}),),
    "advance_test_clock": (_clock(body={"by": "P1D"}),),
}

"""Each act of the administration: asks why, shows what moves, leaves a line, needs a second person.

One table says it of all; it is held against the windows, the roles and docs/operations.md.
"""

import inspect
import re
from typing import Any, Final, NamedTuple

import pytest

from billing.console.lab import publishing
from billing.operators.admin.acting import RecordedAdmin
from billing.operators.admin.deciding import RequestAdmin
from billing.operators.roles import ACTS as MAY
from billing.operators.roles import Role
from tests.architecture.tree import ROOT
from tests.matrix.test_operators import ACTS, acts

ASKS, DECIDES, ALONE, WAY = "asks", "decides", "alone", "way"


class Act(NamedTuple):
    """What there is to know of an act.

    Attributes:
        permission: of `billing`; "": superusers alone.
        eyes: whether the person asks, decides on another's request, or acts alone; or it is only
            the way to a form.
        shows: what a person reads before.
    """

    permission: str
    eyes: str
    shows: str


def _request(model: str, shows: str) -> dict[str, Act]:
    """Return the acts of a window in which some ask and others decide."""
    may_ask, may_decide = f"request_{model}", f"approve_{model}"
    return {
        f"{model}.ask": Act(may_ask, ASKS, shows),
        f"{model}.withdraw": Act(may_ask, ASKS, "what was asked for"),
        f"{model}.look": Act(f"{may_ask} or {may_decide}", WAY, shows),
        f"{model}.approve": Act(may_decide, DECIDES, shows),
        f"{model}.refuse": Act(may_decide, DECIDES, "what was asked for"),
    }


TABLE: Final[dict[str, Act]] = {
    **_request("adjustment", "credits free, given, taken, owed"),
    **_request("campaignrun", "accounts, credits for each and in all, what the budget has left"),
    **_request("compensation", "jobs, accounts, credits, who has most"),
    **_request("refund", "money back, credits taken and owed"),
    "purchase.refund": Act("request_refund", WAY, "leads to the form of a refund"),
    "account.freeze": Act("freeze_account", WAY, "leads to the form of a freeze"),
    "freeze.freeze": Act("freeze_account", ALONE, "what stays, what ends, what is refused"),
    "freeze.unfreeze": Act("freeze_account", ALONE, "since when, by whom and why"),
    "halt.resume": Act("resume_grants", ALONE, "whose grants, halted when"),
    "stripeevent.apply_events_again": Act(
        "change_stripeevent", ALONE, "what Stripe is asked for, what became of it"
    ),
    "job.fail_jobs": Act("fail_job", ALONE, "credits that go back, to whom"),
    "job.retry_settlements": Act("resolve_job", ALONE, "credits held, errands run again"),
    "job.decide": Act("resolve_job", ALONE, "credits that would go back, the backend's word"),
    "backendstate.survey": Act(
        "set_mode_backendstate", ALONE, "health, slots, orders at work and waiting"
    ),
    "breaker.reset": Act("reset_breaker", ALONE, "which orders go where again"),
    "notice.send_again": Act("send_notice", ALONE, "which letter, to which address"),
    "message.revive_messages": Act("change_message", ALONE, "the errand, and why it was given up"),
    "redemptioncode.revoke_codes": Act(
        "revoke_redemptioncode", ALONE, "what a code gives, how often it was used"
    ),
    "freetier.admit_accounts": Act("admit_freetier", ALONE, "whom, and why the rule shut it out"),
    "apikey.revoke_keys": Act("revoke_apikey", ALONE, "what a key opens, used when"),
    "endpoint.replay": Act("operate_endpoint", ALONE, "how many events, of how many accounts"),
    "endpoint.switch": Act("operate_endpoint", ALONE, "address, account, how it stands"),
    "delivery.send_anew": Act("operate_endpoint", ALONE, "event, address, last answer"),
    "authenticator.reset": Act("", ALONE, "whose second factor"),
    "alert.acknowledge": Act("handle_alert", ALONE, "what is wrong"),
    "alert.silence": Act("handle_alert", ALONE, "what is wrong, for how long nobody is told"),
    "alert.send_test": Act("handle_alert", ALONE, "nothing but a word to each channel"),
}
# What pages of the console ask for, which are no windows: their own tests walk the roles.
PAGES: Final = {
    "billing.write_accountnote",
    "plans.approve_publicationrequest",
    "plans.edit_draft",
    "plans.request_publicationrequest",
    "plans.take_back_publicationrequest",
}
# The acts of the console's pages, whose own tests see that they leave their lines.
ON_PAGES: Final[dict[str, Act]] = {
    "accountnote.write": Act("billing.write_accountnote", ALONE, "the note, and whom it is on"),
    "publicationrequest.ask": Act(
        "plans.request_publicationrequest", ASKS, "what changes, for whom, from when, after what"
    ),
    "publicationrequest.withdraw": Act(
        "plans.request_publicationrequest", ASKS, "what was asked for"
    ),
    "publicationrequest.approve": Act(
        "plans.approve_publicationrequest", DECIDES, "what changes, its effect, from when"
    ),
    "publicationrequest.refuse": Act(
        "plans.approve_publicationrequest", DECIDES, "what was asked for"
    ),
    "publicationrequest.take_back": Act(
        "plans.take_back_publicationrequest", ALONE, "what will not begin"
    ),
}
# The acts of commands that no window has: a shell is for whoever could change the database anyway.
ON_COMMANDS: Final[dict[str, Act]] = {
    "balanceimport.run": Act("", ALONE, "accounts new and known, credits and money of each kind")
}
# By these an act goes through the one base that asks, shows and writes down.
_THROUGH: Final = ("ask_first(", "ask_first_of_one(", "self.line(", "self.do_one(")


def _code_of(window: Any, name: str) -> str:  # noqa: ANN401 (an admin)
    """Return the source of an act, with that of what it calls of its own window."""
    source = inspect.getsource(inspect.unwrap(getattr(type(window), name)))
    for helper in ("_asked", "_act", "_set", "_resolve", "_replay"):
        if f"self.{helper}(" in source and hasattr(type(window), helper):
            source += inspect.getsource(getattr(type(window), helper))
    return source


def test_each_act_stands_in_the_table() -> None:
    assert sorted(TABLE) == sorted(ACTS)


@pytest.mark.parametrize("title", sorted(TABLE))
def test_an_act_asks_why_shows_what_moves_and_leaves_a_line(title: str) -> None:
    if TABLE[title].eyes == WAY and not title.endswith(".look"):
        return  # it changes nothing
    [(window, name)] = [
        (window, name)
        for model, window, name, _address in acts()
        if f"{model._meta.model_name}.{name}" == title
    ]

    assert isinstance(window, RecordedAdmin)
    assert any(word in _code_of(window, name) for word in _THROUGH)
    assert TABLE[title].shows


@pytest.mark.parametrize("title", sorted(TABLE))
def test_roles_have_just_the_permissions_of_their_acts(title: str) -> None:
    needed = {f"billing.{one}" for one in TABLE[title].permission.split(" or ") if one}
    having = {role.value for role in Role if needed & MAY[role]}

    assert having == ACTS[title]


def test_no_role_may_what_no_act_needs() -> None:
    needed = {f"billing.{one}" for act in TABLE.values() for one in act.permission.split(" or ")}

    assert {one for role in Role for one in MAY[role]} <= needed | PAGES


def test_whatever_makes_or_takes_credits_or_money_is_asked_by_one_and_decided_by_another() -> None:
    requests = {
        model._meta.model_name
        for model, window, _name, _address in acts()
        if isinstance(window, RequestAdmin)
    }

    assert requests == {"adjustment", "campaignrun", "compensation", "refund"}
    for model in requests:
        assert TABLE[f"{model}.ask"].eyes == ASKS
        assert TABLE[f"{model}.approve"].eyes == DECIDES
        assert not ACTS[f"{model}.ask"] & ACTS[f"{model}.approve"]


def test_each_act_of_a_page_is_written_down_under_its_name() -> None:
    written = set()
    for file in (ROOT / "billing" / "console").rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        written |= set(re.findall(r'"((?:accountnote|publicationrequest)\.\w+)"', code))
        for act in publishing._ACTS if 'f"publicationrequest.{act}"' in code else ():
            written.add(f"publicationrequest.{act}")

    assert written == ON_PAGES.keys()
    assert {act.permission for act in ON_PAGES.values()} == PAGES - {"plans.edit_draft"}


def test_what_commands_write_down_beside_the_acts_of_windows_is_in_the_table() -> None:
    written = set()
    for file in (ROOT / "billing" / "management").rglob("*.py"):
        written |= set(re.findall(r'line_of\("([\w.]+)"', file.read_text(encoding="utf-8")))

    assert written - TABLE.keys() == ON_COMMANDS.keys()


def rows() -> list[str]:
    """Return the table as docs/operations.md shows it."""
    lines = []
    for title, act in sorted((TABLE | ON_PAGES | ON_COMMANDS).items()):
        of_page = {role.value for role in Role if act.permission in MAY[role]}
        roles = ", ".join(sorted(ACTS.get(title, of_page))) or "superuser"
        eyes = {ASKS: "asks", DECIDES: "decides", ALONE: "-", WAY: "-"}[act.eyes]
        done = "-" if act.eyes == WAY else "yes"
        needs = f"`{act.permission.removeprefix('billing.')}`" if act.permission else "-"
        lines.append(f"| `{title}` | {needs} | {roles} | {done} | {act.shows} | {done} | {eyes} |")
    return lines


def test_the_operators_guide_has_the_same_table() -> None:
    guide = (ROOT / "docs/operations.md").read_text(encoding="utf-8").splitlines()

    assert [line for line in guide if line.startswith("| `") and line.count("|") == 8] == rows()

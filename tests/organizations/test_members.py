"""Who belongs to an organization, who may say so, and that one owner always stays."""

import pytest
from django.db import transaction

from billing.accounts.members import Membership, MembershipChange, Organization
from billing.accounts.roles import Role
from billing.http.errors import NotFound
from billing.ledger.models import Grant, Wallet
from billing.organizations import services
from billing.organizations.errors import AlreadyMember, LastOwner, NotAMember
from tests import factories
from tests.organizations import studio
from tests.organizations.conftest import Ask


def test_a_person_founds_an_organization_and_is_its_owner(team: Organization, ask: Ask) -> None:
    made = ask("dan", "post", "/v1/organizations", {"name": "影像"})

    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["name"], body["members_see"], body["members"], body["seats"]) == (
        *("影像", "own", 1),
        None,
    )
    members = ask("dan", "get", f"/v1/organizations/{body['id']}/members").json()["data"]
    assert [(one["account"], one["role"], one["state"]) for one in members] == [
        ("dan", "owner", "active")
    ]
    assert [one["id"] for one in ask("dan", "get", "/v1/organizations").json()["data"]] == [
        body["id"]
    ]


def test_an_organization_has_nothing_of_what_is_given_free(team: Organization) -> None:
    """Else whoever founds a hundred of them has a hundred days' credits a day."""
    factories.settle(team.account)

    assert Grant.objects.filter(wallet__account=team.account).count() == 0
    assert Wallet.objects.get(account=team.account).due_at is None


def test_nobody_logs_in_as_an_organization(team: Organization, ask: Ask) -> None:
    assert ask(team.pk, "get", "/v1/balance").status_code == 401


def test_an_invitation_is_accepted_by_the_invited_alone(team: Organization, ask: Ask) -> None:
    path = f"/v1/organizations/{team.pk}/members"
    invited = ask("ben", "post", path, {"account": "dan"})
    assert invited.status_code == 201, invited.content
    accept = f"/v1/invitations/{invited.json()['id']}/accept"

    assert ask("eve", "post", accept).status_code == 404
    assert ask("dan", "get", "/v1/balance", team=team).status_code == 404
    assert [one["id"] for one in ask("dan", "get", "/v1/invitations").json()["data"]] == [
        invited.json()["id"]
    ]
    assert ask("dan", "post", accept).json()["state"] == "active"
    assert ask("dan", "post", accept).json()["state"] == "active"
    assert ask("dan", "get", "/v1/invitations").json()["data"] == []
    assert [one.kind for one in MembershipChange.objects.order_by("pk")][-2:] == [
        "invited",
        "joined",
    ]


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("ada", {"read", "invite", "promote", "ceiling", "remove", "rename"}),
        ("ben", {"read", "invite", "ceiling"}),
        ("cleo", {"read"}),
    ],
)
def test_each_role_does_what_it_may_and_no_more(
    team: Organization, ask: Ask, who: str, allowed: set[str]
) -> None:
    studio.join(team, "dan")
    dan = f"/v1/organizations/{team.pk}/members/{studio.member(team, 'dan').pk}"
    acts = {
        "read": ("get", dan, None),
        "invite": ("post", f"/v1/organizations/{team.pk}/members", {"account": "gus"}),
        "promote": ("patch", dan, {"role": "owner"}),
        "ceiling": ("patch", dan, {"ceiling": {"credits": "5", "per": "day"}}),
        "rename": ("patch", f"/v1/organizations/{team.pk}", {"name": "Other"}),
        "remove": ("delete", dan, None),
    }
    for act, (method, path, body) in acts.items():
        before = studio.facts()
        status = ask(who, method, path, body).status_code
        if act in allowed:
            assert status in {200, 201, 204}, (act, status)
        else:
            assert (status, studio.facts()) == (403, before), act
        assert ask("eve", method, path, body).status_code == 404, act
        assert ask("eve", method, path.replace(team.pk, "org_none"), body).status_code == 404


def test_a_ceiling_is_said_and_taken_away(team: Organization, ask: Ask) -> None:
    path = f"/v1/organizations/{team.pk}/members/{studio.member(team, 'cleo').pk}"
    wish = {"credits": "12.5", "per": "week"}

    assert ask("ben", "patch", path, {"ceiling": wish}).json()["ceiling"] == wish
    for wrong in ({"credits": "1"}, {"credits": "9999999999999", "per": "day"}, {}):
        assert ask("ben", "patch", path, {"ceiling": wrong}).status_code == 400
    assert ask("ben", "patch", path, {"ceiling": wish, "owner": True}).status_code == 400
    assert ask("ada", "get", path).json()["ceiling"] == wish
    assert ask("ben", "patch", path, {"ceiling": None}).json()["ceiling"] is None


def test_a_billing_admin_makes_nobody_an_owner(team: Organization, ask: Ask) -> None:
    path = f"/v1/organizations/{team.pk}/members"

    assert ask("ben", "post", path, {"account": "x", "role": "owner"}).status_code == 403
    assert ask("ada", "post", path, {"account": "x", "role": "owner"}).status_code == 201


def test_the_last_owner_neither_leaves_nor_becomes_less(team: Organization, ask: Ask) -> None:
    ada = studio.member(team, "ada")
    own = f"/v1/organizations/{team.pk}/members/{ada.pk}"
    before = studio.facts()

    for refused in (ask("ada", "delete", own), ask("ada", "patch", own, {"role": "member"})):
        assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    assert studio.facts() == before

    services.change_member(
        team, studio.member(team, "ben").pk, role=Role.OWNER, actor=studio.OPERATOR
    )
    assert ask("ada", "delete", own).status_code == 204
    assert ask("ada", "get", own).status_code == 404
    with pytest.raises(LastOwner):
        services.remove(team, studio.member(team, "ben").pk, actor=studio.OPERATOR)


def test_who_has_left_may_be_invited_again_and_his_row_remembers_it(team: Organization) -> None:
    cleo = studio.ceiling(team, "cleo", 5)
    services.remove(team, cleo.pk, actor=studio.OPERATOR)
    services.remove(team, cleo.pk, actor=studio.OPERATOR)

    with pytest.raises(NotAMember):
        services.change_member(team, cleo.pk, role=Role.OWNER, actor=studio.OPERATOR)
    again = studio.join(team, "cleo")

    assert (again.pk, again.ceiling_micros) == (cleo.pk, None)
    assert [one.kind for one in again.changes.order_by("pk")] == [
        *("invited", "joined", "ceiling", "removed", "invited", "joined")
    ]
    with pytest.raises(AlreadyMember):
        studio.invite(team, "cleo")
    assert Membership.objects.filter(organization=team).count() == 3


def test_the_other_side_of_the_sandbox_is_absent(team: Organization, ask: Ask) -> None:
    live = factories.new_account("live", is_sandbox=False)
    studio.invite(team, "live")

    assert not Membership.objects.filter(account=live).exists()
    assert Membership.objects.filter(
        organization=team, account__external_id="live", account__is_sandbox=True
    ).exists()


def test_an_organization_founds_none(team: Organization) -> None:
    before = studio.facts()

    with transaction.atomic(), pytest.raises(NotFound):
        services.found(owner=team.account, name="Shell", actor=studio.OPERATOR, now=team.created_at)
    assert studio.facts() == before
    assert Organization.objects.count() == 1

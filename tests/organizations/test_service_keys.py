"""What a service's key may do with an organization: as much as its scopes say, and no more."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.accounts.members import Organization
from billing.accounts.services import create_api_key
from billing.ids import new_id
from billing.ledger.models import Allowance
from tests import factories
from tests.organizations import studio


def serve(scope: str, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 (Django's test response)
    _key, secret = create_api_key("k", [scope], is_sandbox=True, now=timezone.now())
    content = {} if method == "get" else {"data": body, "content_type": "application/json"}
    sent = {"Authorization": f"Bearer {secret}", "Idempotency-Key": new_id("key"), **headers}
    return getattr(Client(raise_request_exception=False), method)(path, headers=sent, **content)


@pytest.mark.parametrize("name", ["ada", "cleo"])  # the owner, and Cleo herself
def test_a_key_that_only_reads_removes_nobody(team: Organization, name: str) -> None:
    path = f"/v1/organizations/{team.pk}/members/{studio.member(team, 'cleo').pk}"
    acting, before = {"X-Account": name}, studio.facts()

    assert serve("balance:read", "get", path, **acting).status_code == 200
    assert serve("balance:read", "delete", path, **acting).status_code == 403
    assert studio.facts() == before
    assert serve("subscriptions:write", "delete", path, **acting).status_code == 204


def test_a_key_that_reads_no_allotment_is_not_told_which_there_are(team: Organization) -> None:
    factories.give(team.account, 50)
    allotment = studio.allot(team, "cleo", 10)

    for key in (allotment.pk, "al_none"):
        for headers in ({}, {"X-Account": "cleo"}):
            got = serve("jobs:read", "get", f"/v1/allotments/{key}", **headers)
            taken = serve("jobs:read", "post", f"/v1/allotments/{key}/take-back", **headers)
            assert [got.status_code, taken.status_code] == [403, 403]
    studio.checked()


def test_an_organization_founds_none(team: Organization) -> None:
    acting = {"X-Account": team.account.external_id}

    made = serve("accounts:write", "post", "/v1/organizations", {"name": "x"}, **acting)

    assert made.status_code == 404
    assert Organization.objects.count() == 1


def test_signals_give_an_organization_nothing(team: Organization) -> None:
    path = f"/v1/accounts/{team.account.external_id}/signals"

    assert serve("accounts:write", "post", path, {"email": "a@example.com"}).status_code == 404
    factories.settle(team.account)
    assert not Allowance.objects.filter(wallet__account=team.account).exists()

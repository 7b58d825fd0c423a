import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from openapi_spec_validator import validate
from pytest_django import Settings

from billing.accounts import services
from billing.accounts.models import ApiKey
from billing.ledger.models import Wallet
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]


def printed(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("catalog")
def test_a_token_stands_alone_on_the_last_line_and_opens(get: Ask) -> None:
    token = printed("issue_token", "ada").splitlines()[-1]

    seen = get("/v1/whoami", {"Authorization": f"Bearer {token}"})

    assert (seen.status_code, seen.json()["external_id"]) == (200, "ada")


@pytest.mark.usefixtures("catalog")
def test_a_sandbox_token_plays(get: Ask) -> None:
    made = json.loads(printed("issue_token", "ada", "--sandbox", "--hours", "1", "--json"))

    seen = get("/v1/whoami", {"Authorization": f"Bearer {made['token']}"})

    assert seen.json()["is_sandbox"]
    assert made["expires_at"].endswith("+00:00")


@pytest.mark.parametrize(
    "words", [["a b"], [""], ["ada", "--hours", "0"], ["ada", "--hours", "9999999"]]
)
def test_a_token_that_would_not_open_is_refused(words: list[str]) -> None:
    with pytest.raises(CommandError):
        printed("issue_token", *words)


def test_without_a_private_key_the_command_says_so(settings: Settings) -> None:
    settings.JWT_PRIVATE_KEY = ""

    with pytest.raises(CommandError, match="JWT_PRIVATE_KEY"):
        printed("issue_token", "ada")


@pytest.mark.usefixtures("catalog")
def test_a_secret_stands_alone_on_the_last_line_and_opens(get: Ask) -> None:
    factories.new_account("ada", is_sandbox=False)
    words = ["create_api_key", "shop", "--scopes", "balance:read", "accounts:write"]
    secret = printed(*words).splitlines()[-1]

    seen = get("/v1/whoami", {"Authorization": f"Bearer {secret}", "X-Account": "ada"})

    assert seen.status_code == 200


def test_a_key_can_be_printed_for_a_program() -> None:
    words = ["create_api_key", "shop", "--scopes", "jobs:read", "--sandbox", "--days", "30"]
    made = json.loads(printed(*words, "--json"))

    key = ApiKey.objects.get(pk=made["id"])
    assert made["secret"].startswith(key.prefix)
    assert key.is_sandbox
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days == 30


@pytest.mark.parametrize(
    "words",
    [["shop", "--scopes", "root"], ["", "--scopes", "jobs:read"], ["shop"],
     ["shop", "--scopes", "jobs:read", "--days", "0"]],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_not_made(words: list[str]) -> None:
    with pytest.raises(CommandError):
        printed("create_api_key", *words)

    assert not ApiKey.objects.exists()


@pytest.mark.usefixtures("catalog")
def test_a_revoked_key_opens_nothing_and_a_repeat_changes_nothing(get: Ask) -> None:
    factories.new_account("ada", is_sandbox=False)
    words = ["create_api_key", "shop", "--scopes", "balance:read", "accounts:write"]
    secret = printed(*words).splitlines()[-1]
    key = ApiKey.objects.get()
    headers = {"Authorization": f"Bearer {secret}", "X-Account": "ada"}
    assert get("/v1/whoami", headers).status_code == 200

    assert printed("revoke_api_key", key.prefix).splitlines()[-1] == key.pk
    ended_at = ApiKey.objects.get().revoked_at
    assert printed("revoke_api_key", secret).splitlines()[-1] == key.pk

    assert get("/v1/whoami", headers).status_code == 401
    assert ended_at is not None
    assert ApiKey.objects.get().revoked_at == ended_at


def test_no_key_is_ended_by_a_prefix_that_none_has() -> None:
    printed("create_api_key", "shop", "--scopes", "balance:read")

    with pytest.raises(CommandError, match="no service key"):
        printed("revoke_api_key", "sk_live_")

    assert ApiKey.objects.get().revoked_at is None


@pytest.mark.parametrize("words", [["explain", "ada"], ["subscribe", "ada", "standard"]])
@pytest.mark.usefixtures("catalog")
def test_a_command_means_the_live_account_unless_it_is_told(
    words: list[str], now: datetime
) -> None:
    play = services.ensure_account("ada", zone="UTC", is_sandbox=True, now=now)
    with pytest.raises(CommandError, match="no account ada"):
        printed(*words)
    assert not Wallet.objects.exists()

    printed(*words, "--sandbox")

    live = services.ensure_account("ada", zone="UTC", now=now)
    printed(*words)
    assert set(Wallet.objects.values_list("account_id", flat=True)) <= {play.pk, live.pk}


def test_the_exported_contract_is_valid_and_the_same_every_time() -> None:
    first, second = printed("export_openapi"), printed("export_openapi", "--json")

    document = json.loads(first.splitlines()[-1])
    validate(document)
    assert first == second
    assert document["openapi"].startswith("3.1")

"""`create_codes`, `revoke_codes` and `grant_campaign`."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.promotions.models import CampaignBudget, CampaignGrant, RedemptionCode
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db


def printed(*words: str) -> list[str]:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


@pytest.fixture
def names(shop: None, tmp_path: Path) -> Path:
    """Return a file that names twelve accounts, one of them unknown, and blank lines."""
    for number in range(11):
        factories.new_account(f"bob-{number}", is_sandbox=False)
    path = tmp_path / "accounts.txt"
    path.write_text("\n".join(["nobody", "", *(f"bob-{number}" for number in range(11)), " "]))
    return path


def test_codes_stand_alone_on_the_last_lines_and_are_good(ada: Account) -> None:
    codes = printed("create_codes", "--pack", "plain", "--count", "3", "--sandbox")

    assert len(codes) == len(set(codes)) == 3
    assert shelf.redeem(ada, codes[0]) is not None


def test_codes_can_be_printed_for_a_program(shop: None) -> None:
    [line] = printed("create_codes", "welcome", "--count", "2", "--uses", "9", "--json")

    assert len(json.loads(line)) == 2
    assert set(RedemptionCode.objects.values_list("uses_max", flat=True)) == {9}


@pytest.mark.parametrize(
    "words",
    [
        ["none"],
        ["welcome", "--count", "0"],
        ["welcome", "--expires", "tomorrow"],
        ["welcome", "--expires", "2020-01-01T00:00:00Z"],
        ["--plan", "pro"],
        ["welcome", "--quantity", "5"],
        ["--plan", "pro", "--period", "P1M", "--quantity", "2"],
        ["welcome", "--batch", "x" * 101],
        ["welcome", "--pack", "plain"],
        [],
    ],
)
def test_codes_that_make_no_sense_are_not_made(shop: None, words: list[str]) -> None:
    with pytest.raises(CommandError):
        printed("create_codes", *words)

    assert not RedemptionCode.objects.exists()


def test_a_batch_is_ended_as_a_whole(ada: Account) -> None:
    codes = printed("create_codes", "welcome", "--count", "3", "--batch", "spring", "--sandbox")
    others = printed("create_codes", "welcome", "--sandbox")

    assert printed("revoke_codes", "--batch", "spring")[-1] == "3"

    assert [shelf.redeem(ada, code) for code in codes] == [None] * 3
    assert shelf.redeem(ada, others[0]) is not None


def test_a_batch_that_is_none_is_said(shop: None) -> None:
    with pytest.raises(CommandError):
        printed("revoke_codes", "--batch", "")


def test_a_beginning_that_several_codes_have_ends_none_of_them(shop: None) -> None:
    made = printed("create_codes", "welcome", "--count", "3000", "--batch", "spring")
    [(prefix, several)] = Counter(code[:4] for code in made).most_common(1)
    assert several > 1, "of 3000 codes, two begin alike but once in 70 runs"

    with pytest.raises(CommandError) as refused:
        printed("revoke_codes", "--prefix", prefix)

    assert not RedemptionCode.objects.exclude(revoked_at=None).exists()
    found = RedemptionCode.objects.filter(prefix=prefix)
    assert all(f"{code.pk}  spring" in str(refused.value) for code in found)
    assert printed("revoke_codes", "--id", found[0].pk)[-1] == "1"
    assert RedemptionCode.objects.exclude(revoked_at=None).get() == found[0]


def test_a_beginning_that_one_code_has_ends_it(ada: Account) -> None:
    [code] = printed("create_codes", "welcome", "--sandbox")

    assert printed("revoke_codes", "--prefix", code[:4])[-1] == "1"

    assert shelf.redeem(ada, code) is None


@pytest.mark.parametrize("run", ["", "x" * 101])
def test_a_run_without_a_fitting_name_is_refused_and_gives_nothing(names: Path, run: str) -> None:
    with pytest.raises(CommandError):
        printed("grant_campaign", "welcome", "--accounts", str(names), "--run", run)

    assert not CampaignGrant.objects.exists()


def test_each_account_of_a_file_has_its_share_until_the_budget_ends(names: Path) -> None:
    said = printed("grant_campaign", "welcome", "--accounts", str(names))

    assert said == ["campaign_exhausted: 1, granted: 10, unknown: 1, credits: 30"]
    assert CampaignBudget.objects.get().granted_micros == 30 * MICROS
    assert Grant.objects.count() == CampaignGrant.objects.count() == 10


def test_a_run_that_is_broken_off_goes_on_where_it_was(names: Path) -> None:
    whole = names.read_text()
    names.write_text("bob-0\nbob-1\nbob-2\n")
    printed("grant_campaign", "welcome", "--accounts", str(names))
    names.write_text(whole.replace("bob-10", "bob-0"))

    said = json.loads(printed("grant_campaign", "welcome", "--accounts", str(names), "--json")[-1])

    assert said == {"before": 4, "granted": 7, "unknown": 1, "credits": "21"}
    assert CampaignGrant.objects.count() == 10


def test_another_run_is_bound_by_the_campaign(names: Path) -> None:
    names.write_text("bob-0\n")
    printed("grant_campaign", "dice", "--accounts", str(names))
    second = printed("grant_campaign", "dice", "--accounts", str(names), "--run", "2")
    third = printed("grant_campaign", "dice", "--accounts", str(names), "--run", "3")

    assert second[-1].startswith("granted: 1")
    assert third == ["already_granted: 1, credits: 0"]


def test_a_dry_run_says_the_same_and_keeps_nothing(names: Path) -> None:
    said = printed("grant_campaign", "welcome", "--accounts", str(names), "--dry-run")

    assert said == ["campaign_exhausted: 1, granted: 10, unknown: 1, credits: 30"]
    assert not Grant.objects.exists()
    assert not CampaignGrant.objects.exists()
    assert not CampaignBudget.objects.exists()


def test_a_campaign_or_a_file_that_is_none_is_said(names: Path) -> None:
    with pytest.raises(CommandError):
        printed("grant_campaign", "none", "--accounts", str(names))
    with pytest.raises(CommandError):
        printed("grant_campaign", "welcome", "--accounts", str(names.parent / "none.txt"))

    assert not Grant.objects.exists()

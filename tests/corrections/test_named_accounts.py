"""A compensation of named accounts is of those whom it names: each is found, or all is refused."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from billing.accounts.models import Account
from billing.corrections.errors import InvalidCorrection
from billing.corrections.forms import CampaignRunForm, CompensationForm
from billing.corrections.models import Compensation
from billing.ledger.models import Entry
from tests import factories
from tests.corrections import desk
from tests.corrections.test_admin import COMPENSATIONS, browser, looks
from tests.jobs import shop

pytestmark = pytest.mark.usefixtures("ends_clean")
NAME = "ada,eve"


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def pair(ada: Account, backend: None) -> Account:
    """Ada, and one whose name begins like hers and has a comma, had videos for 10 and 6 credits."""
    other = factories.new_account(NAME, is_sandbox=False)
    for account, seconds in ((ada, 5), (other, 3)):
        factories.give(account, 100, fact="pocket")
        shop.finish(shop.submit(account, seconds=seconds))
    return other


@pytest.mark.parametrize("field", ["accounts", "external_ids"])
def test_a_name_may_hold_a_comma(field: str) -> None:
    form = {"accounts": CompensationForm, "external_ids": CampaignRunForm}[field]()

    assert form.fields[field].clean(f" {NAME} bob\r\ncyd ") == (NAME, "bob", "cyd")


def test_only_the_account_of_that_name_is_meant(pair: Account) -> None:
    found = desk.look(desk.chosen(accounts=(NAME,)))

    assert [one.external_id for one in found.top] == [NAME]


@pytest.mark.parametrize(
    ("names", "is_sandbox", "strange"),
    [
        (("ada", "adda"), False, "adda"),
        (("eve", "ada", "adda"), False, "eve adda"),
        (("ada",), True, "ada"),
        (("ada\0",), False, "ada\0"),
    ],
)
def test_a_name_that_is_nobodys_is_refused_by_name(
    pair: Account, grace: User, names: tuple[str, ...], strange: str, *, is_sandbox: bool
) -> None:
    selection, before = (desk.chosen(accounts=names, is_sandbox=is_sandbox), Entry.objects.count())

    for refused in (
        lambda: desk.look(selection),
        lambda: desk.claim(grace, selection, digest="0" * 64),
    ):
        with pytest.raises(InvalidCorrection) as refusal:
            refused()
        assert refusal.value.facts["field"] == "accounts"
        assert refusal.value.message.endswith(f"has the name: {strange}.")
    assert (Compensation.objects.exists(), Entry.objects.count()) == (False, before)


def test_the_command_and_the_form_say_which_name_is_nobodys(pair: Account, grace: User) -> None:
    looks(grace)
    hour = desk.chosen()
    span = {"since": hour.since.isoformat(), "until": hour.until.isoformat()}
    form = {
        "key": "outage-7",
        "basis": "charged",
        "share_micros": "1",
        "reason": "incident",
        "text": "Ticket 8",
        "text_en": "Sorry.",
        "text_zh": "抱歉。",
        "act": "look",
    }

    with pytest.raises(CommandError, match=r"^--account: .* has the name: adda\.$"):
        call_command(
            *("compensate", "outage-7", "--since", span["since"], "--until", span["until"]),
            *("--share", "1", "--account", "ada", "--account", "adda"),
        )
    page = browser(grace).post(f"{COMPENSATIONS}ask/", {**form, **span, "accounts": "ada adda"})

    assert page.context["form"].errors["accounts"][0].endswith("has the name: adda.")
    assert not Compensation.objects.exists()

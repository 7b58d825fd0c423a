"""The page of an account shows nothing that its reader's windows would not show him."""

from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from billing.accounts.models import Account
from billing.console.accounts import lists, seeing
from billing.notes import services as notes
from billing.notes.models import AccountNote
from tests.acts import frozen
from tests.console import affairs
from tests.matrix.operators import SUPERUSER, VIEWER, operator_of, signed_in

pytestmark = pytest.mark.django_db
MODELS: Final = sorted({model for models in seeing._OF.values() for model in models})
_OF_THE_WALLET: Final = ("wallet", "grant", "hold", "entry")


@pytest.fixture
def lived(ada: Account) -> Account:
    """Ada, with something of each kind."""
    return affairs.lived_through(ada).account


def _reader(name: str, *, but: str = "", only: tuple[str, ...] = ()) -> User:
    """Return an operator who sees the windows of all models but one, or of these alone."""
    user = User.objects.create_user(name, is_staff=True)
    sees = Permission.objects.filter(content_type__app_label="billing", codename__startswith="view")
    chosen = [f"view_{model}" for model in ("account", *only)]
    kept = sees.filter(codename__in=chosen) if only else sees.exclude(codename=f"view_{but}")
    user.user_permissions.set(kept)
    return User.objects.get(pk=user.pk)


def _page(user: User, account: Account) -> Any:  # noqa: ANN401 (Django's test response)
    browser: Client = signed_in(user)
    shown = browser.get(f"/admin/console/accounts/{account.pk}/")
    assert shown.status_code == 200
    return shown


def _tables(account: Account, reader: User) -> set[str]:
    return {one.anchor for one in lists.tables(account, reader=reader)}


@pytest.mark.parametrize("model", MODELS)
def test_a_table_is_left_out_for_who_may_not_see_its_rows(ada: Account, model: str) -> None:
    every = _tables(ada, operator_of(SUPERUSER))
    of_it = {anchor for anchor, models in seeing._OF.items() if model in models}

    assert _tables(ada, _reader("reader", but=model)) == every - of_it
    assert of_it
    assert every == seeing._OF.keys()


def test_who_sees_accounts_alone_reads_who_it_is_and_nothing_more(lived: Account) -> None:
    author = frozen.freeze(lived)
    notes.write(account=lived, author=author, text="It is a secret.", now=author.date_joined)

    page = _page(_reader("reader", only=("account",)), lived)

    text = page.content.decode()
    assert page.context["tables"] == []
    assert lived.external_id in text
    for hidden in ('id="free"', 'id="why"', 'id="grants"', 'id="notes"', "It is a secret."):
        assert hidden not in text, hidden
    assert "It is a secret." in _page(operator_of(VIEWER), lived).content.decode()


@pytest.mark.parametrize("model", _OF_THE_WALLET)
def test_a_balance_and_its_reasons_are_for_who_sees_all_that_they_are_made_of(
    lived: Account, model: str
) -> None:
    text = _page(_reader("reader", but=model), lived).content.decode()

    assert 'id="free"' not in text
    assert 'id="why"' not in text
    assert 'id="no-wallet"' not in text, "nobody says that there is none"
    assert 'id="free"' in _page(operator_of(VIEWER), lived).content.decode()


def test_who_may_not_read_notes_reads_none(lived: Account) -> None:
    author = frozen.freeze(lived)
    notes.write(account=lived, author=author, text="It is a secret.", now=author.date_joined)
    model = AccountNote._meta.model_name

    assert "It is a secret." not in _page(_reader("r", but=str(model)), lived).content.decode()

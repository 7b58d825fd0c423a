"""By which way in a caller comes: what his key or his token says, else what is usual."""

from datetime import datetime, timedelta

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from billing.accounts import services, tokens
from billing.accounts.authentication import BearerAuthentication, Caller
from billing.accounts.errors import InvalidAccount
from billing.accounts.models import ApiKey
from billing.accounts.surfaces import surface_of
from plans import selectors as catalogs

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def caller(credential: str) -> Caller:
    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {credential}"})
    found = BearerAuthentication().authenticate(Request(request))
    assert found is not None
    return found[0]


@pytest.mark.usefixtures("catalog")
def test_a_token_says_its_surface_or_is_at_the_catalogs_first(now: datetime) -> None:
    catalog = catalogs.current().catalog
    said = tokens.sign("ada", lifetime=HOUR, surface="cli", now=now)
    silent = tokens.sign("ada", lifetime=HOUR, now=now)

    assert (caller(said).surface, caller(said).surface_in(catalog)) == ("cli", "cli")
    assert (caller(silent).surface, caller(silent).surface_in(catalog)) == ("", "web")


@pytest.mark.usefixtures("catalog")
def test_a_key_says_its_surface_or_is_at_the_catalogs_second(now: datetime) -> None:
    catalog = catalogs.current().catalog
    _key, said = services.create_api_key("cli", ["jobs:write"], surface="cli", now=now)
    _key, silent = services.create_api_key("shop", ["jobs:write"], now=now)

    assert (caller(said).surface, caller(said).surface_in(catalog)) == ("cli", "cli")
    assert (caller(silent).surface, caller(silent).surface_in(catalog)) == ("", "api")


@pytest.mark.parametrize(
    ("said", "is_service", "known", "surface"),
    [
        ("", False, ["web", "api"], "web"),
        ("", True, ["web", "api"], "api"),
        ("", True, ["app", "mcp", "api"], "mcp"),
        ("", True, ["web"], "api"),
        ("tv", False, ["web", "api"], "tv"),
    ],
)
def test_what_is_not_said_is_usual_and_what_is_unknown_stays(
    *, said: str, is_service: bool, known: list[str], surface: str
) -> None:
    assert surface_of(said, is_service=is_service, known=known) == surface


@pytest.mark.parametrize("surface", ["Web", "a b", "x" * 33, "1st", "-"])
def test_a_surface_that_is_no_word_is_refused(surface: str, now: datetime) -> None:
    with pytest.raises(InvalidAccount):
        services.create_api_key("shop", ["jobs:write"], surface=surface, now=now)
    with pytest.raises(tokens.InvalidToken):
        tokens.sign("ada", lifetime=HOUR, surface=surface, now=now)

    assert not ApiKey.objects.exists()

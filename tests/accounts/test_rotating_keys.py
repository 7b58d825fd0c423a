"""A service key is exchanged while both open, and nobody's requests fail meanwhile."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.accounts import services
from billing.accounts.errors import InvalidAccount
from billing.accounts.models import ApiKey

pytestmark = pytest.mark.django_db


def make(**more: object) -> ApiKey:
    now = timezone.now()
    return services.create_api_key("shop", ["jobs:read", "jobs:write"], now=now, **more)[0]  # type: ignore[arg-type]


def test_a_rotated_key_is_another_that_does_the_same() -> None:
    former = make(surface="web", is_sandbox=True)
    now = timezone.now()

    fresh, secret = services.rotate_api_key(former, overlap=timedelta(hours=24), now=now)

    former.refresh_from_db()
    assert former.expires_at == now + timedelta(hours=24)
    assert fresh.expires_at is None
    assert bytes(fresh.secret_hash) == services.hash_of(secret)
    assert bytes(fresh.secret_hash) != bytes(former.secret_hash)
    for name in ("name", "scopes", "surface", "is_sandbox"):
        assert getattr(fresh, name) == getattr(former, name)


def test_a_key_that_ends_sooner_by_itself_ends_as_it_would() -> None:
    ends_at = timezone.now() + timedelta(hours=1)
    former = make(expires_at=ends_at)

    services.rotate_api_key(former, overlap=timedelta(hours=24), now=timezone.now())

    former.refresh_from_db()
    assert former.expires_at == ends_at


def test_a_key_that_opens_nothing_is_not_rotated() -> None:
    now = timezone.now()
    revoked = make()
    services.revoke_api_key(revoked, now=now)
    expired = make(expires_at=now + timedelta(hours=1))
    good = make()
    day = timedelta(hours=24)

    for key, overlap, at in (
        (revoked, day, now),
        (expired, day, now + timedelta(hours=1)),
        (good, timedelta(), now),
    ):
        with pytest.raises(InvalidAccount):
            services.rotate_api_key(key, overlap=overlap, now=at)
    assert ApiKey.objects.count() == 3
    good.refresh_from_db()
    assert good.expires_at is None


def test_the_command_prints_the_new_secret_alone_on_the_last_line() -> None:
    former, secret = services.create_api_key("shop", ["jobs:read"], now=timezone.now())
    out = io.StringIO()

    call_command("rotate_api_key", secret, "--hours", "2", stdout=out)
    with pytest.raises(CommandError, match="prefix"):
        call_command("rotate_api_key", "sk_live_000000000000", stdout=out)

    fresh = ApiKey.objects.exclude(pk=former.pk).get()
    assert services.prefix_of(out.getvalue().splitlines()[-1]) == fresh.prefix

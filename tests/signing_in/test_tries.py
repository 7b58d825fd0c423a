"""Who tries too often is not judged; and nobody learns from an answer which names there are."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from billing.operators import codes, services
from billing.operators.errors import SignInRefused, TooManyTries, WrongCode
from billing.operators.models import AccessRecord, Authenticator, TryCount
from billing.operators.services import counting, proving
from billing.operators.services.counting import WINDOW
from tests.http.racing import at_once
from tests.operators import PASSWORD
from tests.signing_in.conftest import CODE_PAGE, Visitor

HERE: Final = ip_address("203.0.113.9")
THERE: Final = ip_address("2001:db8::9")
Kind = AccessRecord.Kind


def judged(act: Callable[[], object]) -> str:
    """Return whether a try was right, wrong, or one too many."""
    try:
        act()
    except TooManyTries:
        return "too many"
    except (SignInRefused, WrongCode):
        return "wrong"
    return "right"


def password(name: str, word: str, *, address: Any = HERE, later: timedelta = timedelta()) -> str:  # noqa: ANN401 (an address)
    now = timezone.now() + later
    return judged(
        lambda: services.check_password(name=name, password=word, address=address, now=now)
    )


def test_after_five_wrong_passwords_a_right_one_does_not_count_for_a_while(grace: Visitor) -> None:
    wrong = [password("grace", "wrong") for _try in range(5)]

    assert wrong == ["wrong"] * 5
    assert password("grace", grace.password) == "too many"
    assert password("grace", grace.password, address=THERE) == "right"
    assert password("grace", grace.password, later=WINDOW) == "right"
    assert AccessRecord.objects.filter(kind=Kind.PASSWORD_REFUSED).count() == 5
    assert AccessRecord.objects.filter(kind=Kind.LOCKED_OUT).count() == 1


def test_a_right_password_forgives_the_wrong_ones_before(grace: Visitor) -> None:
    for _round in range(3):
        assert [password("grace", "wrong") for _try in range(4)] == ["wrong"] * 4
        assert password("grace", grace.password) == "right"


def test_many_addresses_share_the_tries_of_one_name(grace: Visitor) -> None:
    places = [ip_address(f"198.51.100.{place}") for place in range(1, 22)]

    verdicts = [password("grace", "wrong", address=place) for place in places]

    assert verdicts == ["wrong"] * 20 + ["too many"]


@pytest.mark.django_db
def test_one_address_has_fifty_tries_of_all_names() -> None:
    verdicts = [password(f"name{number}", "wrong") for number in range(52)]

    assert verdicts == ["wrong"] * 50 + ["too many"] * 2
    assert password("another", "wrong", address=THERE) == "wrong"


@pytest.mark.django_db(transaction=True)
def test_parallel_tries_do_not_slip_through_together() -> None:
    five = [counting.limit("of a test", "x", 5)]

    over = at_once(20, lambda _place: counting.take(five, now=timezone.now()))

    assert sorted(over) == list(range(-4, 16))  # type: ignore[type-var]


def test_a_name_that_nobody_has_is_answered_as_a_wrong_password(
    grace: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page after the same work: as many hashes, and as many rows written."""
    hashed: list[str] = []
    encode = PBKDF2PasswordHasher.encode

    def counts(
        hasher: PBKDF2PasswordHasher, word: str, salt: str, rounds: int | None = None
    ) -> str:
        hashed.append(word)
        return encode(hasher, word, salt, rounds)

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counts)
    unusable = User.objects.create_user("unusable", is_staff=True)
    User.objects.create_user("ada", password=PASSWORD)
    answers, work = [], []
    for name in ("grace", "nobody", unusable.username, "ada"):
        hashed.clear()
        rows = AccessRecord.objects.count() + TryCount.objects.count()
        page = Client().post("/admin/login/", {"username": name, "password": "wrong"})
        answers.append(page.content.decode().replace(name, ""))
        work.append((len(hashed), AccessRecord.objects.count() + TryCount.objects.count() - rows))

    texts = {_without_tokens(answer) for answer in answers}
    assert len(texts) == 1
    # The first try from an address makes its count, too.
    assert work[0][0] == work[1][0] == work[2][0] == work[3][0] == 1
    assert work[1][1] == work[2][1] == work[3][1]


def test_a_name_that_nobody_has_is_not_written_down(grace: Visitor) -> None:
    """It is often a password in the wrong field."""
    password("my-secret-password", "x")
    password("grace", "x")

    records = AccessRecord.objects.filter(kind=Kind.PASSWORD_REFUSED).order_by("pk")
    assert [record.operator for record in records] == [None, grace.user]
    assert not AccessRecord.objects.filter(what__contains="my-secret").exists()


def test_after_five_wrong_codes_a_right_one_does_not_count_for_a_while(grace: Visitor) -> None:
    grace.enrol()
    other = Visitor(grace.user, grace.password, Client(), grace.secret, grace.steps)
    other.type_password()
    for _try in range(5):
        other.browser.post(CODE_PAGE, {"code": "000000"})

    other.browser.post(CODE_PAGE, {"code": other.next_code()})

    assert not other.is_in()
    later = timezone.now() + WINDOW
    proven = services.prove(
        operator=grace.user,
        typed=codes.code_at(grace.secret, later),
        kind=Kind.SIGNED_IN,
        address=HERE,
        now=later,
    )
    assert proven.operator == grace.user


def _enrolled() -> tuple[User, str]:
    user = User.objects.create_superuser("root")
    secret = codes.new_secret()
    services.enrol_with(operator=user, secret=secret, now=timezone.now())
    return user, secret


@pytest.mark.django_db(transaction=True)
def test_of_five_who_type_one_code_at_once_one_comes_in() -> None:
    user, secret = _enrolled()
    now = timezone.now()
    typed = codes.code_at(secret, now)

    results = at_once(
        5,
        lambda _place: services.prove(
            operator=user, typed=typed, kind=Kind.SIGNED_IN, address=HERE, now=now
        ),
    )

    assert sum(isinstance(one, Authenticator) for one in results) == 1
    assert sum(isinstance(one, WrongCode) for one in results) == 4
    assert AccessRecord.objects.filter(kind=Kind.SIGNED_IN).count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_only_the_database_stops_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shows that this set-up can race at all, and that the trigger is the second wall."""
    user, secret = _enrolled()
    now = timezone.now()
    typed = codes.code_at(secret, now)
    monkeypatch.setattr(
        proving, "_locked", lambda operator: Authenticator.objects.filter(operator=operator).first()
    )

    rounds = [_all_at_once(user, typed, now, secret) for _round in range(5)]

    came_in = [sum(isinstance(one, Authenticator) for one in results) for results in rounds]
    assert came_in == [1] * 5
    assert any(isinstance(one, IntegrityError) for results in rounds for one in results)


def _all_at_once(user: User, typed: str, now: Any, secret: str) -> list[Any]:  # noqa: ANN401 (an instant)
    services.reset(operator=user, actor=None, reason="a new round", address=None, now=now)
    services.enrol_with(operator=user, secret=secret, now=now)
    return at_once(
        5,
        lambda _place: services.prove(
            operator=user, typed=typed, kind=Kind.SIGNED_IN, address=HERE, now=now
        ),
    )


def _without_tokens(page: str) -> str:
    """Return a page without what differs each time."""
    return "\n".join(line for line in page.splitlines() if "csrfmiddlewaretoken" not in line)

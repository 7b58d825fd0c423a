import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError

from billing.accounts import services
from billing.accounts.models import Account
from billing.http import errors
from billing.http.idempotency import Answer, Key, answer_once
from billing.http.models import IdempotentAnswer
from tests.http.probes import ProbeRefusal

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]
KEY = Key(caller="acc_1", route="POST v1/orders", key="k", body_hash=b"1" * 32)


def effects() -> int:
    return Account.objects.filter(external_id__startswith="effect-").count()


def making(name: str, now: datetime) -> Callable[[], tuple[int, object]]:
    def work() -> tuple[int, object]:
        return 201, {"made": services.ensure_account(f"effect-{name}", zone="UTC", now=now).pk}

    return work


def test_a_repeat_gives_the_first_answer_byte_for_byte(ada: dict[str, str], post: Ask) -> None:
    first = post("/v1/orders", ada, key="k", body={"name": "a"})
    second = post("/v1/orders", ada, key="k", body={"name": "a"})

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert effects() == 1


def test_the_same_order_written_differently_is_a_repeat(ada: dict[str, str], post: Ask) -> None:
    first = post("/v1/orders", ada, key="k", raw=b'{"name":"a","end":"well"}')
    second = post("/v1/orders", ada, key="k", raw=b'{ "end": "\\u0077ell",\n "name": "a" }')

    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "body", [{"name": "b"}, {"name": "a", "end": "well"}, {"name": "a", "tags": [1]}]
)
def test_the_same_key_for_another_order_is_refused(
    body: dict[str, Any], ada: dict[str, str], post: Ask
) -> None:
    first = post("/v1/orders", ada, key="k", body={"name": "a"})
    other = post("/v1/orders", ada, key="k", body=body)
    again = post("/v1/orders", ada, key="k", body={"name": "a"})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert again.content == first.content
    assert effects() == 1


def test_a_key_is_scoped_to_caller_and_route(
    ada: dict[str, str], bob: dict[str, str], post: Ask
) -> None:
    answers = [
        post("/v1/orders", ada, key="k", body={"name": "a"}),
        post("/v1/orders", bob, key="k", body={"name": "b"}),
        post("/v1/orders/x/again", ada, key="k", body={"name": "c"}),
        post("/v1/orders", ada, key="K", body={"name": "d"}),
    ]

    assert [answer.status_code for answer in answers] == [201] * 4
    assert effects() == 4


def test_the_ids_in_a_path_belong_to_the_order_and_not_to_the_route(
    ada: dict[str, str], post: Ask
) -> None:
    post("/v1/orders/x/again", ada, key="k", body={"name": "a"})

    other = post("/v1/orders/y/again", ada, key="k", body={"name": "a"})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("end", "status"), [("payment", 402), ("forbidden", 403), ("absent", 404), ("invalid", 422)]
)
def test_a_refusal_on_the_merits_is_kept(
    end: str, status: int, ada: dict[str, str], post: Ask
) -> None:
    first = post("/v1/orders", ada, key="k", body={"name": "a", "end": end})
    second = post("/v1/orders", ada, key="k", body={"name": "a", "end": end})

    assert first.status_code == second.status_code == status
    assert first.content == second.content
    assert first.headers["Content-Type"] == "application/problem+json"
    assert second.headers["Content-Type"] == "application/problem+json"
    assert second.headers["Idempotent-Replayed"] == "true"
    assert effects() == 0
    assert IdempotentAnswer.objects.get().status == status


@pytest.mark.parametrize(
    ("end", "status"),
    [
        *[("conflict", 409), ("limit", 429), ("unavailable", 503), ("database", 503)],
        *[("standby", 503), ("too_long", 503), ("broken", 500), ("defect", 500)],
    ],
)
def test_what_may_pass_is_not_kept_and_leaves_nothing(
    end: str, status: int, ada: dict[str, str], post: Ask
) -> None:
    first = post("/v1/orders", ada, key="k", body={"name": "a", "end": end})
    nothing_moved = effects() == 0 and not IdempotentAnswer.objects.exists()
    second = post("/v1/orders", ada, key="k", body={"name": "a", "end": "well"})

    assert first.status_code == status
    assert nothing_moved
    assert second.status_code == 201
    assert effects() == 1


def test_a_body_that_cannot_be_read_is_not_kept(ada: dict[str, str], post: Ask) -> None:
    for raw in (b"{", b'{"name":"a","name":"b"}', b'{"name":"a","surplus":1}', b"{}"):
        assert post("/v1/orders", ada, key="k", raw=raw).status_code == 400

    assert not IdempotentAnswer.objects.exists()
    assert post("/v1/orders", ada, key="k", body={"name": "a"}).status_code == 201


def test_a_stranger_is_not_kept(post: Ask) -> None:
    assert post("/v1/orders", {}, key="k", body={"name": "a"}).status_code == 401

    assert not IdempotentAnswer.objects.exists()
    assert effects() == 0


@pytest.mark.parametrize("key", [None, "", "with blank", "ä", "x" * 256, "tab\there", "\x7f"])
def test_a_missing_or_misshapen_key_names_the_header(
    key: str | None, ada: dict[str, str], post: Ask
) -> None:
    refused = post("/v1/orders", ada, key=key, body={"name": "a"})

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
    assert "Idempotency-Key" in refused.json()["detail"]
    assert effects() == 0


@pytest.mark.parametrize("key", ["!", "~", "x" * 255, 'a"b\\c', "k,k"])
def test_every_visible_ascii_key_serves(key: str, ada: dict[str, str], post: Ask) -> None:
    first = post("/v1/orders", ada, key=key, body={"name": "a"})

    assert first.status_code == 201
    assert post("/v1/orders", ada, key=key, body={"name": "a"}).content == first.content


def test_an_optional_key_may_be_left_out(ada: dict[str, str], post: Ask) -> None:
    without, with_key, again = (post("/v1/claim", ada, key=key) for key in (None, "k", "k"))

    assert without.content == with_key.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert IdempotentAnswer.objects.count() == 1


def test_without_a_key_nothing_is_kept_and_refusals_are_raised(now: datetime) -> None:
    def short() -> tuple[int, object]:
        raise ProbeRefusal("Too little.")

    made = answer_once(None, making("a", now), now=now)
    with pytest.raises(ProbeRefusal):
        answer_once(None, short, now=now)

    assert made.status == 201
    assert not IdempotentAnswer.objects.exists()


def test_a_replay_says_what_was_said_and_not_what_is_true_now(
    ada: dict[str, str], post: Ask
) -> None:
    first = post("/v1/orders", ada, key="k", body={"name": "a"})
    Account.objects.filter(external_id="effect-a").delete()

    assert post("/v1/orders", ada, key="k", body={"name": "a"}).content == first.content
    assert effects() == 0


def test_an_answer_that_may_not_be_kept_is_a_defect(now: datetime) -> None:
    with pytest.raises(AssertionError):
        answer_once(KEY, lambda: (500, {}), now=now)

    assert not IdempotentAnswer.objects.exists()


def test_a_body_without_json_form_leaves_nothing(now: datetime) -> None:
    def work() -> tuple[int, object]:
        making("a", now)()
        return 201, {"object": object()}

    with pytest.raises(TypeError):
        answer_once(KEY, work, now=now)

    assert effects() == 0
    assert not IdempotentAnswer.objects.exists()


def test_a_database_error_inside_work_is_no_answer(now: datetime) -> None:
    def work() -> tuple[int, object]:
        raise OperationalError("server closed the connection")

    with pytest.raises(OperationalError):
        answer_once(KEY, work, now=now)

    assert answer_once(KEY, making("a", now), now=now).status == 201


def test_a_mismatch_tells_nothing_of_the_first_answer(now: datetime) -> None:
    answer_once(KEY, making("a", now), now=now)
    other = Key(KEY.caller, KEY.route, KEY.key, b"2" * 32)

    with pytest.raises(errors.IdempotencyMismatch) as refusal:
        answer_once(other, making("b", now), now=now)

    assert refusal.value.facts == {}
    assert effects() == 1


def test_an_empty_body_is_kept_as_empty(now: datetime) -> None:
    first = answer_once(KEY, lambda: (204, None), now=now)
    second = answer_once(KEY, lambda: (204, None), now=now)

    assert first == Answer(204, b"")
    assert second == Answer(204, b"", replayed=True)


def test_the_answer_is_readable_json(ada: dict[str, str], post: Ask) -> None:
    answer = post("/v1/orders", ada, key="k", body={"name": "a"})

    assert json.loads(answer.content)["text"] == "灵感"
    assert "灵感".encode() in answer.content

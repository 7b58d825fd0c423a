import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.http.parsing import BODY_BYTES_MAX

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]
MEMBERS = {"type", "title", "status", "code", "detail", "request_id"}


def check(response: Any, status: int, code: str) -> dict[str, Any]:  # noqa: ANN401 (Django's test response has no public type)
    """Return the problem document, after all that every one must be."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= MEMBERS
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["type"].endswith(code)
    return body


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        ("payment", 402, "probe_payment"),
        ("forbidden", 403, "forbidden"),
        ("absent", 404, "not_found"),
        ("conflict", 409, "probe_conflict"),
        ("invalid", 422, "idempotency_mismatch"),
        ("limit", 429, "probe_limit"),
        ("unavailable", 503, "unavailable"),
        ("database", 503, "unavailable"),
    ],
)
def test_each_kind_has_its_status(
    end: str, status: int, code: str, ada: dict[str, str], get: Ask
) -> None:
    check(get(f"/v1/whoami?end={end}", ada), status, code)


def test_facts_stand_beside_the_sentence(ada: dict[str, str], get: Ask) -> None:
    body = get("/v1/whoami?end=payment", ada).json()

    assert (body["need"], body["have"]) == (3, 1)
    assert body["detail"] == "This costs 3; there are 1."


def test_an_absent_thing_says_nothing_more(ada: dict[str, str], get: Ask) -> None:
    absent = get("/v1/whoami?end=absent", ada)

    assert b"secret words" not in absent.content


def test_waiting_times_are_said(ada: dict[str, str], get: Ask) -> None:
    assert get("/v1/whoami?end=limit", ada).headers["Retry-After"] == "7"
    assert get("/v1/whoami?end=unavailable", ada).headers["Retry-After"] == "5"
    assert "Retry-After" not in get("/v1/whoami?end=conflict", ada).headers


def test_a_defect_is_a_problem_without_a_word_about_it(ada: dict[str, str], get: Ask) -> None:
    broken = get("/v1/whoami?end=defect", ada)

    check(broken, 500, "internal")
    assert b"sk_live" not in broken.content
    assert b"RuntimeError" not in broken.content


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1/nothing/", "/webhooks/x", "/v1/orders/x"]
)
def test_an_unknown_address_is_a_problem(path: str, ada: dict[str, str], get: Ask) -> None:
    check(get(path, ada), 404, "not_found")


def test_a_page_for_people_stays_a_page(get: Ask) -> None:
    assert get("/nothing").headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/v1/accounts/a%00b", "/v1/whoami?end=%00", "/v1/orders/%00/again"]
)
def test_nul_in_an_address_is_malformed(path: str, ada: dict[str, str], get: Ask) -> None:
    check(get(path, ada), 400, "malformed")


def test_the_protocols_own_refusals_are_problems(ada: dict[str, str], get: Ask) -> None:
    client = Client()
    key = {**ada, "Idempotency-Key": "k"}

    check(client.delete("/v1/whoami", headers=ada), 405, "method_not_allowed")
    assert client.delete("/v1/whoami", headers=ada).headers["Allow"] == "GET, HEAD, OPTIONS"
    check(get("/v1/whoami", ada, Accept="text/html"), 406, "not_acceptable")
    form = client.post("/v1/orders", data={"name": "a"}, headers=key)
    check(form, 415, "unsupported_media_type")
    text = client.post("/v1/orders", data=b"{}", content_type="text/plain", headers=key)
    check(text, 415, "unsupported_media_type")


@pytest.mark.parametrize("size", [BODY_BYTES_MAX + 1, 3 * 1024 * 1024])
def test_a_large_body_is_refused_unread(size: int, ada: dict[str, str], post: Ask) -> None:
    raw = b'{"name":"' + b"x" * (size - 11) + b'"}'

    assert len(raw) == size
    check(post("/v1/orders", ada, key="k", raw=raw), 413, "too_large")


def test_the_largest_body_is_read(ada: dict[str, str], post: Ask) -> None:
    raw = b'{"name":"a","anything":"' + b"x" * (BODY_BYTES_MAX - 26) + b'"}'

    assert len(raw) == BODY_BYTES_MAX
    assert post("/v1/orders", ada, key="k", raw=raw).status_code == 201


def test_wrong_input_is_pointed_at(ada: dict[str, str], post: Ask) -> None:
    body = {"nmae": "a", "inputs": {"prompt": "x" * 21}, "tags": [1, 10]}

    found = check(post("/v1/orders", ada, key="k", body=body), 400, "malformed")["errors"]

    assert {(error["pointer"], error["code"]) for error in found} == {
        ("/name", "required"),
        ("/nmae", "unknown_field"),
        ("/inputs/prompt", "max_length"),
        ("/tags/1", "max_value"),
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": 5}, "/name"),
        ({"name": 5.5}, "/name"),
        ({"name": "a", "inputs": {"prompt": 7}}, "/inputs/prompt"),
        ({"name": "a", "tags": ["1"]}, "/tags/0"),
        ({"name": "a", "tags": [True]}, "/tags/0"),
        ({"name": "a", "is_loud": "true"}, "/is_loud"),
        ({"name": "a", "is_loud": 1}, "/is_loud"),
    ],
)
def test_what_can_be_read_as_another_type_is_refused_all_the_same(
    body: dict[str, Any], pointer: str, ada: dict[str, str], post: Ask
) -> None:
    found = check(post("/v1/orders", ada, key="k", body=body), 400, "malformed")["errors"]

    assert [(error["pointer"], error["code"]) for error in found] == [(pointer, "invalid")]
    assert not Account.objects.filter(external_id__startswith="effect-").exists()


def test_a_whole_number_may_be_written_with_a_point(ada: dict[str, str], post: Ask) -> None:
    body = {"name": "a", "tags": [5.0], "is_loud": False}

    assert post("/v1/orders", ada, key="k", body=body).status_code == 201


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("abc-123_X.y:z", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("two words", False),
        ('quo"te', False),
        ("new\tline", False),
        ("ümlaut", False),
    ],
)
def test_a_safe_request_id_is_kept(sent: str, *, kept: bool, get: Ask) -> None:
    answered = get("/healthz", X_Request_Id=sent).headers["X-Request-Id"]

    assert (answered == sent) == kept
    assert kept or answered.startswith("req_")


def test_the_line_about_a_request_names_the_route_and_never_the_path(
    ada: dict[str, str], get: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="billing.http.requests"):
        get("/v1/accounts/someone-private", ada)

    (line,) = (r for r in caplog.records if r.name == "billing.http.requests")
    assert vars(line)["route"] == "v1/accounts/<path:external_id>"
    assert (vars(line)["method"], vars(line)["status"]) == ("GET", 403)
    assert "someone-private" not in str(vars(line))


@pytest.fixture
def chinese(settings: Settings, tmp_path: Path) -> None:
    """Translate two sentences: the real translations are made elsewhere."""
    words = {
        "": "Content-Type: text/plain; charset=UTF-8\n",
        "More credits are needed.": "灵感值不足。",
        "This costs %(need)d; there are %(have)d.": "需要 %(need)d; 现有 %(have)d。",
    }
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(compiled(words))
    settings.LOCALE_PATHS = [tmp_path]


def compiled(words: dict[str, str]) -> bytes:
    """Return a catalogue of gettext, as `msgfmt` writes it."""
    texts = [text.encode() for pair in sorted(words.items()) for text in pair]
    at, places = 28 + 8 * len(texts), []
    for text in texts:
        places.append((len(text), at))
        at += len(text) + 1
    count = len(words)
    head = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 28 + 16 * count)
    tables = b"".join(struct.pack("<2I", *place) for place in places[::2] + places[1::2])
    return head + tables + b"".join(text + b"\0" for text in texts)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("language", ["zh-hans", "zh-CN", "zh-Hans-CN", "zh;q=0.9, en;q=0.1"])
def test_a_refusal_speaks_the_callers_language(
    language: str, ada: dict[str, str], get: Ask, post: Ask
) -> None:
    body = check(get("/v1/whoami?end=payment", ada, Accept_Language=language), 402, "probe_payment")
    order = {"name": "a", "end": "payment"}
    kept = post("/v1/orders", ada, key="k", body=order, Accept_Language=language)
    late = post("/v1/orders", ada, key="k", body=order, Accept_Language="en")

    assert body["title"] == kept.json()["title"] == "灵感值不足。"
    assert body["detail"] == "需要 3; 现有 1。"
    assert late.content == kept.content

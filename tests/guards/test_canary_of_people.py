"""No secret that people type or are given once is said again: not in logs, windows or tables."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import transaction
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from billing.operators import services as operators
from billing.operators.services import signing_in
from billing.outbox import gateway
from billing.pages import selectors as pages
from billing.webhooks import services as webhooks
from billing.webhooks import signing
from billing.webhooks.models import Endpoint
from tests.egress.receiver import Receiver
from tests.guards.listening import in_redis, listening, whole
from tests.jobs.conftest import Ask, ada, ask, kling, serve
from tests.jobs.test_admin import WINDOWS, rows
from tests.operators import signed_in
from tests.signing_in.conftest import CODE_PAGE, ENROL_PAGE, Visitor
from tests.signing_in.test_the_way_in import sheet_of

__all__ = ["ada", "ask", "kling", "rows", "serve"]
_NUDGE: Final = gateway.nudge
TYPED: Final = {
    "password that was wrong": "heron of the wrong door",
    "password in place of a name": "heron of the wrong field",
    "code that was wrong": "918273",
    "recovery code that was wrong": "ZZZZ-8888-ZZZZ-8888",
}
KINDS: Final = {
    *TYPED,
    *("password", "secret of a device", "code of a device", "recovery code", "spent code"),
    *("token of a page", "secret of an endpoint", "former secret of an endpoint"),
}


def careless(*_: object, **__: object) -> None:
    """Break, as a defect would."""
    raise RuntimeError("a defect")


def stands_in(secret: str, text: str) -> bool:
    """Say whether a secret stands in a text; six digits of a longer number are none."""
    if not secret.isdigit():
        return secret in text
    return re.search(rf"(?<![\w.]){secret}(?!\w)", text) is not None


def leaks(secrets: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """Return which secret stands where."""
    return [
        f"{name} in {place}"
        for place, text in places.items()
        for name, secret in secrets.items()
        if stands_in(secret, text)
    ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return who takes an endpoint's messages."""
    with Receiver() as listening_one:
        yield listening_one


def go_in(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Come in for the first time and again, by what is right and by what is wrong."""
    user, password = operators.create_operator(
        name="iris", roles=[], is_superuser=True, now=datetime.now(UTC)
    )
    iris = Visitor(user, password, Client(raise_request_exception=False))
    iris.type_password(TYPED["password that was wrong"])
    wrong_field = {"username": TYPED["password in place of a name"], "password": "x"}
    iris.browser.post("/admin/login/", wrong_field)
    with monkeypatch.context() as patch:
        patch.setattr(signing_in, "authenticate", careless)
        assert iris.type_password().status_code == 500
    iris.type_password()
    iris.browser.post(ENROL_PAGE, {"code": TYPED["code that was wrong"]})
    sheet = sheet_of(iris.enrol())
    assert iris.is_in()
    again = Visitor(user, password, Client(), iris.secret, iris.steps)
    again.type_password()
    again.browser.post(CODE_PAGE, {"code": TYPED["recovery code that was wrong"]})
    again.browser.post(CODE_PAGE, {"code": sheet[0]})
    assert again.is_in()
    third = Visitor(user, password, Client(), iris.secret, iris.steps)
    third.type_password()
    code = third.next_code()
    third.browser.post(CODE_PAGE, {"code": code})
    assert third.is_in()
    return {
        "password": password,
        "secret of a device": iris.secret,
        "code of a device": code,
        "recovery code": sheet[1],
        "spent code": sheet[0],
    }


def look_at_pages(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Open pages by a link, break one of them, and have the link end."""
    answer = ask("post", "/v1/page-links", {"page": "balance", "act": True})
    assert answer.status_code == 201, answer.content
    token = answer.json()["url"].split("/pages/")[1].split("/")[0]
    client = Client(raise_request_exception=False)
    for page in ("pricing", "balance", "videos", "check-in", "plan", "return", "nothing"):
        client.get(f"/pages/{token}/{page}")
    client.post(f"/pages/{token}/check-in")
    client.post(f"/pages/{token}/plan", {"no": token})
    with monkeypatch.context() as patch:
        patch.setattr(pages, "visited", careless)
        assert client.get(f"/pages/{token}/balance").status_code == 500
    client.get(f"/v1/balance?page={token}")
    assert ask("get", "/v1/balance").status_code == 200
    return {"token of a page": token}


def tell(endpoint: Endpoint) -> dict[str, str]:
    """Send an endpoint messages under its two secrets."""
    now = datetime.now(UTC)
    former = signing.unseal(endpoint.secret_sealed)
    with transaction.atomic():
        endpoint = webhooks.rotate_secret(endpoint, now=now)
        delivery = webhooks.send_test(endpoint, now=now)
    webhooks.deliver(delivery.pk, now=now)
    return {
        "secret of an endpoint": signing.unseal(endpoint.secret_sealed).removeprefix("whsec_"),
        "former secret of an endpoint": former.removeprefix("whsec_"),
    }


def tables() -> dict[str, str]:
    """Return all that is written down, what sessions hold too."""
    found = {
        model._meta.label: json.dumps(list(model._default_manager.values()), default=repr)
        for model in apps.get_models()
    }
    found["in sessions"] = str([session.get_decoded() for session in Session.objects.all()])
    return found


def windows() -> dict[str, str]:
    """Return each window as an operator sees it: its list and all of its rows."""
    client, found = Client(), {}
    signed_in(client, User.objects.create_superuser("jane"))
    for model in WINDOWS:
        folder = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        keys = model._default_manager.values_list("pk", flat=True)
        for path in (folder, *(f"{folder}{quote(key)}/change/" for key in keys)):
            found[path] = whole(client.get(path))
    return found


@pytest.mark.django_db(transaction=True)
def test_no_secret_of_people_is_said_again(
    rows: dict[type[Model], Model],
    ask: Ask,
    receiver: Receiver,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.PAGES_ENABLED = True
    monkeypatch.setattr(gateway, "nudge", _NUDGE)
    with transaction.atomic():
        endpoint = webhooks.create_endpoint(account=None, url=receiver.url, now=datetime.now(UTC))
    with listening() as heard:
        secrets = TYPED | go_in(monkeypatch) | look_at_pages(ask, monkeypatch)
        secrets |= tell(endpoint)
        seen = windows()
    assert secrets.keys() == KINDS
    assert receiver.received, "the endpoint was told"
    places = {
        **{f"line {number}": line for number, line in enumerate(heard.lines)},
        **seen,
        **tables(),
        "Redis": in_redis(),
        "letters": "\n".join(str(letter.message()) for letter in mail.outbox),
    }

    assert leaks(secrets, places) == []
    assert any("a defect" in line for line in heard.lines)
    assert len(places) > 200


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_control_each_is_found_in_a_line_that_tells_it(kind: str) -> None:
    """As a line would tell it in which nothing marks it as a secret."""
    secret = TYPED.get(kind) or {"code of a device": "012345"}.get(kind, f"canary-of-{kind}")
    with listening() as heard:
        logging.getLogger("planted").info("It is %s.", secret)
        logging.getLogger("planted").info("At 2026-11-27T01:02:03.012345Z, 9182730 of them.")

    found = leaks({kind: secret}, {str(number): line for number, line in enumerate(heard.lines)})

    assert found == [f"{kind} in 0", f"{kind} in 1"]

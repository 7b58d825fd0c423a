"""No secret is said: not in logs, answers, windows or messages, whatever is done or goes wrong."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.admin.utils import quote
from django.core import mail
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from billing.accounts import services as accounts
from billing.accounts import tokens
from billing.accounts.models import Account
from billing.gpu import callbacks
from billing.http import logs
from billing.ledger import selectors as ledger
from billing.outbox import gateway
from billing.outbox.models import Message
from config import settings as module
from tests.guards.listening import Heard, in_redis, leaks, listening, whole
from tests.guards.operators import signed_in
from tests.jobs.conftest import ada, ask, kling, serve
from tests.jobs.test_admin import ORDER, WINDOWS, rows

__all__ = ["ada", "ask", "kling", "rows", "serve"]
Ask = Callable[..., Any]
_NUDGE: Final = gateway.nudge
STRIPE: Final = "sk_live_canaryStripe0123456789"
STRIPE_HOOK: Final = "whsec_canaryHook0123456789"
BACKEND: Final = "canary-of-the-backend-0123456789"
MAIL: Final = "canary-of-the-mail"
CALLBACK: Final = "callback's token"
FORMER: Final = "canary-of-a-former-key-0123456789012345"


@pytest.fixture
def secrets(ada: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Plant what the settings hold; return every secret that there is, by what it is."""
    settings.STRIPE_SECRET_KEY = STRIPE
    settings.STRIPE_WEBHOOK_SECRETS = [STRIPE_HOOK]
    settings.SECRET_KEY_FALLBACKS = [FORMER]
    settings.EMAIL_URL = f"smtp://grace:{MAIL}@127.0.0.1:9"
    settings.BACKENDS = {"away": {**settings.BACKENDS["away"], "secret": BACKEND}}
    monkeypatch.setattr(logs, "_known", [])
    names = [name for name in dir(module) if name.isupper()]
    logs.hide({name: getattr(django_settings, name) for name in names})
    now = datetime.now(UTC)
    database = django_settings.DATABASES["default"]
    return {
        "secret key": django_settings.SECRET_KEY,
        "former key": FORMER,
        "database's password": database["PASSWORD"],
        "broker's password": django_settings.REDIS_URL.split(":")[2].split("@")[0],
        "receipt key": django_settings.RECEIPT_KEY,
        "signing key": django_settings.JWT_PRIVATE_KEY.splitlines()[1],
        "Stripe's key": STRIPE,
        "Stripe's hook": STRIPE_HOOK,
        "backend's secret": BACKEND,
        "mail's password": MAIL,
        "service key": accounts.create_api_key("canary", ["balance:read"], now=now)[1],
        "token": tokens.sign("ada", lifetime=timedelta(hours=1), now=now),
        CALLBACK: callbacks.callback_token("at_1"),
    }


@pytest.fixture
def answers(
    secrets: dict[str, str],
    rows: dict[type[Model], Model],
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    heard: Heard,
) -> dict[str, str]:
    """Do what goes well and what does not, with secrets in hand; return all answers."""
    monkeypatch.setattr(gateway, "nudge", _NUDGE)
    said = {f"order {n}": whole(ask("post", "/v1/jobs", ORDER | {"x": n})) for n in range(2)}
    said["job"] = whole(ask("post", "/v1/jobs", ORDER))
    said["check-in"] = whole(ask("post", "/v1/check-in"))
    said["balance"] = whole(ask("get", "/v1/balance"))
    said["export"] = whole(ask("get", "/v1/exports/ledger.csv"))
    said |= _with_wrong_proofs(secrets)
    said |= _broken(secrets, ask, monkeypatch)
    return said


@pytest.fixture
def heard() -> Any:  # noqa: ANN401 (a fixture that ends)
    """Hear the log."""
    with listening() as heard:
        yield heard


def _with_wrong_proofs(secrets: Mapping[str, str]) -> dict[str, str]:
    """Show real secrets where they do not belong, or spoiled."""
    client, said = Client(raise_request_exception=False), {}
    for name, secret in secrets.items():
        for form in ("Bearer {}", "Bearer {}x", "Basic {}", "{}"):
            proof = {"Authorization": form.format(secret), "X-Account": "ada"}
            said[f"{name} {form}"] = whole(client.get("/v1/balance", headers=proof))
        said[f"{name} asked"] = whole(client.get("/v1/balance", {"key": secret}))
        # The answer may tell a sender what he has sent; the log may not.
        client.post("/v1/quotes", {secret: secret}, content_type="application/json")
    token, hook = secrets[CALLBACK], secrets["Stripe's hook"]
    body = {"status": "succeeded"}
    said["callback"] = whole(
        client.post(f"/webhooks/backends/away/{token}", body, content_type="application/json")
    )
    signed = {"Stripe-Signature": f"t=1,v1={hook}"}
    said["event"] = whole(
        client.post("/webhooks/stripe", body, content_type="application/json", headers=signed)
    )
    said["login"] = whole(
        client.post("/admin/login/", {"username": "grace", "password": secrets["secret key"]})
    )
    return said


def _broken(
    secrets: Mapping[str, str], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Let the service break with all secrets in its mouth, as a careless library would."""

    def careless(*_: object, **__: object) -> None:
        # A callback's token looks like nothing where it stands alone; only its address is known.
        address = f"/webhooks/backends/away/{secrets[CALLBACK]}"
        others = {name: secret for name, secret in secrets.items() if name != CALLBACK}
        raise RuntimeError(f"cannot connect: {others} {django_settings.REDIS_URL} {address}")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "balance", careless)
        answer = ask("get", "/v1/balance")
    assert answer.status_code == 500
    return {"broken": whole(answer)}


@pytest.mark.django_db(transaction=True)
def test_no_secret_is_said_anywhere(
    secrets: dict[str, str], answers: dict[str, str], heard: Heard
) -> None:
    operator = Client()
    signed_in(operator)
    windows = {}
    for model in WINDOWS:
        folder = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for path in (
            folder,
            *(f"{folder}{quote(row.pk)}/change/" for row in model._default_manager.all()),
        ):
            windows[path] = whole(operator.get(path))
    messages = json.dumps(list(Message.objects.values()), default=str)

    places = {
        **{f"the answer to {name}": text for name, text in answers.items()},
        **windows,
        **{f"line {number}": line for number, line in enumerate(heard.lines)},
        "Redis": in_redis(),
        "the outbox": messages,
        "letters": "\n".join(str(letter.message()) for letter in mail.outbox),
    }

    assert leaks(secrets, places) == []
    assert len(windows) > 100
    assert any("RuntimeError" in line for line in heard.lines), "the defect was told"
    assert any("request answered" in line for line in heard.lines)
    assert "dispatch" in messages
    assert django_settings.ADMINS == []


@pytest.mark.django_db(transaction=True)
def test_control_a_leak_is_found_wherever_it_is(ada: Account) -> None:
    """A text that nothing marks as a secret, put by hand into each place that is looked at."""
    secret = {"canary": "zebra-of-the-plain-words"}
    Account.objects.filter(pk=ada.pk).update(external_id=secret["canary"])
    operator = Client()
    signed_in(operator)
    store = redis.Redis.from_url(django_settings.REDIS_URL)
    store.lpush("planted", secret["canary"])
    with listening() as heard:
        logging.getLogger("planted").debug("It is %s.", secret["canary"])

    found = leaks(
        secret,
        {
            "text": heard.lines[0],
            "json": heard.lines[1],
            "window": whole(operator.get("/admin/billing/account/")),
            "Redis": in_redis(),
        },
    )

    store.delete("planted")
    assert found == [f"canary in {place}" for place in ("text", "json", "window", "Redis")]

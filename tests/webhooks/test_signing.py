"""Secrets and signatures, checked by the standard's own library."""

import base64
import json
from datetime import UTC, datetime

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from billing.webhooks import signing

NOW = datetime.now(UTC)
BODY = '{"type":"job.succeeded","名":"灵感值"}'


def test_a_secret_has_the_standards_form_and_is_new_each_time() -> None:
    secrets = {signing.new_secret() for _each in range(100)}

    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "secret",
    [
        *("", "whsec_", "whsec_=", "whsec_AAAA", "whsec_ not base64 not base64 not base64"),
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        base64.b64encode(bytes(32)).decode(),
    ],
)
def test_a_secret_that_could_be_guessed_neither_signs_nor_is_stored(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        signing.seal(secret)
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        signing.headers(event_id="evt_1", body=BODY, secrets=[secret], now=NOW)


def test_nothing_is_signed_by_nobody() -> None:
    with pytest.raises(AssertionError):
        signing.headers(event_id="evt_1", body=BODY, secrets=[], now=NOW)


def test_a_receiver_can_check_either_secret_while_they_rotate() -> None:
    new, old, foreign = (signing.new_secret() for _each in range(3))

    now = datetime.now(UTC)  # the suite may have been running for longer than a message is good

    headers = signing.headers(event_id="evt_1", body=BODY, secrets=[new, old], now=now)

    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY.replace("job", "jab"), headers)


def test_a_sealed_secret_says_nothing_and_opens_under_its_key(settings: Settings) -> None:
    secret = signing.new_secret()

    sealed = signing.seal(secret)

    assert secret.removeprefix("whsec_") not in sealed
    assert signing.seal(secret) != sealed
    assert signing.unseal(sealed) == secret
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [settings.SECRET_KEY]
    assert signing.unseal(sealed) == secret
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(signing.SecretUnreadable):
        signing.unseal(sealed)


def test_an_answer_is_opened_in_one_place_only() -> None:
    secret = signing.new_secret()
    sealed = signing.seal(secret)
    kept = json.dumps({"url": f"https://x.com/{sealed}", "secret": sealed}).encode()

    told = signing.reveal(kept)

    assert json.loads(told) == {"url": f"https://x.com/{sealed}", "secret": secret}
    assert signing.reveal(kept) == told

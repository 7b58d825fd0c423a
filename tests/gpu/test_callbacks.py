"""The token in a callback's path ties it to one attempt."""

import pytest
from pytest_django.fixtures import Settings

from billing.gpu.callbacks import attempt_of, callback_token, callback_url
from billing.gpu.errors import CallbackUnauthenticated


def test_a_token_names_its_attempt() -> None:
    assert attempt_of(callback_token("att_01k")) == "att_01k"


def test_the_address_holds_backend_and_token(settings: Settings) -> None:
    settings.BACKEND_WEBHOOK_BASE_URL = "https://billing.example"

    assert (
        callback_url("demo", "att_01k")
        == f"https://billing.example/webhooks/backends/demo/{callback_token('att_01k')}"
    )


def test_a_forged_token_names_nothing() -> None:
    token = callback_token("att_1")
    attempt_id, _dot, signature = token.partition(".")
    forged = (
        f"att_2.{signature}",
        token[:-1],
        f"{token}0",
        token.upper(),
        f".{signature}",
        attempt_id,
        f"{attempt_id}.",
        "",
        ".",
        "é" * 100 + token,
        token + "x" * 100_000,
    )

    for one in forged:
        with pytest.raises(CallbackUnauthenticated):
            attempt_of(one)


def test_a_token_outlives_a_rotation_of_the_key_and_no_longer(settings: Settings) -> None:
    token = callback_token("att_1")
    old = settings.SECRET_KEY

    settings.SECRET_KEY = "another-key-of-more-than-32-letters"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert attempt_of(token) == "att_1"

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(CallbackUnauthenticated):
        attempt_of(token)

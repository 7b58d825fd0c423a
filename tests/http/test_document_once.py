"""The contract is made once for all who ask at once, and is the same as the exported one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from billing.http import openapi


def test_many_first_calls_at_once_have_the_document_made_once(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    usual, many = openapi.document, threading.Barrier(8)

    def slowly() -> dict[str, Any]:
        made.append(1)
        time.sleep(0.1)
        return usual()

    def ask(client: Client) -> tuple[int, Any]:
        many.wait()
        answer = client.get("/v1/openapi.json")
        return answer.status_code, answer.json()

    openapi._served.cache_clear()
    monkeypatch.setattr(openapi, "document", slowly)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(ask, [Client(raise_request_exception=False) for _one in range(8)]))

    assert {status for status, _document in told} == {200}
    assert sum(made) == 1
    assert all(document == told[0][1] for _status, document in told)
    assert told[0][1]["paths"].keys() == usual()["paths"].keys()

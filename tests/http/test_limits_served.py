"""The limits of deployed processes: exact while two hundred ask, deaf to forged headers."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from billing.ledger.models import Grant
from tests import factories
from tests.http.limiting import patient
from tests.http.web_server import WebServer
from tests.http.worlds import person

pytestmark = pytest.mark.django_db(transaction=True)
TOGETHER = 200
LIMITS = {"reads": {"ip": ["10/29d"]}, "money": {"account": ["5/29d"]}, "sign_up": {"ip": []}}


@pytest.fixture
def server(transactional_db: None) -> Iterator[WebServer]:
    """A server that lets few through; a catalog is in force, and Ada is known."""
    factories.publish_kling()
    factories.new_account("ada", is_sandbox=False)
    serving = WebServer(LIMITS=json.dumps(LIMITS), REDIS_URL=patient(settings.REDIS_URL))
    try:
        serving.start()
        yield serving
    finally:
        serving.stop()


def ask(server: WebServer, method: str, path: str, headers: Mapping[str, str]) -> int:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        line.request(method, path, headers=dict(headers))
        answer = line.getresponse()
        answer.read()
        return answer.status
    finally:
        line.close()


def at_once(server: WebServer, method: str, path: str, headers: Mapping[str, str]) -> Counter[int]:
    """Return how two hundred clients were answered who asked at the same moment."""
    start = threading.Barrier(TOGETHER)

    def one(_place: int) -> int:
        start.wait(timeout=60)
        return ask(server, method, path, headers)

    with ThreadPoolExecutor(TOGETHER) as pool:
        return Counter(pool.map(one, range(TOGETHER)))


def test_two_hundred_at_once_get_what_is_allowed_and_forged_heads_get_no_more(
    server: WebServer,
) -> None:
    assert at_once(server, "GET", "/v1/catalog", {}) == {200: 10, 429: TOGETHER - 10}
    her = person("ada")
    assert at_once(server, "POST", "/v1/check-in", her) == {200: 5, 429: TOGETHER - 5}
    assert Grant.objects.count() == 1

    told: Counter[int] = Counter()
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    for one in range(1000):
        forged = f"10.{one // 250}.{one % 250}.9"
        name = ("X-Forwarded-For", "X_Forwarded_For", "X-Real-IP", "Forwarded")[one % 4]
        line.request("GET", "/v1/catalog", headers={name: forged})
        answer = line.getresponse()
        answer.read()
        told[answer.status] += 1
    line.close()
    assert told == {429: 1000}

"""How the tests of the webhooks' REST call it."""

import json
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.test import Client

from billing.accounts.models import Account
from billing.webhooks import services
from tests.http.cast import Ask

Headers = dict[str, str]
PATH: Final = "/v1/webhook-endpoints"
URL: Final = "https://hooks.example.com/linggan"
TODAY: Final = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00+08:00"}


def made(post: Ask, who: Headers, *events: str, url: str = URL, **more: str) -> dict[str, Any]:
    """Make an endpoint; return what was answered, its secret too."""
    answer = post(PATH, {**who, **more}, body={"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def patch(who: Headers, endpoint_id: str, body: object) -> Any:  # noqa: ANN401 (Django's test response has no public type)
    """Change an endpoint."""
    return Client().patch(
        f"{PATH}/{endpoint_id}", json.dumps(body), content_type="application/json", headers=who
    )


def publish(*types: str, now: datetime) -> None:
    """Publish an event of each type to Ada's endpoints."""
    account = Account.objects.get(external_id="ada")
    with transaction.atomic():
        for each in types:
            services.publish(account=account, type=each, data={"n": "<1>"}, now=now)

"""A refused body is gone with its answer: nobody fills a process by what it refuses."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponseBase
from django.test import RequestFactory
from django.views import View

from billing.gpu.callbacks import callback_token
from billing.jobs.callbacks import BackendCallback
from billing.payments.callbacks import StripeCallback

pytestmark = pytest.mark.django_db
Refused = Callable[..., HttpResponseBase]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Have the garbage collector find nothing: what is gone went by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("view", "named"),
    [
        (StripeCallback, {}),
        (BackendCallback, {"backend": "demo", "token": "nobody's"}),
        (BackendCallback, {"backend": "demo", "token": callback_token("att_nobody")}),
    ],
    ids=["Stripe's", "a backend's, of no token", "a backend's, of no attempt"],
)
def test_a_refused_word_is_gone_with_its_answer(view: type[View], named: dict[str, str]) -> None:
    asked = RequestFactory().post("/", b"x" * 1000, content_type="application/json")
    left = weakref.ref(asked)

    answer = view.as_view()(asked, **named)
    assert answer.status_code >= 400
    del asked, answer

    assert left() is None

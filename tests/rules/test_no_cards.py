"""I38: the service has no place for card data: no column, no field of a request, no stored text."""

import importlib
import re
from collections.abc import Iterator
from typing import Final

import pytest
from django.apps import apps
from django.db import connection
from rest_framework import serializers

from billing.accounts.models import Account
from billing.http.parsing import StrictIn
from tests import factories
from tests.payments import back
from tests.payments.back import PAID

pytestmark = pytest.mark.django_db
_OF_A_CARD: Final = re.compile(
    r"(^|_)(pan|cvc|cvv|card_number|cardholder|exp_month|exp_year|iban|track)(_|$)"
)
_DIGITS: Final = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?!\w|\.\d)")


def columns() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
        )
        return [name for (name,) in cursor.fetchall()]


def requests() -> Iterator[type[StrictIn]]:
    """Yield every shape in which somebody can send us something."""
    importlib.import_module("config.urls")  # and with it every view and its shapes
    waiting: list[type[StrictIn]] = [StrictIn]
    while waiting:
        shape = waiting.pop()
        waiting += shape.__subclasses__()
        yield shape


def is_card_number(text: str) -> bool:
    """Say whether digits are a card's: long enough, and right by Luhn's sum."""
    digits = [int(one) for one in text if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def card_numbers(text: str) -> list[str]:
    """Return what in a text is the number of a card."""
    return [found for found in _DIGITS.findall(text) if is_card_number(found)]


def test_no_column_is_named_for_a_card() -> None:
    found = columns()

    assert len(found) > 300
    assert [name for name in found if _OF_A_CARD.search(name.partition(".")[2])] == []


def test_no_request_has_a_field_for_a_card() -> None:
    shapes = list(requests())
    named = [
        name
        for shape in shapes
        for name, field in vars(shape).get("_declared_fields", {}).items()
        if isinstance(field, serializers.Field) and _OF_A_CARD.search(name)
    ]

    assert len(shapes) > 10
    assert named == []


def test_what_is_stored_of_a_payment_has_no_card_number() -> None:
    back.open_shop()
    ada: Account = factories.new_account("ada")
    back.look(back.payment(ada), [back.refund(PAID // 3)], [back.dispute(PAID // 3)])

    stored = [
        (model.__name__, found)
        for model in apps.get_app_config("billing").get_models()
        for row in model._default_manager.values()
        for value in row.values()
        if isinstance(value, str)
        for found in card_numbers(value)
    ]

    assert card_numbers("it says 4242 4242 4242 4242.") == ["4242 4242 4242 4242"]
    assert stored == []

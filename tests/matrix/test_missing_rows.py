"""Acts on rows that nobody has, however they are named: nothing moves, and nothing breaks."""

from http import HTTPStatus
from typing import Final

import pytest

from tests.matrix.operators import SUPERUSER, operator_of, signed_in
from tests.matrix.test_operators import acts
from tests.matrix.walking import fingerprint
from tests.matrix.world import World

pytestmark = pytest.mark.django_db
# Mistyped, as a list writes it ("_5F" is its "_"), beyond every number, in other letters, forged.
MISSING: Final = ("1", "job_5Fnobody", "9" * 40, "灵感", "%00'--")
# All that the forms of these acts ask for: each is filled in, so that it would go on.
FILLED: Final = {
    "reason": "To see what comes of it.",
    "minutes": "60",
    "verdict": "never_ran",
    "since": "2026-01-01 00:00:00",
}
# The buttons of their pages, beside the one that is called as the act.
BUTTONS: Final = ("look", "resolve", "approve", "refuse", "withdraw")
_CHOSEN: Final = "_selected_action"


def _of_one_row() -> list[tuple[str, str]]:
    """Return each act on the page of a row, with its address but for the row."""
    return [
        (name, address.replace("/1/", "/%s/"))
        for _model, _window, name, address in acts()
        if "/1/" in address
    ]


def _of_chosen_rows() -> list[tuple[str, str]]:
    """Return each act on rows that are marked in a list, with the list's address."""
    return [
        (name, f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        for model, _window, name, address in acts()
        if not address
    ]


@pytest.mark.parametrize(("name", "address"), _of_one_row())
def test_an_act_on_a_row_that_nobody_has_breaks_nothing(
    name: str, address: str, world: World
) -> None:
    browser, before, broken = signed_in(operator_of(SUPERUSER)), fingerprint(), []
    for row in MISSING:
        answers = [browser.get(address % row)]
        answers += [browser.post(address % row, {**FILLED, "act": act}) for act in (*BUTTONS, name)]
        broken += [
            (row, one.status_code)
            for one in answers
            if one.status_code
            not in {HTTPStatus.FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
        ]

    assert broken == []
    assert fingerprint() == before


@pytest.mark.parametrize(("name", "address"), _of_chosen_rows())
def test_an_act_on_marked_rows_that_nobody_has_breaks_nothing(
    name: str, address: str, world: World
) -> None:
    browser, before, broken = signed_in(operator_of(SUPERUSER)), fingerprint(), []
    for row in MISSING:
        for act in ({}, {"act": name}):
            filled = {**FILLED, **act, "action": name, _CHOSEN: row}
            answer = browser.post(address, filled)
            if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                broken.append((row, act, answer.status_code))

    assert broken == []
    assert fingerprint() == before

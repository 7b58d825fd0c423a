"""Each role at each window: who looks, who acts, and that nobody adds, edits or deletes."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client, RequestFactory

from tests.matrix.operators import (
    APPS,
    FINANCE,
    ROLES,
    STRANGER,
    SUPERUSER,
    SUPPORT,
    VIEWER,
    operator_of,
    signed_in,
)
from tests.matrix.walking import fingerprint
from tests.matrix.world import World
from tests.thoroughness import LOOKED

pytestmark = pytest.mark.django_db
Looked = Callable[[str, object], None]
# Who comes in, and by what: theirs who can shut somebody out.
SUPERUSERS_ONLY: Final = {"accessrecord", "authenticator", "recoverycode", "trycount"}
# The rows of people: Django's own windows, and the only ones with forms.
_PEOPLE: Final = "auth"
# Each act of a window and who may do it; a superuser may all of them.
ACTS: Final[dict[str, set[str]]] = {
    "adjustment.ask": {SUPPORT},
    "adjustment.withdraw": {SUPPORT},
    "adjustment.look": {SUPPORT, FINANCE},
    "adjustment.approve": {FINANCE},
    "adjustment.refuse": {FINANCE},
    "compensation.ask": {SUPPORT},
    "compensation.withdraw": {SUPPORT},
    "compensation.look": {SUPPORT, FINANCE},
    "compensation.approve": {FINANCE},
    "compensation.refuse": {FINANCE},
    "campaignrun.ask": {SUPPORT},
    "campaignrun.withdraw": {SUPPORT},
    "campaignrun.look": {SUPPORT, FINANCE},
    "campaignrun.approve": {FINANCE},
    "campaignrun.refuse": {FINANCE},
    "account.freeze": {SUPPORT},
    "freeze.freeze": {SUPPORT},
    "freeze.unfreeze": {SUPPORT},
    "refund.ask": {SUPPORT},
    "refund.withdraw": {SUPPORT},
    "refund.look": {SUPPORT, FINANCE},
    "refund.approve": {FINANCE},
    "refund.refuse": {FINANCE},
    "purchase.refund": {SUPPORT},
    "halt.resume": {FINANCE},
    "stripeevent.apply_events_again": {FINANCE},
    "job.fail_jobs": {SUPPORT},
    "job.retry_settlements": {SUPPORT},
    "job.decide": {SUPPORT},
    "backendstate.survey": {SUPPORT},
    "breaker.reset": {SUPPORT},
    "notice.send_again": {SUPPORT},
    "message.revive_messages": {SUPPORT},
    "redemptioncode.revoke_codes": {SUPPORT},
    "freetier.admit_accounts": {SUPPORT},
    "apikey.revoke_keys": {SUPPORT},
    "endpoint.replay": {SUPPORT},
    "endpoint.switch": {SUPPORT},
    "delivery.send_anew": {SUPPORT},
    "alert.acknowledge": {SUPPORT},
    "alert.silence": {SUPPORT},
    "alert.send_test": {SUPPORT},
    "authenticator.reset": set(),
}
# The pages beside the windows, and who opens them.
PAGES: Final[dict[str, set[str]]] = {
    "/admin/console/search/": {VIEWER, SUPPORT, FINANCE},
    "/admin/console/accounts/acc_1/": {VIEWER, SUPPORT, FINANCE},
}
# What is done on pages: its address, and who may do it.
PAGES_ACTS: Final[dict[str, set[str]]] = {
    "/admin/console/search/": {VIEWER, SUPPORT, FINANCE},
    "/admin/console/accounts/acc_1/notes/": {SUPPORT, FINANCE},
}
WINDOWS: Final = sorted(admin.site._registry.items(), key=lambda one: one[0]._meta.label_lower)
OURS: Final = [one for one in WINDOWS if one[0]._meta.app_label != _PEOPLE]


def acts() -> Iterator[tuple[type[Model], Any, str, str]]:
    """Yield each act: its window's model and class, its name, and its address below a row's."""
    for model, window in OURS:
        for kind in ("actions", "actions_list", "actions_detail", "actions_row"):
            for name in getattr(window, kind, None) or ():
                act = getattr(window, name)
                yield model, window, name, _below(model, kind, getattr(act, "url_path", ""))


def _below(model: type[Model], kind: str, url_path: str) -> str:
    folder = _folder(model)
    match kind:
        case "actions_list":
            return f"{folder}{url_path}/"
        case "actions_detail" | "actions_row":
            return f"{folder}{_row_of(model)}/{url_path}/"
    return ""


def _folder(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def _row_of(_model: type[Model]) -> str:
    """Return the key of a row: whether there is one must not matter to who may not act."""
    return "1"


def _may_look(role: str, model: type[Model]) -> bool:
    is_hidden = model._meta.model_name in SUPERUSERS_ONLY and role != SUPERUSER
    return model._meta.app_label in APPS[role] and not is_hidden


def _asks(user: User) -> Any:  # noqa: ANN401 (a request with somebody in it)
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def test_each_act_has_a_row_in_the_table() -> None:
    assert sorted(f"{model._meta.model_name}.{name}" for model, _w, name, _a in acts()) == sorted(
        ACTS
    ), "say in ACTS who may do it"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_looks_at_its_windows_and_edits_none(role: str, record_property: Looked) -> None:
    request = _asks(operator_of(role))
    wrong = [
        f"{model._meta.label} {verb}"
        for model, window in OURS
        for verb, may in (
            ("view", _may_look(role, model)),
            ("add", False),
            ("change", False),
            ("delete", False),
        )
        if getattr(window, f"has_{verb}_permission")(request) != may
    ]

    record_property(LOOKED, f"operators: {role}: {len(OURS) * 4} cells")
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_its_acts_and_no_other(
    role: str, world: World, record_property: Looked
) -> None:
    user = operator_of(role)
    browser, before, wrong = signed_in(user), fingerprint(), []
    for model, window, name, address in acts():
        title = f"{model._meta.model_name}.{name}"
        may = role == SUPERUSER or role in ACTS[title]
        if address:
            offered = browser.get(address).status_code != HTTPStatus.FORBIDDEN
        else:
            offered = name in window.get_actions(_asks(user))
        if offered != may:
            wrong.append(title)
        if not may:
            _try(browser, model, name, address)

    record_property(LOOKED, f"operators: {role}: {len(ACTS)} acts")
    assert wrong == []
    assert fingerprint() == before, "an act moved something that was not to be done"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_other(role: str, record_property: Looked) -> None:
    browser = signed_in(operator_of(role))
    for table, asked in ((PAGES, browser.get), (PAGES_ACTS, browser.post)):
        # Whether it is drawn is seen elsewhere: here no files of the administration are collected.
        opened = {path for path in table if asked(path).status_code != HTTPStatus.FORBIDDEN}
        may = {path for path, roles in table.items() if role == SUPERUSER or role in roles}
        assert opened == may

    record_property(LOOKED, f"operators: {role}: {len(PAGES) + len(PAGES_ACTS)} pages")


def _try(browser: Client, model: type[Model], name: str, address: str) -> None:
    """Do it all the same, to every row that there is."""
    keys = [str(key) for key in model._default_manager.values_list("pk", flat=True)]
    marked = {"action": name, "_selected_action": keys, "act": name, "confirm": "1"}
    browser.post(address or _folder(model), marked)


def test_nobody_edits_by_hand(record_property: Looked) -> None:
    browser, looked = signed_in(operator_of(SUPERUSER)), 0
    for model, _window in OURS:
        folder = _folder(model)
        row = f"{folder}{_row_of(model)}"
        for path in (f"{folder}add/", f"{row}/change/", f"{row}/delete/"):
            looked += 1
            assert browser.post(path, {"post": "yes"}).status_code in {
                HTTPStatus.FORBIDDEN,
                HTTPStatus.FOUND,  # there is no such row
            }, path

    record_property(LOOKED, f"operators: {looked} edits of a superuser")


def test_windows_open_to_nobody_who_has_no_role(record_property: Looked) -> None:
    stranger, outsider = signed_in(operator_of(STRANGER)), Client()
    customer = signed_in(User.objects.create_user("a-customer"))
    for model, _window in WINDOWS:
        folder = _folder(model)

        assert stranger.get(folder).status_code == HTTPStatus.FORBIDDEN, folder
        for browser in (customer, outsider):
            answer = browser.get(folder)
            assert answer.status_code == HTTPStatus.FOUND, folder
            assert answer["Location"].startswith("/admin/login/"), folder

    record_property(LOOKED, f"operators: {len(WINDOWS) * 3} shut windows")

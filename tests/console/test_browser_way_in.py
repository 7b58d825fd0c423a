"""An operator in a real browser sets up a device, comes in by it and by paper, and is let out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from billing.operators import codes, selectors, services
from billing.operators.models import AccessRecord, RecoveryCode
from billing.operators.roles import Role
from tests.console.desk import Album, Desk
from tests.payments.peer.browser import CHROMIUM, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
STEP = timedelta(seconds=codes.STEP_SECONDS)


def _password(desk: Desk, name: str, password: str) -> None:
    desk.browser.go(f"{desk.site}/admin/")
    desk.browser.type("id_username", name)
    desk.browser.type("id_password", password)
    desk.browser.submit("login-form")


def _code(desk: Desk, typed: str) -> None:
    desk.browser.type("id_code", typed)
    desk.browser.click("send")


def _out(desk: Desk) -> None:
    desk.browser.submit("logout-form")
    desk.browser.go(f"{desk.site}/admin/billing/job/")
    assert "/admin/login/" in desk.browser.url


def test_an_operator_enrols_and_comes_in_by_device_and_by_paper_each_code_once(
    db: None, tmp_path: Path, live_server: LiveServer
) -> None:
    user, password = services.create_operator(
        name="sue", roles=[Role.SUPPORT], now=datetime.now(UTC)
    )
    with browsing(tmp_path / "chromium") as browser:
        desk = Desk(browser, live_server.url, Album("way-in", in_handbook=False))
        _password(desk, "sue", password)
        desk.look("a-device-is-set-up")
        secret = desk.reads("secret")
        _code(desk, "000000")
        assert "That code does not count" in desk.browser.text
        assert selectors.second_factor_of(user) is None
        first = codes.code_at(secret, datetime.now(UTC))
        _code(desk, first)
        sheet = desk.reads("sheet").split()
        desk.look("codes-for-paper")
        desk.browser.click("go-on")
        assert desk.browser.url == f"{live_server.url}/admin/"
        _out(desk)

        _password(desk, "sue", password)
        _code(desk, first)  # used up
        assert "That code does not count" in desk.browser.text
        _code(desk, codes.code_at(secret, datetime.now(UTC) + STEP))
        assert desk.browser.url == f"{live_server.url}/admin/"
        _out(desk)

        _password(desk, "sue", password)
        _code(desk, sheet[0].lower())
        assert desk.browser.url == f"{live_server.url}/admin/"
        _out(desk)
        _password(desk, "sue", password)
        _code(desk, sheet[0])
        assert "That code does not count" in desk.browser.text
        desk.look("it-opens-once")

    assert RecoveryCode.objects.filter(used_at=None).count() == codes.RECOVERY_CODES - 1
    kinds = AccessRecord.objects.order_by("pk").values_list("kind", flat=True)
    told = [kind for kind in kinds if kind in {"signed_in", "code_refused", "enrolled"}]
    assert told == [
        *("code_refused", "enrolled", "signed_in"),
        *("code_refused", "signed_in", "signed_in", "code_refused"),
    ]

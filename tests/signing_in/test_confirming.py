"""Each act needs a new code; what was filled in is kept, and goes on from there."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.accounts.models import ApiKey
from billing.accounts.services import create_api_key
from billing.operators import codes
from billing.operators.models import AccessRecord, Authenticator
from tests.operators import signed_in
from tests.signing_in.conftest import Visitor

CODE: Final = "confirming-code"


def grow_old(browser: Client) -> None:
    """Let the last code be ten minutes and a second old."""
    session = browser.session
    at = timezone.now() - timedelta(minutes=10, seconds=1)
    proof = {**session["operators.proof"], "confirmed_at": at.timestamp()}
    session["operators.proof"] = proof
    session.save()


def acts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the address and the form of each act of each window, and of the pages beside them."""
    request = type("Asked", (), {"user": User(is_superuser=True, is_staff=True, is_active=True)})()
    for model, window in admin.site._registry.items():
        place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for name in window.actions or ():
            marked = {"action": name, "_selected_action": "1"}
            yield reverse(f"{place}_changelist"), marked
        for kind, words in (("list", ()), ("detail", ("1",))):
            for name in getattr(window, f"actions_{kind}", None) or ():
                yield reverse(f"{place}_{name}", args=words), {"act": "ask"}
        if window.has_add_permission(request):
            yield reverse(f"{place}_add"), {}
        if window.has_change_permission(request):
            yield reverse(f"{place}_change", args=["1"]), {}
    yield reverse("admin:password_change"), {}
    yield reverse("admin:second_factor"), {}


@pytest.mark.django_db
def test_no_act_goes_on_by_an_old_code(client: Client, subtests: pytest.Subtests) -> None:
    signed_in(client, User.objects.create_superuser("root"))
    grow_old(client)
    found = list(acts())

    assert len(found) >= 25
    for address, form in found:
        with subtests.test(address=address, form=form):
            page = client.post(address, form)

            assert page.status_code == 403
            assert b'id="confirm"' in page.content


@pytest.fixture
def key(db: None) -> ApiKey:
    return create_api_key("shop", ["jobs:read"], now=timezone.now())[0]


def revoke(key: ApiKey, **more: str) -> dict[str, str]:
    marked = {"action": "revoke_keys", "_selected_action": key.pk, "act": "revoke_keys"}
    return {**marked, "reason": "It leaked.", **more}


def is_revoked(key: ApiKey) -> bool:
    return ApiKey.objects.get(pk=key.pk).revoked_at is not None


def kept_in(page: Any) -> dict[str, str]:  # noqa: ANN401 (a test's answer)
    """Return what the page sends on, as a browser does."""
    [form] = re.findall(r'<form [^>]*id="confirm".*?</form>', page.content.decode(), re.DOTALL)
    found = re.findall(r'<input name="([^"]+)" type="hidden" value="([^"]*)">', form)
    return {unescape(name): unescape(text) for name, text in found}


def test_a_code_lets_the_act_go_on_with_what_was_filled_in(root: Visitor, key: ApiKey) -> None:
    root.enrol()
    grow_old(root.browser)
    window = "/admin/billing/apikey/"

    asked = root.browser.post(window, revoke(key, note='with "quotes" & 灵感'))
    wrong = root.browser.post(window, {**kept_in(asked), CODE: "000000"})
    assert not is_revoked(key)
    right = root.browser.post(window, {**kept_in(wrong), CODE: root.next_code()})

    assert kept_in(asked) == revoke(key, note='with "quotes" & 灵感')
    assert (asked.status_code, wrong.status_code, right.status_code) == (403, 403, 302)
    assert is_revoked(key)
    assert AccessRecord.objects.filter(kind=AccessRecord.Kind.CONFIRMED).count() == 1
    # For ten minutes no further code is asked for.
    assert root.browser.post(window, revoke(key)).status_code == 302


def test_a_code_that_has_opened_the_door_confirms_nothing(root: Visitor, key: ApiKey) -> None:
    root.enrol()
    other = Visitor(root.user, root.password, Client(), root.secret, root.steps)
    other.type_password()
    code = other.next_code()
    other.browser.post("/admin/login/code/", {"code": code})
    grow_old(other.browser)

    page = other.browser.post("/admin/billing/apikey/", revoke(key, **{CODE: code}))

    assert page.status_code == 403
    assert not is_revoked(key)


def test_no_password_stands_in_the_page_that_asks(root: Visitor) -> None:
    root.enrol()
    grow_old(root.browser)
    said = {"old_password": root.password, "new_password1": "n3w-secret", "new_password2": "x"}

    page = root.browser.post("/admin/password_change/", said)

    assert page.status_code == 403
    assert root.password not in page.content.decode()
    assert "n3w-secret" not in page.content.decode()


def test_looking_and_leaving_need_no_new_code(root: Visitor) -> None:
    root.enrol()
    grow_old(root.browser)

    assert root.browser.get("/admin/billing/apikey/").status_code == 200
    assert root.browser.post("/admin/logout/").status_code == 200
    assert not root.is_in()


def test_a_reset_ends_the_session_at_once_and_leads_to_a_new_device(
    root: Visitor, grace: Visitor
) -> None:
    root.enrol()
    grace.enrol()
    lost = Authenticator.objects.get(operator=grace.user)
    place = reverse("admin:billing_authenticator_reset", args=[lost.pk])

    without = root.browser.post(place, {"reason": " "})
    assert grace.is_in()
    done = root.browser.post(place, {"reason": "Lost on the train; called her back."})

    assert (without.status_code, done.status_code) == (200, 302)
    assert not grace.is_in()
    record = AccessRecord.objects.get(kind=AccessRecord.Kind.RESET)
    assert (record.operator, record.actor) == (grace.user, root.user)
    assert record.reason == "Lost on the train; called her back."
    former, grace.steps = grace.secret, 0
    grace.enrol()
    assert grace.is_in()
    assert grace.secret != former


def test_nobody_resets_his_own_and_only_a_superuser_anothers(root: Visitor, grace: Visitor) -> None:
    for visitor, whose in ((root, root), (grace, root)):
        visitor.enrol()
        factor = Authenticator.objects.get(operator=whose.user)

        place = reverse("admin:billing_authenticator_reset", args=[factor.pk])
        answer = visitor.browser.post(place, {"reason": "Mine."})

        assert answer.status_code in (200, 403)
        assert Authenticator.objects.filter(pk=factor.pk).exists()
    assert not AccessRecord.objects.filter(kind=AccessRecord.Kind.RESET).exists()


def test_an_old_code_is_taken_by_nobody(root: Visitor) -> None:
    root.enrol()
    long_ago = codes.code_at(root.secret, timezone.now() - timedelta(minutes=5))
    grow_old(root.browser)

    page = root.browser.post("/admin/second-factor/", {CODE: long_ago})

    assert page.status_code == 403

"""What each role may do; what is written down and never changes; from where one may come."""

import io
import json
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Final

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from billing.operators import codes, roles, selectors, services
from billing.operators.addresses import address_of, may_come_in
from billing.operators.errors import NotToBeReset
from billing.operators.models import AccessRecord, Authenticator, RecoveryCode
from billing.operators.roles import Role
from tests.operators import second_factor, signed_in
from tests.signing_in.conftest import Visitor

Kind = AccessRecord.Kind
# INVARIANTS of the project, section 4: who asks, and who decides.
ASKS: Final = {"request_adjustment", "request_compensation", "request_refund"}
DECIDES: Final = {"approve_adjustment", "approve_compensation", "approve_refund"}


def printed(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def operator_of(*wanted: Role) -> User:
    name = "-".join(role.name for role in wanted)
    user, _password = services.create_operator(name=name, roles=wanted, now=timezone.now())
    return user


def acts_of(user: User) -> set[str]:
    """Return what somebody may do beside looking, without the app's name."""
    allowed = {name.split(".")[1] for name in user.get_all_permissions()}
    return {name for name in allowed if not name.startswith("view_")}


@pytest.mark.django_db
def test_support_asks_and_finance_decides() -> None:
    viewer, support, finance, manager = (operator_of(role) for role in Role)

    assert acts_of(viewer) == set()
    assert acts_of(manager) == {
        *("edit_draft", "request_publicationrequest"),
        *("approve_publicationrequest", "take_back_publicationrequest"),
    }
    assert acts_of(support) >= ASKS
    assert not DECIDES & acts_of(support)
    assert acts_of(finance) >= DECIDES
    assert not ASKS & acts_of(finance)
    assert {"fail_job", "revoke_apikey"} <= acts_of(support)
    for user in (viewer, support, finance, manager):
        assert not any(name.startswith(("add_", "delete_")) for name in acts_of(user))
        assert not any("." in name and "auth." in name for name in user.get_all_permissions())


@pytest.mark.django_db
def test_a_role_opens_its_windows_and_no_other(client: Client) -> None:
    opened = {}
    for role in Role:
        signed_in(client, operator_of(role))
        opened[role] = {
            place: client.get(f"/admin/{place}/").status_code
            for place in (
                *("billing/job", "billing/purchase", "plans/catalogversion", "auth/user"),
                *("billing/accessrecord", "billing/authenticator", "billing/recoverycode"),
            )
        }

    hidden = [403, 403, 403, 403]
    assert [*opened[Role.VIEWER].values()] == [200, 200, 200, *hidden]
    assert [*opened[Role.SUPPORT].values()] == [200, 200, 200, *hidden]
    assert [*opened[Role.FINANCE].values()] == [200, 200, 200, *hidden]
    assert [*opened[Role.CATALOG_MANAGER].values()] == [403, 403, 200, *hidden]


@pytest.mark.django_db
def test_what_somebody_has_added_to_a_role_by_hand_is_gone_after_migrate() -> None:
    support = operator_of(Role.SUPPORT)
    finance = Group.objects.get(name=Role.FINANCE.value)
    Group.objects.get(name=Role.SUPPORT.value).permissions.add(*finance.permissions.all())
    call_command("migrate", verbosity=0)

    assert acts_of(User.objects.get(pk=support.pk)) == {
        name.split(".")[1] for name in roles.ACTS[Role.SUPPORT]
    }


@pytest.mark.django_db
def test_a_password_of_an_operator_stands_alone_on_the_last_line_and_opens() -> None:
    password = printed("create_operator", "rita", "--role", "finance").splitlines()[-1]
    both = json.loads(
        printed("create_operator", "sam", "--role=support", "--role=viewer", "--json")
    )

    rita = User.objects.get(username="rita")
    assert rita.check_password(password)
    assert not rita.is_superuser
    assert [group.name for group in rita.groups.all()] == ["finance"]
    assert both["roles"] == ["support", "viewer"]


@pytest.mark.django_db
@pytest.mark.parametrize("words", [["rita"], ["", "--role", "viewer"], ["a b", "--role", "viewer"]])
def test_an_operator_who_could_not_work_is_not_made(words: list[str]) -> None:
    with pytest.raises(CommandError):
        printed("create_operator", *words)

    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_name_is_given_once() -> None:
    printed("create_operator", "rita", "--role", "viewer")

    with pytest.raises(CommandError):
        printed("create_operator", "rita", "--role", "finance")
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_laptop_says_its_own_code_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    root = User.objects.create_superuser("root")
    monkeypatch.delenv("LAPTOP_TOTP_SECRET", raising=False)
    with pytest.raises(CommandError, match="serve"):
        printed("totp_code")
    with pytest.raises(CommandError, match="serve"):
        printed("totp_code", "--set-up", "root")
    assert not Authenticator.objects.exists()

    monkeypatch.setenv("LAPTOP_TOTP_SECRET", codes.new_secret())
    code = printed("totp_code", "--set-up", "root").strip()

    services.prove(operator=root, typed=code, kind=Kind.SIGNED_IN, address=None, now=timezone.now())
    first = Authenticator.objects.get()
    monkeypatch.setenv("LAPTOP_TOTP_SECRET", codes.new_secret())
    printed("totp_code", "--set-up", "root")
    assert Authenticator.objects.get().sealed_secret == first.sealed_secret


@pytest.mark.django_db
def test_a_lost_device_is_reset_from_the_command_line_for_a_reason() -> None:
    rita = User.objects.create_superuser("rita")
    second_factor(rita)

    for words in (["rita", "--reason", " "], ["nobody", "--reason", "x"]):
        with pytest.raises(CommandError):
            printed("reset_second_factor", *words)
    assert Authenticator.objects.exists()
    printed("reset_second_factor", "rita", "--reason", "Lost; came in person.")

    assert not Authenticator.objects.exists()
    assert AccessRecord.objects.get(kind=Kind.RESET).reason == "Lost; came in person."
    with pytest.raises(NotToBeReset):
        services.reset(operator=rita, actor=None, reason="x", address=None, now=timezone.now())


def _refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return True
    return False


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_accessrecord SET kind = 'viewed'",
        "DELETE FROM billing_accessrecord",
        "TRUNCATE billing_accessrecord",
        "UPDATE billing_authenticator SET last_step = 0",
        "UPDATE billing_authenticator SET sealed_secret = 'mine'",
        "UPDATE billing_authenticator SET confirmed_at = NULL",
        "UPDATE billing_recoverycode SET used_at = NULL WHERE used_at IS NOT NULL",
        "UPDATE billing_recoverycode SET digest = '\\x00' WHERE used_at IS NULL",
    ],
)
def test_the_database_keeps_what_was_written_down(statement: str) -> None:
    rita = User.objects.create_superuser("rita")
    second_factor(rita)
    now = timezone.now()
    sheet = services.renew_recovery_codes(operator=rita, address=None, now=now)
    secret = selectors.second_factor_of(rita)
    assert secret is not None
    services.prove(operator=rita, typed=sheet[0], kind=Kind.SIGNED_IN, address=None, now=now)
    before = _all_rows()

    assert _refused(statement)
    assert _all_rows() == before


def _all_rows() -> list[list[object]]:
    return [
        list(model._default_manager.order_by("pk").values_list())
        for model in (AccessRecord, Authenticator, RecoveryCode)
    ]


def test_a_look_is_written_down_without_what_was_searched_for(root: Visitor) -> None:
    signed_in(root.browser, root.user)
    for page in ("job/?q=ada%40example.com", "purchase/"):
        root.browser.get(f"/admin/billing/{page}", REMOTE_ADDR="203.0.113.9")
    root.browser.get("/admin/")
    root.browser.get("/admin/revenue?month=2026-10&format=csv")

    seen = AccessRecord.objects.filter(kind=Kind.VIEWED).order_by("at")
    assert [record.what for record in seen][:2] == [
        "/admin/billing/job/",
        "/admin/billing/purchase/",
    ]
    assert {record.address for record in seen[:2]} == {"203.0.113.9"}
    taken = AccessRecord.objects.get(kind=Kind.EXPORTED)
    assert (taken.operator, taken.what) == (root.user, "revenue-2026-10.csv")


def test_a_list_that_is_posted_to_is_looked_at_as_well(root: Visitor) -> None:
    signed_in(root.browser, root.user)

    root.browser.post("/admin/billing/job/", {"x": "1"})

    assert AccessRecord.objects.filter(kind=Kind.VIEWED, what="/admin/billing/job/").count() == 1


@pytest.mark.parametrize(
    ("peer", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("", None),
    ],
)
def test_an_address_is_the_peers_whatever_he_says_himself(peer: str, found: str | None) -> None:
    request = RequestFactory().get(
        "/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": "198.51.100.1"}
    )

    assert address_of(request) == (None if found is None else ip_address(found))


@pytest.mark.django_db
def test_from_elsewhere_the_administration_is_not_there(settings: Settings, root: Visitor) -> None:
    settings.ADMIN_ALLOWED_CIDRS = [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")]
    signed_in(root.browser, root.user)
    inside, outside = "203.0.113.9", "198.51.100.1"

    for page in ("/admin/", "/admin/login/", "/admin/billing/job/", "/admin/revenue"):
        assert root.browser.get(page, REMOTE_ADDR=inside).status_code in (200, 302), page
        assert root.browser.get(page, REMOTE_ADDR=outside).status_code == 404, page
    assert root.browser.get("/healthz", REMOTE_ADDR=outside).status_code == 200
    assert not may_come_in(None)
    assert may_come_in(ip_address("2001:db8::1"))


# RFC 6238, appendix B: the last six digits of its values for SHA-1.
VECTORS: Final = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_a_code_is_what_the_standard_says(seconds: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890"
    now = datetime.fromtimestamp(seconds, UTC)

    assert codes.code_at(secret, now) == code
    assert codes.step_of(secret, code, now=now, after=0) == seconds // 30
    assert codes.step_of(secret, code, now=now, after=seconds // 30) is None


@pytest.mark.parametrize(
    ("apart", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_counts_for_half_a_minute_before_and_after(apart: int, *, counts: bool) -> None:
    secret, now = codes.new_secret(), datetime(2026, 11, 26, 12, 0, 10, tzinfo=UTC)
    typed = codes.code_at(secret, datetime.fromtimestamp(now.timestamp() + 30 * apart, UTC))

    assert (codes.step_of(secret, typed, now=now, after=0) is not None) == counts


def test_recovery_codes_are_read_however_they_are_typed() -> None:
    [code, other, *_rest] = codes.new_recovery_codes()

    for typed in (code.lower(), code.replace("-", ""), f" {code} ", code.replace("0", "O")):
        assert codes.digest_of(typed) == codes.digest_of(code)
    assert codes.digest_of(other) != codes.digest_of(code)
    assert codes.plain_of("1" * 65) == ""
    assert codes.is_of_a_device(codes.plain_of("\uff11\uff12\uff13 456"))

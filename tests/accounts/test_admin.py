from datetime import datetime

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from billing.accounts import services
from billing.accounts.models import Account, ApiKey
from billing.http.admin import ReadOnlyAdmin
from billing.http.idempotency import Key, answer_once
from billing.http.models import IdempotentAnswer
from tests.operators import signed_in

pytestmark = pytest.mark.django_db
MODELS = [Account, ApiKey, IdempotentAnswer]


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def secret(now: datetime) -> str:
    """Make one row of each kind, and return the key's secret."""
    services.ensure_account("ada", zone="UTC", now=now)
    key = Key(caller="acc_1", route="POST x", key="k", body_hash=bytes(32))
    answer_once(key, lambda: (201, {"secret_of_a_user": 1}), now=now)
    return services.create_api_key("shop", ["jobs:read"], now=now)[1]


def test_an_operator_sees_rows_and_changes_none(secret: str, admin_client: Client) -> None:
    for model in MODELS:
        name, row = model._meta.model_name, model._default_manager.get()
        pages = [f"/admin/billing/{name}/", f"/admin/billing/{name}/{row.pk}/change/"]

        texts = [admin_client.get(page) for page in pages]
        writes = [
            admin_client.get(f"/admin/billing/{name}/add/"),
            admin_client.post(f"/admin/billing/{name}/add/", {}),
            admin_client.post(pages[1], {"external_id": "eve", "scopes": "root"}),
            admin_client.post(f"/admin/billing/{name}/{row.pk}/delete/", {"post": "yes"}),
        ]
        marked = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        admin_client.post(pages[0], marked)

        assert [page.status_code for page in texts] == [200, 200]
        assert quote(row.pk) in texts[0].content.decode()
        assert row.pk in texts[1].content.decode()
        assert {write.status_code for write in writes} <= {302, 403}
        after = model._default_manager.get()
        assert {f.attname: getattr(after, f.attname) for f in model._meta.fields} == {
            f.attname: getattr(row, f.attname) for f in model._meta.fields
        }
        for page in texts:
            assert secret not in page.content.decode()
            assert b"secret_of_a_user" not in page.content


@pytest.mark.usefixtures("secret")
def test_no_window_shows_a_hash(admin_client: Client) -> None:
    key = ApiKey.objects.get()

    page = admin_client.get(f"/admin/billing/apikey/{key.pk}/change/").content.decode()

    assert bytes(key.secret_hash).hex() not in page
    assert str(bytes(key.secret_hash)) not in page
    assert "secret_hash" not in page


@pytest.mark.usefixtures("secret")
def test_a_viewer_needs_the_permission_to_view(client: Client) -> None:
    operator = User.objects.create_user("op", password="a long enough word", is_staff=True)
    signed_in(client, operator)
    before = client.get("/admin/billing/account/").status_code
    operator.user_permissions.add(Permission.objects.get(codename="view_account"))

    assert before == 403
    assert client.get("/admin/billing/account/").status_code == 200
    assert client.get("/admin/billing/apikey/").status_code == 403


def test_every_window_of_ours_is_read_only() -> None:
    windows = [admin.site.get_model_admin(model) for model in MODELS]

    assert all(isinstance(window, ReadOnlyAdmin) for window in windows)

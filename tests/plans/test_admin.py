from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory

from plans.admin import CatalogVersionAdmin, PublicationAdmin
from plans.catalog import publish
from plans.models import CatalogVersion, Publication

pytestmark = pytest.mark.django_db


@pytest.fixture
def window() -> CatalogVersionAdmin:
    found = admin.site._registry[CatalogVersion]
    assert isinstance(found, CatalogVersionAdmin)
    return found


def test_operators_see_the_file_and_what_it_changed(
    window: CatalogVersionAdmin, now: datetime, kling: str, dearer: str
) -> None:
    first = publish.publish(kling, now=now)
    second = publish.publish(dearer.replace("灵感值", "<b>"), now=now)

    assert "~ rate v1-6-std / table.5: 10 → 12" in window.changes(second)
    assert "+ plan free" in window.changes(first)
    assert "&lt;b&gt;" in window.file(second)
    assert "<b>" not in window.file(second)


def test_operators_see_which_version_is_in_force(
    window: CatalogVersionAdmin, now: datetime, kling: str, dearer: str, rf: RequestFactory
) -> None:
    publish.publish(kling, now=now)
    publish.publish(dearer, now=now)
    publish.publish(kling, now=now)

    seen = window.get_queryset(rf.get("/")).order_by("number")

    assert [window.is_in_force(version) for version in seen] == [True, False]


def test_operators_see_what_is_announced_in_force_over_and_withdrawn(
    now: datetime, kling: str, dearer: str, rf: RequestFactory
) -> None:
    window = admin.site._registry[Publication]
    assert isinstance(window, PublicationAdmin)
    later = datetime(2099, 1, 1, tzinfo=UTC)
    publish.publish(kling, now=now)
    publish.publish(dearer, now=now)
    publish.schedule(kling, at=later, now=now)
    publish.withdraw(publish.schedule(dearer, at=later + timedelta(1), now=now).pk, now=now)

    seen = window.get_queryset(rf.get("/")).order_by("sequence")

    assert [window.state(one) for one in seen] == ["over", "in force", "announced", "withdrawn"]


def test_not_even_a_superuser_edits_a_catalog(
    window: CatalogVersionAdmin, rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)

    assert window.has_view_permission(request)
    assert not window.has_add_permission(request)
    assert not window.has_change_permission(request)
    assert not window.has_delete_permission(request)


def test_nor_when_it_is_in_force(rf: RequestFactory) -> None:
    window = admin.site._registry[Publication]
    request = rf.get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)

    assert window.has_view_permission(request)
    assert not window.has_add_permission(request)
    assert not window.has_change_permission(request)
    assert not window.has_delete_permission(request)

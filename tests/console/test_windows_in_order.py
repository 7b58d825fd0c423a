"""The windows stand in the order of their names, in each language, and cost a page little."""

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import translation


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.django_db
def test_windows_are_sorted_by_what_they_are_called_and_each_name_is_translated_once(
    admin_client: Client, language: str
) -> None:
    request = admin_client.get("/admin/", headers={"Accept-Language": language}).wsgi_request

    with translation.override(language):
        [apps] = [app["models"] for app in admin.site.get_app_list(request, "billing")]

    names = [window["name"] for window in apps]
    assert len(names) > 50
    assert {type(name) for name in names} == {str}, "else each comparison translates two of them"
    assert names == sorted(names)
    assert ("Wallets" in names) == (language == "en")

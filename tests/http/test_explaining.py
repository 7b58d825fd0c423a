"""The `type` of a problem leads to a page, and there to what its code means and what mends it."""

import re
from urllib.parse import urlsplit

from django.test import Client
from pytest_django import Settings

from billing.http import refusing
from tests.architecture.test_refusals import REFUSALS


def test_a_refusal_leads_to_what_its_code_means(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://api.example"
    refused = Client().get("/v1/balance").json()

    address = urlsplit(refused["type"])
    page = Client().get(address.path)

    assert refused["type"].startswith("https://api.example/")
    assert page.status_code == 200
    section = _sections(page.content.decode())[address.fragment]
    assert "401" in section
    assert refusing.remedy("unauthenticated") in section


def test_the_page_has_each_code_with_its_status_and_its_meaning() -> None:
    sections = _sections(Client().get("/v1/problems").content.decode())

    assert {refusal.code for refusal in REFUSALS} <= set(sections)
    for refusal in REFUSALS:
        assert f"<small>{refusing.status_of(refusal.code)}</small>" in sections[refusal.code]


def test_the_page_is_read_only() -> None:
    refused = Client().post("/v1/problems")

    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")


def _sections(page: str) -> dict[str, str]:
    """Return the page's sections by their anchors."""
    found = re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.DOTALL)
    return dict(found)

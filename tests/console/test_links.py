"""An id leads to the window of its row; all else is only text."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models

from billing.http import links
from billing.ids import new_id

OURS = list(apps.get_app_config("billing").get_models())


def _prefixes() -> dict[str, set[str]]:
    """Return by prefix the models whose rows name themselves by it."""
    found: dict[str, set[str]] = {}
    for model in OURS:
        if isinstance(model._meta.pk, models.CharField) and model._meta.pk.has_default():
            made = str(model._meta.pk.get_default())
            if re.fullmatch(r"[a-z]+_[0-9a-z]{35}", made):
                found.setdefault(made.partition("_")[0], set()).add(str(model._meta.model_name))
    return found


def test_every_kind_of_id_has_its_window() -> None:
    missing = {
        prefix: names
        for prefix, names in _prefixes().items()
        if links.WINDOWS.get(prefix) not in names
    }

    assert missing == {}


def test_every_window_is_there() -> None:
    for name in links.WINDOWS.values():
        assert admin.site.is_registered(apps.get_model("billing", name)), name


@pytest.mark.parametrize("prefix", sorted(links.WINDOWS))
def test_an_id_leads_on(prefix: str) -> None:
    row_id = new_id(prefix)

    path = links.path_of(row_id)

    assert path is not None
    assert links.linked(f"job:{row_id}, and more") == (
        f'job:<a class="text-link" href="{path}">{row_id}</a>, and more'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job_1",
        "xyz_" + "0" * 35,
        "JOB_" + "0" * 35,
        "job_" + "0" * 36,
        "ajob_" + "0" * 35,
        "job_" + "l" * 35,
        "referral:rf_" + "0" * 35,
    ],
)
def test_what_is_no_id_leads_nowhere(text: str) -> None:
    assert links.path_of(text) is None
    assert links.linked(text) == text


def test_what_stands_around_an_id_is_escaped() -> None:
    row_id = new_id("job")

    said = links.linked(f"<script>{row_id}</script>\"'")

    assert "<script>" not in said
    assert "&lt;script&gt;<a " in said
    assert said.endswith("&lt;/script&gt;&quot;&#x27;")

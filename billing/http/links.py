"""Where an id leads in the administration: known by its prefix, to the window of its row.

The id of an account leads to the account's page, which joins what the windows show apart.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Field, ForeignKey, Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# The window of each kind of row, by the prefix of its ids.
WINDOWS: Final = {
    "acc": "account",
    "act": "actrecord",
    "adj": "adjustment",
    "al": "allowance",
    "alr": "alert",
    "alt": "allotment",
    "ans": "idempotentanswer",
    "at": "attempt",
    "bp": "billingprofile",
    "cb": "callback",
    "cg": "campaigngrant",
    "cmp": "compensation",
    "co": "checkout",
    "ct": "contract",
    "cu": "customer",
    "de": "debt",
    "en": "entry",
    "evt": "event",
    "ex": "export",
    "frz": "freeze",
    "gr": "grant",
    "hlt": "halt",
    "ho": "hold",
    "job": "job",
    "key": "apikey",
    "mem": "membership",
    "msg": "message",
    "note": "accountnote",
    "nt": "notice",
    "org": "organization",
    "out": "output",
    "pc": "planchange",
    "pp": "packpurchase",
    "pt": "partner",
    "pu": "purchase",
    "qt": "quote",
    "rc": "redemptioncode",
    "rd": "redemption",
    "rf": "refund",
    "rl": "referralcode",
    "run": "campaignrun",
    "rw": "reward",
    "sil": "silence",
    "sub": "subscription",
    "tc": "testclock",
    "tel": "telling",
    "tk": "taking",
    "tr": "transfer",
    "tu": "topup",
    "wa": "wallet",
    "we": "endpoint",
    "whd": "delivery",
}
_DIGITS: Final = "[0-9a-hjkmnp-tv-z]{35}"
# A referral's id begins as a refund's does; facts of the ledger say of which it is.
_ID: Final = re.compile(
    rf"(?<![0-9a-z_])(?<!referral:)(?P<prefix>{'|'.join(WINDOWS)})_{_DIGITS}(?![0-9a-z_])"
)
# Columns that name rows of others without a foreign key.
_NAMES_ROWS: Final = frozenset({"cause_id", "fact", "last_entry_id", "previous_id", "reference"})
_ACCOUNT: Final = "billing.account"
_APPS: Final = frozenset({"billing", "plans"})  # the windows of others are for superusers alone


def path_of(row_id: str) -> str | None:
    """Return the path to which an id of ours leads; None: it is none, or has no window."""
    found = _ID.fullmatch(row_id)
    if found is None:
        return None
    if found["prefix"] == "acc":
        return account_path(row_id)
    return window_path("billing", WINDOWS[found["prefix"]], row_id)


def account_path(account_id: str) -> str:
    """Return the path of the page of an account."""
    return reverse("console-account", args=[account_id])


def notes_path(account_id: str) -> str:
    """Return the path to which a note on an account is sent."""
    return reverse("console-account-notes", args=[account_id])


def window_path(app: str, window: str, key: object) -> str:
    """Return the path at which a window shows one row."""
    return reverse(f"admin:{app}_{window}_change", args=[quote(str(key))])


def row_path(row: Model) -> str:
    """Return the path at which a window shows this row."""
    return window_path(row._meta.app_label, str(row._meta.model_name), row.pk)  # noqa: SLF001 (Django's own name for it)


def link(path: str, text: object) -> SafeString:
    """Return a link within the administration; the text is shown as it is."""
    return format_html('<a class="text-link" href="{}">{}</a>', path, text)


def account_link(account_id: str, name: str) -> SafeString:
    """Return a link to the page of an account, by the platform's name for it."""
    return link(account_path(account_id), name)


def linked(text: str) -> SafeString:
    """Return a text in which each id of ours leads to its row; all else is shown as it is."""
    parts: list[str] = []
    done = 0
    for found in _ID.finditer(text):
        path = path_of(found[0])
        assert path is not None, "the pattern is the same"
        parts += [text[done : found.start()], link(path, found[0])]
        done = found.end()
    return format_html_join("", "{}", ((part,) for part in [*parts, text[done:]]))


def joined(parts: Iterable[str]) -> SafeString | str:
    """Return texts and links beside each other."""
    return format_html_join(" · ", "{}", ((part,) for part in parts)) or "-"


def leads_on(field: Field[Any, Any]) -> bool:
    """Say whether a column names a row that has a window, or an account."""
    return field.name in _NAMES_ROWS or (
        isinstance(field, ForeignKey) and _has_window(field.related_model)
    )


@cache  # one callable for each column: Django finds it again by equality
def column(field: Field[Any, Any]) -> Any:  # noqa: ANN401 (an admin callable)
    """Return what shows a column that `leads_on`, as links."""

    @admin.display(description=field.verbose_name, ordering=field.name)
    def linked_column(row: Model) -> str:
        value = getattr(row, field.name)
        if not value:
            return "-"
        return _row_link(value) if isinstance(value, Model) else linked(str(value))

    linked_column.__name__ = field.name  # by it Django finds the help text
    return linked_column


def _has_window(model: type[Model]) -> bool:
    return model._meta.app_label in _APPS and admin.site.is_registered(model)  # noqa: SLF001 (Django's own name for it)


def _row_link(row: Model) -> SafeString:
    is_account = row._meta.label_lower == _ACCOUNT  # noqa: SLF001 (Django's own name for it)
    return link(account_path(row.pk) if is_account else row_path(row), row)

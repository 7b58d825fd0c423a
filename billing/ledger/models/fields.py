"""How rows of the ledger are named, and what a wallet's first entry is chained to."""

from functools import partial
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX, new_id
from billing.ledger.journal import GENESIS

IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)
# Which entry; no foreign key: whether it is there, triggers see.
EntryPointer = partial(
    models.CharField, max_length=ID_LENGTH_MAX, blank=True, default="", db_collation="C"
)
CODE_LENGTH_MAX: Final = 129  # a plan's code, a dot, and an allowance's
SERIES_LENGTH_MAX: Final = CODE_LENGTH_MAX + 1 + ID_LENGTH_MAX  # and a subscription


def _genesis() -> bytes:
    return GENESIS


def _wallet_id() -> str:
    return new_id("wa")


def _grant_id() -> str:
    return new_id("gr")


def _hold_id() -> str:
    return new_id("ho")


def _entry_id() -> str:
    return new_id("en")


def _debt_id() -> str:
    return new_id("de")


def _allowance_id() -> str:
    return new_id("al")


def _transfer_id() -> str:
    return new_id("tr")

"""What several of these rows have in common."""

from functools import partial

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX, new_id

EXCERPT_LENGTH_MAX = 500
SEALED = "sealed:"
IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)


def _endpoint_id() -> str:
    return new_id("we")


def _event_id() -> str:
    return new_id("evt")


def _delivery_id() -> str:
    return new_id("whd")

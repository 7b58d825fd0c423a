"""Kinds of columns that every table of corrections has."""

from functools import partial

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX

IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)
# Whoever had a hand in a correction is named by it for ever.
OperatorField = partial(
    models.ForeignKey,
    settings.AUTH_USER_MODEL,
    on_delete=models.PROTECT,
    related_name="+",
    db_index=False,
)
KEY_LENGTH_MAX = 64
TEXT_LENGTH_MAX = 500
NOTICE_LENGTH_MAX = 200

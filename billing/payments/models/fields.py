"""Kinds of columns that the rows of payments share."""

from functools import partial

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX

# Stripe's ids are up to 255 characters long, and say by their prefix what they are of.
STRIPE_ID_LENGTH_MAX = 255
FACT_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 500

IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)
StripeIdField = partial(models.CharField, max_length=STRIPE_ID_LENGTH_MAX)
CurrencyField = partial(models.CharField, _("currency"), max_length=3)
OperatorField = partial(
    models.ForeignKey,
    settings.AUTH_USER_MODEL,
    on_delete=models.PROTECT,
    related_name="+",
    db_index=False,
)

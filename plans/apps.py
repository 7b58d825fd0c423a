"""The app that holds what is for sale."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlansConfig(AppConfig):
    """Makes `plans` an app: it knows no account, no balance and no payment."""

    name = "plans"
    verbose_name = _("Plans")
    default_auto_field = "django.db.models.BigAutoField"

"""The app that holds what is for sale."""

from django.apps import AppConfig
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from plans import wording


class PlansConfig(AppConfig):
    """Makes `plans` an app: it knows no account, no balance and no payment."""

    name = "plans"
    verbose_name = _("Plans")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Lend the pure core Django's translation; it imports no Django itself."""
        wording.VOICE.translate = translation.gettext
        wording.VOICE.language = _language


def _language() -> str:
    return translation.get_language() or "en"

"""The app that holds everything that happens to credits."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from billing.accounts.checks import tokens_can_be_checked
from billing.receipts.checks import receipts_can_be_signed


class BillingConfig(AppConfig):
    """Makes `billing` one app: its packages share the label, the migrations and the admin."""

    name = "billing"
    verbose_name = _("Billing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Lend `plans`, which knows no account, the one who can say whom a new catalog touches.

        What is wrong with the keys of tokens or receipts is said by every command that checks
        the system.
        """
        checks.register(tokens_can_be_checked)
        checks.register(receipts_can_be_signed)
        # Models cannot be imported before all apps are loaded.
        from billing.insights import touched  # noqa: PLC0415
        from billing.subscriptions import selectors as subscriptions  # noqa: PLC0415
        from plans.catalog.publish import ASSESSORS  # noqa: PLC0415

        for assess in (subscriptions.touched, touched.touched):
            if assess not in ASSESSORS:
                ASSESSORS.append(assess)

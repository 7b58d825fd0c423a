"""Who is told."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.egress.addresses import URL_LENGTH_MAX
from billing.webhooks.models.fields import SEALED, IdField, _endpoint_id


class Endpoint(models.Model):
    """An address that is told of an account's events; or of all accounts', made by operators."""

    class DisabledReason(models.TextChoices):
        NONE = "", _("enabled")
        GONE = "gone", _("its receiver answered 410")
        FAILING = "failing", _("it took nothing for three days")
        PAUSED = "paused", _("its owner switched it off")
        DELETED = "deleted", _("deleted")

    id = IdField(default=_endpoint_id)
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="webhook_endpoints",
        help_text=_("Whose events; empty: everybody's on its side of the sandbox."),
        verbose_name=_("account"),
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    # No URLField: the admin would make a link of what a stranger wrote.
    url = models.CharField(_("address"), max_length=URL_LENGTH_MAX)
    events = ArrayField(
        models.CharField(max_length=64),
        default=list,
        blank=True,
        help_text=_("Types of events it is told of; empty: all."),
        verbose_name=_("event types"),
    )
    secret_sealed = models.TextField(_("sealed secret"), editable=False)
    previous_secret_sealed = models.TextField(
        _("previous sealed secret"), blank=True, default="", editable=False
    )
    previous_until = models.DateTimeField(
        _("previous secret until"),
        null=True,
        blank=True,
        help_text=_("Until then messages also bear the old signature."),
    )
    disabled_reason = models.CharField(
        _("disabled reason"),
        max_length=16,
        choices=DisabledReason,
        default=DisabledReason.NONE,
        blank=True,
    )
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True)
    called_at = models.DateTimeField(_("last called at"), null=True, blank=True)
    took_at = models.DateTimeField(_("last took a message at"), null=True, blank=True)
    prompt_from = models.DateTimeField(
        _("prompt from"),
        null=True,
        blank=True,
        help_text=_("From then on it is not among the slow; empty: it has not answered yet."),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        permissions = [("operate_endpoint", "Can switch webhook endpoints and send events anew")]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(disabled_at=None, disabled_reason="")
                    | Q(
                        disabled_at__isnull=False,
                        disabled_reason__in=["gone", "failing", "paused", "deleted"],
                    )
                ),
                name="endpoint_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=(
                    Q(previous_until=None, previous_secret_sealed="")
                    | (Q(previous_until__isnull=False) & ~Q(previous_secret_sealed=""))
                ),
                name="endpoint_old_secret_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(secret_sealed__startswith=SEALED)
                & (Q(previous_secret_sealed="") | Q(previous_secret_sealed__startswith=SEALED)),
                name="endpoint_secrets_are_sealed",
            ),
            models.CheckConstraint(
                condition=Q(url__startswith="http"), name="endpoint_url_is_http"
            ),
        ]
        indexes = [
            models.Index(
                fields=["is_sandbox"],
                condition=Q(account=None, disabled_at=None),
                name="endpoint_of_everybody",
            )
        ]

    def __str__(self) -> str:
        return self.pk

    def is_prompt(self, now: datetime) -> bool:
        """Return whether it has shown that it answers at once, and not kept us waiting lately."""
        return self.prompt_from is not None and self.prompt_from <= now

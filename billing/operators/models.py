"""What an operator proves himself by, who tried to, and what is written down of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX

REASON_LENGTH_MAX = 200
PATH_LENGTH_MAX = 200


class Authenticator(models.Model):
    """An operator's second factor: a secret that a device of his shares with us.

    A reset deletes it with its codes on paper; that it was there stands in the records.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False)
    operator = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="authenticator",
        verbose_name=_("operator"),
    )
    sealed_secret = models.TextField(_("sealed secret"))
    last_step = models.BigIntegerField(
        _("last step"),
        default=0,
        help_text=_("The half minute whose code was taken last; none up to it counts again."),
    )
    made_at = models.DateTimeField(_("made at"))
    confirmed_at = models.DateTimeField(
        _("confirmed at"),
        null=True,
        blank=True,
        help_text=_("When its first code was typed; empty: it opens nothing yet."),
    )

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | Q(confirmed_at__gte=F("made_at")),
                name="authenticator_is_confirmed_after_it_is_made",
            ),
            models.CheckConstraint(
                condition=Q(last_step__gte=0), name="authenticator_last_step_is_a_step"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator_id}: {self.pk}"


class RecoveryCode(models.Model):
    """A code on paper, for whoever has no device at hand. It opens once; only its hash is here."""

    authenticator = models.ForeignKey(
        Authenticator,
        on_delete=models.PROTECT,
        related_name="recovery_codes",
        verbose_name=_("second factor"),
    )
    digest = models.BinaryField(_("digest"), max_length=32)
    made_at = models.DateTimeField(_("made at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["authenticator", "digest"], name="recovery_code_digest_once"
            ),
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(used_at__gte=F("made_at")),
                name="recovery_code_is_used_after_it_is_made",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authenticator_id}: {self.pk}"


class TryCount(models.Model):
    """How many tries were made in a window: each is counted before it is judged."""

    key = models.CharField(
        _("key"),
        primary_key=True,
        max_length=64,
        help_text=_("A seal of whose tries these are: a name, an address, or both."),
    )
    tries = models.PositiveIntegerField(_("tries"))
    begun_at = models.DateTimeField(_("begun at"), db_index=True)

    class Meta:
        verbose_name = _("count of tries")
        verbose_name_plural = _("counts of tries")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.tries}"


class AccessRecord(models.Model):
    """Who came in, was refused, looked at something or took it away. It never changes."""

    class Kind(models.TextChoices):
        """What was done."""

        PASSWORD_REFUSED = "password_refused", _("password refused")
        CODE_REFUSED = "code_refused", _("code refused")
        LOCKED_OUT = "locked_out", _("too many tries")
        SIGNED_IN = "signed_in", _("signed in")
        SIGNED_OUT = "signed_out", _("signed out")
        ENROLLED = "enrolled", _("second factor set up")
        CONFIRMED = "confirmed", _("confirmed by a code")
        RECOVERY_CODE_USED = "recovery_code_used", _("recovery code used")
        RECOVERY_CODES_MADE = "recovery_codes_made", _("recovery codes made")
        RESET = "reset", _("second factor reset")
        CREATED = "created", _("operator made")
        VIEWED = "viewed", _("looked at")
        EXPORTED = "exported", _("exported")

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False)
    at = models.DateTimeField(_("at"), db_index=True)
    kind = models.CharField(_("kind"), max_length=32, choices=Kind)
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("operator"),
        help_text=_("Whom it is about; empty for a name that is nobody's: it may be a password."),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who did it to another operator; empty: himself, or a command."),
    )
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    what = models.CharField(_("what"), max_length=PATH_LENGTH_MAX, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH_MAX, blank=True, default="")

    class Meta:
        verbose_name = _("access record")
        verbose_name_plural = _("access records")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="reset") | ~Q(reason=""), name="access_record_reset_has_a_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

"""What an operator proves himself by, who tried to, and what is written down of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX, new_id

REASON_LENGTH_MAX = 200
PATH_LENGTH_MAX = 200
ACT_REASON_LENGTH_MAX = 500
OBJECT_LENGTH_MAX = 128


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
        indexes = [
            # Who has looked at one page: the page of an account tells of it.
            models.Index(
                fields=["what", "-at"], condition=Q(kind="viewed"), name="access_record_of_a_page"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


def _act_id() -> str:
    return new_id("act")


class ActRecord(models.Model):
    """What an operator did, to what, and why. It is written before the act, and ends once.

    So no act is without its line, whoever dies in the middle of it.
    """

    class Outcome(models.TextChoices):
        """What came of it."""

        DONE = "done", _("done")
        REFUSED = "refused", _("refused")

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_act_id, editable=False
    )
    at = models.DateTimeField(_("at"))
    act = models.CharField(_("act"), max_length=64, help_text=_("A window, and what it offers."))
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("operator"),
    )
    object_type = models.CharField(_("kind of object"), max_length=32)
    object_id = models.CharField(
        _("object"),
        max_length=OBJECT_LENGTH_MAX,
        blank=True,
        default="",
        help_text=_("Empty: what was asked for was refused, and is nowhere."),
    )
    account_id = models.CharField(
        _("account"),
        max_length=ID_LENGTH_MAX,
        blank=True,
        default="",
        help_text=_("Whom it touches, by our own id; empty: nobody, or many."),
    )
    reason = models.CharField(_("reason"), max_length=ACT_REASON_LENGTH_MAX)
    shown = models.JSONField(
        _("what was shown"), default=list, help_text=_("What would move, in the operator's words.")
    )
    outcome = models.CharField(
        _("outcome"),
        max_length=16,
        choices=Outcome,
        blank=True,
        default="",
        help_text=_("Empty: it is under way, or its process died: look at the object."),
    )
    refusal = models.CharField(_("why it was refused"), max_length=64, blank=True, default="")
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("act record")
        verbose_name_plural = _("act records")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=~Q(act="") & ~Q(object_type="") & ~Q(reason=""),
                name="act_record_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", refusal="", ended_at=None)
                | Q(outcome="done", refusal="", ended_at__isnull=False)
                | (Q(outcome="refused", ended_at__isnull=False) & ~Q(refusal="")),
                name="act_record_outcome_matches_columns",
            ),
        ]
        indexes = [
            models.Index(fields=["-at"], name="act_record_newest_first"),
            models.Index(
                fields=["account_id", "-at"],
                condition=~Q(account_id=""),
                name="act_record_of_account",
            ),
            models.Index(fields=["object_id", "object_type"], name="act_record_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.object_id}"

"""Letters: to whom, about what, and whether they went out."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id
from billing.notices.kinds import Kind

FACT_LENGTH_MAX = 200


def _notice_id() -> str:
    return new_id("nt")


_KINDS = [
    (Kind.PAYMENT_RECEIVED.value, _("payment received")),
    (Kind.PAYMENT_FAILED.value, _("payment failed")),
    (Kind.PAYMENT_ACTION_REQUIRED.value, _("payment needs its buyer")),
    (Kind.SUBSCRIPTION_RENEWED.value, _("subscription renewed")),
    (Kind.SUBSCRIPTION_ENDING.value, _("subscription ends soon")),
    (Kind.SUBSCRIPTION_CANCELED.value, _("subscription canceled")),
    (Kind.SUBSCRIPTION_ENDED.value, _("subscription ended")),
    (Kind.TRIAL_ENDS_SOON.value, _("trial ends soon")),
    (Kind.GRACE_ENDS_SOON.value, _("days of grace end soon")),
    (Kind.TOP_UP_MADE.value, _("topped up automatically")),
    (Kind.TOP_UP_DECLINED.value, _("automatic top-up declined")),
    (Kind.TOP_UP_STOPPED.value, _("automatic top-up stopped")),
    (Kind.REFUND_MADE.value, _("refund made")),
    (Kind.DISPUTE_OPENED.value, _("dispute opened")),
    (Kind.CARD_EXPIRES.value, _("card expires")),
    (Kind.CATALOG_ANNOUNCED.value, _("catalog announced")),
    (Kind.CATALOG_RECALLED.value, _("announced catalog taken back")),
]


class Notice(models.Model):
    """One letter about one fact; it is written when it is sent, in the language named here."""

    class State(models.TextChoices):
        WAITING = "waiting", _("on its way")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("not sent")

    class Trouble(models.TextChoices):
        NO_ADDRESS = "no_address", _("no address is known")
        NO_SERVER = "no_server", _("no mail server is set")
        AWAY = "away", _("the mail server does not answer")
        REFUSED = "refused", _("the mail server refused it")

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_notice_id, editable=False
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="notices", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=32, choices=_KINDS)
    fact = models.CharField(
        _("business fact"), max_length=FACT_LENGTH_MAX, help_text=_("One fact, one letter.")
    )
    email = models.EmailField(_("e-mail address"), blank=True, default="")
    language = models.CharField(_("language"), max_length=16)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    trouble = models.CharField(_("trouble"), max_length=16, choices=Trouble, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    leased_until = models.DateTimeField(
        _("in hand until"), null=True, blank=True, help_text=_("A worker is sending it.")
    )
    created_at = models.DateTimeField(_("created at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        permissions = [("send_notice", "Can have a letter sent again")]
        constraints = [
            models.UniqueConstraint(fields=["fact"], name="notice_fact_once"),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in Kind]), name="notice_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", next_at__isnull=False, sent_at=None)
                | Q(state="sent", next_at=None, sent_at__isnull=False, trouble="")
                | (Q(state__in=["failed", "skipped"], next_at=None, sent_at=None) & ~Q(trouble="")),
                name="notice_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(state="skipped") | ~Q(email=""), name="notice_goes_somewhere"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="notice_to_send"),
            models.Index(fields=["account", "-id"], name="notice_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

"""Drafts that somebody asks to publish, and another person decides on."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from plans.ids import ID_LENGTH_MAX, new_id
from plans.models.drafts import Draft, DraftRevision
from plans.models.published import CatalogVersion, Publication
from plans.models.simulations import Simulation

TEXT_LENGTH_MAX = 500
NOTICE_LENGTH_MAX = 2000


def _request_id() -> str:
    return new_id("pbr")


class PublicationRequest(models.Model):
    """Asks for exactly one revision to be in force from an instant on, after exactly one version.

    Attributes:
        against: what will be in force until then, as far as was announced when it was asked.
        zone: in which the instant was meant, and is shown.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        APPROVED = "approved", _("published")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        TAKEN_BACK = "taken_back", _("taken back before it began")

    class Audience(models.TextChoices):
        NOBODY = "nobody", _("nobody")
        TOUCHED = "touched", _("those whom it touches")
        ALL = "all", _("everybody")

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_request_id, editable=False
    )
    draft = models.ForeignKey(
        Draft, on_delete=models.PROTECT, related_name="requests", verbose_name=_("draft")
    )
    revision = models.ForeignKey(
        DraftRevision, on_delete=models.PROTECT, related_name="+", verbose_name=_("revision")
    )
    against = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("in force until then"),
    )
    simulation = models.ForeignKey(
        Simulation,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("simulation"),
    )
    effective_at = models.DateTimeField(_("in force from"))
    zone = models.CharField(_("time zone"), max_length=64)
    reason = models.CharField(_("reason"), max_length=TEXT_LENGTH_MAX)
    audience = models.CharField(
        _("who is told"), max_length=16, choices=Audience, default=Audience.TOUCHED
    )
    text_en = models.TextField(_("notice in English"), max_length=NOTICE_LENGTH_MAX, blank=True)
    text_zh = models.TextField(_("notice in Chinese"), max_length=NOTICE_LENGTH_MAX, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.REQUESTED)
    requester = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    approver = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("decided by"),
    )
    requested_at = models.DateTimeField(_("requested at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    publication = models.ForeignKey(
        Publication,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("publication"),
    )
    gathered_at = models.DateTimeField(
        _("all to be told found at"), null=True, blank=True, help_text=_("Empty: not yet.")
    )
    told_at = models.DateTimeField(
        _("all told at"), null=True, blank=True, help_text=_("Empty: nobody, or not all yet.")
    )
    taken_back_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("taken back by"),
    )
    taken_back_at = models.DateTimeField(_("taken back at"), null=True, blank=True)
    taken_back_reason = models.CharField(
        _("why it was taken back"), max_length=TEXT_LENGTH_MAX, blank=True, default=""
    )

    class Meta:
        verbose_name = _("request to publish")
        verbose_name_plural = _("requests to publish")
        permissions = [
            ("request_publicationrequest", "Can ask for drafts to be published"),
            ("approve_publicationrequest", "Can publish and refuse what others ask for"),
            ("take_back_publicationrequest", "Can take back what is announced"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(approver=None) | ~Q(requester=F("approver")),
                name="publicationrequest_is_decided_by_another",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="publicationrequest_has_a_reason"),
            models.CheckConstraint(
                condition=Q(audience="nobody") | (~Q(text_en="") & ~Q(text_zh="")),
                name="publicationrequest_says_what_it_tells",
            ),
            models.UniqueConstraint(
                fields=["draft"],
                condition=Q(state="requested"),
                name="publicationrequest_open_once_a_draft",
            ),
            models.CheckConstraint(
                condition=Q(state="requested", approver=None, decided_at=None, publication=None)
                | Q(
                    state__in=["approved", "taken_back"],
                    approver__isnull=False,
                    decided_at__isnull=False,
                    publication__isnull=False,
                )
                | Q(
                    state="refused",
                    approver__isnull=False,
                    decided_at__isnull=False,
                    publication=None,
                )
                | Q(state="withdrawn", approver=None, decided_at__isnull=False, publication=None),
                name="publicationrequest_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="taken_back", taken_back_by__isnull=False, taken_back_at__isnull=False)
                    & ~Q(taken_back_reason="")
                )
                | (
                    ~Q(state="taken_back")
                    & Q(taken_back_by=None, taken_back_at=None, taken_back_reason="")
                ),
                name="publicationrequest_taken_back_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.pk

"""What was learnt and decided of backends. Rows appear at first need; the setting has the names."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.fleet.breaking import BreakerState
from billing.fleet.labels import BREAKER_STATES
from billing.ids import ID_LENGTH_MAX

NAME_LENGTH_MAX = 64
REASON_LENGTH_MAX = 500


class BackendState(models.Model):
    """One backend: whether operators let it have work, and how much it takes at once."""

    class Mode(models.TextChoices):
        OPEN = "open", _("open to work")  # "open" alone is what a hold is
        DRAINING = "draining", _("draining")  # nothing new; what it has ends normally
        MAINTENANCE = "maintenance", _("maintenance")  # and what it denies is not held against it

    name = models.CharField(_("backend"), primary_key=True, max_length=NAME_LENGTH_MAX)
    mode = models.CharField(_("mode"), max_length=16, choices=Mode, default=Mode.OPEN)
    since = models.DateTimeField(_("in this mode since"), null=True, blank=True)
    set_by = models.CharField(_("set by"), max_length=150, blank=True)
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH_MAX, blank=True)
    slots = models.PositiveIntegerField(
        _("slots learnt"),
        null=True,
        blank=True,
        help_text=_("How many attempts it takes at once; empty: as many as are configured."),
    )
    good_ends = models.PositiveSmallIntegerField(
        _("good ends"),
        default=0,
        help_text=_("Videos since the number of slots changed; some of them open one more."),
    )
    full_until = models.DateTimeField(
        _("full until"), null=True, blank=True, help_text=_("It asked for no order before then.")
    )
    fulls = models.PositiveSmallIntegerField(
        _("full in a row"),
        default=0,
        db_default=0,  # workers of the former release know no such column
        help_text=_("How often it took no order since it took one; its pause grows with it."),
    )

    class Meta:
        verbose_name = _("backend")
        verbose_name_plural = _("backends")
        constraints = [
            models.CheckConstraint(
                condition=Q(mode="open")
                | Q(mode__in=("draining", "maintenance"), since__isnull=False)
                & ~Q(set_by="")
                & ~Q(reason=""),
                name="backend_state_is_explained",
            ),
            models.CheckConstraint(
                condition=Q(slots=None, good_ends=0) | Q(slots__isnull=False, slots__gte=1),
                name="backend_state_keeps_a_slot",
            ),
        ]
        permissions = [("set_mode_backendstate", "Can drain, maintain and open backends")]

    def __str__(self) -> str:
        return self.name


class Breaker(models.Model):
    """What keeps orders of one model from a backend at which they come to nothing."""

    backend = models.CharField(_("backend"), max_length=NAME_LENGTH_MAX)
    model = models.CharField(_("model"), max_length=64)
    state = models.CharField(
        _("state"), max_length=16, choices=BREAKER_STATES, default=BreakerState.CLOSED.value
    )
    unheard = models.PositiveSmallIntegerField(
        _("unheard"), default=0, help_text=_("Orders in a row that did not get through.")
    )
    unmade = models.PositiveSmallIntegerField(
        _("unmade"), default=0, help_text=_("Orders in a row that came to nothing.")
    )
    openings = models.PositiveIntegerField(_("openings in a row"), default=0)
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    retry_at = models.DateTimeField(_("tried again from"), null=True, blank=True)
    # Words, no foreign key: attempts belong to a package above this one.
    probe_id = models.CharField(_("attempt on trial"), max_length=ID_LENGTH_MAX, blank=True)
    reason = models.CharField(
        _("last failure"), max_length=REASON_LENGTH_MAX, blank=True, help_text=_("In its words.")
    )

    class Meta:
        verbose_name = _("breaker")
        verbose_name_plural = _("breakers")
        constraints = [
            models.UniqueConstraint(fields=["backend", "model"], name="breaker_once"),
            models.CheckConstraint(
                condition=Q(state="closed", opened_at=None, retry_at=None, probe_id="", openings=0)
                | Q(
                    state="open",
                    opened_at__isnull=False,
                    retry_at__isnull=False,
                    probe_id="",
                    openings__gte=1,
                )
                | Q(
                    state="half_open",
                    opened_at__isnull=False,
                    retry_at__isnull=False,
                    openings__gte=1,
                )
                & ~Q(probe_id=""),
                name="breaker_state_matches_columns",
            ),
        ]
        indexes = [
            models.Index(
                fields=["backend"], condition=~Q(state="closed"), name="breaker_not_closed"
            )
        ]
        permissions = [("reset_breaker", "Can close a breaker by hand")]

    def __str__(self) -> str:
        return f"{self.backend}/{self.model}"

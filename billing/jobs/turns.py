"""How far the lanes of each backend have come: what fair turns go by."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class LaneClock(models.Model):
    """One lane at one backend. Rows appear with the first start; they are as many as lanes."""

    backend = models.CharField(_("backend"), max_length=64)
    lane = models.CharField(_("lane"), max_length=64)
    turn = models.BigIntegerField(_("turn"), help_text=_("The highest turn that was started."))
    number = models.BigIntegerField(
        _("last start"), help_text=_("Of which start of the backend its last one was.")
    )
    starts = models.BigIntegerField(_("starts"), help_text=_("How many jobs of it were started."))

    class Meta:
        verbose_name = _("lane's clock")
        verbose_name_plural = _("lanes' clocks")
        constraints = [
            models.UniqueConstraint(fields=["backend", "lane"], name="lane_clock_once"),
            models.UniqueConstraint(fields=["backend", "number"], name="lane_clock_start_is_ones"),
            models.CheckConstraint(
                condition=Q(turn__gte=0, starts__gte=1, number__gte=models.F("starts")),
                name="lane_clock_counts_its_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backend} {self.lane}"

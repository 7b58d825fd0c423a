"""What is remembered of the files in our storage."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.jobs.models.jobs import Job
from billing.jobs.names import IdField, _output_id


class Output(models.Model):
    """A file of a job's result, in our storage."""

    id = IdField(default=_output_id)
    job = models.ForeignKey(
        Job, on_delete=models.PROTECT, related_name="outputs", verbose_name=_("job")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    path = models.CharField(_("file name"), max_length=200, help_text=_("Name in the storage."))
    mime = models.CharField(_("media type"), max_length=64)
    seconds = models.DecimalField(
        _("length (seconds)"), max_digits=8, decimal_places=3, null=True, blank=True
    )
    width = models.PositiveIntegerField(_("width (pixels)"), null=True, blank=True)
    height = models.PositiveIntegerField(_("height (pixels)"), null=True, blank=True)
    bytes = models.PositiveBigIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256 digest"), max_length=64)
    thumbnail_path = models.CharField(
        _("thumbnail's file name"),
        max_length=200,
        blank=True,
        default="",
        db_default="",  # workers of the former release know no such column
        help_text=_("Name in the storage."),
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(
        _("expires at"),
        null=True,
        blank=True,
        help_text=_("Its files are deleted then; empty: never."),
    )
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)
    try_again_at = models.DateTimeField(
        _("deletion tried again at"),
        null=True,
        blank=True,
        help_text=_("The storage would not delete its files."),
    )

    class Meta:
        verbose_name = _("output")
        verbose_name_plural = _("outputs")
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="output_position_once"),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(expires_at__isnull=False),
                name="output_deleted_only_where_it_expires",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(deleted_at=None, expires_at__isnull=False),
                name="output_due",
            )
        ]

    def __str__(self) -> str:
        return self.path


class LooseFile(models.Model):
    """A file of ours that no output names yet, or no longer: written down before it is stored.

    Whoever gives it to an output deletes this row in the same transaction. What a dead worker
    left is found by its row, whatever the storage is, and without listing it.
    """

    path = models.CharField(
        _("file name"), primary_key=True, max_length=200, help_text=_("Name in the storage.")
    )
    created_at = models.DateTimeField(_("created at"))
    try_again_at = models.DateTimeField(
        _("deletion tried again at"),
        null=True,
        blank=True,
        help_text=_("The storage would not delete it."),
    )

    class Meta:
        verbose_name = _("loose file")
        verbose_name_plural = _("loose files")
        indexes = [models.Index(fields=["created_at"], name="loose_file_oldest_first")]

    def __str__(self) -> str:
        return self.path

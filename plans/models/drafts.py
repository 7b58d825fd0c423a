"""Catalogs that are still being written: each save is kept, none replaces another's."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from plans.ids import ID_LENGTH_MAX, new_id
from plans.models.published import CatalogVersion

NAME_LENGTH_MAX = 100
NOTE_LENGTH_MAX = 200


def _draft_id() -> str:
    return new_id("dft")


class Draft(models.Model):
    """A catalog on which operators work; what it says is the newest of its revisions."""

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_draft_id, editable=False
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH_MAX)
    base_version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("begun from"),
        help_text=_("The version whose text it began with; empty: another text."),
    )
    revision = models.PositiveIntegerField(
        _("revision"), default=1, help_text=_("Number of the newest; each save counts.")
    )
    author = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("begun by")
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("saved at"))

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        permissions = [("edit_draft", "Can write drafts, look at their effect and share it")]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="draft_is_named"),
            models.CheckConstraint(condition=Q(revision__gt=0), name="draft_revision_positive"),
        ]
        indexes = [models.Index(fields=["-updated_at"], name="draft_newest_first")]

    def __str__(self) -> str:
        return self.name


class DraftRevision(models.Model):
    """What a draft said after one save; the database refuses to change or delete it."""

    draft = models.ForeignKey(
        Draft,
        on_delete=models.PROTECT,
        related_name="revisions",
        db_index=False,
        verbose_name=_("draft"),
    )
    number = models.PositiveIntegerField(_("number"))
    source = models.TextField(_("file"), help_text=_("The TOML text as it was saved."))
    note = models.CharField(
        _("note"), max_length=NOTE_LENGTH_MAX, blank=True, help_text=_("What its author changed.")
    )
    author = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("saved by")
    )
    saved_at = models.DateTimeField(_("saved at"))

    class Meta:
        verbose_name = _("revision of a draft")
        verbose_name_plural = _("revisions of drafts")
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="draftrevision_number_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="draftrevision_number_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.draft_id} {self.number}"

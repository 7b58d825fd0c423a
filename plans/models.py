"""Published catalogs: what was ever for sale, and when each came in force."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class CatalogVersion(models.Model):
    """One published content of a catalog file; the database refuses to change or delete it."""

    id = models.CharField(_("id"), primary_key=True, max_length=48, editable=False)
    slug = models.CharField(_("catalog"), max_length=64)
    number = models.PositiveIntegerField(
        _("number"), help_text=_("Counts the versions of one catalog, from 1.")
    )
    digest = models.CharField(
        _("digest"),
        max_length=64,
        unique=True,
        help_text=_("SHA-256 of what the file says, comments and spacing left out."),
    )
    source = models.TextField(_("file"), help_text=_("The TOML text as it was published."))
    document = models.JSONField(_("document"), help_text=_("The same, for questions in SQL."))
    published_at = models.DateTimeField(_("first published at"))

    class Meta:
        verbose_name = _("catalog version")
        verbose_name_plural = _("catalog versions")
        constraints = [
            models.UniqueConstraint(fields=["slug", "number"], name="catalogversion_number_once"),
            models.CheckConstraint(
                condition=Q(number__gt=0), name="catalogversion_number_positive"
            ),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="catalogversion_digest_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.number}"


class Publication(models.Model):
    """The instant at which a version came in force; the newest row says which one is."""

    # Publishers take turns, so the sequence is the order of their commits; clocks may differ.
    sequence = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(
        CatalogVersion, on_delete=models.PROTECT, related_name="publications"
    )
    published_at = models.DateTimeField(_("published at"))

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")

    def __str__(self) -> str:
        return f"publication {self.sequence} of {self.version_id}"

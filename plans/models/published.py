"""Published catalogs: what was ever for sale, and when each came in force."""

from django.db import models
from django.db.models import F, Q
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
    """The instant from which a version is in force; of those that have begun the latest counts.

    One that is announced for later can be withdrawn before it begins; its row stays.
    """

    # Publishers take turns, so the sequence is the order of their commits; clocks may differ.
    sequence = models.BigAutoField(_("number"), primary_key=True)
    version = models.ForeignKey(
        CatalogVersion,
        on_delete=models.PROTECT,
        related_name="publications",
        verbose_name=_("catalog version"),
    )
    published_at = models.DateTimeField(_("published at"))
    effective_at = models.DateTimeField(
        _("in force from"), help_text=_("By the database's clock; sales are made by it from then.")
    )

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_at__gte=F("published_at")),
                name="publication_begins_after_it_is_published",
            )
        ]
        indexes = [
            models.Index(fields=["-effective_at", "-sequence"], name="publication_latest_first")
        ]

    def __str__(self) -> str:
        return f"publication {self.sequence} of {self.version_id}"


class Withdrawal(models.Model):
    """Says that an announced publication will not begin; made before its instant, or never."""

    publication = models.OneToOneField(
        Publication,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="withdrawal",
        verbose_name=_("publication"),
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"))

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")

    def __str__(self) -> str:
        return f"withdrawal of publication {self.publication_id}"

"""The operators' window on published catalogs; a catalog is published by `load_catalog`."""

import tomllib
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from plans import selectors
from plans.catalog.diff import diff
from plans.catalog.schema import Catalog
from plans.models import CatalogVersion, Publication


@admin.register(CatalogVersion)
class CatalogVersionAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Operators read what was published; nobody edits it here."""

    list_display: ClassVar = ["id", "slug", "number", "is_in_force", "published_at"]
    list_filter: ClassVar = ["slug"]
    search_fields: ClassVar = ["=id", "=slug"]
    ordering: ClassVar = ["-published_at", "-id"]
    fields: ClassVar = [
        *("id", "slug", "number", "is_in_force", "published_at", "digest"),
        *("changes", "file"),
    ]
    readonly_fields: ClassVar = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogVersion]:
        """Return the versions, each with whether it is in force."""
        newest = selectors.begun().values("version_id")[:1]
        versions: QuerySet[CatalogVersion] = super().get_queryset(request)
        return versions.annotate(
            in_force=ExpressionWrapper(Q(pk=Subquery(newest)), output_field=BooleanField())
        )

    @admin.display(description=_("in force"), boolean=True)
    def is_in_force(self, version: CatalogVersion) -> bool:
        """Say whether sales are made by this version."""
        in_force: bool = version.in_force  # type: ignore[attr-defined]  # `get_queryset` adds it
        return in_force

    @admin.display(description=_("changes against the version before"))
    def changes(self, version: CatalogVersion) -> SafeString:
        """Show what this version changed."""
        before = (
            CatalogVersion.objects.filter(slug=version.slug, number__lt=version.number)
            .order_by("-number")
            .first()
        )
        old = None if before is None else _catalog(before)
        return _verbatim("\n".join(diff(old, _catalog(version))))

    @admin.display(description=_("file"))
    def file(self, version: CatalogVersion) -> SafeString:
        """Show the TOML text as it was published."""
        return _verbatim(version.source)

    def has_add_permission(self, request: HttpRequest, *_more: Any) -> bool:  # noqa: ANN401 (inlines pass their parent)
        """Nobody publishes by a form: `load_catalog` shows the changes first."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: CatalogVersion | None = None
    ) -> bool:
        """Nobody edits what was published."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: CatalogVersion | None = None
    ) -> bool:
        """Nobody deletes what was published."""
        return False


@admin.register(Publication)
class PublicationAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """When what came in force, and what is announced; `withdraw_catalog` takes that back."""

    list_display: ClassVar = ["sequence", "version", "published_at", "effective_at", "state"]
    list_select_related: ClassVar = ["version", "withdrawal"]
    ordering: ClassVar = ["-effective_at", "-sequence"]
    fields: ClassVar = ["sequence", "version", "published_at", "effective_at", "state"]
    readonly_fields: ClassVar = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Publication]:
        """Return the publications, each with what the database's clock says of it."""
        newest = selectors.begun().values("pk")[:1]
        publications: QuerySet[Publication] = super().get_queryset(request)
        return publications.defer("version__source", "version__document").annotate(
            in_force=ExpressionWrapper(Q(pk=Subquery(newest)), output_field=BooleanField()),
            begun=ExpressionWrapper(Q(effective_at__lte=Now()), output_field=BooleanField()),
        )

    @admin.display(description=_("state"))
    def state(self, publication: Publication) -> str:
        """Say where it stands in time."""
        if hasattr(publication, "withdrawal"):
            return gettext("withdrawn")
        if publication.in_force:  # type: ignore[attr-defined]  # `get_queryset` adds it
            return gettext("in force")
        begun: bool = publication.begun  # type: ignore[attr-defined]  # as above
        return gettext("over") if begun else gettext("announced")

    def has_add_permission(self, request: HttpRequest, *_more: Any) -> bool:  # noqa: ANN401 (inlines pass their parent)
        """Nobody publishes by a form."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Publication | None = None) -> bool:
        """Nobody edits what was published."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Publication | None = None) -> bool:
        """Nobody deletes what was published."""
        return False


def _catalog(version: CatalogVersion) -> Catalog:
    return Catalog.model_validate(tomllib.loads(version.source))


def _verbatim(text: str) -> SafeString:
    return format_html('<pre style="white-space: pre-wrap">{}</pre>', text)

"""The operators' window on what left the service."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.exports.models import Export
from billing.http.admin import ReadOnlyAdmin


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin[Export]):
    """Which table of whom was handed to whom."""

    list_display = [
        "id",
        "account",
        "kind",
        "actor_type",
        "actor_id",
        "rows",
        "is_whole",
        "begun_at",
    ]
    list_filter = ["kind", "actor_type", "is_whole"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    empty_says = _("Each table of the ledger or of orders that an account takes away stands here.")

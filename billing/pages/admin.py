"""Operators see whose page links were revoked; the links themselves are stored nowhere."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.pages.models import LinkSeries


@admin.register(LinkSeries)
class LinkSeriesAdmin(ReadOnlyAdmin[LinkSeries]):
    """How often, and when last."""

    empty_says = gettext_lazy(
        "Nobody's page links were revoked yet. A platform or a user does so over REST."
    )
    list_display = ["account", "number", "begun_at"]
    search_fields = ["=account__external_id", "=account__id"]
    list_select_related = ["account"]

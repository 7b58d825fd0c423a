"""The base of the operators' windows: they look at rows; nothing here edits one."""

from typing import Any, Generic, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from billing.http.models import IdempotentAnswer

_Row = TypeVar("_Row", bound=Model)


class ReadOnlyAdmin(ModelAdmin, Generic[_Row]):  # type: ignore[misc]  # unfold ships no types
    """A window on rows that have rules: services write them, operators act through actions."""

    compressed_fields = True
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *_more: Any) -> bool:  # noqa: ANN401 (inlines pass their parent)
        """Nobody adds a row by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        """Nobody edits a row by hand, a superuser neither."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        """Nobody deletes a row by hand, a superuser neither."""
        return False


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnlyAdmin[IdempotentAnswer]):
    """What was answered to whom; the bodies stay closed."""

    list_display = ["id", "caller", "route", "key", "status", "created_at"]
    list_filter = ["status", "route"]
    search_fields = ["=id", "=key", "caller"]
    fields = ["id", "caller", "route", "key", "status", "created_at"]

"""The base of the operators' windows: they look at rows; nothing here edits one."""

from typing import Any, Generic, TypeVar

from django.contrib import admin
from django.db.models import BinaryField, Field, Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from billing.http.models import IdempotentAnswer

_Row = TypeVar("_Row", bound=Model)


class ReadOnlyAdmin(ModelAdmin, Generic[_Row]):  # type: ignore[misc]  # unfold ships no types
    """A window on rows that have rules: services write them, operators act through actions."""

    compressed_fields = True
    list_per_page = 50
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: _Row | None = None) -> list[Any]:
        """Return what a window shows: `fields`, or else every column that is not raw bytes."""
        if self.fields:
            return list(self.fields)
        columns = [field for field in self.opts.concrete_fields if not _is_bytes(field)]
        return [*(column.name for column in columns), *self.readonly_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: _Row | None = None) -> list[Any]:
        """Return everything that is shown; ids, too, which no form could hold."""
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest, *_more: Any) -> bool:  # noqa: ANN401 (inlines pass their parent)
        """Nobody adds a row by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        """Nobody edits a row by hand, a superuser neither."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        """Nobody deletes a row by hand, a superuser neither."""
        return False


def _is_bytes(field: Field[Any, Any]) -> bool:
    """Return whether a column holds a hash or a body: nothing that a person reads."""
    return isinstance(field, BinaryField)


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnlyAdmin[IdempotentAnswer]):
    """What was answered to whom; the bodies stay closed."""

    list_display = ["id", "caller", "route", "key", "status", "created_at"]
    list_filter = ["status", "route"]
    search_fields = ["=id", "=key", "caller"]
    fields = ["id", "caller", "route", "key", "status", "created_at"]

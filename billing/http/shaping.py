"""Shapes of the hot path, whose fields are made once a process: that costs more than they do."""

import copy
from typing import Any, ClassVar

from django.utils.translation import get_language
from rest_framework import serializers

_Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


class MadeOnce(serializers.Serializer[Any]):
    """A base of shapes whose fields follow from their class alone.

    DRF makes all fields of a shape anew each time it is used, and looks at the model for each. Here
    each use takes copies of those that were made first, for a field knows whose it is.
    """

    _made: ClassVar[dict[str | None, _Fields]]  # by language, for a label is in one

    def __init_subclass__(cls) -> None:
        """Give each class fields of its own."""
        super().__init_subclass__()
        cls._made = {}

    def get_fields(self) -> _Fields:
        """Return fields that are this shape's own."""
        language = get_language()
        if language not in self._made:
            self._made[language] = super().get_fields()
        return {name: _own(field) for name, field in self._made[language].items()}


def _own(field: Any) -> Any:  # noqa: ANN401 (any field)
    """Return a copy that may be bound and told other words."""
    # A child knows its parent, and what may be added to is one request's own.
    has_child = hasattr(field, "child") or hasattr(field, "child_relation")
    if has_child or isinstance(field.default, list | dict | set):
        return copy.deepcopy(field)
    own = object.__new__(type(field))  # as copy.copy does, which looks how for each
    own.__dict__ |= field.__dict__
    own.error_messages = dict(field.error_messages)
    return own

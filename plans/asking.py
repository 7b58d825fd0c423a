"""The statements of the hot path: planned once a connection, and several in one round trip.

Django fills the values into the text of a statement, so that the database reads and plans it anew
each time. Here they travel beside it (psycopg's raw cursor), and Django's hooks see it as ever.
A queryset that is asked often is put into words once a process: that costs more than the answer.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from functools import cache, cached_property, lru_cache
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from psycopg.types.numeric import Int8Dumper

Question: TypeAlias = tuple[str, Mapping[str, Any]]  # a statement, and what its %(name)s are
M = TypeVar("M", bound=Model)
Answer: TypeAlias = list[tuple[Any, ...]]
_NAME: Final = re.compile(r"%\((\w+)\)s")


class Given(Expression):
    """A value of a `Prepared` queryset that is said each time it is asked."""

    def __init__(self, name: str, output_field: Field[Any, Any] | None = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[()]]:
        """Return the place of the value."""
        return f"%({self.name})s", ()


class _Worded:
    """A queryset with a `Given` for each value that is not always the same."""

    def __init__(self, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
        """Take what makes the queryset; it is put into words when it is first asked."""
        self._queryset = queryset

    def question(self, **facts: str | int | datetime) -> Question:
        """Return what `ask` is asked, for who asks more in the same round trip."""
        statement, constants, _model = self._known
        return statement, facts | constants

    @cached_property
    def _known(self) -> tuple[str, dict[str, Any], type[Model]]:
        queryset = self._queryset()
        statement, constants = queryset.query.sql_with_params()
        names = [f"constant_{place}" for place, _constant in enumerate(constants)]
        for name in names:
            statement = statement.replace("%s", f"%({name})s", 1)
        return statement, dict(zip(names, constants, strict=True)), queryset.model


class Prepared(_Worded):
    """A queryset of plain columns, which come as the database gives them: nothing converts them."""

    def __call__(self, **facts: str | int | datetime) -> list[tuple[Any, ...]]:
        """Return the rows, in one round trip."""
        return ask(self.question(**facts))[0]


class PreparedRows(_Worded, Generic[M]):
    """A queryset of whole rows of one table: all columns, no other's."""

    def __init__(self, queryset: Callable[[], QuerySet[M, M]]) -> None:
        """Take what makes the queryset, as `Prepared` does."""
        super().__init__(queryset)

    def __call__(self, **facts: str | int | datetime) -> list[M]:
        """Return the rows as Django would, in one round trip."""
        return self.rows(ask(self.question(**facts))[0])

    def rows(self, answer: Answer) -> list[M]:
        """Return the rows that `ask` has brought, as Django would."""
        _statement, _constants, model = self._known
        fields = model._meta.concrete_fields  # noqa: SLF001 (Django documents it)
        names = [field.attname for field in fields]
        readers = [getattr(field, "from_db_value", None) for field in fields]
        found = []
        for row in answer:
            values = [
                value if read is None else read(value, None, connection)
                for value, read in zip(row, readers, strict=True)
            ]
            found.append(cast(M, model.from_db(DEFAULT_DB_ALIAS, names, values)))
        return found


def row(model: type[M], key: str, *, locked: bool = False) -> M:
    """Return the row with the primary key `key`, as Django's `get` does.

    Args:
        locked: for the rest of the transaction nobody else changes it.

    Raises:
        DoesNotExist: the model's; there is none.
    """
    assert not locked or connection.in_atomic_block, "else the lock ends as it begins"
    found = by_key(model, locked=locked)(key=key)
    if not found:
        raise cast(Any, model).DoesNotExist(f"{model.__name__} {key}")
    return cast(M, found[0])


@cache
def by_key(model: type[Model], *, locked: bool = False) -> PreparedRows[Any]:
    """Return what finds a row by its primary key, said as `key`, as `row` does."""
    rows = model._default_manager.filter(pk=Given("key"))  # noqa: SLF001 (Django documents it)
    return PreparedRows(lambda: rows.select_for_update() if locked else rows)


_known: ContextVar[dict[tuple[str, str], Answer] | None] = ContextVar("known", default=None)


@contextmanager
def same_answers() -> Iterator[None]:
    """Answer whoever asks the same again within the block as the first time.

    So several that are asked one by one can be asked ahead, in one round trip. It is for what only
    looks: what is written within the block is not seen.
    """
    before = _known.set({})
    try:
        yield
    finally:
        _known.reset(before)


def ask(*questions: Question) -> list[Answer]:
    """Run the statements in one round trip, in their order; return the rows of each.

    Each begins when the one before it has ended: it sees what that one waited for. The first that
    fails is what is raised, and those behind it have not run.
    """
    known = _known.get()
    if known is None:
        return _answers(questions)
    named = {(statement, repr(facts)): (statement, facts) for statement, facts in questions}
    new = {name: question for name, question in named.items() if name not in known}
    if new:
        known.update(zip(new, _answers([*new.values()]), strict=True))
    return [known[statement, repr(facts)] for statement, facts in questions]


def _answers(questions: Sequence[Question]) -> list[Answer]:
    with connection.wrap_database_errors:
        return [cursor.fetchall() for cursor in _run(questions)]


def tell(*statements: Question) -> None:
    """Run statements that change rows, as `ask` does; not where `same_answers` are given."""
    _written(statements)


def create(*rows: Model) -> None:
    """Write new rows down in one round trip, in their order, as Django's `save` does.

    Each is a row of a table of its own, and says all its columns: none is left to the database.
    """
    tell(*map(_insertion, rows))
    for row in rows:
        _note_that_it_stands(row)


def create_unless_known(row: Model) -> bool:
    """Write a new row down as `create` does, and return True; where a unique one is, change none.

    Whoever writes the same row at this moment is waited for.
    """
    statement, facts = _insertion(row)
    is_new = _count((f"{statement} ON CONFLICT DO NOTHING", facts)) == 1
    if is_new:
        _note_that_it_stands(row)
    return is_new


def change(row: Model, *names: str) -> None:
    """Write these fields of a row down, as Django's `save(update_fields=names)` does.

    Raises:
        DatabaseError: Django's; the row stands no more.
    """
    statement, fields = _changing(type(row), names)
    facts = {"row": row.pk, **_columns(row, fields, is_new=False)}
    if _count((statement, facts)) != 1:
        raise DatabaseError(f"{row} stands no more")


def _count(statement: Question) -> int:
    """Run the statement, and return how many rows it has written."""
    [cursor] = _written([statement])
    return int(cursor.rowcount)


def _written(statements: Sequence[Question]) -> list[CursorWrapper]:
    assert _known.get() is None, "what is written would not be seen"
    with connection.wrap_database_errors:
        return _run(statements)


def _note_that_it_stands(row: Model) -> None:
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 (Django documents it)


def _insertion(row: Model) -> Question:
    statement, fields = _inserting(type(row))
    return statement, _columns(row, fields, is_new=True)


def _columns(
    row: Model, fields: Sequence[Field[Any, Any]], *, is_new: bool
) -> dict[str, str | int | datetime]:
    """Return what the fields of a row are to the database."""
    here = connections[DEFAULT_DB_ALIAS]
    return {
        field.attname: field.get_db_prep_save(field.pre_save(row, add=is_new), here)
        for field in fields
    }


@cache
def _changing(model: type[Model], names: tuple[str, ...]) -> tuple[str, Sequence[Field[Any, Any]]]:
    """Return the statement that writes these fields of a row of the model, and the fields."""
    meta, name = model._meta, connection.ops.quote_name  # noqa: SLF001 (Django documents it)
    assert not meta.parents, "a row of one table"
    assert meta.pk is not None
    fields = [cast(Field[Any, Any], meta.get_field(said)) for said in names]
    columns = ", ".join(f"{name(str(field.column))} = %({field.attname})s" for field in fields)
    key = name(str(meta.pk.column))
    statement = f"UPDATE {name(meta.db_table)} SET {columns} WHERE {key} = %(row)s"  # noqa: S608 (a model's names)
    return statement, fields


@cache
def _inserting(model: type[Model]) -> tuple[str, Sequence[Field[Any, Any]]]:
    """Return the statement that writes a row of the model down, and the fields that it names."""
    meta, name = model._meta, connection.ops.quote_name  # noqa: SLF001 (Django documents it)
    fields = meta.local_concrete_fields
    assert not meta.parents, "a row of one table"
    assert not any(field.generated for field in fields), "it says all its columns"
    columns = ", ".join(name(str(field.column)) for field in fields)
    values = ", ".join(f"%({field.attname})s" for field in fields)
    statement = f"INSERT INTO {name(meta.db_table)} ({columns}) VALUES ({values})"  # noqa: S608 (a model's names)
    return statement, fields


def _run(statements: Sequence[Question]) -> list[CursorWrapper]:
    here = connections[DEFAULT_DB_ALIAS]  # once: `connection` looks for it at each word
    here.close_if_health_check_failed()  # as whoever asks by Django's own cursor
    here.ensure_connection()
    if here.queries_logged:
        return _logged(statements)
    cursors = [_cursor(here) for _statement in statements]
    try:
        with here.connection.pipeline() if len(statements) > 1 else nullcontext():
            for cursor, (statement, facts) in zip(cursors, statements, strict=True):
                numbered, names = _numbered(statement)
                cursor.execute(numbered, [facts[name] for name in names])
    except Exception:
        # What failed may be noted as prepared here, and stand nowhere there. A rollback mends that;
        # where there is none to come, the session ends.
        if not here.in_atomic_block:
            here.close()
        raise
    return cursors


def _logged(statements: Sequence[Question]) -> list[CursorWrapper]:
    """Run them as any other: who logs statements wants each one's own time, and its values."""
    cursors = [connection.cursor() for _statement in statements]
    for cursor, (statement, facts) in zip(cursors, statements, strict=True):
        cursor.execute(statement, facts)
    return cursors


def _cursor(here: BaseDatabaseWrapper) -> CursorWrapper:
    raw = psycopg.RawCursor(here.connection)
    # One width for all whole numbers: else each mixture of widths is a statement of its own.
    raw.adapters.register_dumper(int, Int8Dumper)
    return here.make_cursor(raw)  # type: ignore[arg-type]  # the stubs know no driver


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[str, list[str]]:
    """Return the statement as PostgreSQL numbers what it is given, and the names in that order."""
    names = list(dict.fromkeys(_NAME.findall(statement)))
    return _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names

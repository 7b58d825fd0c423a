"""The tables keep the house's habits: PROTECT, named constraints, complete migrations."""

import re
from io import StringIO
from typing import Final

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

MODELS: Final = [
    model
    for label in ("billing", "plans")
    for model in apps.get_app_config(label).get_models(include_auto_created=True)
]


def words_of(model: type[models.Model]) -> tuple[str, str]:
    """Return how names of constraints may call the table: `api_key_…` or `apikey_…`."""
    return (re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower(), model.__name__.lower())


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_deleted_along_with_something_else(model: type[models.Model]) -> None:
    pointers = [f for f in model._meta.local_fields if isinstance(f, models.ForeignKey)]

    assert [f.name for f in pointers if f.remote_field.on_delete is not models.PROTECT] == []
    assert not model._meta.local_many_to_many


@pytest.mark.parametrize("model", MODELS)
def test_constraints_and_indexes_are_named_after_their_table(model: type[models.Model]) -> None:
    names = [*model._meta.constraints, *model._meta.indexes]

    assert [c.name for c in names if not str(c.name).startswith(words_of(model))] == []


@pytest.mark.parametrize("model", MODELS)
def test_no_order_is_implied(model: type[models.Model]) -> None:
    """An order that nobody asked for hides a missing index."""
    assert not model._meta.ordering


@pytest.mark.parametrize("model", MODELS)
def test_no_model_hooks_into_saving(model: type[models.Model]) -> None:
    for hook in ("save", "delete", "clean", "full_clean"):
        assert hook not in vars(model)


@pytest.mark.django_db
def test_the_models_and_the_migrations_say_the_same() -> None:
    said = StringIO()

    call_command("makemigrations", check=True, dry_run=True, stdout=said)

    assert said.getvalue() == "No changes detected\n"

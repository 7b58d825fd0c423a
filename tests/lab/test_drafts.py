"""Drafts: every save is kept, and nobody's replaces another's unseen."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from plans import drafting
from plans.errors import DraftChanged, InvalidDraft
from plans.models import Draft, DraftRevision
from tests.lab.conftest import changed, text_of

pytestmark = pytest.mark.django_db


def save(draft: Draft, source: str, author: User, *, expected: int) -> DraftRevision:
    return drafting.revise(
        draft_id=draft.pk, source=source, expected=expected, author=author, now=datetime.now(UTC)
    )


def test_each_save_is_a_revision_and_the_earlier_ones_stay(draft: Draft, carla: User) -> None:
    first = text_of(draft)

    save(draft, f"{first}# a\n", carla, expected=1)
    save(draft, "no catalog at all", carla, expected=2)

    assert text_of(draft) == "no catalog at all"
    assert drafting.revision_of(draft, 1).source == first
    assert drafting.revision_of(draft, 2).source == f"{first}# a\n"


def test_who_saves_later_hears_of_the_other_and_replaces_nothing(
    draft: Draft, carla: User, colin: User
) -> None:
    text = text_of(draft)
    save(draft, f"{text}# carla\n", carla, expected=1)

    with pytest.raises(DraftChanged) as refusal:
        save(draft, f"{text}# colin\n", colin, expected=1)

    assert refusal.value.facts == {"revision": 2}
    assert text_of(draft) == f"{text}# carla\n"
    assert draft.revision == DraftRevision.objects.filter(draft=draft).count() == 2


def test_saving_what_it_says_already_is_no_revision(draft: Draft, carla: User) -> None:
    save(draft, text_of(draft).replace("\n", "\r\n"), carla, expected=1)

    draft.refresh_from_db()
    assert draft.revision == 1


@pytest.mark.parametrize("source", ["a\0b", "x" * (drafting.SOURCE_BYTES_MAX + 1)])
def test_a_text_that_cannot_be_kept_is_refused_and_nothing_is_saved(
    draft: Draft, carla: User, source: str
) -> None:
    with pytest.raises(InvalidDraft):
        save(draft, source, carla, expected=1)

    assert DraftRevision.objects.filter(draft=draft).count() == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b"])
def test_a_draft_is_named(shop: None, carla: User, name: str) -> None:
    with pytest.raises(InvalidDraft):
        drafting.begin(name=name, source="", author=carla, now=datetime.now(UTC))

    assert not Draft.objects.exists()


def test_the_database_refuses_to_change_what_was_saved(draft: Draft, carla: User) -> None:
    changed(draft, carla, 'list = "66"', 'list = "70"')

    for change in (
        lambda: DraftRevision.objects.filter(draft=draft).update(source=""),
        lambda: DraftRevision.objects.filter(draft=draft, number=1).delete(),
    ):
        with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
            change()

    assert 'list = "66"' in drafting.revision_of(draft, 1).source


@pytest.mark.parametrize("name", drafting.shipped())
def test_each_shipped_catalog_can_be_begun_from(name: str) -> None:
    assert 'slug = "' in drafting.shipped_source(name)


def test_no_other_file_can_be_begun_from() -> None:
    with pytest.raises(InvalidDraft):
        drafting.shipped_source("../models/drafts")

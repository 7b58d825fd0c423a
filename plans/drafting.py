"""The only writer of drafts: every save is kept, and nobody's replaces another's unseen."""

import difflib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from plans.errors import DraftChanged, InvalidDraft
from plans.models import NAME_LENGTH_MAX, Draft, DraftRevision
from plans.wording import gettext as _

# Ten times the largest catalog that is shipped, and below what a form of the admin may carry.
SOURCE_BYTES_MAX: Final = 1_000_000
_NOTE_LENGTH_MAX: Final = 200
_SHIPPED: Final = Path(__file__).parent / "catalogs"


@transaction.atomic(durable=True)
def begin(
    *, name: str, source: str, base_version_id: str | None = None, author: User, now: datetime
) -> Draft:
    """A draft stands there with its first revision.

    Args:
        source: any text, also one that is no catalog yet.
        base_version_id: the published version whose text it is; None: another text.

    Raises:
        InvalidDraft: it has no name, or a text that cannot be kept.
    """
    text, called = _kept(source), " ".join(name.split())
    if not called or len(called) > NAME_LENGTH_MAX or "\0" in called:
        raise InvalidDraft(
            _("A draft has a name of 1 to %(most)s characters.") % {"most": NAME_LENGTH_MAX},
            field="name",
        )
    draft = Draft.objects.create(
        name=called, base_version_id=base_version_id, author=author, created_at=now, updated_at=now
    )
    DraftRevision.objects.create(draft=draft, number=1, source=text, author=author, saved_at=now)
    return draft


@transaction.atomic(durable=True)
def revise(
    *, draft_id: str, source: str, expected: int, author: User, note: str = "", now: datetime
) -> DraftRevision:
    """The text is the draft's newest revision. Saving what it says already changes nothing.

    Args:
        expected: the revision that the author began from.
        note: what he changed, in his own words; what is too long is cut.

    Raises:
        DraftChanged: somebody has saved another since; nothing was written.
        InvalidDraft: a text that cannot be kept.
    """
    text = _kept(source)
    draft = Draft.objects.select_for_update().get(pk=draft_id)
    newest = revision_of(draft)
    if newest.source == text:
        return newest
    if draft.revision != expected:
        raise DraftChanged(revision=draft.revision)
    draft.revision += 1
    draft.updated_at = now
    draft.save(update_fields=["revision", "updated_at"])
    return DraftRevision.objects.create(
        draft=draft,
        number=draft.revision,
        source=text,
        note=" ".join(note.replace("\0", "").split())[:_NOTE_LENGTH_MAX],
        author=author,
        saved_at=now,
    )


def revision_of(draft: Draft, number: int | None = None) -> DraftRevision:
    """Return a revision of a draft; None: the newest.

    Raises:
        DraftRevision.DoesNotExist: there is none of that number.
    """
    return DraftRevision.objects.get(draft=draft, number=number or draft.revision)


def line_changes(old: str, new: str, *, old_name: str, new_name: str) -> Iterator[str]:
    """Yield the lines that differ between two texts, with three of what stands around them."""
    yield from difflib.unified_diff(
        old.splitlines(), new.splitlines(), old_name, new_name, lineterm=""
    )


def shipped() -> list[str]:
    """Return the names of the catalogs that come with the service, in the order of the alphabet."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def shipped_source(name: str) -> str:
    """Return the text of a catalog that comes with the service.

    Raises:
        InvalidDraft: none is called so.
    """
    if name not in shipped():
        raise InvalidDraft(_("No catalog is called so."), field="start")
    return (_SHIPPED / f"{name}.toml").read_text(encoding="utf-8")


def _kept(source: str) -> str:
    """Return a text as it is kept: lines end as in files, whatever a browser sends.

    Raises:
        InvalidDraft: it is too long, or has a character that no text of PostgreSQL has.
    """
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    if len(text.encode("utf-8", "surrogatepass")) > SOURCE_BYTES_MAX:
        raise InvalidDraft(
            _("A draft has at most %(most)s bytes.") % {"most": SOURCE_BYTES_MAX}, field="source"
        )
    if "\0" in text:
        raise InvalidDraft(_("A draft has no NUL."), field="source")
    return text

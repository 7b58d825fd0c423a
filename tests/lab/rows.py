"""One row of each kind that the pricing lab keeps."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User

from billing.accounts.models import Account
from billing.lab.models import AnnouncedTo
from plans import drafting
from plans import selectors as plans
from plans.models import PublicationRequest, Simulation, SimulationShare


def make_rows(account: Account, *, text: str, now: datetime) -> None:
    """Make a row of each kind, with `text` wherever somebody may write."""
    author = User.objects.create_user("lara", is_staff=True)
    draft = drafting.begin(name=text, source=text, author=author, now=now)
    drafting.revise(
        draft_id=draft.pk, source=f"{text}\n", expected=1, author=author, note=text, now=now
    )
    version = plans.current().version_id
    revision = drafting.revision_of(draft, 1)
    simulation = Simulation.objects.create(
        draft=draft,
        revision=revision,
        against_id=version,
        since=now - timedelta(days=1),
        until=now,
        requester=author,
        requested_at=now,
    )
    SimulationShare.objects.create(
        simulation=simulation, author=author, created_at=now, expires_at=now + timedelta(days=1)
    )
    asked = PublicationRequest.objects.create(
        draft=draft,
        revision=revision,
        against_id=version,
        effective_at=now + timedelta(days=1),
        zone="Asia/Shanghai",
        reason=text,
        text_en=text,
        text_zh=text,
        requester=author,
        requested_at=now,
    )
    AnnouncedTo.objects.create(request=asked, account=account)

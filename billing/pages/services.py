"""Links to pages: made for an account, and revoked all at once."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http import errors
from billing.pages import links, selectors
from billing.pages.errors import NotEmbeddable, PagesOff
from billing.pages.links import Link, Page, Right
from billing.pages.models import LinkSeries


def make_link(
    account: Account,
    *,
    right: Right,
    lasts: timedelta,
    language: str = "",
    theme: str = "",
    is_embedded: bool = False,
    now: datetime,
) -> Link:
    """Return a link to the pages of a person. Nothing is written: its signature is all there is.

    Raises:
        PagesOff: this service shows none.
        NotEmbeddable: it is to be shown in a frame, and no origin may.
        Forbidden: the account is an organization's, whose members see different things of it.
    """
    if not settings.PAGES_ENABLED:
        raise PagesOff
    if not account.is_person:
        raise errors.Forbidden(_("Pages are a person's, not an organization's."))
    if is_embedded and not settings.PAGES_FRAME_ANCESTORS:
        raise NotEmbeddable
    return Link(
        account_id=account.pk,
        series=selectors.series_of(account.pk),
        right=right,
        expires_at=(now + lasts).replace(microsecond=0),
        language=language,
        theme=theme,
        is_embedded=is_embedded,
    )


def address_of(link: Link, page: Page) -> str:
    """Return the whole address by which a link opens a page."""
    # Not from the request: its `Host` is the caller's to choose.
    return f"{settings.PUBLIC_URL}{reverse(f'page-{page}', args=[links.sign(link)])}"


@transaction.atomic(durable=True)
def revoke_links(account: Account, *, now: datetime) -> None:
    """No link that was made for the account so far opens a page any more; a repeat does no harm."""
    LinkSeries.objects.update_or_create(
        account=account,
        defaults={"number": F("number") + 1, "begun_at": now},
        create_defaults={"number": 1, "begun_at": now},
    )

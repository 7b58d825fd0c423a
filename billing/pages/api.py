"""Links to hosted pages over REST: made for an account, and revoked."""

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import caller_of, person_of
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import errors
from billing.http.parsing import StrictIn
from billing.pages import services
from billing.pages.errors import NotEmbeddable, PagesOff
from billing.pages.links import Page, Right

_SECONDS_MIN: Final = 60
_SECONDS_MAX: Final = 24 * 3600
_SECONDS_USUAL: Final = 3600
_LANGUAGES: Final = ["en", "zh-hans"]
_THEMES: Final = ["light", "dark"]


class PageLinkIn(StrictIn):
    """What a link opens and allows, and how its pages look."""

    page = serializers.ChoiceField(choices=[page.value for page in Page], default=Page.BALANCE)
    act = serializers.BooleanField(
        default=False,
        help_text="Its visitor may also check in, go and pay, and end the plan; else only look.",
    )
    expires_in = serializers.IntegerField(
        min_value=_SECONDS_MIN, max_value=_SECONDS_MAX, default=_SECONDS_USUAL, help_text="Seconds."
    )
    lang = serializers.ChoiceField(
        choices=_LANGUAGES, required=False, help_text="Absent: as the visitor's browser asks."
    )
    theme = serializers.ChoiceField(
        choices=_THEMES, required=False, help_text="Absent: as the visitor's system has it."
    )
    embed = serializers.BooleanField(
        default=False, help_text="To be shown in a frame of one of PAGES_FRAME_ANCESTORS."
    )


class PageLinkOut(serializers.Serializer[Any]):
    """An address that is its own permission: give it to the account's person alone."""

    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class PageLinkList(APIView):
    """Links to an account's pages."""

    acts_for_organization: ClassVar = False
    authz: ClassVar = {"POST": "page.link", "DELETE": "page.revoke"}
    authz_of_fields: ClassVar = {"POST": {"act": "page.act"}}
    limit: ClassVar = {"POST": "writes", "DELETE": "writes"}
    refusals: ClassVar = {"POST": [PagesOff, NotEmbeddable]}

    @extend_schema(
        request=PageLinkIn, responses={201: PageLinkOut}, operation_id="create_page_link"
    )
    def post(self, request: Request) -> Response:
        """Make a link to the account's hosted pages; nothing is stored.

        A service key needs `balance:read` and `jobs:read` for one that shows, and
        `subscriptions:write` and `accounts:write` as well for one that acts.
        """
        wanted: PageLinkIn = PageLinkIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        said = wanted.validated_data
        right = Right.ACT if said["act"] else Right.READ
        link = services.make_link(
            _pages_of(request, right),
            right=right,
            lasts=timedelta(seconds=said["expires_in"]),
            language=said.get("lang", ""),
            theme=said.get("theme", ""),
            is_embedded=said["embed"],
            now=timezone.now(),
        )
        url = services.address_of(link, Page(said["page"]))
        return Response(PageLinkOut({"url": url, "expires_at": link.expires_at}).data, status=201)

    @extend_schema(responses={204: None}, operation_id="revoke_page_links")
    def delete(self, request: Request) -> Response:
        """Revoke all links to the account's pages that were made so far, by whomever.

        A service key needs `accounts:write`: what it ends, others have handed out.
        """
        _refuse_seats(request)
        is_service = caller_of(request).kind == "service"
        scope = Scope.ACCOUNTS_WRITE if is_service else Scope.BALANCE_READ
        services.revoke_links(person_of(request, scope), now=timezone.now())
        return Response(status=204)


def _pages_of(request: Request, right: Right) -> Account:
    """Return whose pages the caller may open to others, as far as `right`.

    Raises:
        Forbidden: he lacks a scope, or acts for an organization.
        Malformed, NotFound: as `person_of`.
    """
    _refuse_seats(request)
    caller = caller_of(request)
    if right == Right.ACT:
        caller.require(Scope.SUBSCRIPTIONS_WRITE)
        if caller.kind == "service":  # it lends a person's hands: only who names persons may
            caller.require(Scope.ACCOUNTS_WRITE)
    caller.require(Scope.JOBS_READ)
    return person_of(request, Scope.BALANCE_READ)


def _refuse_seats(request: Request) -> None:
    """Refuse whoever acts for an organization: its pool has no pages.

    Raises:
        Forbidden: he does.
    """
    if caller_of(request).seat is not None:
        raise errors.Forbidden(_("This is done for oneself, not for an organization."))

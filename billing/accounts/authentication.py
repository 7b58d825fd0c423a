"""Who calls: a person by a token of the platform, or the platform's own server by a service key."""

import hmac
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from billing.accounts import external_ids, roles, scopes, selectors, services, surfaces, tokens
from billing.accounts.members import Membership
from billing.accounts.models import Account, ApiKey
from billing.accounts.roles import Role
from billing.accounts.scopes import Scope
from billing.http import errors, limits, problems
from plans import selectors as catalogs
from plans.catalog.schema import Catalog

ACCOUNT_HEADER: Final = "X-Account"
ORGANIZATION_HEADER: Final = "X-Organization"
_NO_HASH: Final = bytes(32)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seat:
    """For which organization a person acts, and what he may do for it.

    Attributes:
        membership: his place in it.
        scopes: what his role allows of what a person may do.
        sees_all: whether he sees what the other members do.
    """

    membership: Membership
    scopes: frozenset[str]
    sees_all: bool

    def require(self, scope: str) -> None:
        """Return if the role allows what `scope` names.

        Raises:
            Forbidden: it does not.
        """
        if scope not in self.scopes:
            raise errors.Forbidden(
                _("Your role in this organization does not allow this."), scope=scope
            )

    def require_of_service(self, scope: str) -> None:
        """Return if the role allows what `scope` names to a service that acts as the person.

        Raises:
            Forbidden: it does not; says how the platform itself acts for the pool.
        """
        if scope not in self.scopes:
            pool = self.membership.organization.account.external_id
            raise errors.Forbidden(
                _(
                    "This person's role in the organization does not allow this. To act for its "
                    "pool as the platform, send `%(account)s: %(pool)s` without `%(organization)s`."
                )
                % {"account": ACCOUNT_HEADER, "pool": pool, "organization": ORGANIZATION_HEADER},
                scope=scope,
            )


@dataclass(frozen=True)
class Caller:
    """Who makes a request; it stands as `request.user`.

    Attributes:
        kind: "user" or "service".
        account: a user's own; None for a service, which names one in each request.
        scopes: what it may do for the account it acts for.
        name: the external id, or the service key's name: for logs and ledger entries.
        key_id: a service key's id; "" for a user.
        acts_for: the external id that a service names; "" for none, and for a user.
        is_sandbox: it sees sandbox accounts only; otherwise it sees none of them.
        surface: the way in that its key or token names; "" where they name none.
        seat: for which organization the person acts; None: for himself.
        expires_at: when the proof ends by itself; None: it does not.
    """

    kind: str
    account: Account | None
    scopes: frozenset[str]
    name: str
    key_id: str
    acts_for: str
    is_sandbox: bool
    surface: str = ""
    seat: Seat | None = None
    expires_at: datetime | None = None
    is_authenticated: bool = True

    @property
    def caller_id(self) -> str:
        """Return what idempotency keys are scoped to: who asks, and for which account."""
        if self.account is not None:
            return self.account.pk if self.seat is None else self.seat.membership.pk
        # A membership is one person's in one organization: it says both.
        acts_for = self.acts_for if self.seat is None else self.seat.membership.pk
        return f"{self.key_id}/{acts_for}"

    @property
    def actor_id(self) -> str:
        """Return the id that a ledger entry names as its actor."""
        return self.account.pk if self.account is not None else self.key_id

    @property
    def member(self) -> Membership | None:
        """Return as which member of an organization he acts; None: for himself."""
        return None if self.seat is None else self.seat.membership

    @property
    def limited_as(self) -> dict[str, str]:
        """Return of whom his requests are counted: the account they are for, and the key."""
        subjects = {}
        acts_for = self.acts_for if self.account is None else self.account.external_id
        if acts_for:
            subjects["account"] = counted_as(acts_for, is_sandbox=self.is_sandbox)
        if self.key_id:
            subjects["key"] = self.key_id
        return subjects

    def surface_in(self, catalog: Catalog) -> str:
        """Return the surface that the caller's orders count as; `catalog` fills in the usual."""
        return surfaces.surface_of(
            self.surface, is_service=self.account is None, known=catalog.surfaces
        )

    def require(self, scope: str) -> None:
        """Return if the caller may do what `scope` names.

        Raises:
            Forbidden: it may not.
        """
        if scope not in self.scopes:
            raise errors.Forbidden(
                _("This needs the scope %(scope)s.") % {"scope": scope}, scope=scope
            )


class BearerAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer`, and refuses whatever is not wholly good with one answer."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Return the caller; None without the header, and the view decides about nobody.

        A person's account is made at first sight.

        Raises:
            Unauthenticated: the header is there and proves nothing.
            Unavailable: the key set of the tokens cannot be reached; or an account would be made
                while nobody can count how many there were.
            RateLimited: too many accounts were made from there.
            MethodNotAllowed: he would act for an organization, by a method that is not there.
            NotFound: the person does not belong to the organization that he would act for.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _blank, credential = header.partition(" ")
        credential = credential.strip(" ")
        if scheme.lower() != "bearer" or not credential:
            raise _unauthenticated()
        now = timezone.now()  # noqa: TID251 (the edge at which `now` enters every request)
        if credential.startswith("sk_"):
            caller = _service(credential, request, now)
        else:
            caller = _user(credential, request, now)
        organization = request.headers.get(ORGANIZATION_HEADER)
        if organization is not None:
            _require_method(request)  # what is not there for anybody is not there for a team
            caller = _seated(caller, organization)
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its base registers subclasses by an untyped hook
    """Tells the OpenAPI document how callers prove themselves."""

    target_class = "billing.accounts.authentication.BearerAuthentication"
    match_subclasses = True
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        """Return the one scheme that covers tokens and service keys."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A user's JWT, or a service key (`sk_…`) with `X-Account`.",
        }


def counted_as(external_id: str, *, is_sandbox: bool) -> str:
    """Return by which name the requests for an account are counted, whatever way they come in."""
    return f"{'sandbox' if is_sandbox else 'live'}/{external_id}"


def caller_of(request: Request | HttpRequest) -> Caller:
    """Return who makes the request.

    Raises:
        Unauthenticated: nobody does.
    """
    caller = request.user
    if not isinstance(caller, Caller):
        raise _unauthenticated()
    return caller


def account_of(request: Request, scope: str) -> Account:
    """Return the account that the request is about, which its caller may act upon by `scope`.

    It is the person's of `person_of`, or the organization's for which that person acts.

    Raises:
        Forbidden: the caller lacks `scope`, or his role in the organization does.
        Malformed, NotFound: as `person_of`.
    """
    caller = caller_of(request)
    if caller.seat is None:
        return person_of(request, scope)
    caller.require(scope)
    if caller.account is None:
        caller.seat.require_of_service(scope)
    else:
        caller.seat.require(scope)
    return caller.seat.membership.organization.account


def person_of(request: Request, scope: str) -> Account:
    """Return the account of the one who calls or is acted for, whatever he acts for himself.

    A user's is his own. A service names it in `X-Account`; one that nobody has seen yet is made by
    a write if the service may make accounts (`accounts:write`), and is absent otherwise: a name
    mistyped in a read makes nothing.

    Raises:
        Forbidden: the caller lacks `scope`.
        Malformed: a service names no account.
        NotFound: there is no such account on the caller's side of the sandbox.
    """
    caller = caller_of(request)
    caller.require(scope)
    if caller.account is not None:
        return caller.account
    if not external_ids.is_external_id(caller.acts_for):
        raise errors.Malformed(
            _("Send the header %(header)s: the external id of the account that you act for.")
            % {"header": ACCOUNT_HEADER},
            header=ACCOUNT_HEADER,
        )
    account = selectors.find_account(caller.acts_for, is_sandbox=caller.is_sandbox)
    may_make = request.method not in SAFE_METHODS and Scope.ACCOUNTS_WRITE in caller.scopes
    if account is None and may_make:
        account = first_seen(caller.acts_for, is_sandbox=caller.is_sandbox, now=timezone.now())  # noqa: TID251 (an edge)
    if account is None:
        raise problems.absent(header=ACCOUNT_HEADER)
    return account


def own_account_of(request: Request) -> Account:
    """Return the account of the person who calls: for acts that no service does for him.

    Raises:
        Forbidden: a service calls, or the person acts for an organization.
    """
    caller = caller_of(request)
    if caller.seat is not None:
        raise errors.Forbidden(_("This is done for oneself, not for an organization."))
    account = caller.account
    if account is None:
        raise errors.Forbidden(_("Only the user's own token may do this."))
    return account


def _user(token: str, request: Request, now: datetime) -> Caller:
    try:
        bearer = tokens.verify(token, now=now)
    except tokens.InvalidToken as wrong:
        _log.info("token refused: %s", wrong)
        raise _unauthenticated() from None
    except tokens.KeysAway:
        raise errors.Unavailable(
            _("The keys that tokens are checked with cannot be reached; try again.")
        ) from None
    account = selectors.find_account(bearer.subject, is_sandbox=bearer.is_sandbox)
    if account is None:
        limits.spend(request, "sign_up", limits.address_of(request))
        account = first_seen(bearer.subject, is_sandbox=bearer.is_sandbox, now=now)
    if not account.is_person:
        _log.info("token refused: its subject is an organization")
        raise _unauthenticated()
    return Caller(
        kind="user",
        account=account,
        scopes=frozenset(scopes.OF_A_USER),
        name=account.external_id,
        key_id="",
        acts_for="",
        is_sandbox=account.is_sandbox,
        surface=bearer.surface,
        expires_at=bearer.expires_at,
    )


def _require_method(request: Request) -> None:
    view = request.parser_context["view"]
    if not hasattr(view, str(request.method).lower()):
        raise MethodNotAllowed(str(request.method))


def _seated(caller: Caller, organization_id: str) -> Caller:
    """Return the caller as one who acts for an organization; a foreign one is absent."""
    person = caller.account
    if person is None:
        person = selectors.find_account(caller.acts_for, is_sandbox=caller.is_sandbox)
    membership = None
    if person is not None:
        membership = selectors.active_membership(person, organization_id)
    if membership is None:
        raise problems.absent(header=ORGANIZATION_HEADER)
    sees_all = selectors.sees_all(membership, catalog=catalogs.current().catalog)
    seat = Seat(
        membership=membership,
        scopes=frozenset(roles.scopes_of(Role(membership.role), sees_all=sees_all)),
        sees_all=sees_all,
    )
    return replace(caller, seat=seat)


def first_seen(external_id: str, *, is_sandbox: bool, now: datetime) -> Account:
    """Return the account of that name on that side; made here if nobody knew it."""
    known = selectors.find_account(external_id, is_sandbox=is_sandbox)
    if known is not None:
        return known
    zone = catalogs.current().catalog.zone
    return services.ensure_account(external_id, zone=zone, is_sandbox=is_sandbox, now=now)


def _service(secret: str, request: Request, now: datetime) -> Caller:
    prefix = services.prefix_of(secret)
    key = selectors.find_key(prefix) if prefix else None
    # Compared also when there is no such key, so that the time taken does not tell.
    matches = hmac.compare_digest(
        services.hash_of(secret), bytes(key.secret_hash) if key else _NO_HASH
    )
    if key is None or not matches or not _is_live(key, now):
        raise _unauthenticated()
    services.note_use(key, now=now)
    caller = Caller(
        kind="service",
        account=None,
        scopes=frozenset(key.scopes),
        name=key.name,
        key_id=key.pk,
        acts_for=external_ids.of_header(request.headers.get(ACCOUNT_HEADER, "")),
        is_sandbox=key.is_sandbox,
        surface=key.surface,
        expires_at=key.expires_at,
    )
    if _would_make_an_account(caller, request):
        limits.spend(request, "sign_up", {"key": caller.key_id})
    return caller


def _would_make_an_account(caller: Caller, request: Request) -> bool:
    """Say whether `person_of` is about to: in a transaction, where nothing can be counted."""
    may_make = request.method not in SAFE_METHODS and Scope.ACCOUNTS_WRITE in caller.scopes
    return (
        may_make
        and external_ids.is_external_id(caller.acts_for)
        and selectors.find_account(caller.acts_for, is_sandbox=caller.is_sandbox) is None
    )


def _is_live(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _unauthenticated() -> errors.Unauthenticated:
    """Return the one refusal for every bad proof: it tells a stranger nothing about which."""
    return errors.Unauthenticated(
        _("Send a valid token or service key as `Authorization: Bearer …`.")
    )

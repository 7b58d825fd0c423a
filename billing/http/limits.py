"""The one place where requests are counted, refused for their number, and told how many are left.

A view declares the class of each method that writes: `limit = {"POST": "money"}`. What only reads
is of class "reads" unless it says otherwise by `limit = {"GET": "addresses"}`. LIMITS says how many
requests of a class an account, a service key or an address may make (`quotas`).

While nobody can count, money and sign-up wait, and all else goes on uncounted: see docs/adr/0064.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final, Protocol, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from billing.errors import DomainError
from billing.http import counting, errors, handlers, problems
from billing.http.addresses import client_address, household_of
from billing.http.counting import Count, Counter
from billing.http.quotas import DEFAULTS, Quotas
from billing.transactions import forbid_transaction

# The fields of draft-ietf-httpapi-ratelimit-headers-11.
POLICY_HEADER: Final = "RateLimit-Policy"
HEADER: Final = "RateLimit"
_UNCOUNTED_NEVER: Final = frozenset({"money", "sign_up"})
_SIGN_IN: Final = "admin:login"
_COUNTS: Final = "linggan.counts"  # what was counted for a request, beside what the server says


class _Limited(Protocol):
    """A caller as `accounts` knows him; this package knows no account."""

    @property
    def limited_as(self) -> Mapping[str, str]:
        """Of whom his requests are counted: subject to name."""
        ...


def declared_class(view: object, method: str) -> str | None:
    """Return the class of a view's method; None where it writes and its author has said none."""
    declared: Mapping[str, str] = getattr(view, "limit", {})
    if method in SAFE_METHODS:
        return declared.get("GET", "reads")
    return declared.get(method)


def class_of(view: object, method: str) -> str:
    """Return by which class a request is counted; an undeclared method is not there to be called.

    A test of the document sees to that.
    """
    return declared_class(view, method) or "writes"


def is_limited(name: str, subjects: Iterable[str]) -> bool:
    """Say whether requests of a class are by default counted of any of these subjects."""
    return any(DEFAULTS[name].get(subject) for subject in subjects)


def address_of(request: HttpRequest | Request) -> dict[str, str]:
    """Return whose requests those of nobody known are: those of his address."""
    return {"ip": household_of(client_address(request))}


def spend(request: HttpRequest | Request, name: str, subjects: Mapping[str, str]) -> None:
    """Count one request of the class `name` for each of `subjects`; its answer will say so.

    Raises:
        RateLimited: a quota is used up; nothing was counted.
        Unavailable: nobody can count now, and this class never goes on uncounted.
    """
    forbid_transaction("limits.spend")
    counters = list(_counters(name, subjects))
    if not counters:
        return
    try:
        counts = counting.spend(counters)
    except counting.Uncounted:
        if name in _UNCOUNTED_NEVER:
            raise errors.Unavailable(
                _("Requests cannot be counted now, and this one must be. Repeat it, as it is.")
            ) from None
        return
    request.META.setdefault(_COUNTS, []).extend(counts)
    used_up = [count for count in counts if not count.admits]
    if used_up:
        raise errors.RateLimited(
            _("Too many requests; wait a little."),
            retry_after_seconds=max(count.wait_seconds for count in used_up),
            policies=[count.policy for count in used_up],
        )


class ByCaller(BaseThrottle):
    """Counts every request to a view of the API, once it is known who makes it."""

    def allow_request(self, request: Request, view: object) -> bool:
        """Return True; a request too many is refused by name.

        Raises:
            RateLimited, Unavailable: as `spend`.
        """
        caller = cast("_Limited | None", request.user)
        subjects = address_of(request) if caller is None else caller.limited_as
        spend(request, class_of(view, str(request.method)), subjects)
        return True


class Limits:
    """The middleware: counts who proves nothing, and has each answer say what was counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request; a stranger who has tried too often is not told 401 any more.

        Whoever proves himself is never refused for what others at his address have tried.
        """
        response = self._get_response(request)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            refusal = _refusal(request, "strangers")
            response = response if refusal is None else problems.respond(refusal)
        counts: list[Count] = request.META.get(_COUNTS, [])
        if counts:
            response.headers[POLICY_HEADER] = ", ".join(map(_policy, counts))
            response.headers[HEADER] = ", ".join(map(_state, counts))
        return response

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Refuse whoever tries to log in as an operator too often, in words that he can read."""
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name != _SIGN_IN:
            return None
        refusal = _refusal(request, "sign_in")
        return None if refusal is None else handlers.answer(request, refusal)


def _refusal(request: HttpRequest, name: str) -> DomainError | None:
    try:
        spend(request, name, address_of(request))
    except errors.RateLimited as refusal:
        return refusal
    return None


def _counters(name: str, subjects: Mapping[str, str]) -> Iterator[Counter]:
    quotas: Quotas = settings.LIMITS
    for subject, who in subjects.items():
        # A name may be long, and is nobody's business who reads keys.
        digest = hashlib.sha256(who.encode()).hexdigest()[:32]
        for quota in quotas[name].get(subject, ()):
            policy = f"{name}-{subject}-{quota.window_seconds}s"
            yield Counter(policy, f"linggan:limit:{policy}:{digest}", quota)


def _policy(count: Count) -> str:
    return f'"{count.policy}";q={count.quota.units};w={count.quota.window_seconds}'


def _state(count: Count) -> str:
    return f'"{count.policy}";r={count.left};t={count.wait_seconds}'

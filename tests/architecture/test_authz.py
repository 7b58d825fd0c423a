"""Each address says who may call it, by a row of the table; each row of the table is somebody's."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from billing.accounts.scopes import Scope
from billing.http import authz, openapi
from billing.http.authz import POLICIES, Policy, Reach
from tests.architecture.test_document import operations_of

# What shows the contract itself, and has no policy.
_OF_THE_DOCUMENT: Final = {"v1/openapi.json", "v1/docs", "v1/problems"}
_PROGRAMS: Final = ("v1/", "webhooks/", "healthz", "readyz")
_SCOPES: Final = {scope.value for scope in Scope}


def routes(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each address with its view."""
    for one in resolver.url_patterns:
        address = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield address, one.callback
        else:
            yield from routes(one, address)


def _views() -> list[tuple[str, Any]]:
    """Return the addresses for programs, each with the class that answers there."""
    return [
        (address, getattr(view, "cls", getattr(view, "view_class", view)))
        for address, view in routes(get_resolver())
        if address.startswith(_PROGRAMS) and address not in _OF_THE_DOCUMENT
    ]


def _verbs(view: Any) -> set[str]:  # noqa: ANN401 (classes of two frameworks)
    known = {"GET", "POST", "PUT", "PATCH", "DELETE"}
    listens = {name.upper() for name in view.http_method_names if hasattr(view, name)}
    return known & listens


def test_each_address_says_who_may_call_it() -> None:
    silent = [
        f"{verb} {address}"
        for address, view in _views()
        for verb in sorted(_verbs(view))
        if getattr(view, "authz", {}).get(verb) not in POLICIES
    ]

    assert silent == [], "name an action of `authz.POLICIES` in the view's `authz`"


def test_each_policy_is_some_operations() -> None:
    used = {
        action
        for _address, view in _views()
        for told in (view.authz, *getattr(view, "authz_of_fields", {}).values())
        for action in told.values()
    }

    assert sorted(set(POLICIES) - used) == [], "a row that nobody asks says nothing: take it out"


def test_the_document_tells_each_row_whole() -> None:
    for operation in operations_of(openapi.document()):
        told = dict(operation.facts["x-authz"])
        told.pop("fields", None)
        policy = POLICIES[told["action"]]

        assert set(told) == {"action", *Policy.__dataclass_fields__}, str(operation)
        assert told == authz.facts_of(told["action"])
        assert told["user"] == policy.user.value


def test_an_action_without_a_row_is_an_error() -> None:
    with pytest.raises(LookupError, match="Nobody has said who may do"):
        authz.facts_of("job.lose")


@pytest.mark.parametrize("action", POLICIES)
def test_a_service_needs_a_scope_that_there_is(action: str) -> None:
    policy = POLICIES[action]
    other = {authz.ANY_KEY} if policy.anonymous == Reach.ALL else {authz.NOBODY}

    needed = {*policy.service.split(), *policy.service_as_member.split(), *policy.platform.split()}

    assert needed <= _SCOPES | other


@pytest.mark.parametrize("action", POLICIES)
def test_a_higher_role_reaches_as_far_as_a_lower_one(action: str) -> None:
    order = list(Reach)
    policy = POLICIES[action]

    assert order.index(policy.member) <= order.index(policy.billing_admin)
    assert order.index(policy.billing_admin) <= order.index(policy.owner)

"""The walk sees what it is there for: each view that forgets a question is found by it."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from billing.accounts import authentication
from billing.accounts.models import Account
from billing.http import problems
from billing.http.authz import POLICIES
from billing.jobs.models import Job
from billing.organizations.api.access import Access
from billing.payments.models import Checkout, Invoice
from billing.webhooks.models import Endpoint
from tests.matrix.cells import cells_of
from tests.matrix.test_walk import Step, steps
from tests.matrix.walking import Walk
from tests.matrix.world import World

pytestmark = pytest.mark.django_db
Plant = Callable[[pytest.MonkeyPatch], None]


def step_of(name: str) -> Step:
    """Return an operation's first request."""
    return next(one for one in steps() if one.operation.facts["operationId"] == name)


def deviations(world: World, name: str) -> list[str]:
    """Return what a walk through one operation finds."""
    step = step_of(name)
    policy = POLICIES[step.action]
    walk = Walk(policy, step.operation.path, step.operation.method, step.ready)
    walk.through(cells_of(world, policy, step.ready))
    return walk.deviations


def _anybodys(model: Any) -> Callable[..., Any]:  # noqa: ANN401 (any model)
    """Return a read that does not ask whose the row is."""

    def read(*words: object, **_whose: object) -> Any:  # noqa: ANN401 (a row)
        found = model.objects.filter(pk=words[-1]).first()
        if found is None:
            raise problems.absent()
        return found

    return read


def _jobs_are_anybodys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("billing.jobs.api.selectors.job", _anybodys(Job))


def _endpoints_are_anybodys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("billing.webhooks.api.selectors.endpoint", _anybodys(Endpoint))


def _checkouts_are_anybodys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("billing.payments.api.checkouts.selectors.checkout", _anybodys(Checkout))


def _invoices_are_everybodys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Invoice.objects, "filter", lambda **_whose: Invoice.objects.all())


def _roles_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Access, "require", lambda *_: None)


def _scopes_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(authentication.Caller, "require", lambda *_: None)


def _services_buy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("billing.topups.api.buyer_of", _account)


def _account(request: Any) -> Account:  # noqa: ANN401 (DRF's request)
    return authentication.account_of(request, "balance:read")


def _sides_are_one(patch: pytest.MonkeyPatch) -> None:
    def find(external_id: str, **_side: object) -> Account | None:
        return Account.objects.filter(external_id=external_id).order_by("is_sandbox").first()

    patch.setattr("billing.accounts.api.selectors.find_account", find)


def _strangers_jobs_are_told_from_absent_ones(patch: pytest.MonkeyPatch) -> None:
    def read(job_id: str, *, account: Account, **_sight: object) -> Job:
        known = Job.objects.filter(pk=job_id).first()
        if known is None:
            raise problems.absent()
        if known.account_id != account.pk:
            raise problems.absent(pointer="/job_id")
        return known

    patch.setattr("billing.jobs.api.selectors.job", read)


FORGOTTEN: Final[list[tuple[str, Plant, str]]] = [
    ("read_job", _jobs_are_anybodys, "must be told 404"),
    ("cancel_job", _jobs_are_anybodys, "something moved although it was refused"),
    ("read_job", _strangers_jobs_are_told_from_absent_ones, "do not look alike"),
    ("delete_webhook_endpoint", _endpoints_are_anybodys, "must be told 404"),
    ("read_checkout_session", _checkouts_are_anybodys, "is told what is fay's"),
    ("list_invoices", _invoices_are_everybodys, "is told what is fay's"),
    ("change_organization", _roles_are_not_asked, "must be told 403"),
    ("read_balance", _scopes_are_not_asked, "must be told 403"),
    ("read_auto_top_up", _services_buy, "must be told 403"),
    ("read_account", _sides_are_one, "must be told 404"),
]


@pytest.mark.parametrize(
    ("name", "plant", "says"), FORGOTTEN, ids=[plant.__name__ for _n, plant, _s in FORGOTTEN]
)
def test_a_view_that_forgets_is_found(
    name: str, plant: Plant, says: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)

    assert any(says in one for one in deviations(world, name))


def test_a_fact_that_the_table_does_not_have_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round: the table lies, and the views do as they did."""
    monkeypatch.setitem(POLICIES, "job.cancel", POLICIES["balance.read"])

    assert any(
        "is not let in" in one or "must be told" in one for one in deviations(world, "cancel_job")
    )

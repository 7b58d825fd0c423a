"""Publishing takes two persons and moves nothing before its instant; whom it touches is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from billing.accounts.models import Account
from billing.corrections.errors import Decided, NotYourRequest, OwnRequest
from billing.errors import DomainError
from billing.http.errors import Forbidden
from billing.lab import services
from billing.lab.errors import AlreadyAsked, GroundShifted, InvalidRequest, NothingChanges
from billing.lab.models import AnnouncedTo
from billing.lab.services import Telling
from billing.notices.models import Notice
from billing.outbox.models import Message
from billing.subscriptions import services as subscriptions
from billing.webhooks.models import Event
from plans import drafting
from plans import selectors as plans
from plans.catalog import publish
from plans.models import Draft, Publication, PublicationRequest
from tests import factories
from tests.insights.selling import DEARER, WORTH, catalog, sell
from tests.lab.conftest import changed, person

pytestmark = pytest.mark.django_db
TEXT = Telling("touched", "Five seconds will cost 12 credits.", "5 秒视频将为 12 灵感值。")
MONDAY = datetime.now(UTC) + timedelta(days=3)


def ask(draft: Draft, requester: User, **other: Any) -> PublicationRequest:  # noqa: ANN401
    said: dict[str, Any] = {
        "draft": draft,
        "revision": draft.revision,
        "effective_at": MONDAY,
        "zone": "Asia/Shanghai",
        "reason": "the GPUs cost more",
        "telling": TEXT,
        "requester": requester,
        "now": datetime.now(UTC),
    }
    return services.request_publication(**said | other)


def approve(asked: PublicationRequest, approver: User) -> PublicationRequest:
    return services.approve_publication(
        request_id=asked.pk, approver=approver, now=datetime.now(UTC)
    )


def announce(asked: PublicationRequest) -> int:
    return services.announce(request_id=asked.pk, now=datetime.now(UTC))


@pytest.fixture
def dearer(draft: Draft, carla: User) -> Draft:
    return changed(draft, carla, *DEARER)


def test_a_second_person_publishes_exactly_what_was_asked_for(
    dearer: Draft, carla: User, fiona: User
) -> None:
    before = plans.current().version_id
    asked = ask(dearer, carla)
    later = changed(dearer, carla, 'list = "66"', 'list = "99"')

    approved = approve(asked, fiona)

    assert approved.publication is not None
    assert approved.publication.effective_at == MONDAY
    assert plans.current().version_id == before
    coming = plans.current(at=MONDAY).catalog
    assert coming.plan("standard").prices[0].list_micros == 66_000_000  # type: ignore[union-attr]
    assert later.revision == 3
    assert approve(asked, fiona).publication == approved.publication


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_may_not_decide_does_not(dearer: Draft, carla: User, role: str) -> None:
    asked = ask(dearer, carla)
    other = person("other", role)

    for act in (services.approve_publication, services.refuse_publication):
        with pytest.raises(Forbidden):
            act(request_id=asked.pk, approver=other, now=datetime.now(UTC))

    assert Publication.objects.count() == 1


def test_nobody_publishes_what_he_asked_for_himself(dearer: Draft, carla: User) -> None:
    asked = ask(dearer, carla)

    with pytest.raises(OwnRequest):
        approve(asked, carla)

    asked.refresh_from_db()
    assert asked.state == "requested"
    assert Publication.objects.count() == 1


def test_finance_decides_and_does_not_ask(dearer: Draft, fiona: User) -> None:
    with pytest.raises(Forbidden):
        ask(dearer, fiona)

    assert not PublicationRequest.objects.exists()


def test_what_would_be_in_force_otherwise_must_be_as_it_was_looked_at(
    dearer: Draft, carla: User, colin: User
) -> None:
    asked = ask(dearer, carla)
    publish.publish(catalog(WORTH, ('list = "66"', 'list = "68"')), now=datetime.now(UTC))

    with pytest.raises(GroundShifted):
        approve(asked, colin)

    asked.refresh_from_db()
    assert asked.state == "requested"
    refused = services.refuse_publication(
        request_id=asked.pk, approver=colin, now=datetime.now(UTC)
    )
    assert refused.state == "refused"
    assert Publication.objects.count() == 2


@pytest.mark.parametrize("becomes", ["taken back", "announced"])
def test_what_is_announced_or_taken_back_meanwhile_is_another_ground(
    dearer: Draft, carla: User, colin: User, becomes: str
) -> None:
    other = catalog(WORTH, ('list = "66"', 'list = "68"'))
    at, now = MONDAY - timedelta(days=1), datetime.now(UTC)
    if becomes == "announced":
        asked = ask(dearer, carla)
        publish.schedule(other, at=at, now=now)
    else:
        announced = publish.schedule(other, at=at, now=now)
        asked = ask(dearer, carla)
        assert asked.against_id == announced.version_id
        publish.withdraw(announced.sequence, now=now)

    with pytest.raises(GroundShifted):
        approve(asked, colin)

    asked.refresh_from_db()
    assert (asked.state, asked.publication) == ("requested", None)
    assert Publication.objects.filter(effective_at=MONDAY).count() == 0


def test_what_was_decided_on_is_decided(dearer: Draft, carla: User, colin: User) -> None:
    asked = ask(dearer, carla)
    with pytest.raises(NotYourRequest):
        services.withdraw_publication(request_id=asked.pk, requester=colin, now=datetime.now(UTC))
    services.withdraw_publication(request_id=asked.pk, requester=carla, now=datetime.now(UTC))

    with pytest.raises(Decided):
        approve(asked, colin)

    assert Publication.objects.count() == 1
    assert ask(dearer, carla).state == "requested"  # and may be asked for anew


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"effective_at": datetime(2020, 1, 1, tzinfo=UTC)}, InvalidRequest),
        ({"zone": "Mars/Base"}, InvalidRequest),
        ({"zone": "../etc"}, InvalidRequest),
        ({"reason": " "}, InvalidRequest),
        ({"telling": Telling("touched", "only English", "")}, InvalidRequest),
        ({"telling": Telling("friends", "a", "b")}, InvalidRequest),
        ({"revision": 1}, NothingChanges),
    ],
)
def test_a_request_makes_sense(
    dearer: Draft, carla: User, other: dict[str, Any], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        ask(dearer, carla, **other)

    assert not PublicationRequest.objects.exists()


def test_one_request_of_a_draft_waits_at_a_time(dearer: Draft, carla: User) -> None:
    ask(dearer, carla)

    with pytest.raises(AlreadyAsked):
        ask(dearer, carla)

    assert PublicationRequest.objects.count() == 1


def test_whom_it_touches_is_told_once_in_his_language(
    dearer: Draft, carla: User, colin: User, buyer: Account, eve: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    asked = approve(ask(dearer, carla), colin)
    assert Message.objects.filter(task="lab.announce").count() == 1

    announce(asked)
    announce(asked)

    assert list(AnnouncedTo.objects.values_list("account__external_id", flat=True)) == ["ada"]
    notice = Notice.objects.get(kind="catalog_announced")
    assert notice.facts["text"] == {"en": TEXT.text_en, "zh": TEXT.text_zh}
    event = Event.objects.get(type="catalog.announced")
    assert TEXT.text_zh in event.payload
    assert asked.pk in event.payload
    asked.refresh_from_db()
    assert asked.told_at is not None


def test_subscribers_who_keep_what_they_were_sold_are_not_written_to(
    draft: Draft, carla: User, colin: User, buyer: Account
) -> None:
    subscriptions.start(account=buyer, plan="standard")
    changed(draft, carla, 'list = "66"', 'list = "70"')

    announce(approve(ask(draft, carla), colin))

    assert not AnnouncedTo.objects.exists()


def test_everybody_means_everybody_who_buys_in_earnest(
    dearer: Draft, carla: User, colin: User, buyer: Account, eve: Account
) -> None:
    factories.new_account("sandy", is_sandbox=True)
    everybody = Telling("all", "a", "b")

    announce(approve(ask(dearer, carla, telling=everybody), colin))

    told = AnnouncedTo.objects.exclude(told_at=None).values_list("account__external_id", flat=True)
    assert sorted(told) == ["ada", "eve"]


def test_nobody_means_nobody(dearer: Draft, carla: User, colin: User, buyer: Account) -> None:
    approve(ask(dearer, carla, telling=Telling("nobody")), colin)

    assert not Message.objects.filter(task="lab.announce").exists()


def test_more_than_a_batch_is_told_by_the_next(
    dearer: Draft,
    carla: User,
    colin: User,
    buyer: Account,
    eve: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("billing.lab.services.announcing.BATCH", 1)
    asked = approve(ask(dearer, carla, telling=Telling("all", "a", "b")), colin)

    assert announce(asked) == 1
    assert PublicationRequest.objects.filter(pk=asked.pk, told_at=None).exists()
    assert Message.objects.filter(task="lab.announce").count() == 2
    assert announce(asked) == 1

    asked.refresh_from_db()
    assert asked.told_at is not None
    assert Event.objects.filter(type="catalog.announced").count() == 2


def test_what_is_taken_back_does_not_begin_and_who_was_told_hears_it(
    dearer: Draft, carla: User, colin: User, fiona: User, buyer: Account, eve: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    asked = approve(ask(dearer, carla), colin)
    announce(asked)

    taken = services.take_back_publication(
        request_id=asked.pk, reason="a mistake", operator=fiona, now=datetime.now(UTC)
    )
    announce(asked)
    announce(asked)

    assert taken.state == "taken_back"
    assert plans.current(at=MONDAY).version_id == plans.current().version_id
    assert Event.objects.filter(type="catalog.recalled").count() == 1
    assert Notice.objects.filter(kind="catalog_recalled").count() == 1


def test_taking_back_needs_a_reason_and_a_right(
    dearer: Draft, carla: User, colin: User, vera: User
) -> None:
    asked = approve(ask(dearer, carla), colin)

    for operator, reason, refusal in ((vera, "x", Forbidden), (colin, " ", InvalidRequest)):
        with pytest.raises(refusal):
            services.take_back_publication(
                request_id=asked.pk, reason=reason, operator=operator, now=datetime.now(UTC)
            )

    assert plans.current(at=MONDAY).version_id != plans.current().version_id


def test_letters_are_skipped_where_no_address_is_known_and_events_go_all_the_same(
    dearer: Draft, carla: User, colin: User, buyer: Account, settings: Settings
) -> None:
    settings.EMAIL_URL = ""
    announce(approve(ask(dearer, carla, telling=Telling("all", "a", "b")), colin))

    assert Notice.objects.get().state == "skipped"
    assert Event.objects.filter(type="catalog.announced").count() == 1
    assert drafting.revision_of(dearer).number == 2

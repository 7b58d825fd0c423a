"""A small world in which everybody has one of everything, on both sides of the sandbox.

Ada, Ben, Cleo and Dan are the owner, the billing admin and two members of two organizations: in the
studio members see their own work, in the glass house all see all. Fay has a rival house of her own.
The live side has persons and a studio of the same names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signing import dumps
from django.db import transaction

from billing.accounts import services as accounts
from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.accounts.scopes import ALL
from billing.gpu.callbacks import callback_token
from billing.http.authz import POLICIES
from billing.ids import new_id
from billing.jobs import services as jobs
from billing.jobs import shapes
from billing.jobs.models import Attempt, Job, Output
from billing.ledger.models import Entry
from billing.ledger.services import Actor
from billing.organizations import services as organizations
from billing.partners import services as partners
from billing.payments.models import BillingProfile, Checkout, Contract, Invoice
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from billing.sandbox import services as sandbox
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from billing.webhooks import services as webhooks
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.matrix import shelf
from tests.packs import shelf as packs
from tests.payments import back

BACKEND: Final = "near"
PEOPLE: Final = ("ada", "ben", "cleo", "dan", "fay")
ROLES: Final = {
    "ada": Role.OWNER,
    "ben": Role.BILLING_ADMIN,
    "cleo": Role.MEMBER,
    "dan": Role.MEMBER,
}
LIVE: Final = "@live"  # ends the names of what the other side has
PLATFORM: Final = Actor("service", "key_platform")
_MONTH: Final = timedelta(days=30)
_numbers = count()


@dataclass
class World:
    """What there is.

    Attributes:
        things: the id of each kind of thing that a holder has: ("cleo", "job"), or of the things
            that are a person's in an organization: ("studio/cleo", "job").
        keys: the secrets of service keys, by their scopes and side.
    """

    things: dict[tuple[str, str], str] = field(default_factory=dict)
    teams: dict[str, Organization] = field(default_factory=dict)
    keys: dict[tuple[frozenset[str], bool], str] = field(default_factory=dict)

    def has(self, holder: str, **things: object) -> None:
        """Write down what somebody has."""
        self.things |= {(holder, kind): str(name) for kind, name in things.items()}


def canary(holder: str) -> str:
    """Return the word that stands in every text of a holder's things, and nowhere else."""
    return f"canary-of-{holder.replace('/', '-in-').replace(LIVE, '-live')}-."


@contextmanager
def cell() -> Iterator[None]:
    """Undo whatever happens within; services find the transaction of a test around them."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's own TestCase says it
    with block:
        yield
        transaction.set_rollback(True)


def make() -> World:
    """Return the world; the caller undoes it."""
    world = World()
    shelf.open_shop()
    _make_keys(world)
    for side in ("", LIVE):
        for name in PEOPLE:
            _furnish_person(world, name, side)
        _found(world, "studio", {name: ROLES[name] for name in ROLES}, side, members_see="own")
    _found(world, "glass", dict(ROLES), "", members_see="all")
    _found(world, "rival", {"fay": Role.OWNER}, "", members_see="own")
    for name, side in (("solo", ""), ("lena", LIVE)):  # each on its side alone
        factories.new_account(name, is_sandbox=not side)
        world.has(name + side, name=name)
    for side in ("", LIVE):
        _invite_all(world, side)
        _make_codes(world, side)
    with transaction.atomic():
        clock = sandbox.create(owner=None, name="", accounts=[], now=datetime.now(UTC))
        hook = webhooks.create_endpoint(
            account=None, url=_address("platform"), is_sandbox=True, now=datetime.now(UTC)
        )
        sent = webhooks.send_test(hook, now=datetime.now(UTC))
    world.has("platform", clock=clock.pk, endpoint=hook.pk, delivery=sent.pk)
    return world


def _make_keys(world: World) -> None:
    """Make keys of all scopes, of what each row needs, and of all but that; on both sides."""
    every = frozenset(ALL)
    rows = {
        needed
        for one in POLICIES.values()
        for needed in (one.service, one.service_as_member, one.platform)
    }
    needs = {frozenset(row.split()) & every for row in rows} - {frozenset[str]()}
    for is_sandbox in (True, False):
        for scopes in {every, *needs, *(every - needed for needed in needs)}:
            _key, secret = accounts.create_api_key(
                "walker", sorted(scopes), is_sandbox=is_sandbox, now=datetime.now(UTC)
            )
            world.keys[scopes, is_sandbox] = secret


def _furnish_person(world: World, name: str, side: str) -> None:
    holder, now = name + side, datetime.now(UTC)
    account = factories.new_account(name, is_sandbox=not side)
    _furnish(world, holder, account)
    job = _order(account, holder)
    world.has(
        holder,
        name=account.external_id,
        job=job.pk,
        events=_token_of(shapes.events_address(job.pk)),
    )
    with transaction.atomic():
        told = jobs.quote(account=account, order=shop.order_of({}))
    world.has(holder, quote=told.quote.pk)
    _film(world, holder, account)
    code = partners.link(account=account, programme="invite", now=now).code
    world.has(holder, code=code)
    if not side:
        with transaction.atomic():
            clock = sandbox.create(
                owner=account, name=canary(holder), accounts=[account], now=datetime.now(UTC)
            )
        world.has(holder, clock=clock.pk)


def _found(
    world: World, name: str, people: dict[str, Role], side: str, *, members_see: str
) -> None:
    """Found an organization, let everybody join, and give it one of everything."""
    holder = name + side
    persons = {one: factories.new_account(one, is_sandbox=not side) for one in people}
    owner = next(iter(persons.values()))
    with transaction.atomic():
        team = organizations.found(
            owner=owner,
            name=canary(holder),
            members_see=members_see,
            actor=_actor(owner),
            now=datetime.now(UTC),
        )
        for one, role in list(people.items())[1:]:
            invited = organizations.invite(team, external_id=one, role=role, actor=_actor(owner))
            organizations.accept(persons[one], invited.pk, actor=_actor(persons[one]))
    world.teams[holder] = team
    world.has(holder, team=team.pk, name=team.account.external_id)
    _furnish(world, holder, team.account)
    for one, person in persons.items():
        place = Membership.objects.select_related("organization__account", "account").get(
            organization=team, account=person
        )
        mine = f"{holder}/{one}"
        with transaction.atomic():
            job = jobs.submit(
                account=person,
                order=shop.order_of({}, metadata={"note": canary(mine)}),
                actor=_actor(person),
                now=datetime.now(UTC),
                member=place,
            )
            lent = organizations.allot(
                team,
                to=one,
                amount_micros=MICROS,
                fact=f"matrix:{mine}",
                note=canary(mine),
                actor=_actor(owner),
            )
        events = _token_of(shapes.events_address(job.pk))
        world.has(mine, job=job.pk, membership=place.pk, allotment=lent.pk, events=events)


def _furnish(world: World, holder: str, account: Account) -> None:
    """Give an account one of everything that belongs to an account."""
    now, word = datetime.now(UTC), canary(holder)
    factories.settle(account)
    factories.give(account, 1000)
    with transaction.atomic():
        hook = webhooks.create_endpoint(
            account=account, url=_address(holder), is_sandbox=account.is_sandbox, now=now
        )
        sent = webhooks.send_test(hook, now=now)
    bought = packs.give(account, "later", fact=f"matrix:{holder}")
    paid = back.look(back.payment(account, "plain", paid_micros=10 * MICROS, currency="USD"))
    checkout = Checkout.objects.create(
        account=account,
        kind=Checkout.Kind.PACK,
        code="plain",
        currency="USD",
        amount_micros=MICROS,
        renewal_micros=MICROS,
        catalog_version_id=plans.current().version_id,
        success_url=_address(holder),
        url=_address(holder),
        state=Checkout.State.OPEN,
        stripe_id=f"cs_{holder}",
        expires_at=now + _MONTH,
        created_at=now,
    )
    _bill(account, word, now)
    world.has(
        holder,
        account=account.pk,
        endpoint=hook.pk,
        delivery=sent.pk,
        pack_purchase=bought.pk,
        purchase=paid.pk,
        checkout=checkout.pk,
        entry=Entry.objects.filter(wallet__account=account).latest("seq").pk,
    )


def _bill(account: Account, word: str, now: datetime) -> None:
    """Write what an account that pays by the month would have: nothing here asks Stripe."""
    BillingProfile.objects.create(
        account=account,
        kind=BillingProfile.Kind.PERSONAL,
        invoice_type=BillingProfile.InvoiceType.NORMAL,
        title=word,
        created_at=now,
        updated_at=now,
    )
    joined = subscriptions.start(account=account, plan="pro", interval="P1M", currency="USD")
    period = {"paid_until": now + _MONTH, "anchor_at": now}
    Subscription.objects.filter(pk=joined.pk).update(**period)
    contract = Contract.objects.create(
        stripe_id=f"sub_{account.pk}",
        account=account,
        subscription=joined,
        catalog_version_id=plans.current().version_id,
        plan="pro",
        interval="P1M",
        currency="USD",
        price_micros=20 * MICROS,
        renewal_micros=20 * MICROS,
        status=Contract.Status.ACTIVE,
        anchor_at=now,
        period_starts_at=now,
        period_ends_at=now + _MONTH,
        seen_at=now,
    )
    Invoice.objects.create(
        stripe_id=f"in_{account.pk}",
        account=account,
        contract=contract,
        number=word,
        status=Invoice.Status.VOID,
        currency="USD",
        amount_micros=MICROS,
        created_at=now,
        seen_at=now,
    )


def _film(world: World, holder: str, account: Account) -> None:
    """Let a backend have made a film, and be about to report."""
    now, path = datetime.now(UTC), f"matrix/{next(_numbers)}.mp4"
    default_storage.save(path, ContentFile(b"film"))
    default_storage.save(f"{path}.webp", ContentFile(b"picture"))
    job = _order(account, holder)
    attempt = Attempt.objects.create(
        job=job, number=1, backend=BACKEND, lease_until=now, check_at=now, created_at=now
    )
    output = Output.objects.create(
        job=job,
        position=0,
        path=path,
        thumbnail_path=f"{path}.webp",
        mime="video/mp4",
        bytes=4,
        created_at=now,
    )
    world.has(
        holder,
        film=dumps(output.pk, salt=shapes.OUTPUT_SALT),
        picture=dumps(output.pk, salt=shapes.THUMBNAIL_SALT),
        attempt=callback_token(attempt.pk),
    )


def _invite_all(world: World, side: str) -> None:
    """Let a house that nobody else belongs to invite everybody."""
    zoe = factories.new_account("zoe", is_sandbox=not side)
    with transaction.atomic():
        guild = organizations.found(
            owner=zoe, name="Guild", actor=_actor(zoe), now=datetime.now(UTC)
        )
        for name in PEOPLE:
            invited = organizations.invite(
                guild, external_id=name, role=Role.MEMBER, actor=_actor(zoe)
            )
            world.has(name + side, invitation=invited.pk)
    newcomer = factories.new_account("ned", is_sandbox=not side)
    world.has("newcomer" + side, name=newcomer.external_id)


def _make_codes(world: World, side: str) -> None:
    [code] = promotions.create_codes(
        Gift("pack", "plain"), count=1, uses=100, is_sandbox=not side, now=datetime.now(UTC)
    )
    world.has("shop" + side, redemption=code)


def _order(account: Account, holder: str) -> Job:
    return shop.submit(account, shop.order_of({}, metadata={"note": canary(holder)}))


def _address(holder: str) -> str:
    return f"https://app.example/{canary(holder)}"


def _token_of(address: str) -> str:
    return address.partition("token=")[2]


def _actor(account: Account) -> Actor:
    return Actor("user", account.pk)


def absent_id(like: str) -> str:
    """Return an id of the same kind that nothing has."""
    prefix, mark, _rest = like.partition("_")
    return new_id(prefix) if mark else "nothing-of-this-name"

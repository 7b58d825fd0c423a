"""Stripe asks what the catalog asks: by lookup key, never changed, always replaced."""

import json
from contextlib import suppress

import pytest
from django.core.management import CommandError, call_command

from tests.jobs import shop
from tests.payments import till as tills
from tests.payments.till import Till

pytestmark = pytest.mark.django_db
PLAIN = "linggan:shop:pack:plain:USD:once:-"


def prices(till: Till) -> dict[str, tuple[int, bool]]:
    """Return amount and state of the prices that have a key."""
    told = till.peer.objects()["price"]
    return {
        one["lookup_key"]: (one["unit_amount"], one["active"]) for one in told if one["lookup_key"]
    }


def dry(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what a dry run finds, as "kind name"."""
    capsys.readouterr()
    with suppress(CommandError):  # they differ
        call_command("sync_prices", "--dry-run", "--json")
    found = json.loads(capsys.readouterr().out)
    return [f"{one['kind']} {one['name']}" for one in found]


def test_each_price_of_the_catalog_has_its_key(
    till: Till, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = prices(till)

    assert asked[PLAIN] == (1000, True)
    assert asked["linggan:shop:plan:pro:USD:P1Y:-"] == (18000, True)
    assert asked["linggan:shop:plan:pro:CNY:P1M:-"] == (12800, True)
    names = {one["id"]: one["name"] for one in till.peer.objects()["product"]}
    assert names["linggan_shop_pack_plain"] == "Plain 普通包"
    assert dry(capsys) == []


def test_a_new_price_takes_the_key_over_and_the_old_one_is_archived(
    till: Till, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.open_shop(tills.WAYS, tills.PACKS.replace('"10", first', '"11", first'), plans=tills.PLANS)
    before = till.peer.objects()["price"]
    assert dry(capsys) == [f"differs {PLAIN}"]
    assert till.peer.objects()["price"] == before

    call_command("sync_prices")

    assert prices(till)[PLAIN] == (1100, True)
    [old] = [one for one in till.peer.objects()["price"] if not one["active"]]
    assert (old["unit_amount"], old["lookup_key"]) == (1000, None)
    assert dry(capsys) == []


def test_what_somebody_changed_at_stripe_is_told_and_mended(
    till: Till, capsys: pytest.CaptureFixture[str]
) -> None:
    client = till.peer.client()
    client.v1.products.update("linggan_shop_pack_plain", {"name": "Cheap"})
    [price] = [one for one in till.peer.objects()["price"] if one["lookup_key"] == PLAIN]
    client.v1.prices.update(price["id"], {"active": False})

    assert dry(capsys) == ["product linggan_shop_pack_plain", f"missing {PLAIN}"]
    call_command("sync_prices")
    assert dry(capsys) == []


def test_what_is_sold_no_more_is_archived_and_what_others_sell_is_not(
    till: Till, capsys: pytest.CaptureFixture[str]
) -> None:
    client = till.peer.client()
    other = client.v1.prices.create(
        {"currency": "usd", "unit_amount": 1, "product_data": {"name": "x"}, "lookup_key": "x"}
    )
    gone = PLAIN.replace("plain", "pros")
    shop.open_shop(
        tills.WAYS, tills.PACKS.replace('code = "pros"', 'code = "new"'), plans=tills.PLANS
    )

    assert f"unsold {gone}" in dry(capsys)
    call_command("sync_prices")

    assert dry(capsys) == []
    assert prices(till)["x"] == (1, True)
    assert client.v1.prices.retrieve(other.id).active
    assert not prices(till)[gone][1]

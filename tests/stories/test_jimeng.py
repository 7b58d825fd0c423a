"""Jimeng: three kinds of credits, a daily claim by chance, drafts, and an unlimited lane."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
CLIP = {"model": "seedance-2.5", "feature": "t2v", "seconds": 5}
VIDEO = {"inputs": {"prompt": "a kite", "video_url": "https://example.com/kite.mp4"}}
DRAFT = CLIP | {"draft": True}


def test_a_day_of_free_credits_is_claimed_and_makes_drafts(opened: Open) -> None:
    jimeng = opened("jimeng")

    # A call claims 60 to 100 credits, by chance but once a day.
    gift = int(jimeng.check_in()["credits"])
    assert 60 <= gift <= 100
    assert jimeng.check_in()["first"] is False
    assert jimeng.has("gift_credit") == str(gift)
    assert jimeng.quote(model="image 4K")["credits"] == "46"

    # A draft is made in 480p for a seventh of the price; a reference video makes it cheaper.
    assert jimeng.quote(**CLIP)["credits"] == "70"
    assert jimeng.quote(**CLIP, **VIDEO)["credits"] == "56"
    draft = jimeng.order(**DRAFT)
    assert draft["credits"]["captured"] == "10"
    assert draft["dimensions"]["resolution"] == "480p"
    assert jimeng.spend_all(**DRAFT) == (gift - 10) // 10

    # The wallet is empty: tomorrow's claim is what the answer names.
    [claim] = [one for one in jimeng.quote(**DRAFT)["alternatives"] if one["kind"] == "grant"]
    assert claim["detail"].startswith("60 more")
    jimeng.pass_time(days=1)
    assert jimeng.balance() == "0"
    jimeng.audit()


def test_a_member_spends_gifts_then_the_month_then_what_was_bought(opened: Open) -> None:
    jimeng = opened("jimeng")

    # A member has 1,000 a month and may buy; gifts pay first, bought credits last.
    jimeng.subscribe("member")
    jimeng.sell("credits-1000")
    gift = int(jimeng.check_in()["credits"])
    quote = jimeng.quote(**CLIP | {"seconds": 15}, resolution="1080p", count=2)
    assert quote["credits"] == "1050"
    assert [(one["source"], one["credits"]) for one in quote["would_use"]] == [
        ("gift_credit", str(gift)),
        ("vip_credit", str(1050 - gift)),
    ]

    # From the draft the film is made at its full price, with the draft's length.
    draft = jimeng.order(**DRAFT)
    final = {"task": "final", "model": "seedance-2.5", "parent": draft["id"]}
    film = jimeng.order(**final)
    assert film["credits"]["captured"] == "70"
    assert (film["dimensions"]["seconds"], film["dimensions"]["resolution"]) == (5, "720p")
    jimeng.refused("invalid_parent", **final | {"parent": film["id"]})

    # Gifts are gone, then the month's credits, then the bought ones.
    dear = CLIP | {"seconds": 15, "resolution": "1080p"}
    assert jimeng.paid(**dear) == "525"
    assert jimeng.has("gift_credit") == "0"
    assert jimeng.has("purchase_credit") == "1000"
    assert jimeng.spend_all(**dear) == 2
    jimeng.spend_all(**CLIP)
    jimeng.spend_all(**DRAFT)
    assert int(jimeng.balance()) < 10
    assert jimeng.has("vip_credit") == "0"

    # With nothing left a member goes on without limit, and has image 4.0 for nothing.
    [relaxed] = [
        one for one in jimeng.quote(**dear)["alternatives"] if one["change"] == {"lane": "relaxed"}
    ]
    assert relaxed["credits"] == "0"
    assert jimeng.paid(**dear, lane="relaxed") == "0"
    assert jimeng.paid(model="image 4.0") == "0"

    # A draft can be finished for 14 days; and each month brings 1,000, for that month.
    jimeng.pass_time(days=14)
    jimeng.refused("invalid_parent", **final)
    jimeng.pass_time(days=50)
    assert jimeng.has("vip_credit") == "1000"
    jimeng.audit()

"""Prices that vendors really print (shared/facts/vectors.toml), as far as three forms reach."""

from typing import NamedTuple

import pytest

from plans.credits import format_micros
from plans.orders import read_order
from plans.rating import rate
from tests.unit.shelf import catalog


class Vector(NamedTuple):
    """One printed price, the rate that says it, and the order that it is for."""

    name: str
    dimensions: str
    price: str
    order: dict[str, str | int | bool]
    total: str


VECTORS = [
    Vector(
        "kling-v26-pro-5s-audio-voice",
        "mode = { values = ['pro'] }\nseconds = { values = [5, 10] }\n"
        "audio = { values = [true, false] }\nvoice_control = { values = [true, false] }",
        "match = { mode = 'pro', seconds = 5, audio = true, voice_control = true }\n"
        "form = 'flat'\nprice = '0.84'",
        {"mode": "pro", "seconds": 5, "audio": True, "voice_control": True},
        "0.84",
    ),
    Vector(
        "kling-v3-pro-7s-audio",
        "mode = { values = ['pro'] }\nseconds = { min = 3, max = 15 }\naudio = { values = [true] }",
        "match = { mode = 'pro', audio = true }\n"
        "form = 'per_unit'\nbasis = 'seconds'\nprice = '0.168'",
        {"mode": "pro", "seconds": 7, "audio": True},
        "1.176",
    ),
    Vector(
        "kling-v3-4k-audio-same",
        "mode = { values = ['4k'] }\nseconds = { min = 3, max = 15 }\naudio = { values = [true] }",
        "match = { mode = '4k', audio = '*' }\n"
        "form = 'per_unit'\nbasis = 'seconds'\nprice = '0.42'",
        {"mode": "4k", "seconds": 10, "audio": True},
        "4.2",
    ),
    Vector(
        "sora1-720p-wide-10s",
        "resolution = { values = ['480p', '720p'] }\naspect = { values = ['1:1', '16:9'] }\n"
        "seconds = { values = [5, 10] }",
        "match = { resolution = '720p', aspect = '16:9' }\n"
        "form = 'lookup'\nby = 'seconds'\ntable = { 5 = '80', 10 = '160' }",
        {"resolution": "720p", "aspect": "16:9", "seconds": 10},
        "160",
    ),
    Vector(
        "vidu-q2-1080-5s",
        "resolution = { values = ['1080p'] }\nseconds = { min = 1, max = 8 }",
        "match = { resolution = '1080p' }\nform = 'per_unit'\nbasis = 'seconds'\n"
        "base = '21.1'\nincluded = 1\nprice = '10.55'",
        {"resolution": "1080p", "seconds": 5},
        "63.3",
    ),
    Vector(
        "vidu-20-4s-720-offpeak",
        "resolution = { values = ['720p'] }\nseconds = { values = [4] }\n"
        "off_peak = { values = [true, false] }",
        "match = { seconds = 4, off_peak = true }\nform = 'flat'\nprice = '0.63'",
        {"resolution": "720p", "seconds": 4, "off_peak": True},
        "0.63",
    ),
    Vector(
        "omni11-8s",
        "seconds = { values = [4, 6, 8, 10] }",
        "form = 'lookup'\nby = 'seconds'\ntable = { 4 = '7', 6 = '10', 8 = '12', 10 = '15' }",
        {"seconds": 8},
        "12",
    ),
    Vector(
        "veo-lite-pro",
        "plan = { values = ['pro', 'ultra'] }\nseconds = { values = [8] }",
        "match = { plan = 'pro' }\nform = 'flat'\nprice = '10'",
        {"plan": "pro", "seconds": 8},
        "10",
    ),
    Vector(
        "runway-aleph2-1s-min",
        "seconds = { min = 1, max = 10 }",
        "form = 'per_unit'\nbasis = 'seconds'\nprice = '28'\nmin = '56'",
        {"seconds": 1},
        "56",
    ),
    Vector(
        "pixverse-v35-fast",
        "seconds = { values = [5] }\nmotion = { values = ['normal', 'fast'] }\n"
        "quality = { values = ['720p'] }",
        "match = { motion = 'fast', quality = '720p' }\nform = 'flat'\nprice = '253.2'",
        {"seconds": 5, "motion": "fast", "quality": "720p"},
        "253.2",
    ),
    Vector(
        "zhipu-any",
        "seconds = { values = [5, 10] }\nresolution = { values = ['1080p', '4K'] }",
        "form = 'flat'\nprice = '1'",
        {"seconds": 10, "resolution": "4K"},
        "1",
    ),
]


def model_with(dimensions: str) -> str:
    return (
        "[[model]]\ncode = 'm'\nname = { en = 'M', zh = 'M' }\n"
        f"[[model.task]]\ncode = 'video'\n[model.dimensions]\n{dimensions}\n"
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_printed_price_comes_out_exactly(vector: Vector) -> None:
    shop = catalog(f"[[rate]]\nid = 'r'\n{vector.price}", model=model_with(vector.dimensions))
    order = read_order(shop, {"model": "m", **vector.order})

    assert format_micros(rate(shop, order.dimensions).total_micros) == vector.total


def test_a_decimal_length_is_billed_as_it_is() -> None:
    """wan-s2v-decimal: orders of decimal length come later, their arithmetic is here."""
    shop = catalog(
        "[[rate]]\nid = 'r'\nform = 'per_unit'\nbasis = 'seconds'\nprice = '0.50'",
        model=model_with("seconds = { min = 1, max = 60 }"),
    )

    assert format_micros(rate(shop, {"model": "m", "seconds": "10.23"}).total_micros) == "5.115"

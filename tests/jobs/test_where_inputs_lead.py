"""A backend on our own network is told no address that leads inside when it is told.

Names are resolved by a name server of the test's own, over the wire.
"""

import json
import socket

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet.models import Breaker
from billing.jobs.models import Job
from billing.jobs.orders import ADDRESSES, JobOrder
from tests.egress.name_server import NameServer, name_server, system_asking
from tests.gpu.faulty import Faulty, read_request
from tests.gpu.polled import Vendor
from tests.jobs import shop
from tests.jobs.fleet_story import (
    Faulties,
    attempt_of,
    dispatch,
    entry,
    faulty,
    order,
    shopper,
    vendor,
)

__all__ = ["faulty", "name_server", "shopper", "vendor"]

HOST = "pictures.example.com"
PUBLIC = ["93.184.215.14", "2606:4700::1111"]
EDIT = '  [[model.task]]\n  code = "edit"\n  requires = ["video_url"]'
PAYS_ALL = '[failure_policy.charge]\ninvalid_input = "1"\nrejected = "1"'


def takes(connection: socket.socket) -> None:
    """Take whatever comes, as a Cog server does."""
    name = read_request(connection).split(b" ")[1].rpartition(b"/")[2].decode()
    body = json.dumps({"id": name, "status": "starting"}).encode()
    head = f"HTTP/1.1 202 Accepted\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch, name_server: NameServer) -> NameServer:
    """Return the only server that knows names here."""
    monkeypatch.setattr(socket, "getaddrinfo", system_asking(name_server))
    return name_server


@pytest.fixture
def own(faulty: Faulties, settings: Settings) -> Faulty:
    """Return a backend of ours, the only one."""
    server = faulty.start(takes)
    settings.BACKENDS = {"own": entry(server.base_url)}
    return server


def wish(account: Account, name: str = "image_url", host: str = HOST) -> Job:
    """Order a video that is made of what stands at a host."""
    inputs = {"prompt": "a kite", name: f"https://{host}/kite.png"}
    task = "edit" if name == "video_url" else "text_to_video"
    return order(account, JobOrder(spec={"model": "m", "task": task}, inputs=inputs))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *((name, ["10.0.0.5"]) for name in ADDRESSES),
        *(("image_url", [address]) for address in ("127.0.0.1", "169.254.169.254", "fd00::1")),
        *(("image_url", [address]) for address in ("::ffff:10.0.0.5", "alias.example.com")),
        ("image_url", [PUBLIC[0], "192.168.1.1"]),
    ],
)
def test_a_name_that_leads_inside_ends_the_job_and_costs_nothing(
    shopper: Account, own: Faulty, names: NameServer, name: str, answer: list[str]
) -> None:
    shop.open_shop(PAYS_ALL, models=shop.MODEL + EDIT)
    names.answers = {HOST: [answer], "alias.example.com": [["10.0.0.5"]]}
    job = wish(shopper, name)

    ended = dispatch(job)

    assert (ended.status, ended.failure_class) == ("failed", "invalid_input")
    assert (ended.hold.state, ended.charged_micros) == ("released", 0)
    assert ended.failure_detail == (
        f"{name}: it leads into a private network. Give a public address."
    )
    assert own.connections == 0
    assert attempt_of(job).outcome == "rejected"


def test_that_says_nothing_of_the_backend(shopper: Account, own: Faulty, names: NameServer) -> None:
    names.answers = {HOST: [["10.0.0.5"]], "away.example.com": ["SERVFAIL"]}
    for host in (HOST, "away.example.com") * 6:
        dispatch(wish(shopper, host=host))

    assert (own.connections, Breaker.objects.exists()) == (0, False)


def test_a_name_that_leads_outside_is_told(
    shopper: Account, own: Faulty, names: NameServer
) -> None:
    names.answers = {HOST: [PUBLIC]}

    assert dispatch(wish(shopper)).status == "dispatched"

    assert (own.connections, names.asked[HOST]) == (1, 2)  # A and AAAA, once


def test_a_name_that_turns_private_while_the_job_waits_is_looked_up_anew(
    shopper: Account, own: Faulty, names: NameServer
) -> None:
    names.answers = {HOST: ["SERVFAIL", ["10.0.0.5"]]}
    job = wish(shopper)

    waits = dispatch(job)
    assert (waits.status, waits.hold.state) == ("queued", "open")
    ended = dispatch(job, at=waits.dispatch_at)

    assert (ended.status, ended.failure_class, own.connections) == ("failed", "invalid_input", 0)


@pytest.mark.parametrize("trouble", ["SERVFAIL", "NXDOMAIN"])
def test_a_name_that_is_not_known_is_sought_again_later_each_time(
    shopper: Account, own: Faulty, names: NameServer, trouble: str
) -> None:
    names.answers = {HOST: [trouble, trouble, PUBLIC]}
    job = wish(shopper)

    first = dispatch(job)
    second = dispatch(job, at=first.dispatch_at)
    assert (second.status, own.connections) == ("queued", 0)
    assert attempt_of(job).detail == "image_url: the name of its host is not known now."
    taken = dispatch(job, at=second.dispatch_at)

    assert (taken.status, own.connections) == ("dispatched", 1)
    assert [each.outcome for each in job.attempts.order_by("number")] == ["NotSent", "NotSent", ""]


def test_a_network_that_the_entry_opens_may_be_led_into(
    shopper: Account, own: Faulty, names: NameServer, settings: Settings
) -> None:
    names.answers = {HOST: [["10.1.0.5"]], "other.example.com": [["10.2.0.5"]]}
    settings.BACKENDS = {"own": entry(own.base_url, input_cidrs=["10.1.0.0/16"])}

    assert dispatch(wish(shopper)).status == "dispatched"
    assert dispatch(wish(shopper, host="other.example.com")).status == "failed"

    assert own.connections == 1


def test_a_backend_that_is_guarded_otherwise_needs_no_names(
    shopper: Account, own: Faulty, names: NameServer, settings: Settings
) -> None:
    settings.BACKENDS = {"own": entry(own.base_url, resolve_inputs=False)}

    assert dispatch(wish(shopper)).status == "dispatched"

    assert (own.connections, names.asked[HOST]) == (1, 0)


def test_a_vendor_fetches_from_where_he_stands_unless_the_entry_says_otherwise(
    shopper: Account, vendor: Vendor, names: NameServer, settings: Settings
) -> None:
    names.answers = {HOST: [["10.0.0.5"]]}
    away = entry(vendor.base_url, kind="polled")

    settings.BACKENDS = {"away": away}
    assert (dispatch(wish(shopper)).status, names.asked[HOST]) == ("dispatched", 0)
    settings.BACKENDS = {"away": {**away, "resolve_inputs": True}}
    assert (dispatch(wish(shopper)).status, names.asked[HOST]) == ("failed", 2)

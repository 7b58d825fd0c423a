"""Where a laptop without a Stripe account pays: an emulator, which moves no money."""

import os
import socket
import sys
import time
from typing import Final

from config.embedded.environment import ROOT
from config.embedded.place import Place
from config.embedded.processes import CannotServe
from config.embedded.supervisor import Program

_MODULE: Final = "tests.stripe_peer"
_FOLDER: Final = ROOT / "tests" / "stripe_peer"  # a release may come without the tests
_START_SECONDS: Final = 120
_LOOK_SECONDS: Final = 0.1


def emulator(place: Place, *, web_port: int) -> Program | None:
    """Return the emulator, whose address is in the environment from now on.

    None: a key of Stripe's is set, or this installation has no emulator.
    """
    if os.environ.get("STRIPE_SECRET_KEY") or not _FOLDER.is_dir():
        return None
    made, port = place.secrets(), place.port("stripe")
    key, secret = made["stripe_emulator_key"], made["stripe_emulator_webhook_secret"]
    os.environ["STRIPE_SECRET_KEY"] = key
    os.environ["STRIPE_WEBHOOK_SECRET"] = secret
    os.environ["STRIPE_API_BASE"] = f"http://127.0.0.1:{port}"
    return Program(
        [
            *(sys.executable, "-m", _MODULE, "--port", str(port), "--key", key),
            *("--webhook-url", f"http://127.0.0.1:{web_port}/webhooks/stripe"),
            *("--webhook-secret", secret, "--state", place.folder / "stripe-emulator"),
        ],
        patience_seconds=5,
    )


def wait_for_emulator() -> None:
    """Return when the emulator takes connections.

    Raises:
        CannotServe: it does not in time.
    """
    port = int(os.environ["STRIPE_API_BASE"].rpartition(":")[2])
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(_LOOK_SECONDS)  # noqa: TID251 (nothing else happens until it answers)
        else:
            return
    raise CannotServe(f"The emulator of Stripe did not answer within {_START_SECONDS} seconds.")

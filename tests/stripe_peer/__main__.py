"""Starts the emulator: `python -m tests.stripe_peer --port 0 --key sk_test_…`.

It prints one line of JSON when it is ready: {"url": "http://127.0.0.1:54321", "emulator": true}.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from tests.stripe_peer.objects.webhook_endpoints import ensure_endpoint
from tests.stripe_peer.server import Emulator


def main() -> None:
    """Serve until the process is ended."""
    parser = ArgumentParser(description="An emulator of Stripe, on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", required=True, help="sk_test_…; no other is served")
    parser.add_argument("--webhook-url", help="where events go")
    parser.add_argument("--webhook-secret", help="whsec_…; what they are signed with")
    parser.add_argument("--state", type=Path, help="a file that keeps all of it")
    parser.add_argument("--pause-seconds", type=float, default=1.0, help="before the first retry")
    asked = parser.parse_args()
    if not asked.key.startswith("sk_test_"):
        parser.error("The emulator serves test keys only: --key sk_test_…")
    emulator = Emulator(
        port=asked.port, key=asked.key, pause_seconds=asked.pause_seconds, state=asked.state
    )
    if asked.webhook_url:
        ensure_endpoint(emulator.world, asked.webhook_url, asked.webhook_secret)
    emulator.start()
    sys.stdout.write(json.dumps({"url": emulator.world.address, "emulator": True}) + "\n")
    sys.stdout.flush()
    emulator.serve_forever()


if __name__ == "__main__":
    main()

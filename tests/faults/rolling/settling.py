"""Has the customers come, by the code in whose folder it runs: it may be of long ago.

It prints one line of JSON: their tokens, and the key of their platform's server.
"""

import importlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Publish a catalog, open accounts and give credits."""
    django.setup()
    bring: Any = importlib.import_module
    tokens, accounts = bring("billing.accounts.tokens"), bring("billing.accounts.services")
    factories, publish = bring("tests.factories"), bring("plans.catalog.publish")
    now = datetime.now(UTC)
    publish.publish(asked["catalog"], now=now)
    for name in asked["names"]:
        account = factories.new_account(name, is_sandbox=False)
        if name in asked["rich"]:
            factories.give(account, asked["credits"])
    signed = [tokens.sign(name, lifetime=timedelta(days=2), now=now) for name in asked["names"]]
    _key, secret = accounts.create_api_key("platform", ["grants:write"], now=now)
    return {"tokens": signed, "key": secret}


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    sys.stdout.write(f"{json.dumps(main(json.loads(sys.stdin.read())))}\n")

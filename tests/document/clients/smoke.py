"""A platform's first steps by the generated client of Python; what they came to, as JSON."""

import json
import os
import sys
import time
import uuid

from vivid_client import AuthenticatedClient
from vivid_client.api.balance import read_balance
from vivid_client.api.check_in import check_in
from vivid_client.api.jobs import read_job, submit_job
from vivid_client.api.ledger import list_entries
from vivid_client.api.quotes import create_quote
from vivid_client.models import (
    BalanceWithPacksOut,
    CheckInOut,
    EntryPage,
    InputsInRequest,
    InsufficientCreditsProblem,
    JobInRequest,
    JobOut,
    QuoteOut,
    SpecInRequest,
)
from vivid_client.types import UNSET, Unset

PROMPT = InputsInRequest(prompt="a red kite over the sea")
ENDS = {"succeeded", "failed", "canceled", "expired"}

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["TOKEN"])

gift = check_in.sync(client=client)
assert isinstance(gift, CheckInOut)
spec = SpecInRequest(model="vivid-1", seconds=5, inputs=PROMPT)
quote = create_quote.sync(client=client, body=spec)
assert isinstance(quote, QuoteOut)
order = JobInRequest(model="vivid-1", seconds=5, inputs=PROMPT, quote=quote.id)
job = submit_job.sync(client=client, body=order, idempotency_key=str(uuid.uuid4()))
assert isinstance(job, JobOut)
while job.status not in ENDS:
    time.sleep(0.1)
    job = read_job.sync(job.id, client=client)
    assert isinstance(job, JobOut)
balance = read_balance.sync(client=client)
assert isinstance(balance, BalanceWithPacksOut)

entries: list[str] = []
cursor: str | Unset | None = UNSET
while cursor is not None:
    page = list_entries.sync(client=client, limit=1, cursor=cursor)
    assert isinstance(page, EntryPage)
    entries += [entry.type_ for entry in page.data]
    cursor = page.next_

dear = JobInRequest(model="vivid-1", seconds=60, inputs=PROMPT)
refused = submit_job.sync(client=client, body=dear, idempotency_key=str(uuid.uuid4()))
assert isinstance(refused, InsufficientCreditsProblem)

json.dump(
    {
        "gift": gift.credits_,
        "quote": quote.credits_,
        "status": job.status,
        "captured": job.credits_.captured,
        "available": balance.available,
        "entries": entries,
        "refused": [refused.status, refused.code, refused.status],
    },
    sys.stdout,
)

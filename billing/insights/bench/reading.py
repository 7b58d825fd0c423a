"""What one account's person reads, through the whole of Django but without a server before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from django.test import Client

from billing.accounts import tokens
from billing.accounts.models import Account

_LIFETIME: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody with a token, in front of the application itself."""

    client: Client
    token: str

    @classmethod
    def of(cls, account: Account, *, now: datetime) -> "Reader":
        """Return one who reads the account."""
        return cls(Client(SERVER_NAME="localhost"), token_of(account, now=now))

    def balance(self) -> bool:
        """Read the balance."""
        return self._reads("/v1/balance", b'"available"')

    def ledger(self) -> bool:
        """Read the newest entries."""
        return self._reads("/v1/ledger", b'"data"')

    def catalog(self) -> bool:
        """Read what is sold."""
        return self._reads("/v1/catalog", b'"plans"')

    def _reads(self, path: str, holds: bytes) -> bool:
        answer = self.client.get(path, headers={"Authorization": f"Bearer {self.token}"})
        return answer.status_code == HTTPStatus.OK and holds in answer.content


def token_of(account: Account, *, now: datetime) -> str:
    """Return a token of the account's person."""
    return tokens.sign(
        account.external_id, lifetime=_LIFETIME, is_sandbox=account.is_sandbox, now=now
    )

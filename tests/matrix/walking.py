"""Makes each request of the walk, and says where an answer departs from the table."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.apps import apps
from django.db import connection
from django.test import Client

from billing.accounts.models import ApiKey
from billing.http.authz import Policy
from billing.http.models import IdempotentAnswer
from billing.ids import new_id
from billing.operators.models import AccessRecord
from tests.matrix.callers import TEAM, Caller
from tests.matrix.cells import Cell, Verdict, is_platforms
from tests.matrix.ready import About, Ready
from tests.matrix.world import LIVE, canary, cell

_REFUSED: Final = {
    Verdict.UNKNOWN: HTTPStatus.UNAUTHORIZED,
    Verdict.NAMELESS: HTTPStatus.BAD_REQUEST,
    Verdict.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Verdict.ABSENT: HTTPStatus.NOT_FOUND,
}
# What a refusal may leave behind: that it was said, when a key was used, and who has looked.
_REMEMBERED: Final = (IdempotentAnswer, ApiKey, AccessRecord)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    kind: str
    text: str

    @property
    def code(self) -> str:
        """Return the code of a refusal; "" of anything else."""
        return str(json.loads(self.text)["code"]) if "problem" in self.kind else ""

    def without(self, cell_: Cell) -> tuple[int, str, str]:
        """Return it without what must differ: the request's own name, and the id it asked for."""
        text = self.text
        if "json" in self.kind:
            told = json.loads(text)
            told.pop("request_id", None)
            text = json.dumps(told, sort_keys=True)
        for name in cell_.ids.values():
            text = text.replace(name, "…")
        return self.status, self.kind, text


class Walk:
    """A walk through the cells of one operation; `deviations` are sentences."""

    def __init__(self, policy: Policy, path: str, method: str, ready: Ready) -> None:
        self._policy, self._ready = policy, ready
        self._path, self._method = path, method
        self._client = Client(raise_request_exception=False)
        self._unmoved = fingerprint()
        self.deviations: list[str] = []
        self.looked = 0
        self._absent: dict[tuple[str, bool], set[tuple[int, str, str]]] = {}

    def through(self, cells: Iterator[Cell]) -> None:
        """Ask each, and compare."""
        for one in cells:
            self.looked += 1
            with cell(), writes() as written:
                answer = self.ask(one)
                self._compare(one, answer)
                refused = one.verdict != Verdict.IN
                if refused and written and (moved := set(fingerprint()) - set(self._unmoved)):
                    names = ", ".join(sorted(table for table, _rows, _sum in moved))
                    self._say(one, f"something moved although it was refused ({names})", answer)
        for (caller, _by_header), told in self._absent.items():
            if len(told) > 1:
                self.deviations.append(f"{caller}: the absent do not look alike: {told}")

    def ask(self, one: Cell, body: Any = None) -> Answer:  # noqa: ANN401 (JSON)
        """Return what comes back; `body`, if it is said, stands in place of the good one."""
        headers = {"Idempotency-Key": new_id("key"), **one.caller.headers}
        if self._ready.about == About.TEAM:
            headers.pop(TEAM, None)  # it stands in the path
        content: dict[str, Any] = {}
        if self._method != "get":
            body = self._ready.body if body is None else body
            said = "" if body is None else json.dumps(filled(body, one.ids))
            content = {"data": said, "content_type": "application/json"}
        path = self._path
        for name, thing in self._ready.names.items():
            path = path.replace(f"{{{name}}}", one.ids[thing])
        came = getattr(self._client, self._method)(path, headers=headers, **content)
        raw = b"".join(came.streaming_content) if came.streaming else came.content
        return Answer(came.status_code, came.headers.get("Content-Type", ""), raw.decode("latin-1"))

    def _compare(self, one: Cell, answer: Answer) -> None:
        let_in = answer.status < HTTPStatus.BAD_REQUEST or answer.code in self._ready.after
        if one.verdict == Verdict.IN:
            if not let_in:
                self._say(one, "is not let in", answer)
        elif answer.status != _REFUSED[one.verdict]:
            self._say(one, f"must be told {one.verdict}", answer)
        if one.verdict == Verdict.ABSENT:
            by_header = one.kind.startswith("for ")
            told = self._absent.setdefault((str(one.caller), by_header), set())
            told.add(answer.without(one))
        for holder in self._strangers(one.caller):
            if canary(holder) in answer.text:
                self._say(one, f"is told what is {holder}'s", answer)

    def _strangers(self, caller: Caller) -> list[str]:
        """Return the holders of whom a caller must not hear a word."""
        beyond = "" if caller.side else LIVE
        unheard = [name + beyond for name in ("cleo", "dan", "fay", "ada", "studio")]
        unheard += [f"studio{beyond}/{name}" for name in ("cleo", "dan", "ada")]
        hears_all = caller.column == "platform" or is_platforms(self._policy, self._ready, caller)
        if self._ready.about == About.ADDRESS or hears_all:
            return unheard
        unheard += [name + caller.side for name in ("fay", "rival", "dan")]
        unheard += [] if caller.side else ["rival/fay"]
        return unheard if caller.sees_all else [*unheard, f"{caller.team}{caller.side}/dan"]

    def _say(self, one: Cell, what: str, answer: Answer) -> None:
        told = answer.text.encode("latin-1").decode("utf-8", "replace")[:300]
        self.deviations.append(f"{one}: {what}; was told {answer.status} {told}")


def filled(body: Any, ids: Mapping[str, str]) -> Any:  # noqa: ANN401 (JSON)
    """Return the body with ids in place of `"<kind>"`."""
    if isinstance(body, dict):
        return {name: filled(value, ids) for name, value in body.items()}
    if isinstance(body, str) and body.startswith("<"):
        return ids[body.strip("<>")]
    return body


@contextmanager
def writes() -> Iterator[list[str]]:
    """Yield what grows by each statement that may write."""
    seen: list[str] = []

    def note(execute: Any, sql: Any, *rest: Any) -> Any:  # noqa: ANN401 (Django's hook)
        if str(sql).lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            seen.append(str(sql))
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield seen


def fingerprint() -> list[tuple[str, int, int]]:
    """Return how many rows each table has, and a sum over them: what a refusal leaves alone."""
    tables = sorted(
        {
            model._meta.db_table
            for app in ("billing", "plans")
            for model in apps.get_app_config(app).get_models()
            if model not in _REMEMBERED
        }
    )
    parts = [
        f"SELECT '{table}', count(*), coalesce(sum(hashtext(t::text)::bigint), 0) FROM {table} t"
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        # Sorted here: what counts the tables side by side answers as each is done.
        return sorted((str(name), int(rows), int(total)) for name, rows, total in cursor.fetchall())

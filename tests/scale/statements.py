"""Which rows of a wallet a statement touches, and what of them it is bound to. Pure.

It reads SQL as Django and `billing/ledger/statements.py` write it, not all that SQL may be.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_VERBS: Final = ("select", "with", "insert", "update", "delete")
_TABLE: Final = re.compile(
    r'(?:\b(from|join|update|into|using)|,)\s+(?:only\s+)?"?((?:billing|plans)_\w+)\b"?(?!"?\.)'
    r'(?:\s+(?:as\s+)?"?(\w+)"?)?',
    re.IGNORECASE,
)
# What may follow a table without being its other name.
_WORDS: Final = frozenset(
    {
        *("where", "set", "on", "inner", "left", "right", "full", "cross", "join", "natural"),
        *("order", "group", "having", "limit", "offset", "fetch", "for", "union", "as"),
        *("using", "values", "select", "returning", "default"),
    }
)
_COLUMN: Final = r'(?<![\w".])(?:"?(\w+)"?\.)?"?([a-z_]\w*)"?'
_COMPARED: Final = re.compile(
    rf"{_COLUMN}\s*(?:=\s*(?:any\s*)?\(?|in\s*\()\s*(?:{_COLUMN}|[^\s\w\"])", re.IGNORECASE
)


_Place = tuple[str, str]  # the name of a table in a scope, and a column
_Pair = tuple[_Place, _Place]
# An account has one wallet: whoever names one has named the other.
_WALLET: Final = {"billing_wallet": ("id", "account_id")}


class Touch(NamedTuple):
    """One table in one statement.

    Attributes:
        verb: "insert", "update", or "read", which a deletion is too.
        columns: those that its rows are made with, or that are bound to values from outside of
            the statement, directly or by way of another table; of a table that has none, with
            which other columns it is joined: "billing_hold.grant_id".
    """

    table: str
    verb: str
    columns: frozenset[str]


def touches(sql: str) -> Iterator[Touch]:
    """Yield each table that a statement names, once for every place where it does."""
    for scope in _scopes(sql):
        names: dict[str, str] = {}
        verbs: dict[str, str] = {}
        for match in _TABLE.finditer(scope):
            verb, table, other = match.groups()
            if (verb or "").lower() == "into":
                yield Touch(table, "insert", _made(scope[match.end(2) :]))
                continue
            name = other if other and other.lower() not in _WORDS else table
            names[name] = table
            verbs.setdefault(name, "update" if (verb or "").lower() == "update" else "read")
        bound, equal = _compared(scope, names)
        for name, table in names.items():
            columns = {column for owner, column in bound if owner == name}
            joined = {
                f"{names[there[0]]}.{there[1]}"
                for pair in equal
                for here, there in (pair, pair[::-1])
                if here[0] == name != there[0]
            }
            yield Touch(table, verbs[name], frozenset(columns or joined))


def _made(rest: str) -> frozenset[str]:
    listed = re.search(r"\(([^()]*)\)", rest)
    return frozenset(re.findall(r"\w+", listed.group(1))) if listed else frozenset()


def _compared(scope: str, names: dict[str, str]) -> tuple[set[_Place], list[_Pair]]:
    """Return the columns that come down to outer values, and which are equal to each other."""
    conditions = re.split(r"\b(?:where|on)\b", scope, maxsplit=1, flags=re.IGNORECASE)[1:]
    only = next(iter(names)) if len(names) == 1 else ""
    bound: set[_Place] = set()
    equal: list[_Pair] = []
    for match in _COMPARED.finditer(conditions[0] if conditions else ""):
        one = (match.group(1) or only, match.group(2))
        other = (match.group(3) or only, match.group(4) or "")
        ours = [side for side in (one, other) if side[0] in names and side[1]]
        if len(ours) == 2:
            equal.append((one, other))
        else:
            bound |= set(ours)
    for name, table in names.items():
        equal += [((name, one), (name, other)) for one, other in [_WALLET.get(table, ("", ""))]]
    while more := {b for pair in equal for a, b in (pair, pair[::-1]) if a in bound} - bound:
        bound |= more
    return bound, equal


def _scopes(sql: str) -> list[str]:
    """Return each query by itself, without those that stand in it."""
    text = re.sub(r"'[^']*'", "''", re.sub(r"--[^\n]*", "", sql))
    done: list[str] = []
    open_: list[list[str]] = [[]]
    is_query: list[bool] = []
    for place, sign in enumerate(text):
        if sign == "(":
            inner = text[place + 1 : place + 40].lstrip().lower().startswith(_VERBS)
            is_query.append(inner)
            if inner:
                open_[-1].append("(?)")
                open_.append([])
                continue
        if sign == ")" and is_query.pop():
            done.append("".join(open_.pop()))
            continue
        open_[-1].append(sign)
    return [*done, *("".join(one) for one in open_)]

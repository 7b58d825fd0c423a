import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plans.catalog.positions import Path, positions

TRICKY = '''\
# a comment with = and [brackets]
title = "x # no comment" # one
"quoted key" = 1
'literal.key'.inner = [1, [2,
  3], # here
  "]"]
text = """
[not.a.table]
a = \\"""b
"""
more = \'\'\'
[[nor.this]]\'\'\'
when = 2026-11-23 12:00:00
point = { x = 1, "y z" = [ { deep = true }, { deep = false } ] }

[one.two]
a.b.c = 1
[[many]]
n = 1
  [[many.inner]]
  n = 2
  [[many.inner]]
  n = 3
  [many.inner.table]
  k = "\\u00e9\\""
[[many]]
n = 4
[many.sub]
z=5
'''


def paths_of(value: object, path: Path = ()) -> set[Path]:
    found = {path}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths_of(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            found |= paths_of(inner, (*path, number))
    return found


def test_every_key_of_a_tricky_text_is_found_on_its_line() -> None:
    lines = positions(TRICKY)

    assert set(lines) == paths_of(tomllib.loads(TRICKY))
    written = TRICKY.splitlines()
    assert {path: written[line - 1].strip() for path, line in lines.items() if "n" in path} == {
        ("many", 0, "n"): "n = 1",
        ("many", 0, "inner", 0, "n"): "n = 2",
        ("many", 0, "inner", 1, "n"): "n = 3",
        ("many", 1, "n"): "n = 4",
    }
    assert written[lines[("many", 1, "sub", "z")] - 1] == "z=5"
    assert written[lines[("one", "two", "a", "b", "c")] - 1] == "a.b.c = 1"
    assert written[lines[("literal.key", "inner", 1, 1)] - 1].strip().startswith("3]")


keys = st.text("ab.\"' #=[]é", min_size=1, max_size=4)
leaves = st.booleans() | st.integers(-9, 9) | st.text("ab\n\"'\\#[]{}=,é", max_size=6)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'


def spelled(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {spelled(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {spelled(item)}, # ]\n" for item in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower()


@given(
    st.dictionaries(keys, values, max_size=4), st.lists(st.dictionaries(keys, values), max_size=3)
)
def test_every_path_that_tomllib_reads_has_a_line(
    document: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    text = "".join(f"{quoted(key)} = {spelled(value)}\n" for key, value in document.items())
    for item in items:
        text += "[['the list']]\n"
        text += "".join(f"{quoted(key)} = {spelled(value)}\n" for key, value in item.items())
    read = tomllib.loads(text)

    lines = positions(text)

    assert set(lines) - {("the list",)} == paths_of(read) - {("the list",)}
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in lines.values())
    for path, line in lines.items():
        if path and isinstance(path[-1], str) and path != ("the list",):
            assert quoted(path[-1]) in text.splitlines()[line - 1]

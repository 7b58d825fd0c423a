"""Anyone can check a receipt, by the rule of docs/receipts.md; what was changed proves nothing."""

import base64
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from django.core.management import CommandError, call_command

from billing.receipts import verification
from billing.receipts.form import MEMBERS
from tests.architecture.tree import ROOT
from tests.receipts.conftest import Receipt

PAGE: Final = (ROOT / "docs" / "receipts.md").read_text(encoding="utf-8")
MUTANTS: Final = 500
LETTERS: Final = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFXYZ+/=-_.:,[]"{} 艾\u2028'


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def verify(folder: Path, *numbers: int, keys: str | None = "keys.json") -> str:
    """Return what the command says; it raises where something is wrong."""
    said = StringIO()
    files = [str(folder / f"receipt-{number}.json") for number in numbers]
    more = {} if keys is None else {"keys": folder / keys}
    try:
        call_command("verify_receipt", *files, stdout=said, **more)
    except CommandError as wrong:
        raise CommandError(f"{said.getvalue()}{wrong}", returncode=wrong.returncode) from None
    return said.getvalue()


def follow(folder: Path, receipt: Receipt, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Do what the page says with one receipt."""
    (folder / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
    return subprocess.run(  # noqa: S603 (our own page)
        command, cwd=folder, capture_output=True, text=True, check=False
    )


def changed(receipt: Receipt, chance: random.Random) -> Receipt:
    """Return the receipt with something else in it."""
    name = chance.choice([*MEMBERS, "signature"])
    text = receipt[name]
    place = chance.randrange(len(text))
    letter = chance.choice([one for one in LETTERS if one != text[place]])
    mutant = chance.choice(
        [
            text[:place] + letter + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + letter + text[place:],
            receipt[chance.choice([one for one in MEMBERS if receipt[one] != text])],
            "",
        ]
    )
    return {**receipt, name: mutant}


def test_the_page_says_how_in_python(folder: Path, receipts: list[Receipt]) -> None:
    command = [sys.executable, "-c", block("python")]

    for receipt in receipts:
        done = follow(folder, receipt, command)
        assert (done.stdout, done.stderr) == ("proven\n", "")
    forged = receipts[0]["facts"].replace("100000000", "900000000")
    assert forged != receipts[0]["facts"]
    assert follow(folder, {**receipts[0], "facts": forged}, command).returncode != 0


@pytest.mark.skipif(not (shutil.which("openssl") and shutil.which("jq")), reason="no such tools")
def test_the_page_says_how_in_a_shell(folder: Path, receipts: list[Receipt]) -> None:
    command = ["sh", "-c", block("sh")]

    for receipt in receipts[:2]:
        done = follow(folder, receipt, command)
        assert done.returncode == 0, done.stderr
    wrong = [("facts", receipts[1]["facts"]), ("digest", receipts[1]["digest"])]
    for name, said in wrong:
        assert follow(folder, {**receipts[0], name: said}, command).returncode != 0


def test_the_page_names_the_members_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?!free|held|outside)", PAGE, re.MULTILINE)

    assert rows[: len(MEMBERS) + 1] == [*MEMBERS, "signature"]


def test_no_changed_receipt_is_proven(folder: Path, receipts: list[Receipt]) -> None:
    keys = verification.read_keys((folder / "keys.json").read_text())
    chance = random.Random(4)

    for _number in range(MUTANTS):
        mutant = changed(chance.choice(receipts), chance)
        try:
            read = verification.read_receipt(json.dumps(mutant))
        except verification.Unreadable:
            continue
        assert list(verification.flaws(read, keys)), mutant


def test_the_command_proves_a_whole_wallet(folder: Path) -> None:
    said = verify(folder, 3, 1, 2, 5, 4)

    assert "entry 3 of wallet wa_" in said
    assert "capture of 20 credits" in said
    assert said.endswith("All is proven.\n")


def test_the_command_names_what_lies_between(folder: Path) -> None:
    assert "entries 2 to 4 have no receipt here" in verify(folder, 1, 5)


def test_without_keys_nothing_is_called_proven(folder: Path) -> None:
    with pytest.raises(CommandError, match="no signature was checked") as refused:
        verify(folder, 1, keys=None)

    assert refused.value.returncode == 2


def altered(folder: Path, number: int, alter: Callable[[Receipt], object]) -> None:
    file = folder / f"receipt-{number}.json"
    receipt = json.loads(file.read_text())
    alter(receipt)
    file.write_text(json.dumps(receipt))


def said(receipt: Receipt, place: int, other: object) -> str:
    """Return the facts with something else at one place."""
    facts = json.loads(receipt["facts"])
    facts[place] = other
    return json.dumps(facts)


@pytest.mark.parametrize(
    ("alter", "sentence"),
    [
        (lambda r: r.update(account="eve"), "not what was signed"),
        (lambda r: r.update(realm="sandbox"), "not what was signed"),
        (lambda r: r.update(kid="rk_0"), "not among the known ones"),
        (lambda r: r.update(issued_at="2001-01-01T00:00:00+00:00"), "was not in use"),
        (lambda r: r.update(issued_at="2001-01-01"), "was not in use"),
        (lambda r: r.update(alg="none"), "does not know"),
        (lambda r: r.update(wallet="wa_0"), "another wallet"),
        (lambda r: r.update(digest="0" * 64), "do not lead"),
        (lambda r: r.update(facts="[1]"), "no entry of a ledger"),
        (lambda r: r.update(facts="[" * 100_000), "no entry of a ledger"),
        (lambda r: r.update(facts=said(r, 0, ["w"])), "no entry of a ledger"),
        (lambda r: r.update(facts=said(r, 2, ["grant"])), "no entry of a ledger"),
        (lambda r: r.update(facts=said(r, -1, "2026-01-01T00:00:00")), "no entry of a ledger"),
        (lambda r: r.pop("realm"), "no receipt"),
        (lambda r: r.update(more="1"), "no receipt"),
        (lambda r: r.update(digest=1), "digest is no text"),
        (lambda r: r.update(account="a\nb"), "account is no text"),
    ],
)
def test_each_way_to_be_wrong_has_its_words(
    folder: Path, alter: Callable[[Receipt], object], sentence: str
) -> None:
    altered(folder, 2, alter)

    with pytest.raises(CommandError, match=sentence) as refused:
        verify(folder, 2)

    assert refused.value.returncode == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "a", "type": "a"}', "\x00"])
def test_what_is_no_receipt_is_said_to_be_none(folder: Path, text: str) -> None:
    (folder / "receipt-1.json").write_text(text)

    with pytest.raises(CommandError, match="This is no"):
        verify(folder, 1)


def test_a_key_under_anothers_name_is_refused(folder: Path) -> None:
    keys = json.loads((folder / "keys.json").read_text())
    keys["data"][0]["kid"] = "rk_" + hashlib.sha256(b"another").hexdigest()[:32]
    (folder / "keys.json").write_text(json.dumps(keys))

    with pytest.raises(CommandError, match="no list of keys"):
        verify(folder, 1)


@pytest.mark.parametrize("other", [5, None, "2026-01-01T00:00:00+00:00"])
def test_what_is_no_key_is_said_to_be_none(folder: Path, other: object) -> None:
    (folder / "keys.json").write_text(json.dumps({"data": [{"public_key": other}]}))

    with pytest.raises(CommandError, match="no list of keys"):
        verify(folder, 1)


def told(seq: int, available: int, *, previous: str, amount: int = 5) -> Receipt:
    """Return an unsigned receipt of a wallet, to look at the chain alone."""
    at = f"2026-01-01T00:00:0{seq}.000000+00:00"
    moved = ["wa_1", seq, "grant", amount, "gr_1", None, available, 0]
    facts = json.dumps([*moved, "job", "j", "user", "u", at], separators=(",", ":"))
    digest = hashlib.sha256(bytes.fromhex(previous) + facts.encode()).hexdigest()
    return {"wallet": "wa_1", "facts": facts, "previous_digest": previous, "digest": digest}


def test_receipts_of_one_wallet_contradict_each_other() -> None:
    one = told(1, 5, previous="0" * 64)
    two = told(2, 10, previous=one["digest"])
    other_one = told(1, 6, previous="0" * 64, amount=6)

    assert list(verification.flaws_between([two, one])) == []
    [forked] = verification.flaws_between([one, other_one])
    assert "told in two ways" in forked
    unlinked = list(verification.flaws_between([other_one, two]))
    assert len(unlinked) == 2
    assert "does not follow" in unlinked[0]
    assert "balances" in unlinked[1]


def test_the_command_needs_no_server(folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 (our own program)
        [
            *(sys.executable, str(ROOT / "manage.py"), "--embedded", "verify_receipt"),
            *("receipt-1.json", "receipt-2.json", "--keys", "keys.json"),
        ],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "DATA_DIR": "/nonexistent/no/server"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["All is proven."]), done.stderr


def test_another_spelling_of_the_same_signature_is_another_receipt(
    folder: Path, receipts: list[Receipt]
) -> None:
    keys = verification.read_keys((folder / "keys.json").read_text())
    usual = receipts[0]["signature"]
    last = usual[-3]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    respelt = usual[:-3] + letters[letters.index(last) ^ 1] + "=="

    assert base64.b64decode(respelt) == base64.b64decode(usual)
    assert list(verification.flaws({**receipts[0], "signature": respelt}, keys))

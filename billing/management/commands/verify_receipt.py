"""`verify_receipt FILE... --keys KEYS`: whether receipts prove what they say, without any server.

Ends with 0 when all is proven, with 1 when something is wrong, and with 2 when nothing is wrong
but the signatures were not checked, for want of keys.
"""

from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from billing.receipts import verification
from billing.receipts.verification import Key, Unreadable
from plans.credits import format_micros

_WRONG: Final = 1
_UNPROVEN: Final = 2


class Command(BaseCommand):
    """Asks no server and no database."""

    help = "Check signed receipts offline; several of one wallet are also checked as a chain."
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the files, the keys, and the language to answer in."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--keys", type=Path, help="What GET /v1/receipt-keys answers, saved.")
        parser.add_argument("--language", default="en", help="en or zh-hans.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what is wrong, file by file and between them, or that all is proven."""
        with translation.override(options["language"]):
            self._verify(options["files"], options["keys"])

    def _verify(self, files: list[Path], keys_file: Path | None) -> None:
        keys = None if keys_file is None else self._keys(keys_file)
        receipts: list[dict[str, str]] = []
        wrong = 0
        for file in files:
            try:
                receipt = verification.read_receipt(_text(file))
            except Unreadable as refusal:
                found = [str(refusal)]
            else:
                receipts.append(receipt)
                found = list(verification.flaws(receipt, keys))
                if not found:
                    self.stdout.write(f"{file}: {_said(receipt)}")
            wrong += len(found)
            for flaw in found:
                self.stdout.write(_("%(file)s: WRONG: %(flaw)s") % {"file": file, "flaw": flaw})
        for flaw in verification.flaws_between(receipts):
            wrong += 1
            self.stdout.write(_("WRONG: %(flaw)s") % {"flaw": flaw})
        for wallet, first, last in verification.gaps(receipts):
            self.stdout.write(
                _("Wallet %(wallet)s: entries %(first)s to %(last)s have no receipt here.")
                % {"wallet": wallet, "first": first, "last": last}
            )
        if wrong:
            raise CommandError(
                _("%(count)s things are wrong.") % {"count": wrong}, returncode=_WRONG
            )
        if keys is None:
            raise CommandError(
                _(
                    "Nothing is wrong, but no signature was checked: save what "
                    "GET /v1/receipt-keys answers, and name the file by --keys."
                ),
                returncode=_UNPROVEN,
            )
        self.stdout.write(_("All is proven."))

    def _keys(self, file: Path) -> dict[str, Key]:
        try:
            return verification.read_keys(_text(file))
        except Unreadable as refusal:
            raise CommandError(f"{file}: {refusal}", returncode=_WRONG) from refusal


def _text(file: Path) -> str:
    """Return a file's text.

    Raises:
        Unreadable: there is none.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as problem:
        raise Unreadable(_("It cannot be read.")) from problem


def _said(receipt: dict[str, str]) -> str:
    facts = verification.facts_of(receipt)
    assert facts is not None, "it has no flaw"
    return _(
        "entry %(seq)s of wallet %(wallet)s (account %(account)s, %(realm)s): %(kind)s of "
        "%(credits)s credits at %(at)s; good."
    ) % {
        **receipt,
        "seq": facts.seq,
        "kind": facts.kind,
        "credits": format_micros(facts.amount_micros),
        "at": facts.effective_at.isoformat(),
    }

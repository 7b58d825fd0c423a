"""The words of the page that are the same for every account."""

from django.utils.translation import gettext as _


def says() -> dict[str, str]:
    """Return them, by the place where they stand."""
    return {
        "window": _("As a row"),
        "who": _("Who it is"),
        "acts": _("What can be done"),
        "balance": _("Balance"),
        "free": _("credits free to spend"),
        "as_of": _("as of"),
        "sources": _("Free, by source"),
        "source": _("source"),
        "credits": _("credits"),
        "expiring": _("What ends when"),
        "ends": _("ends at"),
        "nothing_ends": _("Nothing of it ends by itself."),
        "no_wallet": _("Nothing was ever given to it or spent: it has no wallet yet."),
        "why": _("Why it is so"),
        "since": _("Told since"),
        "since_hint": _("30d, 12h, 2026-11-01; empty: since it was empty last"),
        "tell": _("Tell"),
        "course": _("The last 30 days"),
        "as_table": _("The same as a table"),
        "at": _("at"),
        "grants": _("Grants along time"),
        "no_grants": _("Nothing was granted yet."),
        "holds": _("Newest holds"),
        "no_holds": _("Nothing was set aside yet."),
        "all": _("all of them"),
        "empty": _("What has not been yet"),
        "notes": _("Notes"),
        "no_notes": _("Nobody has written a note on it yet."),
        "note_says": _("Plain text; it stays as it is. Operators read it, the account does not."),
        "write": _("Write the note"),
        "sections": _("On this page"),
    }

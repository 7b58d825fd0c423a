"""The sentences of the pricing lab; its templates have none of their own, so each is translated."""

from django.utils.translation import gettext as _


def says() -> dict[str, str]:
    """Return what the pages of the lab say."""
    return {**_of_drafts(), **_of_effects(), **_of_accounts(), **_of_publishing()}


def _of_drafts() -> dict[str, str]:
    """What the pages of drafts say."""
    return {
        "new": _("New draft"),
        "drafts": _("Drafts"),
        "name": _("name"),
        "begun_from": _("begun from"),
        "revision": _("revision"),
        "by": _("by"),
        "saved_at": _("saved at"),
        "no_drafts": _(
            "No draft yet. Begin one from the catalog in force, change a price, and see what "
            "it would have made of the last 30 days before anybody pays it."
        ),
        "waiting": _("Waiting for a decision"),
        "begins_at": _("in force from"),
        "asked_by": _("requested by"),
        "start": _("Begin from"),
        "begin": _("Begin"),
        "back": _("All drafts"),
        "save": _("Save"),
        "check": _("Check everything"),
        "note": _("What you changed (for the list of revisions)"),
        "text_help": _(
            "The whole catalog as TOML. What is wrong is told while you type; the button also"
            " tries sample orders, which may take some seconds."
        ),
        "fine": _("Nothing is wrong."),
        "line": _("line"),
        "problem": _("problem"),
        "hint": _("hint"),
        "note_severity": _("note"),
        "prices_help": _(
            "Type a new amount where one shall change, then save: it is put into the text, "
            "and comments and spacing stay."
        ),
        "orders": _("for orders with"),
        "amounts": _("amounts"),
        "only_look": _("You may look at drafts, and not change them."),
        "no_prices": _("Nothing here has an amount."),
        "changes_help": _("What this draft changes against the catalog in force."),
        "no_changes": _("Nothing: the draft says what is in force."),
        "revisions": _("Revisions"),
        "no_lines": _("This is the first: nothing stands before it."),
        "conflict": _(
            "Your text is not saved. Somebody else has saved this draft since you opened it; "
            "both texts are kept. Below is how yours differs from his: take over what you "
            "want, then save again."
        ),
        "your_text": _("Your text"),
        "their_text": _("The saved text"),
        "save_mine": _("Save my text as the next revision"),
    }


def _of_effects() -> dict[str, str]:
    """What the pages of effects say."""
    return {
        "since": _("Jobs from"),
        "until": _("to"),
        "as_of": _("At the prices of the week of (empty: of their own day)"),
        "start_run": _("Put it beside today's catalog"),
        "effect_help": _(
            "The jobs that really succeeded in that time, each priced by the catalog in force"
            " and by this draft. A worker does it; the result is kept."
        ),
        "runs": _("Results"),
        "no_runs": _("No result yet."),
        "state": _("state"),
        "jobs": _("jobs"),
        "range": _("jobs of"),
        "requested_at": _("requested at"),
        "running": _("A worker is at it; this page looks again by itself."),
        "of": _("of"),
        "failed": _("It failed. Start it again; the log says more."),
        "old_result": _(
            "This result is out of date: the draft, or the catalog in force, has become "
            "another since."
        ),
        "beside": _("beside"),
        "today": _("today"),
        "draft": _("draft"),
        "change": _("change"),
        "credits": _("credits"),
        "revenue": _("revenue"),
        "margin": _("margin"),
        "accounts": _("Accounts"),
        "pay_more": _("pay more"),
        "pay_less": _("pay less"),
        "pay_same": _("pay the same"),
        "account": _("account"),
    }


def _of_accounts() -> dict[str, str]:
    """What the pages of effects say of accounts, and of sharing."""
    return {
        "most_more": _("Who pays most more"),
        "most_less": _("Who pays most less"),
        "dry": _("Free accounts that run dry"),
        "dry_looked": _("free accounts looked at"),
        "dry_newly": _("run dry who do not today"),
        "dry_sooner": _("run dry sooner"),
        "dry_later": _("run dry later or not at all"),
        "dry_old": _("runs dry today at"),
        "dry_new": _("by the draft at"),
        "days": _("days sooner"),
        "dry_orders": _("more orders that could not be paid"),
        "dry_help": _(
            "Each free account's orders, paid from what it had and got in that time, with the"
            " draft's allowances. Nobody was asked whether he would have ordered all the "
            "same."
        ),
        "lost": _("Orders that the draft does not take"),
        "lost_help": _("They stand in no sum above."),
        "reason": _("reason"),
        "brings": _("bring today"),
        "not_sold": _("jobs have no price today either, and are left out"),
        "nothing_lost": _("None."),
        "csv": _("Download as CSV"),
        "chart": _(
            "Bars of credits on the same jobs, today and by the draft; the numbers stand in "
            "the tables."
        ),
        "share": _("Share with people without an account here"),
        "share_help": _(
            "Whoever has the link sees the sums, without any account's name, until it ends."
        ),
        "share_days": _("days"),
        "share_make": _("Make a link"),
        "share_revoke": _("Take back"),
        "share_until": _("until"),
    }


def _of_publishing() -> dict[str, str]:
    """What the pages of publishing say."""
    return {
        "publish_help": _(
            "Another person decides on it: a catalog manager or finance. Until then nothing "
            "changes."
        ),
        "begins": _("In force from"),
        "zone": _("time zone"),
        "why": _("Reason"),
        "audience": _("Who is told, by letter and event"),
        "text_en": _("What they read, in English"),
        "text_zh": _("What they read, in Chinese"),
        "look": _("Preview"),
        "ask": _("Request publication"),
        "preview": _("What would happen"),
        "after": _("after"),
        "effect": _("Effect"),
        "no_effect": _("No result for this revision yet: look at its effect first."),
        "see_effect": _("See it whole"),
        "letters": _("What people would read"),
        "requests": _("Requests"),
        "no_requests": _("None yet."),
        "told": _("who is told"),
        "decided_by": _("decided by"),
        "text_both": _("A text in both languages is needed where somebody is told."),
        "shared_note": _("Made of real jobs; accounts are not named."),
        "taken_back": _("taken back by"),
        "all_told": _("all told at"),
        "why_so": _("Why you decide so"),
    }

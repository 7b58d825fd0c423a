"""Changes of plan, and the credits that are held until they are paid and carried out."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.insights.reconcile.drift import Comparison

CHANGES: Final = (
    Comparison(
        "hold_without_change",
        ("holds", "changes of plan"),
        _("it is held for %(first)s, and there is %(second)s of that name."),
        _("Nothing here deletes such a row: restore it from a backup."),
        """SELECT h.id, h.reference, NULL FROM billing_hold h
           LEFT JOIN billing_planchange p ON p.hold_id = h.id AND h.reference = 'change:' || p.id
           WHERE h.reference LIKE 'change:%%' AND p.id IS NULL AND h.created_at >= %(since)s""",
    ),
    Comparison(
        "change_end",
        ("changes of plan", "holds"),
        _("the change is %(first)s, and the hold of what is taken off its price is %(second)s."),
        _("The entries are chained and cannot have changed: restore the other row from a backup."),
        """SELECT p.id, p.state, h.state
           FROM billing_planchange p JOIN billing_hold h ON h.id = p.hold_id
           WHERE p.created_at >= %(since)s AND (p.ended_at IS NULL) <> (h.state = 'open')""",
    ),
    Comparison(
        "change_stuck",
        ("changes of plan", "Stripe"),
        _("the change is %(first)s for more than a day, and nothing goes on with it."),
        _("The log says why (change_stumbled); the sweep goes on once that is mended."),
        """SELECT p.id, p.state, NULL FROM billing_planchange p
           WHERE p.ended_at IS NULL AND p.created_at < now() - interval '25 hours'""",
    ),
)

"""Wallets, grants and debts against the entries that made them what they are."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.insights.reconcile.drift import Comparison

_LEDGER_IS_RIGHT: Final = _(
    "The entries are chained and cannot have changed: restore the other row from a backup."
)
_RESTORE: Final = _("Nothing here deletes such a row: restore it from a backup.")
_SUM: Final = """COALESCE(sum(CASE '{0}' WHEN e.target THEN e.amount_micros
    WHEN e.source THEN -e.amount_micros ELSE 0 END), 0)"""
_BUCKETS: Final = ("available", "held", "captured", "expired", "revoked", "transferred")


def _bucket(name: str) -> Comparison:
    return Comparison(
        f"grant_{name}",
        ("grants", "entries"),
        _("the grant says %(first)s in one of its parts, and by the entries it is %(second)s."),
        _LEDGER_IS_RIGHT,
        f"""SELECT g.id, g.{name}_micros, s.total FROM billing_grant g
           JOIN billing_wallet w ON w.id = g.wallet_id LEFT JOIN LATERAL (
               SELECT {_SUM.format(name)} total
               FROM billing_entry e WHERE e.grant_id = g.id) s ON true
           WHERE w.touched_at >= %(since)s AND g.{name}_micros <> s.total""",  # noqa: S608 (constants)
    )


def _balance(name: str) -> tuple[Comparison, Comparison]:
    return (
        Comparison(
            f"wallet_{name}",
            ("wallets", "entries"),
            _("the wallet says %(first)s, and by its entries it is %(second)s."),
            _LEDGER_IS_RIGHT,
            f"""SELECT w.id, w.{name}_micros, s.total FROM billing_wallet w LEFT JOIN LATERAL (
                   SELECT {_SUM.format(name)} total
                   FROM billing_entry e WHERE e.wallet_id = w.id) s ON true
               WHERE w.touched_at >= %(since)s AND w.{name}_micros <> s.total""",  # noqa: S608 (constants)
        ),
        Comparison(
            f"wallet_{name}_of_grants",
            ("wallets", "grants"),
            _("the wallet says %(first)s, and its grants add up to %(second)s."),
            _LEDGER_IS_RIGHT,
            f"""SELECT w.id, w.{name}_micros, s.total FROM billing_wallet w LEFT JOIN LATERAL (
                   SELECT COALESCE(sum(g.{name}_micros), 0) total
                   FROM billing_grant g WHERE g.wallet_id = w.id) s ON true
               WHERE w.touched_at >= %(since)s AND w.{name}_micros <> s.total""",  # noqa: S608 (constants)
        ),
    )


WALLETS: Final = (
    *_balance("available"),
    *_balance("held"),
    Comparison(
        "wallet_entries",
        ("wallets", "entries"),
        _("the wallet has %(first)s entries, and there are %(second)s."),
        _RESTORE,
        """SELECT w.id, w.seq::text, s.n::text FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT count(*) n FROM billing_entry e WHERE e.wallet_id = w.id) s ON true
           WHERE w.touched_at >= %(since)s AND w.seq <> s.n""",
    ),
    Comparison(
        "wallet_debt",
        ("wallets", "debts"),
        _("the wallet owes %(first)s, and its debts add up to %(second)s."),
        _LEDGER_IS_RIGHT,
        """SELECT w.id, w.debt_micros, s.missing FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros - paid_micros), 0) missing
               FROM billing_debt d WHERE d.wallet_id = w.id) s ON true
           WHERE w.touched_at >= %(since)s AND w.debt_micros <> s.missing""",
    ),
    Comparison(
        "debt_paid",
        ("debts", "entries"),
        _("the debt says that %(first)s were paid, and the entries paid %(second)s."),
        _LEDGER_IS_RIGHT,
        """SELECT d.id, d.paid_micros, s.paid FROM billing_debt d
           JOIN billing_wallet w ON w.id = d.wallet_id LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) paid FROM billing_entry e
               WHERE e.wallet_id = d.wallet_id AND e.kind = 'repay' AND e.cause_id = d.id) s
             ON true
           WHERE w.touched_at >= %(since)s AND d.paid_micros <> s.paid""",
    ),
)

GRANTS: Final = (
    *(_bucket(name) for name in _BUCKETS),
    Comparison(
        "grant_parts",
        ("grants", "entries"),
        _("the grant is of %(first)s, and its parts add up to %(second)s."),
        _LEDGER_IS_RIGHT,
        """SELECT g.id, g.amount_micros, s.total FROM billing_grant g
           JOIN billing_wallet w ON w.id = g.wallet_id CROSS JOIN LATERAL (
               SELECT g.pending_micros + g.available_micros + g.held_micros + g.captured_micros
                    + g.expired_micros + g.revoked_micros + g.transferred_micros total) s
           WHERE w.touched_at >= %(since)s AND g.amount_micros <> s.total""",
    ),
)

"""Organizations, and credits that go from wallet to wallet."""

from typing import Final

CHECKS: Final = (
    (
        "I2",
        "what left the grant for another wallet is not what arrived there, or is under way",
        """SELECT g.id FROM billing_grant g LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) went
               FROM billing_transferpart p WHERE p.source_id = g.id) s ON true
           WHERE s.went > g.transferred_micros
              OR (s.went < g.transferred_micros AND NOT g.goes_back)""",
    ),
    (
        "I2",
        "the transfer is not the sum of its parts, or a part not what its grant is",
        """SELECT t.id FROM billing_transfer t
           LEFT JOIN billing_transferpart p ON p.transfer_id = t.id
           LEFT JOIN billing_grant x ON x.id = p.source_id
           LEFT JOIN billing_grant y ON y.id = p.target_id
           GROUP BY t.id
           HAVING t.amount_micros IS DISTINCT FROM sum(p.amount_micros)
               OR bool_or(y.amount_micros <> p.amount_micros OR x.wallet_id <> t.sender_id
                          OR y.wallet_id <> t.receiver_id)""",
    ),
    (
        "I2",
        "more came back of the allotment than was lent, or it is closed and something is left",
        """SELECT a.id FROM billing_allotment a
           JOIN billing_transfer t ON t.id = a.transfer_id
           LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) brought
               FROM billing_transfer r WHERE r.returns_id = t.id) b ON true
           LEFT JOIN LATERAL (
               SELECT sum(g.pending_micros + g.available_micros + g.held_micros) rest,
                      sum(g.transferred_micros) went
               FROM billing_transferpart p JOIN billing_grant g ON g.id = p.target_id
               WHERE p.transfer_id = t.id) l ON true
           WHERE b.brought > l.went OR t.kind <> 'allotment'
              OR (a.closed_at IS NOT NULL AND (l.rest > 0 OR b.brought <> l.went))""",
    ),
    (
        "I34",
        "the organization has no owner, or more members than seats",
        """SELECT o.id FROM billing_organization o
           LEFT JOIN LATERAL (
               SELECT count(*) n, count(*) FILTER (WHERE role = 'owner') owners
               FROM billing_membership m
               WHERE m.organization_id = o.id AND m.state = 'active') s ON true
           LEFT JOIN billing_subscription b
             ON b.account_id = o.account_id AND b.ended_at IS NULL
           WHERE s.owners = 0 OR s.n > b.seats""",
    ),
    (
        "I34",
        "the job was ordered by no member of those who pay for it",
        """SELECT j.id FROM billing_job j JOIN billing_membership m ON m.id = j.member_id
           JOIN billing_organization o ON o.id = m.organization_id
           WHERE j.account_id NOT IN (m.account_id, o.account_id)""",
    ),
)

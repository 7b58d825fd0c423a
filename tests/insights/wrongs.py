"""What a superuser might write past the product on each side, and which comparison says so."""

from typing import Final, NamedTuple


class Wrong(NamedTuple):
    """What a superuser writes, which comparisons say so, and of which row."""

    sql: str
    codes: set[str]
    row: str


JOB = "(SELECT min(id) FROM billing_job)"
HOLD = f"(SELECT hold_id FROM billing_job WHERE id = {JOB})"
CAPTURE = f"(SELECT min(id) FROM billing_entry WHERE kind = 'capture' AND hold_id = {HOLD})"
OPEN = "(SELECT min(id) FROM billing_hold WHERE state = 'open')"
WALLET = "(SELECT w.id FROM billing_wallet w JOIN billing_account a ON a.id = w.account_id WHERE a.external_id = 'ada')"  # noqa: E501 (one statement)
BOUGHT = "(SELECT min(id) FROM billing_packpurchase)"
BOUGHT_GRANT = f"(SELECT grant_id FROM billing_packpurchase WHERE id = {BOUGHT})"
BONUS_GRANT = f"(SELECT bonus_grant_id FROM billing_packpurchase WHERE id = {BOUGHT})"
SHARE = "(SELECT min(id) FROM billing_campaigngrant)"
DEBT = "(SELECT min(id) FROM billing_debt)"
PLAN = "(SELECT id FROM billing_purchase WHERE kind = 'plan')"
PAID = "(SELECT subscription_id FROM billing_paidperiod)"
SUBSCRIPTION = "(SELECT min(id) FROM billing_subscription)"
CHANGE = "(SELECT id FROM billing_planchange)"

CONTRACT = "(SELECT max(id) FROM billing_contract)"
ANOTHER = (
    """jsonb_populate_record(c, '{"id": "ct_zz", "stripe_id": "sub_zz", "checkout_id": null}')"""
)

WRONGS: Final = [
    Wrong(
        f"UPDATE billing_hold SET reference = 'change:of_nobody' WHERE id = {OPEN}",
        {"hold_without_change"},
        OPEN,
    ),
    Wrong(
        "UPDATE billing_planchange SET state = 'failed', ended_at = now()", {"change_end"}, CHANGE
    ),
    Wrong(
        "UPDATE billing_planchange SET created_at = now() - interval '26 hours'",
        {"change_stuck"},
        CHANGE,
    ),
    Wrong(
        f"INSERT INTO billing_contract SELECT ({ANOTHER}).* FROM billing_contract c",
        {"contract_beside_another"},
        "'ct_zz'",
    ),
    Wrong(
        "UPDATE billing_contract SET superseded_at = now() - interval '2 hours'",
        {"contract_superseded_and_collected"},
        CONTRACT,
    ),
    Wrong(
        f"UPDATE billing_purchase SET subscription_id = NULL WHERE id = {PLAN}",
        {"paid_in_vain_and_kept"},
        PLAN,
    ),
    Wrong(
        f"UPDATE billing_purchase SET kind = 'top_up' WHERE id = {PLAN}",
        {"paid_in_vain_and_kept"},
        PLAN,
    ),
    Wrong("DELETE FROM billing_paidperiod", {"period_paid_and_not_given"}, PLAN),
    Wrong(
        f"UPDATE billing_purchase SET period_starts_at = paid_at + interval '1s' WHERE id = {PLAN}",
        {"period_paid_and_not_given", "period_given_and_not_paid"},
        PAID,
    ),
    Wrong(
        f"DELETE FROM billing_hold WHERE id = {HOLD}",
        {"job_without_hold", "entry_of_another_hold"},
        JOB,
    ),
    Wrong(
        f"DELETE FROM billing_job WHERE id = {JOB}", {"hold_without_job", "entry_without_job"}, HOLD
    ),
    Wrong(
        f"UPDATE billing_hold SET reference = 'job:other' WHERE id = {HOLD}",
        {"job_of_another_hold"},
        JOB,
    ),
    Wrong(f"UPDATE billing_job SET finished_at = NULL WHERE id = {JOB}", {"job_end"}, JOB),
    Wrong(f"UPDATE billing_job SET quoted_micros = 99000000 WHERE id = {JOB}", {"job_price"}, JOB),
    Wrong(
        f"UPDATE billing_job SET charged_micros = charged_micros + 1 WHERE id = {JOB}",
        {"job_charge", "job_spent"},
        JOB,
    ),
    Wrong(f"UPDATE billing_job SET overrun_micros = 7 WHERE id = {JOB}", {"job_overrun"}, JOB),
    Wrong(
        f"UPDATE billing_entry SET cause_id = 'job_of_nobody' WHERE id = {CAPTURE}",
        {"job_spent", "entry_without_job"},
        JOB,
    ),
    Wrong(
        f"UPDATE billing_hold SET amount_micros = amount_micros + 1 WHERE id = {HOLD}",
        {"hold_taken", "hold_parts"},
        HOLD,
    ),
    Wrong(
        f"UPDATE billing_hold SET captured_micros = captured_micros - 1 WHERE id = {HOLD}",
        {"hold_spent", "job_charge"},
        HOLD,
    ),
    Wrong(f"UPDATE billing_hold SET state = 'released' WHERE id = {OPEN}", {"hold_end"}, OPEN),
    Wrong(
        "UPDATE billing_allocation SET amount_micros = amount_micros + 1"
        f" WHERE id = (SELECT min(id) FROM billing_allocation WHERE hold_id = {HOLD})",
        {"hold_parts"},
        HOLD,
    ),
    Wrong(
        f"UPDATE billing_entry SET hold_id = 'ho_of_nobody' WHERE id = {CAPTURE}",
        {"entry_of_another_hold", "hold_spent", "hold_end"},
        CAPTURE,
    ),
    Wrong(
        f"UPDATE billing_wallet SET available_micros = available_micros + 1 WHERE id = {WALLET}",
        {"wallet_available", "wallet_available_of_grants"},
        WALLET,
    ),
    Wrong(
        f"UPDATE billing_wallet SET held_micros = held_micros + 1 WHERE id = {WALLET}",
        {"wallet_held", "wallet_held_of_grants"},
        WALLET,
    ),
    Wrong(
        f"UPDATE billing_wallet SET debt_micros = debt_micros + 1 WHERE id = {WALLET}",
        {"wallet_debt"},
        WALLET,
    ),
    Wrong(
        "DELETE FROM billing_entry WHERE id ="
        " (SELECT id FROM billing_entry WHERE kind = 'grant' ORDER BY id LIMIT 1)",
        {"wallet_entries", "wallet_available", "grant_available"},
        WALLET,
    ),
    Wrong(
        f"UPDATE billing_debt SET paid_micros = 1 WHERE id = {DEBT}",
        {"debt_paid", "wallet_debt"},
        DEBT,
    ),
    *(
        Wrong(
            f"UPDATE billing_grant SET {part}_micros = {part}_micros + 1 WHERE id = {BOUGHT_GRANT}",
            {f"grant_{part}", "grant_parts"} | more,
            BOUGHT_GRANT,
        )
        for part, more in (
            ("available", {"wallet_available_of_grants"}),
            ("held", {"wallet_held_of_grants"}),
            *((part, set()) for part in ("captured", "expired", "revoked", "transferred")),
        )
    ),
    Wrong(
        f"UPDATE billing_packpurchase SET credits_micros = 1 WHERE id = {BOUGHT}",
        {"purchase_credits"},
        BOUGHT,
    ),
    Wrong(
        f"UPDATE billing_packpurchase SET bonus_micros = 1 WHERE id = {BOUGHT}",
        {"purchase_bonus"},
        BOUGHT,
    ),
    Wrong(
        f"UPDATE billing_packpurchase SET paid_micros = 1 WHERE id = {BOUGHT}",
        {"purchase_paid", "paid_otherwise"},
        BOUGHT,
    ),
    Wrong(
        "UPDATE billing_packpurchase SET account_id ="
        f" (SELECT id FROM billing_account WHERE external_id = 'eve') WHERE id = {BOUGHT}",
        {"purchase_owner"},
        BOUGHT,
    ),
    Wrong(
        f"DELETE FROM billing_packpurchase WHERE id = {BOUGHT}",
        {"grant_without_sale", "paid_for_nothing"},
        BOUGHT_GRANT,
    ),
    Wrong(
        f"UPDATE billing_campaigngrant SET amount_micros = 1 WHERE id = {SHARE}",
        {"campaign_credits", "campaign_budget"},
        SHARE,
    ),
    Wrong("UPDATE billing_campaignbudget SET granted_micros = 1", {"campaign_budget"}, "'spring'"),
    Wrong(
        f"UPDATE billing_subscription SET ended_at = now() WHERE id = {SUBSCRIPTION}",
        {"allowance_of_an_ended_subscription"},
        SUBSCRIPTION,
    ),
]

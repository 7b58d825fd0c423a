"""What somebody with every right could do to the rows of a good end, and the rule that must see it.

Of the rows of `world.py`: {job} succeeded, {canceled} did not; {gift} and {claim} are grants of the
first customer, whose wallet is {wallet}; {other} and {poor} are other wallets, {refused} is the
number of an order that was refused.
"""

from collections.abc import Mapping, Sequence
from typing import Final


def _change(table: str, change: str, row: str) -> str:
    return f"UPDATE billing_{table} SET {change} WHERE {row}"


def _delete(table: str, row: str) -> str:
    return f"DELETE FROM billing_{table} WHERE {row}"


def _double(table: str, changes: str, row: str) -> str:
    """Return what adds a row which is another but for some columns, written as JSON."""
    return (
        f"INSERT INTO billing_{table} SELECT (jsonb_populate_record(t, '{changes}')).*"
        f" FROM billing_{table} AS t WHERE {row}"
    )


_JOB: Final = "id = '{job}'"
_CANCELED: Final = "id = '{canceled}'"
_GIFT: Final = "id = '{gift}'"
_WALLET: Final = "id = '{wallet}'"
_OF_JOB: Final = "hold_id = (SELECT hold_id FROM billing_job WHERE id = '{job}')"
_OF_CANCELED: Final = "hold_id = (SELECT hold_id FROM billing_job WHERE id = '{canceled}')"
_HOLD_OF_JOB: Final = "id = (SELECT hold_id FROM billing_job WHERE id = '{job}')"
_END: Final = "type = 'job.succeeded' AND payload LIKE '%{job}%'"
_ANSWER: Final = "position(convert_to('{job}', 'UTF8') IN body) > 0 AND status = 201"

PLANTS: Final[Mapping[str, Sequence[str]]] = {
    "what_was_acknowledged_is_there": [
        _delete("job", _JOB),
        _delete("grant", _GIFT),
        _delete("grant", "id = '{claim}'"),
    ],
    "nothing_is_there_twice": [
        _double("job", '{{"id": "job_twin"}}', _JOB),
        _double("grant", '{{"id": "g_twin", "fact": "twin"}}', _GIFT),
        _change("grant", "source = 'faults', reason = 'request {ordered}'", "id = '{claim}'"),
    ],
    "what_was_refused_is_not_there": [
        _change("job", """metadata = jsonb_build_object('order', '{refused}')""", _JOB),
        _double("job", '{{"id": "job_twin", "metadata": {{"order": "99"}}}}', _JOB),
        _change("grant", "reason = 'because'", _GIFT),
    ],
    "what_is_there_is_what_was_asked_for": [
        _change("grant", "amount_micros = amount_micros + 1", _GIFT),
        _change("grant", "wallet_id = '{other}'", _GIFT),
        _change("grant", "id = 'g_else'", _GIFT),
    ],
    "a_cancel_that_was_acknowledged_counts": [
        _change("job", "status = 'failed'", _CANCELED),
        _change("job", "status = 'succeeded'", _CANCELED),
        _change("job", "status = 'expired', cancel_requested_at = NULL", _CANCELED),
    ],
    "an_answer_stays_what_it_was": [
        _delete("idempotentanswer", _ANSWER),
        _change("idempotentanswer", "status = 402", _ANSWER),
        _change("idempotentanswer", "body = convert_to('{{}}', 'UTF8')", _ANSWER),
    ],
    "whoever_has_nothing_got_nothing": [
        _double("grant", '{{"id": "g_twin", "fact": "twin", "wallet_id": "{poor}"}}', _GIFT),
        _change("grant", "wallet_id = '{poor}'", "id = '{claim}'"),
        _change(
            "grant",
            "wallet_id = '{poor}', held_micros = available_micros, available_micros = 0",
            _GIFT,
        ),
    ],
    "every_end_was_told_in_line": [
        _delete("event", _END),
        _double("event", '{{"id": "evt_twin", "sequence": 99}}', _END),
        _change("event", "type = 'job.failed'", _END),
        _change("event", "sequence = sequence + 7", _END),
    ],
    "the_model_agrees": [
        _delete("entry", f"kind = 'hold' AND {_OF_JOB}"),
        _change("entry", "amount_micros = amount_micros - 1", f"kind = 'capture' AND {_OF_JOB}"),
        _change("entry", "kind = 'revoke'", f"kind = 'release' AND {_OF_CANCELED}"),
        _change("wallet", "available_micros = available_micros + 1", _WALLET),
        _change("grant", "available_micros = available_micros + 1", _GIFT),
    ],
    "every_job_is_final": [
        _change("job", "status = 'queued'", _JOB),
        _change("job", "status = 'running'", _CANCELED),
        _change("attempt", "state = 'accepted'", "job_id = '{job}'"),
    ],
    "a_hold_ends_once_and_whole": [
        _change("hold", "state = 'open'", _HOLD_OF_JOB),
        _delete("entry", f"kind = 'release' AND {_OF_CANCELED}"),
        _double("entry", '{{"id": "en_twin", "seq": 99}}', f"kind = 'capture' AND {_OF_JOB}"),
    ],
    "a_job_is_charged_by_its_verdict": [
        _change("job", "charged_micros = charged_micros + 1", _JOB),
        _change("hold", "captured_micros = captured_micros - 1", _HOLD_OF_JOB),
        _change("job", "charged_micros = 1000000", _CANCELED),
        _change("entry", "kind = 'capture'", f"kind = 'release' AND {_OF_CANCELED}"),
    ],
    "a_success_has_its_film": [
        _delete("output", "job_id = '{job}'"),
        _double("output", '{{"id": "out_twin", "position": 7}}', "job_id = '{job}'"),
        _change("output", "path = '{another_film}'", "job_id = '{job}'"),
        _change("output", "job_id = '{canceled}'", "job_id = '{job}'"),
    ],
    "a_verdict_fits_the_order": [
        _change("job", "status = 'canceled'", _JOB),
        _change("job", "status = 'expired'", _JOB),
        _change("job", "failure_class = 'moderation_output'", _JOB),
    ],
    "nothing_is_left_to_be_done": [
        _change("message", "ring_at = now(), done_at = NULL", "id = '{message}'"),
        _change("message", "dead_at = now(), done_at = NULL", "id = '{message}'"),
        _change("message", "ring_at = now()", "id = '{message}'"),
    ],
    "balances_equal_a_recount": [
        _change("grant", "available_micros = available_micros + 1", _GIFT),
        _double("grant", '{{"id": "g_twin", "fact": "twin"}}', _GIFT),
        _delete("grant", "id = '{claim}'"),
    ],
    "the_audit_is_clean": [
        _change("wallet", "held_micros = held_micros + 1", _WALLET),
        _change("entry", "digest = '\\x00'", f"kind = 'capture' AND {_OF_JOB}"),
        _delete("hold", _HOLD_OF_JOB),
    ],
}

"""Every task of the service by name: services post names, so none of them imports a task."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TaskName(StrEnum):
    """What a worker can be asked to do; each is registered by exactly one `tasks.py`."""

    DISPATCH_JOB = "jobs.dispatch"
    CANCEL_JOB = "jobs.cancel"
    APPLY_CALLBACK = "jobs.apply_callback"
    COLLECT_OUTPUTS = "jobs.collect_outputs"
    MAKE_THUMBNAIL = "jobs.make_thumbnail"
    SWEEP_JOBS = "jobs.sweep"
    SWEEP_FILES = "jobs.sweep_files"
    MAKE_PARTITIONS = "ledger.make_partitions"
    ACTIVATE_PACKS = "packs.activate_due"
    SWEEP_SUBSCRIPTIONS = "subscriptions.sweep"
    COLLECT_ALLOTMENTS = "organizations.collect_due"
    CARRY_OUT_COMPENSATION = "corrections.carry_out"
    CARRY_OUT_CAMPAIGN_RUN = "corrections.carry_out_run"
    TELL_DEBT = "corrections.tell_debt"
    TELL_HALT = "corrections.tell_halt"
    SWEEP_CORRECTIONS = "corrections.sweep"
    ADVANCE_CLOCK = "sandbox.advance"
    SWEEP_CLOCKS = "sandbox.sweep"
    DELIVER_WEBHOOK = "webhooks.deliver"
    SWEEP_WEBHOOKS = "webhooks.sweep"
    PRUNE_WEBHOOKS = "webhooks.prune"
    LOOK_AT_TOP_UP = "topups.look"
    PAY_TOP_UP = "topups.pay"
    SWEEP_TOP_UPS = "topups.sweep"
    SEND_NOTICE = "notices.send"
    SWEEP_NOTICES = "notices.sweep"
    LOOK_AT_REFERRAL = "partners.look"
    TAKE_BACK_REWARDS = "partners.take_back"
    SWEEP_PARTNERS = "partners.sweep"
    APPLY_STRIPE_EVENT = "payments.apply_event"
    CARRY_OUT_CHANGE = "payments.carry_out_change"
    END_SUPERSEDED = "payments.end_superseded"
    LOOK_AFTER_CONTRACTS = "payments.look_after"
    SWEEP_PAYMENTS = "payments.sweep"
    REMIND = "payments.remind"
    FETCH_STRIPE_EVENTS = "payments.fetch_events"
    RECONCILE = "insights.reconcile"
    ROLL_UP = "rollups.roll_up"
    SEND_ALERT = "alerts.send"
    EVALUATE_ALERTS = "alerts.evaluate"
    SWEEP_ALERTS = "alerts.sweep"
    SIMULATE_DRAFT = "lab.simulate"
    ANNOUNCE_CATALOG = "lab.announce"
    SEND_REFUND = "payments.send_refund"
    SWEEP_REFUNDS = "payments.sweep_refunds"
    RING_DUE = "outbox.ring_due"
    BEAT_HEART = "outbox.beat_heart"


# A queue is a kind of waiting, so that slow receivers of webhooks hold up no job, and no burst
# of new jobs holds up the settling of finished ones.
QUEUES: Final[Mapping[TaskName, str]] = {
    TaskName.DISPATCH_JOB: "dispatch",
    TaskName.CANCEL_JOB: "dispatch",
    TaskName.APPLY_CALLBACK: "settle",
    TaskName.COLLECT_OUTPUTS: "settle",
    TaskName.MAKE_THUMBNAIL: "settle",
    TaskName.SWEEP_JOBS: "poll",
    TaskName.SWEEP_FILES: "deliver",
    TaskName.MAKE_PARTITIONS: "poll",
    TaskName.ACTIVATE_PACKS: "poll",
    TaskName.SWEEP_SUBSCRIPTIONS: "poll",
    TaskName.COLLECT_ALLOTMENTS: "poll",
    TaskName.CARRY_OUT_COMPENSATION: "poll",
    TaskName.CARRY_OUT_CAMPAIGN_RUN: "poll",
    TaskName.TELL_DEBT: "settle",
    TaskName.TELL_HALT: "settle",
    TaskName.SWEEP_CORRECTIONS: "poll",
    TaskName.ADVANCE_CLOCK: "poll",
    TaskName.SWEEP_CLOCKS: "poll",
    TaskName.DELIVER_WEBHOOK: "deliver",
    TaskName.SWEEP_WEBHOOKS: "deliver",
    TaskName.PRUNE_WEBHOOKS: "poll",
    TaskName.LOOK_AT_TOP_UP: "settle",
    TaskName.PAY_TOP_UP: "poll",
    TaskName.SWEEP_TOP_UPS: "poll",
    TaskName.SEND_ALERT: "deliver",
    TaskName.EVALUATE_ALERTS: "poll",
    TaskName.SWEEP_ALERTS: "deliver",
    TaskName.SEND_NOTICE: "deliver",
    TaskName.SWEEP_NOTICES: "deliver",
    TaskName.LOOK_AT_REFERRAL: "settle",
    TaskName.TAKE_BACK_REWARDS: "settle",
    TaskName.SWEEP_PARTNERS: "poll",
    # Stripe is waited for by itself: neither slow receivers nor bursts of jobs delay what was paid.
    TaskName.APPLY_STRIPE_EVENT: "pay",
    TaskName.CARRY_OUT_CHANGE: "pay",
    TaskName.END_SUPERSEDED: "pay",
    TaskName.LOOK_AFTER_CONTRACTS: "pay",
    TaskName.SWEEP_PAYMENTS: "pay",
    TaskName.REMIND: "poll",
    TaskName.FETCH_STRIPE_EVENTS: "poll",
    TaskName.RECONCILE: "poll",
    TaskName.ROLL_UP: "poll",
    # Long reads, beside which nobody waits.
    TaskName.SIMULATE_DRAFT: "poll",
    TaskName.ANNOUNCE_CATALOG: "poll",
    TaskName.SEND_REFUND: "pay",
    TaskName.SWEEP_REFUNDS: "pay",
    # Not among the jobs that it rings for: their backlog would keep the ring that mends it.
    TaskName.RING_DUE: "poll",
    TaskName.BEAT_HEART: "settle",
}

assert set(QUEUES) == set(TaskName), "every task needs a queue"

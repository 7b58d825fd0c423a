"""Pairs that meet in a job: orders, dispatch, the backend's word, cancels and sweeps."""

import json
from datetime import timedelta
from typing import Final

from billing.accounts.models import Account
from billing.fleet.models import BackendState, Breaker
from billing.http.idempotency import Key, answer_once
from billing.jobs import services as jobs
from billing.jobs.models import Callback, Job
from tests import everything
from tests.interleaving.scenes import Pair, Scene, allowed, balance
from tests.jobs import shop


def _order_order(name: str) -> Scene:
    ada = everything.customer(name, has=15)
    return Scene(lambda: shop.submit(ada), lambda: shop.submit(ada), lambda: balance(ada))


def _one_key(name: str) -> Scene:
    ada = everything.customer(name, has=35)
    key = Key(caller=ada.pk, route="POST v1/jobs", key="k", body_hash=b"1" * 32)

    def order() -> tuple[int, object]:
        return 202, {"id": shop.submit(ada).pk}

    return Scene(
        lambda: answer_once(key, order, now=everything.now()),
        lambda: answer_once(key, order, now=everything.now()),
        lambda: balance(ada),
    )


def _one_quote(name: str) -> Scene:
    ada = everything.customer(name, has=35)
    quote = shop.quote(ada).quote
    order = shop.order_of({}, quote_id=quote.pk)
    return Scene(
        lambda: shop.submit(ada, order), lambda: shop.submit(ada, order), lambda: balance(ada)
    )


def _one_unit(name: str) -> Scene:
    ada = everything.customer(name)
    return Scene(
        lambda: shop.submit(ada, mode="pro"),
        lambda: shop.submit(ada, mode="pro"),
        lambda: balance(ada),
    )


def _queued(name: str) -> tuple[Account, Job]:
    ada = everything.customer(name, has=15)
    return ada, shop.submit(ada)


def _dispatch_cancel(name: str) -> Scene:
    _forget_the_backend()
    ada, job = _queued(name)
    return Scene(lambda: _dispatch(job), lambda: everything.cancel(job), lambda: _ended(ada, job))


def _dispatch_dispatch(name: str) -> Scene:
    _forget_the_backend()
    ada, job = _queued(name)
    return Scene(
        lambda: _dispatch(job),
        lambda: _dispatch(job),
        lambda: f"{job.attempts.count()} {_ended(ada, job)}",
    )


def _cancel_cancel(name: str) -> Scene:
    ada, job = _queued(name)
    return Scene(
        lambda: everything.cancel(job), lambda: everything.cancel(job), lambda: _ended(ada, job)
    )


def _finish_finish(name: str) -> Scene:
    ada = everything.customer(name, has=15)
    attempt = everything.running(ada)
    job = attempt.job
    return Scene(
        lambda: everything.finish(attempt),
        lambda: everything.finish(attempt),
        lambda: _ended(ada, job),
    )


def _finish_cancel(name: str) -> Scene:
    ada = everything.customer(name, has=15)
    attempt = everything.running(ada)
    job = attempt.job
    return Scene(
        lambda: everything.finish(attempt), lambda: everything.cancel(job), lambda: _ended(ada, job)
    )


def _finish_fail(name: str) -> Scene:
    ada = everything.customer(name, has=15)
    attempt = everything.running(ada)
    job = attempt.job
    return Scene(
        lambda: everything.finish(attempt),
        lambda: jobs.fail(job_id=job.pk, operator="grace", now=everything.now()),
        lambda: _ended(ada, job),
    )


def _finish_order(name: str) -> Scene:
    ada = everything.customer(name, has=15)
    attempt = everything.running(ada)
    job = attempt.job
    return Scene(
        lambda: everything.finish(attempt), lambda: shop.submit(ada), lambda: _ended(ada, job)
    )


def _callback_sweep(name: str) -> Scene:
    _forget_the_backend()
    ada = everything.customer(name, has=15)
    attempt = everything.running(ada)
    job = attempt.job
    callback = Callback.objects.create(
        attempt=attempt,
        digest=attempt.pk.encode()[:32],
        body=json.dumps({"id": attempt.pk, "status": "failed", "error": "no"}).encode(),
        received_at=everything.now(),
    )

    def apply() -> None:
        jobs.apply_callback(callback_id=callback.pk, now=everything.now())

    def sweep() -> str:
        jobs.sweep(now=everything.now() + timedelta(hours=1))
        return "swept"

    return Scene(apply, sweep, lambda: _ended(ada, job))


def _forget_the_backend() -> None:
    """Let a backend that nobody reached in the order before be tried again, as if never seen."""
    Breaker.objects.all().delete()
    BackendState.objects.all().delete()


def _dispatch(job: Job) -> None:
    jobs.dispatch(job_id=job.pk, now=everything.now())


def _ended(account: Account, job: Job) -> str:
    job.refresh_from_db()
    late = " late" if job.late_success_at else ""
    return f"{job.status}{late} {balance(account)}"


PAIRS: Final = (
    Pair(
        "order/order, credit for one",
        _order_order,
        allowed("queued / insufficient_credits / 5+10", "insufficient_credits / queued / 5+10"),
    ),
    Pair(
        "order/order, one idempotency key",
        _one_key,
        allowed(
            "202 / 202 again / 25+10",
            "202 again / 202 / 25+10",
            "202 / idempotency_in_progress / 25+10",
            "idempotency_in_progress / 202 / 25+10",
        ),
    ),
    Pair(
        "order/order, one quote",
        _one_quote,
        allowed("queued / quote_expired / 25+10", "quote_expired / queued / 25+10"),
    ),
    Pair(
        "order/order, one counted unit",
        _one_unit,
        allowed("queued / insufficient_credits / 0+0", "insufficient_credits / queued / 0+0"),
    ),
    Pair(
        "dispatch/cancel",
        _dispatch_cancel,
        allowed("- / canceled / canceled 15+0", "- / dispatched / canceled 15+0"),
    ),
    Pair("dispatch/dispatch", _dispatch_dispatch, allowed("- / - / 1 queued 5+10")),
    Pair("cancel/cancel", _cancel_cancel, allowed("canceled / canceled / canceled 15+0")),
    Pair(
        "finish/finish",
        _finish_finish,
        allowed("True / False / succeeded 5+0", "False / True / succeeded 5+0"),
    ),
    Pair(
        "finish/cancel",
        _finish_cancel,
        allowed("True / running / succeeded 5+0", "True / conflict / succeeded 5+0"),
    ),
    Pair(
        "finish/fail",
        _finish_fail,
        allowed("True / conflict / succeeded 5+0", "True / failed / failed late 15+0"),
    ),
    Pair("finish/order", _finish_order, allowed("True / insufficient_credits / succeeded 5+0")),
    Pair("callback/sweep", _callback_sweep, allowed("- / swept / failed 15+0")),
)

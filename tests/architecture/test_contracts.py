"""Each import contract of pyproject.toml holds, and each fires when it is broken."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from importlinter import api

from tests.architecture.tree import PACKAGES, ROOT

PLANTING: Final = Path(__file__).with_name("planting.py")


class Plant(NamedTuple):
    """A line at the end of a file, and what the contract that it breaks must say of it."""

    contract: str
    file: str
    line: str
    says: str


def imports(contract: str, importer: str, imported: str) -> Plant:
    """Plant an import between two modules."""
    package = ROOT / importer.replace(".", "/")
    file = f"{importer.replace('.', '/')}{'/__init__' if package.is_dir() else ''}.py"
    line = f"import {imported}  # planted"
    top = imported.split(".", maxsplit=1)[0]  # of a foreign package the linter knows only that
    return Plant(contract, file, line, f"{importer} -> {imported if top in PACKAGES else top}")


def is_born(contract: str, file: str) -> Plant:
    """Plant a file whose name no contract knows."""
    name = file.removesuffix(".py").replace("/", ".")
    return Plant(contract, file, '"""Helpers."""', f"- {name} ")


PLANTS: Final = [
    imports("house", "plans.rating", "billing.ids"),
    imports("house", "billing.ids", "config.celery"),
    imports("billing", "billing.ledger.services", "billing.jobs.selectors"),
    imports("billing", "billing.gpu.registry", "billing.ledger.selectors"),
    imports("billing", "billing.accounts.services", "billing.webhooks.services"),
    imports("billing", "billing.gpu.registry", "billing.fleet.selectors"),
    imports("billing", "billing.fleet.services", "billing.jobs.selectors"),
    imports("roles", "billing.fleet.breaking", "billing.fleet.models"),
    imports("billing", "billing.transactions", "billing.http.requests"),
    imports("billing", "billing.sweeps", "billing.transactions"),
    is_born("billing", "billing/utils.py"),
    imports("roles", "billing.ledger.services", "billing.ledger.api"),
    imports("roles", "billing.ledger.models", "billing.ledger.store"),
    imports("roles", "billing.ledger.journal", "billing.ledger.timeline"),
    imports("roles", "billing.jobs.lifecycle", "billing.jobs.models"),
    imports("roles", "billing.webhooks.tasks", "billing.webhooks.api"),
    is_born("roles", "billing/ledger/helpers.py"),
    imports(
        "accounts-services",
        "billing.accounts.services.accounts",
        "billing.accounts.services.free_tier",
    ),
    is_born("accounts-services", "billing/accounts/services/common.py"),
    imports("operators", "billing.operators.codes", "billing.operators.selectors"),
    is_born("operators", "billing/operators/common.py"),
    imports("operators-admin", "billing.operators.admin.pages", "billing.operators.admin.windows"),
    is_born("operators-admin", "billing/operators/admin/common.py"),
    imports(
        "operators-services",
        "billing.operators.services.noting",
        "billing.operators.services.proving",
    ),
    is_born("operators-services", "billing/operators/services/common.py"),
    imports("billing", "billing.operators.services", "billing.accounts.selectors"),
    imports("jobs-models", "billing.jobs.models.quotes", "billing.jobs.models.files"),
    imports(
        "alerts-services", "billing.alerts.services.telling", "billing.alerts.services.handling"
    ),
    is_born("alerts-services", "billing/alerts/services/common.py"),
    is_born("jobs-models", "billing/jobs/models/mixins.py"),
    imports("jobs-services", "billing.jobs.services.ending", "billing.jobs.services.hearing"),
    is_born("jobs-services", "billing/jobs/services/common.py"),
    imports("jobs-events", "billing.jobs.events.hub", "billing.jobs.events.doorbell"),
    is_born("jobs-events", "billing/jobs/events/common.py"),
    imports("roles", "billing.jobs.api", "billing.jobs.events.hub"),
    imports("ledger-services", "billing.ledger.services.wallets", "billing.ledger.services.ending"),
    is_born("ledger-services", "billing/ledger/services/common.py"),
    imports("ledger-models", "billing.ledger.models.wallets", "billing.ledger.models.holds"),
    is_born("ledger-models", "billing/ledger/models/mixins.py"),
    imports(
        "payments-models", "billing.payments.models.checkouts", "billing.payments.models.contracts"
    ),
    is_born("payments-models", "billing/payments/models/mixins.py"),
    imports(
        "payments-gateway", "billing.payments.gateway.client", "billing.payments.gateway.prices"
    ),
    is_born("payments-gateway", "billing/payments/gateway/common.py"),
    imports(
        "payments-services",
        "billing.payments.services.purchases",
        "billing.payments.services.applying",
    ),
    imports(
        "payments-services", "billing.payments.services.taking", "billing.payments.services.telling"
    ),
    is_born("payments-services", "billing/payments/services/common.py"),
    is_born("payments-errors", "billing/payments/errors/common.py"),
    imports(
        "topups-services", "billing.topups.services.deciding", "billing.topups.services.paying"
    ),
    is_born("topups-services", "billing/topups/services/common.py"),
    imports(
        "subscriptions-services",
        "billing.subscriptions.services.ending",
        "billing.subscriptions.services.starting",
    ),
    is_born("subscriptions-services", "billing/subscriptions/services/common.py"),
    imports(
        "subscriptions-selectors",
        "billing.subscriptions.selectors.members",
        "billing.subscriptions.selectors.touching",
    ),
    is_born("subscriptions-selectors", "billing/subscriptions/selectors/common.py"),
    imports(
        "promotions-services",
        "billing.promotions.services.granting",
        "billing.promotions.services.redeeming",
    ),
    is_born("promotions-services", "billing/promotions/services/common.py"),
    imports(
        "organizations-services",
        "billing.organizations.services.transferring",
        "billing.organizations.services.allotting",
    ),
    is_born("organizations-services", "billing/organizations/services/common.py"),
    imports("billing", "billing.promotions.services", "billing.corrections.selectors"),
    imports(
        "corrections-services",
        "billing.corrections.services.executing",
        "billing.corrections.services.adjusting",
    ),
    is_born("corrections-services", "billing/corrections/services/common.py"),
    imports(
        "corrections-models",
        "billing.corrections.models.alerts",
        "billing.corrections.models.adjustments",
    ),
    is_born("corrections-models", "billing/corrections/models/mixins.py"),
    imports(
        "partners-services", "billing.partners.services.earning", "billing.partners.services.paying"
    ),
    is_born("partners-services", "billing/partners/services/common.py"),
    imports("billing", "billing.promotions.selectors", "billing.partners.selectors"),
    imports("billing", "billing.jobs.selectors", "billing.exports.selectors"),
    imports("roles", "billing.exports.columns", "billing.exports.models"),
    is_born("roles", "billing/exports/helpers.py"),
    imports("pure", "billing.exports.columns", "django.db"),
    imports("billing", "billing.ledger.selectors", "billing.imports.selectors"),
    imports("roles", "billing.imports.form", "billing.imports.selectors"),
    imports("pure", "billing.imports.form", "django.db"),
    imports("http", "billing.http.headers", "billing.http.problems"),
    imports("billing", "billing.packs.services", "billing.promotions.selectors"),
    imports(
        "webhooks-models", "billing.webhooks.models.events", "billing.webhooks.models.endpoints"
    ),
    is_born("webhooks-models", "billing/webhooks/models/mixins.py"),
    imports(
        "webhooks-services",
        "billing.webhooks.services.turning",
        "billing.webhooks.services.delivering",
    ),
    is_born("webhooks-services", "billing/webhooks/services/common.py"),
    imports("insights", "billing.insights.audit", "billing.insights.explain"),
    imports("bench", "billing.insights.bench.figures", "billing.insights.bench.hands"),
    is_born("bench", "billing/insights/bench/common.py"),
    imports("billing", "billing.pages.balances", "billing.insights.explain"),
    imports("pages", "billing.pages.paying", "billing.pages.pricing"),
    imports("lab", "billing.lab.drying", "billing.lab.effects"),
    imports("lab-services", "billing.lab.services.sharing", "billing.lab.services.publishing"),
    imports("console-lab", "billing.console.lab.edge", "billing.console.lab.effect"),
    imports("draft-rows", "plans.models.drafts", "plans.models.simulations"),
    is_born("pages", "billing/pages/common.py"),
    imports("billing", "billing.insights.margin", "billing.rollups.selectors"),
    imports("rollups", "billing.rollups.counting", "billing.rollups.services"),
    is_born("rollups", "billing/rollups/common.py"),
    imports("dashboard", "billing.console.dashboard.parts", "billing.console.dashboard.pages"),
    is_born("dashboard", "billing/console/dashboard/common.py"),
    imports("console", "billing.console.search.finding", "billing.console.accounts.overview"),
    is_born("console", "billing/console/common.py"),
    imports(
        "console-accounts", "billing.console.accounts.drawing", "billing.console.accounts.course"
    ),
    is_born("console-accounts", "billing/console/accounts/common.py"),
    imports("console-search", "billing.console.search.shapes", "billing.console.search.finding"),
    is_born("console-search", "billing/console/search/common.py"),
    imports("revenue", "billing.insights.revenue.spreading", "billing.insights.revenue.reading"),
    is_born("revenue", "billing/insights/revenue/common.py"),
    imports("gpu", "billing.gpu.wire", "billing.gpu.adapters.cog.adapter"),
    Plant(
        "adapters",
        "billing/gpu/adapters/twin.py",
        "import billing.gpu.adapters.cog  # planted",
        "billing.gpu.adapters.twin -> billing.gpu.adapters.cog",
    ),
    imports("gpu", "billing.gpu.protocol", "billing.gpu.registry"),
    imports("gpu", "billing.gpu.kinds", "billing.gpu.phrases"),
    imports("gpu", "billing.gpu.pictures", "billing.gpu.stills"),
    imports("gpu", "billing.gpu.protocol", "billing.gpu.inputs"),
    is_born("gpu", "billing/gpu/misc.py"),
    imports("egress", "billing.egress.connecting", "billing.egress.posting"),
    is_born("egress", "billing/egress/helpers.py"),
    imports("telemetry", "billing.telemetry.meters", "billing.telemetry.scraping"),
    is_born("telemetry", "billing/telemetry/common.py"),
    imports("billing", "billing.telemetry.meters", "billing.http.requests"),
    imports("facts", "billing.facts.reading", "billing.facts.exposition"),
    is_born("facts", "billing/facts/common.py"),
    imports("http", "billing.http.problems", "billing.http.idempotency"),
    imports("http", "billing.http.admin", "billing.http.openapi"),
    is_born("http", "billing/http/utils.py"),
    imports("plans", "plans.credits", "plans.rating"),
    imports("plans", "plans.selectors", "plans.api"),
    is_born("plans", "plans/utils.py"),
    imports("catalog", "plans.catalog.schema", "plans.catalog.loader"),
    is_born("catalog", "plans/catalog/common.py"),
    imports("lint", "plans.lint.samples", "plans.lint.reading"),
    is_born("lint", "plans/lint/common.py"),
    imports("config", "config.celery", "config.embedded.place"),
    is_born("config", "config/local_settings.py"),
    imports("cycles", "billing.gpu.demo.orders", "billing.gpu.demo.scene")._replace(
        says=".scene -> .orders"
    ),
    imports("pure", "billing.ledger.timeline", "django.utils.timezone"),
    imports("pure", "billing.ledger.schedules", "secrets"),
    imports("pure", "billing.jobs.lifecycle", "time"),
    imports("pure", "plans.periods", "plans.models"),
    imports("ledger-rows", "billing.jobs.services.ending", "billing.ledger.models"),
    imports("ledger-writes", "billing.jobs.services.ending", "billing.ledger.store"),
    imports("services", "billing.ledger.services", "rest_framework.serializers"),
    imports("services", "billing.jobs.services.ending", "billing.outbox.tasks"),
    imports("services", "billing.outbox.models", "celery"),
    imports("celery", "billing.jobs.api", "celery"),
    imports("rest", "billing.outbox.pauses", "rest_framework.response"),
    imports("network", "billing.jobs.callbacks", "httpcore"),
    imports("stripe", "billing.jobs.callbacks", "stripe"),
    imports("reconcile", "billing.insights.reconcile.money", "billing.insights.reconcile.running"),
    is_born("reconcile", "billing/insights/reconcile/common.py"),
    imports("billing", "billing.receipts.services", "billing.subscriptions.selectors"),
    imports("pure", "billing.receipts.verification", "django.utils.timezone"),
    imports("strangers", "billing.gpu.wire", "httpx"),
    imports("demo", "billing.gpu.demo.render", "billing.gpu.protocol"),
    imports("demo", "billing.gpu.demo.render", "django.conf"),
    imports("tests", "billing.ids", "tests.factories"),
]


def lint_with(plants: list[Plant], folder: Path) -> list[dict[str, Any]]:
    """Return what the linter says of a copy of the tree, as it is and with each plant."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, PLANTING],
        input=json.dumps([plant._asdict() for plant in plants]),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_each_contract_holds_and_each_fires(tmp_path: Path, subtests: pytest.Subtests) -> None:
    whole, *answers = lint_with(PLANTS, tmp_path)

    assert not whole["broken"], whole["said"]
    for plant, answer in zip(PLANTS, answers, strict=True):
        with subtests.test(contract=plant.contract, file=plant.file, line=plant.line):
            assert answer["broken"]
            assert plant.says in f"{answer['said']} "


def test_no_contract_is_left_unbroken_by_the_test_above() -> None:
    contracts = api.read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]

    assert {plant.contract for plant in PLANTS} == {contract["id"] for contract in contracts}

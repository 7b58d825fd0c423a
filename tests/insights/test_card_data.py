"""Card data is kept nowhere: not by the schema, not in what is stored, not in logs."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models

from billing.accounts.models import Account
from billing.insights import card_data
from tests.insights import sales
from tests.insights.sales import look, paid

pytestmark = pytest.mark.usefixtures("kling")

NUMBER = "4242 4242 4242 4242"  # one that Stripe publishes for tests


def scanned(*files: Path) -> str:
    out = StringIO()
    call_command(
        "scan_card_data", *(word for one in files for word in ("--log", str(one))), stdout=out
    )
    return out.getvalue()


def test_after_a_sale_and_a_refund_nothing_of_a_card_is_kept(ada: Account) -> None:
    payment = paid(ada)
    look(payment)
    look(payment, refunds=[sales.refund(ada, payment.amount_micros)])

    assert scanned() == "No card data is kept.\n"


def test_a_planted_number_is_found_and_not_shown(ada: Account) -> None:
    Account.objects.filter(pk=ada.pk).update(external_id=f"pays with {NUMBER}")
    out = StringIO()

    with pytest.raises(CommandError, match="1 places"):
        call_command("scan_card_data", stdout=out)

    assert out.getvalue() == f"billing_account.external_id {ada.pk} …4242\n"


def test_a_number_in_a_log_is_found_by_its_line(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text(f"all is well\npaid by {NUMBER}\n", encoding="utf-8")

    assert [str(place) for place in card_data.lines(log)] == [f"{log}:2 …4242"]
    with pytest.raises(CommandError):
        scanned(log)
    log.write_text("all is well\n", encoding="utf-8")
    assert scanned(log) == "No card data is kept.\n"


def test_a_log_that_is_not_there_is_no_clean_log(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no file"):
        scanned(tmp_path / "none.log")


@pytest.mark.parametrize("name", ["card_number", "cvc", "pan", "exp_month", "card_cvv2"])
def test_a_column_for_a_card_would_be_found(name: str) -> None:
    assert card_data.columns() == []
    with connection.schema_editor() as editor:
        column = models.CharField(max_length=19, default="")
        column.set_attributes_from_name(name)
        editor.add_field(Account, column)

    assert [str(place) for place in card_data.columns()] == [f"billing_account.{name}"]

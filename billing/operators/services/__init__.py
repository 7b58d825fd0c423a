"""How operators come to be, come in, prove themselves and are written down."""

from billing.operators.services.acting import begin_act, end_act, written_down
from billing.operators.services.counting import WINDOW
from billing.operators.services.creating import create_operator
from billing.operators.services.keeping import keep_roles
from billing.operators.services.noting import note, record
from billing.operators.services.proving import enrol, enrol_with, prove, renew_recovery_codes
from billing.operators.services.resetting import reset
from billing.operators.services.signing_in import check_password

__all__ = [
    "WINDOW",
    "begin_act",
    "check_password",
    "create_operator",
    "end_act",
    "enrol",
    "enrol_with",
    "keep_roles",
    "note",
    "prove",
    "record",
    "renew_recovery_codes",
    "reset",
    "written_down",
]

"""What operators asked for, who decided on it, and what it moved."""

from billing.corrections.models.adjustments import Adjustment, OperatorDay
from billing.corrections.models.alerts import DebtNotice, Halt
from billing.corrections.models.campaigns import CampaignRun, CampaignRunShare
from billing.corrections.models.compensations import CompensatedJob, Compensation, CompensationShare
from billing.corrections.models.fields import KEY_LENGTH_MAX, NOTICE_LENGTH_MAX, TEXT_LENGTH_MAX

__all__ = [
    "KEY_LENGTH_MAX",
    "NOTICE_LENGTH_MAX",
    "TEXT_LENGTH_MAX",
    "Adjustment",
    "CampaignRun",
    "CampaignRunShare",
    "CompensatedJob",
    "Compensation",
    "CompensationShare",
    "DebtNotice",
    "Halt",
    "OperatorDay",
]

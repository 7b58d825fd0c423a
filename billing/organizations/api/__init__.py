"""Organizations over REST: parse, one call, answer."""

from billing.organizations.api.allotments import (
    AllotmentDetail,
    AllotmentList,
    AllotmentTakeBack,
    OrganizationAllotments,
)
from billing.organizations.api.members import (
    InvitationAcceptance,
    InvitationList,
    InvitationRefusal,
    MemberDetail,
    MemberList,
)
from billing.organizations.api.organizations import OrganizationDetail, OrganizationList
from billing.organizations.api.transfers import TransferList

__all__ = [
    "AllotmentDetail",
    "AllotmentList",
    "AllotmentTakeBack",
    "InvitationAcceptance",
    "InvitationList",
    "InvitationRefusal",
    "MemberDetail",
    "MemberList",
    "OrganizationAllotments",
    "OrganizationDetail",
    "OrganizationList",
    "TransferList",
]

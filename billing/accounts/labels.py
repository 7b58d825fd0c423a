"""What operators read in place of the words of organizations; the stored words stay."""

from django.utils.translation import gettext_lazy as _

from billing.accounts.roles import Role

ROLES = [
    (Role.OWNER.value, _("owner")),
    (Role.BILLING_ADMIN.value, _("billing admin")),
    (Role.MEMBER.value, _("member")),
]
SIGHTS = [("own", _("their own orders")), ("all", _("everybody's orders"))]
WINDOWS = [("day", _("day")), ("week", _("week")), ("month", _("month")), ("ever", _("ever"))]

"""How people read what an export is of, and who asked for it."""

from django.utils.translation import gettext_lazy as _

from billing.exports.columns import Kind

KINDS = ((Kind.LEDGER.value, _("ledger")), (Kind.USAGE.value, _("usage")))
ACTORS = (("user", _("user")), ("service", _("service")))

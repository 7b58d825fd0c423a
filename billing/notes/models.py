"""Notes, written once."""

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import ID_LENGTH_MAX, new_id

TEXT_LENGTH_MAX: Final = 4000


def _note_id() -> str:
    return new_id("note")


class AccountNote(models.Model):
    """What an operator wrote down on an account, for other operators; it never changes."""

    id = models.CharField(
        _("id"), primary_key=True, max_length=ID_LENGTH_MAX, default=_note_id, editable=False
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="notes",
        db_index=False,
        verbose_name=_("account"),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("written by"),
    )
    text = models.CharField(_("note"), max_length=TEXT_LENGTH_MAX)
    written_at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("note on an account")
        verbose_name_plural = _("notes on accounts")
        default_permissions = ("view",)
        permissions = [("write_accountnote", "Can write notes on accounts")]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="account_note_says_something")
        ]
        indexes = [models.Index(fields=["account", "-id"], name="account_note_newest_first")]

    def __str__(self) -> str:
        return self.pk

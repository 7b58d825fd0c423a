"""To whom invoices of the tax office (发票) are made out."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.payments.models.fields import IdField

TITLE_LENGTH_MAX = 100
ADDRESS_LENGTH_MAX = 200
NUMBER_LENGTH_MAX = 40


def _profile_id() -> str:
    return new_id("bp")


class BillingProfile(models.Model):
    """What a 发票 says of its buyer. What an invoice was paid with stays on the invoice."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", _("person")
        COMPANY = "company", _("company")

    class InvoiceType(models.TextChoices):
        NORMAL = "normal", _("plain invoice")
        SPECIAL = "special", _("special VAT invoice")

    id = IdField(default=_profile_id)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="billing_profile", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    invoice_type = models.CharField(_("kind of invoice"), max_length=16, choices=InvoiceType)
    title = models.CharField(
        _("title"), max_length=TITLE_LENGTH_MAX, help_text=_("The buyer's name, as registered.")
    )
    tax_number = models.CharField(
        _("tax number"), max_length=NUMBER_LENGTH_MAX, blank=True, default=""
    )
    address = models.CharField(_("address"), max_length=ADDRESS_LENGTH_MAX, blank=True, default="")
    phone = models.CharField(_("phone"), max_length=NUMBER_LENGTH_MAX, blank=True, default="")
    bank = models.CharField(_("bank"), max_length=TITLE_LENGTH_MAX, blank=True, default="")
    bank_account = models.CharField(
        _("bank account"), max_length=NUMBER_LENGTH_MAX, blank=True, default=""
    )
    email = models.EmailField(_("e-mail address"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("billing profile")
        verbose_name_plural = _("billing profiles")
        indexes = [models.Index(fields=["tax_number"], name="billing_profile_by_tax_number")]
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="billing_profile_has_a_title"),
            models.CheckConstraint(
                condition=Q(kind="personal") | ~Q(tax_number=""),
                name="billing_profile_of_a_company_has_a_tax_number",
            ),
            models.CheckConstraint(
                condition=Q(invoice_type="normal")
                | (
                    Q(kind="company")
                    & ~Q(address="")
                    & ~Q(phone="")
                    & ~Q(bank="")
                    & ~Q(bank_account="")
                ),
                name="billing_profile_special_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.title

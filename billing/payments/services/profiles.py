"""To whom invoices of the tax office are made out, and what of it stays on a paid invoice."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http.cards import is_card_number
from billing.payments.errors.profiles import InvalidBillingProfile
from billing.payments.models import BillingProfile, Invoice
from billing.payments.tax_numbers import is_social_credit_code, is_tax_number
from billing.transactions import require_transaction

_PHONE: Final = re.compile(r"\+?[0-9][0-9 -]{5,23}")
_BANK_ACCOUNT: Final = re.compile(r"[0-9](?:[ -]?[0-9]){7,31}")
_WITH_A_SPECIAL_ONE: Final = ("address", "phone", "bank", "bank_account")
_FORMER_LENGTH: Final = 15


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of himself as a buyer; "": nothing.

    Attributes:
        kind: personal or company.
        invoice_type: normal (普票) or special (专票).
        title: 抬头.
        tax_number: 税号, in capitals.
    """

    kind: str
    invoice_type: str
    title: str
    tax_number: str = ""
    address: str = ""
    phone: str = ""
    bank: str = ""
    bank_account: str = ""
    email: str = ""


@transaction.atomic(durable=True)
def keep(account: Account, said: Said, *, now: datetime) -> BillingProfile:
    """The account's invoices are made out so from now on; those that were paid keep what they say.

    A repeat changes nothing but the instant of the last change.

    Raises:
        InvalidBillingProfile: the tax number is none, something is missing for a special invoice,
            or the bank account is the number of a card, which is never kept.
    """
    _check(said)
    profile, _is_new = BillingProfile.objects.update_or_create(
        account=account,
        defaults={**asdict(said), "updated_at": now},
        create_defaults={**asdict(said), "created_at": now, "updated_at": now},
    )
    return profile


def stamp(invoice: Invoice) -> None:
    """A paid invoice says to whom it is made out, for ever; one that says so already stays.

    In the caller's transaction; whoever sees that an invoice has been paid calls it.
    """
    require_transaction("payments.profiles.stamp")
    if invoice.status != Invoice.Status.PAID or invoice.buyer is not None:
        return
    profile = BillingProfile.objects.filter(account=invoice.account_id).first()
    if profile is not None:
        invoice.buyer = asdict(said_of(profile))
        invoice.save(update_fields=["buyer"])


def said_of(profile: BillingProfile) -> Said:
    """Return what a profile says."""
    return Said(
        kind=profile.kind,
        invoice_type=profile.invoice_type,
        title=profile.title,
        tax_number=profile.tax_number,
        address=profile.address,
        phone=profile.phone,
        bank=profile.bank,
        bank_account=profile.bank_account,
        email=profile.email,
    )


def _check(said: Said) -> None:
    is_company = said.kind == BillingProfile.Kind.COMPANY
    if not said.title:
        raise InvalidBillingProfile(_("A title is needed."), field="title")
    if is_company and not is_tax_number(said.tax_number):
        raise InvalidBillingProfile(_why_no_tax_number(said.tax_number), field="tax_number")
    if said.invoice_type == BillingProfile.InvoiceType.SPECIAL:
        _check_special(said, is_company=is_company)
    if said.phone and _PHONE.fullmatch(said.phone) is None:
        raise InvalidBillingProfile(_("This is no phone number."), field="phone")
    if said.bank_account and is_card_number(said.bank_account):
        raise InvalidBillingProfile(
            _("This is the number of a card; none is kept here. Give the company's account."),
            field="bank_account",
        )
    if said.bank_account and _BANK_ACCOUNT.fullmatch(said.bank_account) is None:
        raise InvalidBillingProfile(_("This is no bank account."), field="bank_account")


def _check_special(said: Said, *, is_company: bool) -> None:
    if not is_company:
        raise InvalidBillingProfile(
            _("Special VAT invoices are made out to companies only."), field="invoice_type"
        )
    for field in _WITH_A_SPECIAL_ONE:
        if not getattr(said, field):
            raise InvalidBillingProfile(
                _("A special VAT invoice needs address, phone, bank and bank account."), field=field
            )


def _why_no_tax_number(written: str) -> str:
    if len(written) > _FORMER_LENGTH and not is_social_credit_code(written):
        return _(
            "This is no unified social credit code: it has 18 characters, of which the last one "
            "checks the others."
        )
    return _("A company is named by its tax number of 18 or 15 characters.")

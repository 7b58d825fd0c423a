"""Who pays, and which programs may act for them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts import external_ids, scopes, surfaces
from billing.ids import ID_LENGTH_MAX


class Account(models.Model):
    """The one who pays. The platform names it; everything of it hangs on our own id."""

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False)
    external_id = models.CharField(
        _("external id"),
        max_length=external_ids.LENGTH_MAX,
        help_text=_("The platform's name for it: a token's `sub`."),
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind, default=Kind.PERSON)
    zone = models.CharField(
        _("time zone"), max_length=64, help_text=_("IANA name; its days begin at midnight there.")
    )
    region = models.CharField(
        _("region"),
        max_length=64,
        blank=True,
        help_text=_("Where it buys, in the catalog's words; empty: as the first price book."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        help_text=_("In which it buys; empty: as its price book."),
    )
    is_sandbox = models.BooleanField(
        _("sandbox"),
        default=False,
        help_text=_("Plays only: never reaches live payments or a paid backend."),
    )
    metadata = models.JSONField(
        _("metadata"), default=dict, blank=True, help_text=_("The platform's own notes.")
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            # Each side has its own names: a sandbox key cannot take one that a customer needs.
            models.UniqueConstraint(
                fields=["external_id", "is_sandbox"], name="account_external_id_once"
            ),
            models.CheckConstraint(condition=~Q(external_id=""), name="account_external_id_named"),
            models.CheckConstraint(condition=Q(kind__in=["person"]), name="account_kind_known"),
            models.CheckConstraint(condition=~Q(zone=""), name="account_zone_named"),
            models.CheckConstraint(
                condition=Q(currency="") | Q(currency__regex="^[A-Z]{3}$"),
                name="account_currency_is_a_code",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


KEY_NAME_LENGTH_MAX = 100


class ApiKey(models.Model):
    """What a platform's own server proves itself with. The secret itself is stored nowhere."""

    id = models.CharField(_("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False)
    name = models.CharField(
        _("name"), max_length=KEY_NAME_LENGTH_MAX, help_text=_("Whose it is, for people.")
    )
    prefix = models.CharField(
        _("prefix"),
        max_length=32,
        help_text=_("The visible beginning of the secret, by which it is found."),
    )
    secret_hash = models.BinaryField(
        _("digest"), max_length=32, help_text=_("SHA-256 of the whole secret.")
    )
    scopes = ArrayField(models.CharField(max_length=32), verbose_name=_("scopes"))
    surface = models.CharField(
        _("surface"),
        max_length=surfaces.LENGTH_MAX,
        blank=True,
        help_text=_("The way in that its orders count as; empty: the catalog's second one."),
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Empty: does not expire.")
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(
        _("last used at"),
        null=True,
        blank=True,
        help_text=_("To the minute, so that using a key is not a write."),
    )

    class Meta:
        verbose_name = _("service key")
        verbose_name_plural = _("service keys")
        constraints = [
            models.UniqueConstraint(fields=["prefix"], name="api_key_prefix_once"),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=scopes.ALL) & Q(scopes__len__gt=0),
                name="api_key_scopes_known",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="api_key_expires_after_creation",
            ),
            models.CheckConstraint(
                condition=Q(is_sandbox=True, prefix__startswith="sk_test_")
                | Q(is_sandbox=False, prefix__startswith="sk_live_"),
                name="api_key_prefix_says_sandbox",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

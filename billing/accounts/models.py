"""Who pays, and which programs may act for them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.accounts import external_ids, scopes, surfaces
from billing.accounts.admission import Reason, State
from billing.accounts.signals import Signal
from billing.ids import ID_LENGTH_MAX


class Account(models.Model):
    """The one who pays. The platform names it; everything of it hangs on our own id."""

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        ORGANIZATION = "organization", _("Organization")

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
    is_followed = models.BooleanField(
        _("followed"),
        default=False,
        help_text=_("Somebody brought it, and what it does may still earn him something."),
    )
    tops_up_below_micros = models.BigIntegerField(
        _("tops up below"),
        null=True,
        blank=True,
        help_text=_("When fewer credits are free, more are bought; empty: nothing is."),
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
            models.CheckConstraint(
                condition=Q(kind__in=["person", "organization"]), name="account_kind_known"
            ),
            models.CheckConstraint(condition=~Q(zone=""), name="account_zone_named"),
            models.CheckConstraint(
                condition=Q(currency="") | Q(currency__regex="^[A-Z]{3}$"),
                name="account_currency_is_a_code",
            ),
        ]
        # Whatever the collation, what begins so is found.
        indexes = [
            models.Index(
                fields=["external_id"],
                opclasses=["varchar_pattern_ops"],
                name="account_external_id_begins",
            )
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def is_person(self) -> bool:
        """Whether it is a person's: only those log in, and have what is given free."""
        return self.kind == Account.Kind.PERSON


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
        permissions = [("revoke_apikey", "Can revoke a service key")]
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


_SIGNALS = [
    (Signal.EMAIL.value, _("e-mail address")),
    (Signal.PHONE.value, _("phone number")),
    (Signal.CARD.value, _("card")),
    (Signal.DEVICE.value, _("device")),
    (Signal.IP.value, _("IP address")),
]
_REASONS = [
    (Reason.SIGNALS_MISSING.value, _("signals are missing")),
    (Reason.IDENTITY_TAKEN.value, _("an identity had its free tier")),
    (Reason.IP_DAY_FULL.value, _("address: the day is full")),
    (Reason.IP_WINDOW_FULL.value, _("address: the window is full")),
    (Reason.DAY_FULL.value, _("the day is full")),
]


class Identity(models.Model):
    """One value of a signal, sealed: nobody reads from the row whose e-mail or card it is.

    Each side of the sandbox has its own.
    """

    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    kind = models.CharField(_("kind"), max_length=16, choices=_SIGNALS)
    digest = models.BinaryField(
        _("digest"), max_length=32, help_text=_("HMAC-SHA256 of the normalised value.")
    )
    free_tier_of = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("free tier of"),
        help_text=_("The account that has this identity's one free tier; empty: nobody yet."),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            models.UniqueConstraint(
                fields=["is_sandbox", "kind", "digest"], name="identity_digest_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[one.value for one in Signal]), name="identity_kind_known"
            ),
            models.CheckConstraint(
                condition=~Q(kind=Signal.IP.value) | Q(free_tier_of=None),
                name="identity_of_an_address_has_no_free_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class AccountSignal(models.Model):
    """That an account has been seen with an identity."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="signals", verbose_name=_("account")
    )
    identity = models.ForeignKey(
        Identity, on_delete=models.PROTECT, related_name="signals", verbose_name=_("identity")
    )
    seen_at = models.DateTimeField(_("seen at"), help_text=_("When it was told last."))

    class Meta:
        verbose_name = _("signal of an account")
        verbose_name_plural = _("signals of accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "identity"], name="account_signal_identity_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.identity_id}"


class FreeTier(models.Model):
    """Whether an account is admitted to the free plan's allowances, where a catalog asks.

    An account without a row was never asked.
    """

    account = models.OneToOneField(
        Account,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="free_tier",
        verbose_name=_("account"),
    )
    state = models.CharField(
        _("state"),
        max_length=16,
        choices=[
            (State.ADMITTED.value, _("admitted")),
            (State.WAITING.value, _("waiting")),
            (State.REFUSED.value, _("refused")),
        ],
    )
    reason = models.CharField(
        _("reason"),
        max_length=32,
        blank=True,
        choices=_REASONS,
        help_text=_("Why it is not admitted."),
    )
    retry_at = models.DateTimeField(
        _("asked again at"), null=True, blank=True, help_text=_("When a cap begins anew.")
    )
    operator = models.CharField(
        _("admitted by"), max_length=150, blank=True, help_text=_("Empty: by the rule.")
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("decided at"))

    class Meta:
        verbose_name = _("free tier")
        verbose_name_plural = _("free tiers")
        permissions = [("admit_freetier", "Can admit accounts to the free tier by hand")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=State.ADMITTED.value, reason="", retry_at=None)
                | Q(
                    state=State.WAITING.value,
                    reason=Reason.SIGNALS_MISSING.value,
                    retry_at=None,
                    operator="",
                )
                | Q(
                    state=State.WAITING.value,
                    reason__in=[
                        Reason.IP_DAY_FULL.value,
                        Reason.IP_WINDOW_FULL.value,
                        Reason.DAY_FULL.value,
                    ],
                    retry_at__isnull=False,
                    operator="",
                )
                | Q(
                    state=State.REFUSED.value,
                    reason=Reason.IDENTITY_TAKEN.value,
                    retry_at=None,
                    operator="",
                ),
                name="free_tier_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(operator="", note="") | (~Q(operator="") & ~Q(note="")),
                name="free_tier_operator_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["retry_at"], condition=Q(retry_at__isnull=False), name="free_tier_to_retry"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.state}"


class FreeTierCount(models.Model):
    """How many free tiers began in one window of a cap; the row is the cap's lock.

    Of a cap by address there is a row for each; `digest` is empty where all are counted.
    """

    is_sandbox = models.BooleanField(_("sandbox"), default=False)
    cap = models.CharField(_("cap"), max_length=32, choices=_REASONS)
    window = models.CharField(_("window"), max_length=16)
    digest = models.BinaryField(_("digest"), max_length=32, default=b"", blank=True)
    begun = models.PositiveIntegerField(_("begun"), default=0)
    most = models.PositiveIntegerField(
        _("most"), help_text=_("As the catalog says, and never less than have begun.")
    )

    class Meta:
        verbose_name = _("count of free tiers")
        verbose_name_plural = _("counts of free tiers")
        constraints = [
            models.UniqueConstraint(
                fields=["is_sandbox", "cap", "window", "digest"], name="free_tier_count_window_once"
            ),
            models.CheckConstraint(
                condition=Q(begun__gte=0, begun__lte=F("most")), name="free_tier_count_is_kept"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cap} {self.window}"

"""Organizations, who belongs to them, and every change of that."""

from functools import partial
from typing import Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.accounts import labels
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.ids import ID_LENGTH_MAX, new_id

NAME_LENGTH_MAX: Final = 100
CEILING_MAX_MICROS: Final = 10**18  # as much as a wallet may hold
IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)


def _organization_id() -> str:
    return new_id("org")


def _membership_id() -> str:
    return new_id("mem")


class Organization(models.Model):
    """Several people who share an account: its wallet is their pool."""

    id = IdField(default=_organization_id)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="organization", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH_MAX)
    members_see = models.CharField(
        _("members see"),
        max_length=8,
        choices=labels.SIGHTS,
        blank=True,
        default="",
        help_text=_("Empty: as the catalog says."),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="organization_is_named"),
            models.CheckConstraint(
                condition=Q(members_see__in=["", "own", "all"]), name="organization_sight_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's place in an organization: one row for both, whatever becomes of it.

    A ceiling is how many credits of the pool he may use in each window of the organization's
    calendar; without one, as many as there are.
    """

    class State(models.TextChoices):
        INVITED = "invited", _("invited")
        ACTIVE = "active", _("active")
        ENDED = "ended", _("ended")

    id = IdField(default=_membership_id)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="memberships",
        verbose_name=_("organization"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=16, choices=labels.ROLES)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.INVITED)
    ceiling_micros = models.BigIntegerField(
        _("ceiling"),
        null=True,
        blank=True,
        help_text=_("How many credits of the pool in each window; empty: no ceiling."),
    )
    ceiling_per = models.CharField(
        _("ceiling's window"), max_length=8, choices=labels.WINDOWS, blank=True, default=""
    )
    invited_at = models.DateTimeField(_("invited at"))
    joined_at = models.DateTimeField(_("joined at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "account"], name="membership_once_for_a_person"
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="membership_role_known"
            ),
            models.CheckConstraint(
                condition=Q(state="invited", joined_at=None, ended_at=None)
                | Q(state="active", joined_at__isnull=False, ended_at=None)
                | Q(state="ended", ended_at__isnull=False),
                name="membership_state_matches_columns",
            ),
            models.CheckConstraint(
                condition=Q(ceiling_micros=None, ceiling_per="")
                | Q(
                    ceiling_micros__isnull=False,
                    ceiling_micros__gte=0,
                    ceiling_micros__lte=CEILING_MAX_MICROS,
                    ceiling_per__in=["day", "week", "month", "ever"],
                ),
                name="membership_ceiling_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="membership_of_person"),
            models.Index(
                fields=["organization"], condition=Q(state="active"), name="membership_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} ({self.role})"

    @property
    def is_active(self) -> bool:
        """Whether he belongs to it now."""
        return self.state == Membership.State.ACTIVE


class MembershipChange(models.Model):
    """One change of a membership, written once: what it became, when, and by whom."""

    class Kind(models.TextChoices):
        INVITED = "invited", _("invited")
        JOINED = "joined", _("joined")
        ROLE = "role", _("role changed")
        CEILING = "ceiling", _("ceiling changed")
        DECLINED = "declined", _("declined")
        REMOVED = "removed", _("removed")
        LEFT = "left", _("left")

    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="changes", verbose_name=_("membership")
    )
    kind = models.CharField(_("change"), max_length=8, choices=Kind)
    role = models.CharField(_("role"), max_length=16, choices=labels.ROLES)
    ceiling_micros = models.BigIntegerField(_("ceiling"), null=True, blank=True)
    ceiling_per = models.CharField(
        _("ceiling's window"), max_length=8, choices=labels.WINDOWS, blank=True, default=""
    )
    actor_type = models.CharField(_("actor"), max_length=16)
    actor_id = models.CharField(_("id of the actor"), max_length=150)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("change of a membership")
        verbose_name_plural = _("changes of memberships")
        constraints = [
            models.CheckConstraint(
                condition=~Q(actor_type="") & ~Q(actor_id=""), name="membership_change_has_an_actor"
            )
        ]

    def __str__(self) -> str:
        return f"{self.membership_id}: {self.kind}"

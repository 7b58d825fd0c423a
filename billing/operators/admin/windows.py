"""The windows on operators: who they are, what they prove themselves by, and what they did."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from billing.errors import DomainError
from billing.http.admin import ReadOnlyAdmin
from billing.operators import selectors, services
from billing.operators.addresses import address_of
from billing.operators.admin.acting import RecordedAdmin, operator
from billing.operators.forms import ResetForm
from billing.operators.models import AccessRecord, ActRecord, Authenticator, RecoveryCode, TryCount

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class OperatorAdmin(UserAdmin[User], ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Operators, as superusers see and make them. None is deleted: what they did names them."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    compressed_fields = True
    list_display = ["username", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser", "groups"]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody is deleted: `active` is taken from who leaves."""
        return False


@admin.register(Group)
class RoleAdmin(ReadOnlyAdmin[Group]):
    """Roles: what each may do stands in the code, and `migrate` keeps it so."""

    list_display = ["name"]
    search_fields = ["^name"]
    fields = ["name", "allowed"]

    @admin.display(description=gettext_lazy("may do"))
    def allowed(self, role: Group) -> str:
        """Return what it may do, but for looking."""
        acts = role.permissions.exclude(codename__startswith="view_").order_by("codename")
        return ", ".join(acts.values_list("name", flat=True)) or "-"


@admin.register(Authenticator)
class AuthenticatorAdmin(RecordedAdmin):
    """Second factors; no window shows a secret."""

    empty_says = gettext_lazy(
        "Nobody has a second factor yet. It is set up at an operator's first sign-in."
    )
    list_display = ["operator", "made_at", "confirmed_at", "recovery_codes_left"]
    list_filter = [("confirmed_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=operator__username"]
    list_select_related = ["operator"]
    fields = ["id", "operator", "made_at", "confirmed_at", "recovery_codes_left"]
    actions_detail = ["reset"]

    @admin.display(description=gettext_lazy("recovery codes left"))
    def recovery_codes_left(self, authenticator: Authenticator) -> int:
        """Return how many codes on paper still open."""
        return selectors.recovery_codes_left(authenticator)

    def has_reset_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only superusers see the act: whoever resets others could come in as anybody."""
        return request.user.is_active and request.user.is_superuser

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Reset it: the device is lost"),
        url_path="reset",
        permissions=["reset"],
    )
    def reset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the second factor away; the operator's next sign-in sets up another."""
        authenticator = self.get_object(request, object_id)
        if authenticator is None:
            return self.absent(request, object_id)
        form = ResetForm(request.POST or None)
        facts = [(_("operator"), authenticator.operator.get_username())]
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                with self.line(request, "reset", authenticator, reason=reason, shown=facts):
                    services.reset(
                        operator=authenticator.operator,
                        actor=operator(request),
                        reason=reason,
                        address=address_of(request),
                        now=timezone.now(),
                    )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                said = _("%(operator)s sets up another second factor at the next sign-in.")
                self.message_user(request, said % {"operator": authenticator.operator})
                return self.to_list()
        title, button = _("Reset a second factor"), _("Reset it")
        return self.page(request, title, form, [("reset", button)], facts)


@admin.register(RecoveryCode)
class RecoveryCodeAdmin(ReadOnlyAdmin[RecoveryCode]):
    """Codes on paper, by when they were made and used."""

    list_display = ["id", "authenticator", "made_at", "used_at"]
    search_fields = ["=authenticator__id", "=authenticator__operator__username"]
    list_select_related = ["authenticator"]


@admin.register(TryCount)
class TryCountAdmin(ReadOnlyAdmin[TryCount]):
    """How many tries of late; whose is sealed."""

    list_display = ["key", "tries", "begun_at"]


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin[AccessRecord]):
    """What operators did, in full: nobody can take a line out of it."""

    empty_says = gettext_lazy(
        "Nobody has come in yet. Each sign-in, refusal, look and export stands here."
    )
    list_display = ["at", "kind", "operator", "address", "what", "actor", "reason"]
    list_filter = ["kind"]
    search_fields = ["=id", "=operator__username"]
    list_select_related = ["operator", "actor"]
    ordering = ["-id"]


class ActFilter(admin.SimpleListFilter):
    """Which act; the windows are asked for theirs, so that no table is read through."""

    title = gettext_lazy("act")
    parameter_name = "act"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the acts of all windows."""
        kinds = ("actions", "actions_list", "actions_detail")
        return [
            (
                f"{window.opts.model_name}.{name}",
                f"{window.opts.verbose_name}: {window.title_of(name)}",
            )
            for window in admin.site._registry.values()  # noqa: SLF001 (as Django's own checks)
            if isinstance(window, RecordedAdmin)
            for kind in kinds
            for name in getattr(window, kind) or ()
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ActRecord]) -> QuerySet[ActRecord]:
        """Return the lines of the act that is chosen."""
        return queryset.filter(act=self.value()) if self.value() else queryset


@admin.register(ActRecord)
class ActRecordAdmin(ReadOnlyAdmin[ActRecord]):
    """What operators did to what, and why, in full: nobody can take a line out of it."""

    empty_says = gettext_lazy(
        "Nobody has done anything yet. Each act stands here from before it is done, with its "
        "reason and what came of it."
    )
    list_display = ["at", "operator", "act", "object_id", "account_id", "outcome", "reason"]
    list_filter = [ActFilter, "outcome", "operator"]
    search_fields = ["=id", "=object_id", "=account_id", "=operator__username"]
    list_select_related = ["operator"]
    ordering = ["-id"]

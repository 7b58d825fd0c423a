"""What corrections refuse."""

from billing.errors import DomainError, ErrorKind
from plans.credits import format_micros
from plans.wording import gettext as _


class InvalidCorrection(DomainError):
    """An adjustment or a compensation that cannot be asked for like this."""

    code = "invalid_correction"
    kind = ErrorKind.INVALID


class AboveMaximum(DomainError):
    """An adjustment of more than one adjustment may be."""

    code = "adjustment_above_maximum"
    kind = ErrorKind.INVALID

    def __init__(self, *, max_micros: int) -> None:
        most = format_micros(max_micros)
        super().__init__(
            _("One adjustment gives or takes %(max)s credits at most.") % {"max": most},
            field="amount_micros",
            max=most,
        )


class ShareAboveMaximum(DomainError):
    """A compensation by a fixed amount that gives one account more than an adjustment may."""

    code = "share_above_maximum"
    kind = ErrorKind.INVALID

    def __init__(self, *, account: str, share_micros: int, max_micros: int) -> None:
        share, most = format_micros(share_micros), format_micros(max_micros)
        super().__init__(
            _(
                "%(account)s would have %(share)s credits; by a fixed amount one account has "
                "%(max)s at most. Give less for each, set a cap, or give a share of what was "
                "charged."
            )
            % {"account": account, "share": share, "max": most},
            field="fixed_micros",
            account=account,
            share=share,
            max=most,
        )


class DayCapReached(DomainError):
    """A person has had a hand in as much as he may on one day."""

    code = "adjustment_day_cap_reached"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, operator: str, used_micros: int, max_micros: int) -> None:
        used, most = format_micros(used_micros), format_micros(max_micros)
        super().__init__(
            _(
                "%(operator)s has requested or approved %(used)s credits today; with these it "
                "would be more than the %(max)s of a day."
            )
            % {"operator": operator, "used": used, "max": most},
            operator=operator,
            used=used,
            max=most,
        )


class OwnRequest(DomainError):
    """Who has asked for something cannot be the one who decides on it."""

    code = "own_request"
    kind = ErrorKind.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(_("Another person must decide on this: you have requested it yourself."))


class NotYourRequest(DomainError):
    """Only who has asked for something can take that back."""

    code = "not_your_request"
    kind = ErrorKind.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(_("Only the person who has requested this can withdraw it."))


class Decided(DomainError):
    """A request that was approved, refused or withdrawn before, or whose time is over."""

    code = "decided"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, state: str) -> None:
        super().__init__(
            _("This request is %(state)s; nothing can be decided any more.") % {"state": state},
            state=state,
        )


class NotEnoughToTake(DomainError):
    """Less is free of the grants than is to be taken, and nothing may be owed for it."""

    code = "not_enough_to_take"
    kind = ErrorKind.CONFLICT

    def __init__(
        self, *, need_micros: int, available_micros: int, may_be_owed: bool = False
    ) -> None:
        need, available = format_micros(need_micros), format_micros(available_micros)
        sentence = (
            _(
                "%(need)s credits are to be taken, and %(available)s of this grant are free or "
                "were spent without being owed yet. Take no more than that."
            )
            if may_be_owed
            else _(
                "%(need)s credits are to be taken, and %(available)s are free of these grants. "
                "Take no more than that, or let the rest be owed as a debt."
            )
        )
        super().__init__(
            sentence % {"need": need, "available": available},
            field="amount_micros" if may_be_owed else "as_debt",
            need=need,
            available=available,
        )


class NothingSelected(DomainError):
    """An incident whose selection and rule give nobody anything."""

    code = "nothing_selected"
    kind = ErrorKind.INVALID

    def __init__(self) -> None:
        super().__init__(_("This selection and this rule give nobody anything."))


class SelectionTooLarge(DomainError):
    """An incident of more jobs than one compensation may name."""

    code = "selection_too_large"
    kind = ErrorKind.INVALID

    def __init__(self, *, jobs_max: int) -> None:
        super().__init__(
            _("This selection has more than %(max)s jobs; divide it.") % {"max": jobs_max},
            max=jobs_max,
        )


class TooManyAccounts(DomainError):
    """A run of a campaign for more accounts than one run may name."""

    code = "too_many_accounts"
    kind = ErrorKind.INVALID

    def __init__(self, *, accounts_max: int) -> None:
        super().__init__(
            _("This selection has more than %(max)s accounts; divide it.") % {"max": accounts_max},
            max=accounts_max,
        )


class SelectionChanged(DomainError):
    """What would move is not what was looked at, or its digest was mistyped."""

    code = "selection_changed"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            _(
                "This is not the digest of what would move: it was mistyped, or the jobs have "
                "changed since the preview. Preview again."
            ),
            field="digest",
        )


class IncidentKnown(DomainError):
    """The key of an incident that was compensated, or is to be, on other terms."""

    code = "incident_known"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, key: str, compensation: str) -> None:
        super().__init__(
            _("The incident %(key)s is being compensated on other terms.") % {"key": key},
            incident=key,
            compensation=compensation,
        )


class RunKnown(DomainError):
    """A run of a campaign that is asked for, or carried out, already."""

    code = "run_known"
    kind = ErrorKind.CONFLICT

    def __init__(self, *, campaign: str, name: str) -> None:
        super().__init__(
            _("The run %(run)s of %(campaign)s is requested already, or carried out.")
            % {"run": name, "campaign": campaign},
            field="name",
            campaign=campaign,
            run=name,
        )


class NotHalted(DomainError):
    """An account whose automatic grants go on."""

    code = "not_halted"
    kind = ErrorKind.CONFLICT

    def __init__(self) -> None:
        super().__init__(_("The automatic grants of this account are not halted."))

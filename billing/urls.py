"""The whole surface of `billing` over HTTP: nothing appears by inheritance."""

from django.contrib import admin
from django.urls import include, path

from billing.accounts.api import AccountDetail
from billing.console.lab.shared import shared
from billing.corrections.api import DebtList
from billing.exports.api import LedgerTable, UsageTable
from billing.http.explaining import problems_page
from billing.http.health import Healthz, Readyz
from billing.insights.api import StatementDetail, StatementList, StatementTable
from billing.insights.pages import revenue_page
from billing.jobs.api import (
    JobCancel,
    JobDetail,
    JobList,
    MemberUsage,
    OutputFile,
    QuoteList,
    Thumbnail,
)
from billing.jobs.callbacks import BackendCallback
from billing.jobs.events.api import JobEvents
from billing.ledger.api import CheckIn, EntryList
from billing.ledger.services import change_account
from billing.organizations.api import (
    AllotmentDetail,
    AllotmentList,
    AllotmentTakeBack,
    InvitationAcceptance,
    InvitationList,
    InvitationRefusal,
    MemberDetail,
    MemberList,
    OrganizationAllotments,
    OrganizationDetail,
    OrganizationList,
    TransferList,
)
from billing.packs.api import BalanceView, GrantList, PurchaseActivation, PurchaseList
from billing.pages import views as pages
from billing.pages.api import PageLinkList
from billing.partners.api import (
    ProgrammeCollection,
    ProgrammeEarnings,
    ProgrammeLink,
    ProgrammePartners,
    ReferralList,
)
from billing.payments.api.changes import (
    SubscriptionCancel,
    SubscriptionChange,
    SubscriptionPreview,
    SubscriptionResume,
    SubscriptionView,
)
from billing.payments.api.checkouts import CheckoutDetail, CheckoutList
from billing.payments.api.invoices import InvoiceList
from billing.payments.api.portals import PortalList
from billing.payments.api.profiles import ProfileView
from billing.payments.api.refunds import PaymentList, RefundList
from billing.payments.callbacks import StripeCallback
from billing.promotions.api import CampaignGrants, RedemptionList
from billing.receipts.api import ReceiptDetail, ReceiptKeyList
from billing.sandbox.api import ClockAccounts, ClockAdvance, ClockDetail, ClockList
from billing.subscriptions.api import SignalList
from billing.subscriptions.selectors import plan_of
from billing.subscriptions.services import finish_if_over
from billing.topups.api import AutoTopUpView
from billing.webhooks.api import (
    DeliveryDetail,
    DeliveryList,
    DeliveryRetry,
    EndpointDetail,
    EndpointList,
    EndpointReplay,
    EndpointSecret,
    EndpointTest,
)

urlpatterns = [
    path("v1/auto-top-up", AutoTopUpView.as_view()),
    path("v1/problems", problems_page),
    path("v1/quotes", QuoteList.as_view()),
    path("v1/jobs", JobList.as_view()),
    path("v1/jobs/<str:job_id>", JobDetail.as_view()),
    path("v1/jobs/<str:job_id>/cancel", JobCancel.as_view()),
    path("v1/jobs/<str:job_id>/events", JobEvents.as_view(), name="job-events"),
    path("v1/outputs/<str:token>", OutputFile.as_view(), name="output"),
    path("v1/outputs/<str:token>/thumbnail", Thumbnail.as_view(), name="output-thumbnail"),
    path("v1/balance", BalanceView.as_view()),
    path("v1/debts", DebtList.as_view()),
    path("v1/grants", GrantList.as_view()),
    path("v1/purchases", PaymentList.as_view()),
    path("v1/refunds", RefundList.as_view()),
    path("v1/pack-purchases", PurchaseList.as_view()),
    path("v1/pack-purchases/<str:purchase_id>/activate", PurchaseActivation.as_view()),
    path("v1/campaigns/<str:code>/grants", CampaignGrants.as_view()),
    path("v1/programmes/<str:code>/link", ProgrammeLink.as_view()),
    path("v1/programmes/<str:code>/earnings", ProgrammeEarnings.as_view()),
    path("v1/programmes/<str:code>/collect", ProgrammeCollection.as_view()),
    path("v1/programmes/<str:code>/partners", ProgrammePartners.as_view()),
    path("v1/referrals", ReferralList.as_view()),
    path("v1/redemptions", RedemptionList.as_view()),
    path("v1/ledger", EntryList.as_view()),
    path("v1/ledger/<str:entry_id>/receipt", ReceiptDetail.as_view()),
    path("admin/console/", include("billing.console.urls")),
    path("admin/revenue", admin.site.admin_view(revenue_page), name="revenue"),
    path("v1/invoices", InvoiceList.as_view()),
    path("v1/billing-profile", ProfileView.as_view()),
    path("v1/statements", StatementList.as_view()),
    path("v1/statements/<str:month>.csv", StatementTable.as_view()),
    path("v1/statements/<str:month>", StatementDetail.as_view()),
    path("v1/exports/ledger.csv", LedgerTable.as_view()),
    path("v1/exports/usage.csv", UsageTable.as_view()),
    path("v1/receipt-keys", ReceiptKeyList.as_view()),
    path("v1/check-in", CheckIn.as_view(brought_up=finish_if_over)),
    path("v1/subscription", SubscriptionView.as_view()),
    path("v1/subscription/preview", SubscriptionPreview.as_view()),
    path("v1/subscription/change", SubscriptionChange.as_view()),
    path("v1/subscription/cancel", SubscriptionCancel.as_view()),
    path("v1/subscription/resume", SubscriptionResume.as_view()),
    path("v1/checkout-sessions", CheckoutList.as_view()),
    path("v1/checkout-sessions/<str:checkout_id>", CheckoutDetail.as_view()),
    path("v1/portal-sessions", PortalList.as_view()),
    path("v1/organizations", OrganizationList.as_view()),
    path("v1/organizations/<str:organization_id>", OrganizationDetail.as_view()),
    path("v1/organizations/<str:organization_id>/members", MemberList.as_view()),
    path(
        "v1/organizations/<str:organization_id>/members/<str:membership_id>", MemberDetail.as_view()
    ),
    path("v1/organizations/<str:organization_id>/allotments", OrganizationAllotments.as_view()),
    path("v1/organizations/<str:organization_id>/usage", MemberUsage.as_view()),
    path("v1/invitations", InvitationList.as_view()),
    path("v1/invitations/<str:membership_id>/accept", InvitationAcceptance.as_view()),
    path("v1/invitations/<str:membership_id>/decline", InvitationRefusal.as_view()),
    path("v1/allotments", AllotmentList.as_view()),
    path("v1/allotments/<str:allotment_id>", AllotmentDetail.as_view()),
    path("v1/allotments/<str:allotment_id>/take-back", AllotmentTakeBack.as_view()),
    path("v1/transfers", TransferList.as_view()),
    path("v1/accounts/<path:external_id>/signals", SignalList.as_view()),
    path(
        "v1/accounts/<path:external_id>",
        AccountDetail.as_view(change=change_account, plan_of=plan_of),
    ),
    path("v1/test-clocks", ClockList.as_view()),
    path("v1/test-clocks/<str:clock_id>", ClockDetail.as_view()),
    path("v1/test-clocks/<str:clock_id>/accounts", ClockAccounts.as_view()),
    path("v1/test-clocks/<str:clock_id>/advance", ClockAdvance.as_view()),
    path("v1/page-links", PageLinkList.as_view()),
    path("pages/<str:token>/effect", shared, name="lab-shared"),
    path("pages/pricing", pages.public_prices, name="pricing"),
    path("pages/<str:token>/pricing", pages.prices, name="page-pricing"),
    path("pages/<str:token>/balance", pages.balance, name="page-balance"),
    path("pages/<str:token>/videos", pages.video_list, name="page-videos"),
    path("pages/<str:token>/check-in", pages.check_in, name="page-check-in"),
    path("pages/<str:token>/plan", pages.plan, name="page-plan"),
    path("pages/<str:token>/return", pages.back_from_paying, name="page-return"),
    path("v1/webhook-endpoints", EndpointList.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>", EndpointDetail.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/test", EndpointTest.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/rotate-secret", EndpointSecret.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/replay", EndpointReplay.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/deliveries", DeliveryList.as_view()),
    path(
        "v1/webhook-endpoints/<str:endpoint_id>/deliveries/<str:delivery_id>",
        DeliveryDetail.as_view(),
    ),
    path(
        "v1/webhook-endpoints/<str:endpoint_id>/deliveries/<str:delivery_id>/retry",
        DeliveryRetry.as_view(),
    ),
    path("webhooks/backends/<str:backend>/<str:token>", BackendCallback.as_view()),
    path("webhooks/stripe", StripeCallback.as_view()),
    path("healthz", Healthz.as_view()),
    path("readyz", Readyz.as_view()),
]

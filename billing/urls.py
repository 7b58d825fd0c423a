"""The whole surface of `billing` over HTTP: nothing appears by inheritance."""

from django.urls import path

from billing.accounts.api import AccountDetail
from billing.http.health import Healthz, Readyz
from billing.jobs.api import JobCancel, JobDetail, JobList, OutputFile, QuoteList
from billing.jobs.callbacks import BackendCallback
from billing.ledger.api import CheckIn, EntryList
from billing.packs.api import BalanceView, GrantList, PurchaseActivation, PurchaseList
from billing.promotions.api import CampaignGrants, RedemptionList
from billing.subscriptions.api import SubscriptionView
from billing.webhooks.api import (
    DeliveryList,
    EndpointDetail,
    EndpointList,
    EndpointSecret,
    EndpointTest,
)

urlpatterns = [
    path("v1/quotes", QuoteList.as_view()),
    path("v1/jobs", JobList.as_view()),
    path("v1/jobs/<str:job_id>", JobDetail.as_view()),
    path("v1/jobs/<str:job_id>/cancel", JobCancel.as_view()),
    path("v1/outputs/<str:token>", OutputFile.as_view(), name="output"),
    path("v1/balance", BalanceView.as_view()),
    path("v1/grants", GrantList.as_view()),
    path("v1/pack-purchases", PurchaseList.as_view()),
    path("v1/pack-purchases/<str:purchase_id>/activate", PurchaseActivation.as_view()),
    path("v1/campaigns/<str:code>/grants", CampaignGrants.as_view()),
    path("v1/redemptions", RedemptionList.as_view()),
    path("v1/ledger", EntryList.as_view()),
    path("v1/check-in", CheckIn.as_view()),
    path("v1/subscription", SubscriptionView.as_view()),
    path("v1/accounts/<path:external_id>", AccountDetail.as_view()),
    path("v1/webhook-endpoints", EndpointList.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>", EndpointDetail.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/test", EndpointTest.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/rotate-secret", EndpointSecret.as_view()),
    path("v1/webhook-endpoints/<str:endpoint_id>/deliveries", DeliveryList.as_view()),
    path("webhooks/backends/<str:backend>/<str:token>", BackendCallback.as_view()),
    path("healthz", Healthz.as_view()),
    path("readyz", Readyz.as_view()),
]

"""The addresses of `plans`, below `/v1/`."""

from django.urls import path

from plans import api

urlpatterns = [
    path("catalog", api.CatalogDetail.as_view(), name="catalog"),
    path("rates", api.RateList.as_view(), name="rates"),
]

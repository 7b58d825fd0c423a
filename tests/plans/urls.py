"""The addresses of `plans` alone, where the service puts them."""

from django.urls import include, path

urlpatterns = [path("v1/", include("plans.urls"))]

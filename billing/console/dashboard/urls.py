"""The addresses of the dashboard's files; the dashboard itself is the site's first page."""

from django.contrib import admin
from django.urls import path

from billing.console.dashboard.pages import table

urlpatterns = [path("<slug:code>.csv", admin.site.admin_view(table), name="dashboard_table")]

"""Has Django's administration open to operators alone who have proven themselves twice."""

from django.contrib.admin.apps import AdminConfig


class OperatorsAdmin(AdminConfig):
    """`admin.site`, where every window registers itself, is the site of operators."""

    default_site = "billing.operators.admin.site.OperatorSite"

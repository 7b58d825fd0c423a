import billing.topups.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0029_refunds"), ("plans", "0003_labels")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="tops_up_below_micros",
            field=models.BigIntegerField(
                blank=True,
                help_text="When fewer credits are free, more are bought; empty: nothing is.",
                null=True,
                verbose_name="tops up below",
            ),
        ),
        migrations.CreateModel(
            name="AutoTopUp",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="auto_top_up",
                        serialize=False,
                        to="billing.account",
                        verbose_name="account",
                    ),
                ),
                ("is_on", models.BooleanField(default=False, verbose_name="on")),
                (
                    "threshold_micros",
                    models.BigIntegerField(
                        help_text="Bought when fewer credits than this are free.",
                        verbose_name="threshold",
                    ),
                ),
                ("pack", models.CharField(max_length=64, verbose_name="pack")),
                ("quantity", models.PositiveIntegerField(default=1, verbose_name="quantity")),
                (
                    "limit_micros",
                    models.BigIntegerField(
                        help_text="In millionths of the currency's unit.",
                        verbose_name="monthly limit",
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "failures",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="In a row, since the last that was paid.",
                        verbose_name="declines",
                    ),
                ),
                (
                    "retry_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="After a decline, or when the month's limit is reached.",
                        null=True,
                        verbose_name="not before",
                    ),
                ),
                (
                    "stopped",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("declined", "declined again and again"),
                            ("no_card", "no saved card"),
                            ("not_for_sale", "not sold to it any more"),
                            ("refused", "refused by Stripe"),
                        ],
                        default="",
                        help_text="Why it was switched off for the account; empty: it was not.",
                        max_length=16,
                        verbose_name="stopped",
                    ),
                ),
                ("changed_at", models.DateTimeField(verbose_name="changed at")),
            ],
            options={
                "verbose_name": "automatic top-up",
                "verbose_name_plural": "automatic top-ups",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_on", True)),
                        fields=["account"],
                        name="auto_top_up_on",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("currency__regex", "^[A-Z]{3}$"),
                            ("limit_micros__gt", 0),
                            ("quantity__gt", 0),
                            ("threshold_micros__gt", 0),
                            ("threshold_micros__lte", 1000000000000000000),
                        ),
                        name="auto_top_up_amounts_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_on", False), ("stopped", ""), _connector="OR"),
                        name="auto_top_up_is_on_or_stopped",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TopUp",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=billing.topups.models._top_up_id,
                        editable=False,
                        max_length=48,
                        primary_key=True,
                        serialize=False,
                        verbose_name="id",
                    ),
                ),
                ("pack", models.CharField(max_length=64, verbose_name="pack")),
                ("quantity", models.PositiveIntegerField(default=1, verbose_name="quantity")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "price_micros",
                    models.BigIntegerField(
                        help_text="In millionths of the currency's unit.", verbose_name="price"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "being paid"),
                            ("waiting", "waits for its buyer"),
                            ("succeeded", "succeeded"),
                            ("declined", "declined"),
                        ],
                        default="asked",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                (
                    "page_id",
                    models.CharField(
                        blank=True, default="", max_length=255, verbose_name="page at Stripe"
                    ),
                ),
                (
                    "page_url",
                    models.CharField(blank=True, default="", max_length=4000, verbose_name="page"),
                ),
                (
                    "page_expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="page expires at"),
                ),
                (
                    "decline",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The bank's word.",
                        max_length=64,
                        verbose_name="reason",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        help_text="By the wallet's clock.", verbose_name="created at"
                    ),
                ),
                (
                    "ring_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Empty: it has ended.",
                        null=True,
                        verbose_name="looked at again at",
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="top_ups",
                        to="billing.account",
                        verbose_name="account",
                    ),
                ),
                (
                    "catalog_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plans.catalogversion",
                        verbose_name="catalog version",
                    ),
                ),
            ],
            options={
                "verbose_name": "top-up",
                "verbose_name_plural": "top-ups",
                "indexes": [
                    models.Index(fields=["account", "-id"], name="top_up_newest_first"),
                    models.Index(
                        condition=models.Q(("state__in", ["asked", "waiting"])),
                        fields=["ring_at"],
                        name="top_up_to_end",
                    ),
                    models.Index(
                        condition=models.Q(("state", "succeeded"), _negated=True),
                        fields=["created_at"],
                        name="top_up_paid_late",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["asked", "waiting"])),
                        fields=("account",),
                        name="top_up_one_in_flight",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("currency__regex", "^[A-Z]{3}$"),
                            ("price_micros__gt", 0),
                            ("quantity__gt", 0),
                        ),
                        name="top_up_costs_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at", None),
                                ("page_id", ""),
                                ("ring_at__isnull", False),
                                ("state", "asked"),
                            ),
                            models.Q(
                                ("ended_at", None),
                                ("ring_at__isnull", False),
                                ("state", "waiting"),
                                models.Q(("page_id", ""), _negated=True),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ring_at", None),
                                ("state__in", ["succeeded", "declined"]),
                            ),
                            _connector="OR",
                        ),
                        name="top_up_state_matches_columns",
                    ),
                ],
            },
        ),
    ]

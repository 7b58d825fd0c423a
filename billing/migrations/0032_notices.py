import billing.notices.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0031_ids_at_backends")]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=billing.notices.models._notice_id,
                        editable=False,
                        max_length=48,
                        primary_key=True,
                        serialize=False,
                        verbose_name="id",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("payment_received", "payment received"),
                            ("payment_failed", "payment failed"),
                            ("payment_action_required", "payment needs its buyer"),
                            ("subscription_renewed", "subscription renewed"),
                            ("subscription_ending", "subscription ends soon"),
                            ("subscription_canceled", "subscription canceled"),
                            ("subscription_ended", "subscription ended"),
                            ("trial_ends_soon", "trial ends soon"),
                            ("grace_ends_soon", "days of grace end soon"),
                            ("top_up_made", "topped up automatically"),
                            ("top_up_declined", "automatic top-up declined"),
                            ("top_up_stopped", "automatic top-up stopped"),
                            ("refund_made", "refund made"),
                            ("dispute_opened", "dispute opened"),
                            ("card_expires", "card expires"),
                        ],
                        max_length=32,
                        verbose_name="kind",
                    ),
                ),
                (
                    "fact",
                    models.CharField(
                        help_text="One fact, one letter.",
                        max_length=200,
                        verbose_name="business fact",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        blank=True, default="", max_length=254, verbose_name="e-mail address"
                    ),
                ),
                ("language", models.CharField(max_length=16, verbose_name="language")),
                ("facts", models.JSONField(blank=True, default=dict, verbose_name="facts")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "on its way"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("skipped", "not sent"),
                        ],
                        default="waiting",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                (
                    "trouble",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no_address", "no address is known"),
                            ("no_server", "no mail server is set"),
                            ("away", "the mail server does not answer"),
                            ("refused", "the mail server refused it"),
                        ],
                        default="",
                        max_length=16,
                        verbose_name="trouble",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="next attempt at"),
                ),
                (
                    "leased_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="A worker is sending it.",
                        null=True,
                        verbose_name="in hand until",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="billing.account",
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
                "permissions": [("send_notice", "Can have a letter sent again")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["next_at"],
                        name="notice_to_send",
                    ),
                    models.Index(fields=["account", "-id"], name="notice_newest_first"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("fact",), name="notice_fact_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "payment_received",
                                    "payment_failed",
                                    "payment_action_required",
                                    "subscription_renewed",
                                    "subscription_ending",
                                    "subscription_canceled",
                                    "subscription_ended",
                                    "trial_ends_soon",
                                    "grace_ends_soon",
                                    "top_up_made",
                                    "top_up_declined",
                                    "top_up_stopped",
                                    "refund_made",
                                    "dispute_opened",
                                    "card_expires",
                                ],
                            )
                        ),
                        name="notice_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("next_at__isnull", False), ("sent_at", None), ("state", "waiting")
                            ),
                            models.Q(
                                ("next_at", None),
                                ("sent_at__isnull", False),
                                ("state", "sent"),
                                ("trouble", ""),
                            ),
                            models.Q(
                                ("next_at", None),
                                ("sent_at", None),
                                ("state__in", ["failed", "skipped"]),
                                models.Q(("trouble", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="notice_state_matches_columns",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "skipped"),
                            models.Q(("email", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="notice_goes_somewhere",
                    ),
                ],
            },
        )
    ]

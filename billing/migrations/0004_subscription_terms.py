from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    """A subscription keeps what was sold; those of before keep the version they were sold by."""

    dependencies = [("billing", "0003_job_charges"), ("plans", "0002_effective")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="terms_version",
            field=models.ForeignKey(help_text="The catalog version whose terms of the plan count for it.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="plans.catalogversion", verbose_name="terms of"),
        ),
        migrations.RunSQL(
            # The deferred checks of the pointers must be done before the column is made NOT NULL.
            sql="UPDATE billing_subscription SET terms_version_id = catalog_version_id;"
            "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="subscription",
            name="terms_version",
            field=models.ForeignKey(help_text="The catalog version whose terms of the plan count for it.", on_delete=django.db.models.deletion.PROTECT, related_name="+", to="plans.catalogversion", verbose_name="terms of"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="catalog_version",
            field=models.ForeignKey(help_text="The one that it was sold by.", on_delete=django.db.models.deletion.PROTECT, related_name="+", to="plans.catalogversion", verbose_name="catalog version"),
        ),
        migrations.AddField(
            model_name="subscription",
            name="interval",
            field=models.CharField(blank=True, default="", help_text="The period that a price pays for; empty: given without a price.", max_length=32, verbose_name="interval"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="subscription",
            name="currency",
            field=models.CharField(blank=True, default="", max_length=3, verbose_name="currency"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="subscription",
            name="book",
            field=models.CharField(blank=True, default="", max_length=64, verbose_name="price book"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="subscription",
            name="price_micros",
            field=models.BigIntegerField(blank=True, help_text="Of the first period, in millionths of the currency.", null=True, verbose_name="first price (micros)"),
        ),
        migrations.AddField(
            model_name="subscription",
            name="renewal_micros",
            field=models.BigIntegerField(blank=True, help_text="Of each later period, in millionths of the currency.", null=True, verbose_name="renewal price (micros)"),
        ),
        migrations.AddField(
            model_name="subscription",
            name="ends_at",
            field=models.DateTimeField(blank=True, help_text="Ends by itself then; empty: goes on.", null=True, verbose_name="ends at"),
        ),
        migrations.AddField(
            model_name="subscription",
            name="past_due_at",
            field=models.DateTimeField(blank=True, help_text="Empty: paid.", null=True, verbose_name="past due since"),
        ),
        migrations.AddField(
            model_name="subscription",
            name="moved_at",
            field=models.DateTimeField(blank=True, help_text="When its terms were last replaced.", null=True, verbose_name="moved at"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(condition=models.Q(("ends_at", None), ("ends_at__gt", models.F("started_at")), _connector="OR"), name="subscription_lasts_a_while"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("currency", ""), ("interval", ""), ("price_micros", None), ("renewal_micros", None)),
                    models.Q(
                        models.Q(("interval", ""), _negated=True),
                        models.Q(("currency", ""), _negated=True),
                        ("price_micros__isnull", False),
                        ("renewal_micros__isnull", False),
                        ("price_micros__gte", 0),
                        ("renewal_micros__gte", 0),
                    ),
                    _connector="OR",
                ),
                name="subscription_price_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("moved_at", None), ("terms_version", models.F("catalog_version"))),
                    models.Q(("moved_at__gte", models.F("started_at")), ("moved_at__isnull", False)),
                    _connector="OR",
                ),
                name="subscription_keeps_its_terms_until_moved",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(condition=models.Q(("past_due_at", None), ("past_due_at__gte", models.F("started_at")), _connector="OR"), name="subscription_past_due_after_it_starts"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["plan", "terms_version", "id"], name="subscription_open_of_plan"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(condition=models.Q(("ended_at", None), ("ends_at__isnull", False)), fields=["ends_at"], name="subscription_to_end"),
        ),
        migrations.RunSQL(
            (SQL / "subscriptions.up.sql").read_text(), (SQL / "subscriptions.down.sql").read_text()
        ),
    ]

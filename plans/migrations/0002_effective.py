from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

_HERE = Path(__file__).parent


class Migration(migrations.Migration):
    """Publications begin at an instant of their own; what was published so far began at once."""

    dependencies = [("plans", "0001_initial")]

    operations = [
        # The guard refuses every update, also the one that fills the new column.
        migrations.RunSQL(
            sql="DROP TRIGGER publication_is_immutable ON plans_publication;",
            reverse_sql=(_HERE / "0002_publication_is_immutable.sql").read_text(),
        ),
        migrations.AddField(
            model_name="publication",
            name="effective_at",
            field=models.DateTimeField(help_text="By the database's clock; sales are made by it from then.", null=True, verbose_name="in force from"),
        ),
        migrations.RunSQL(
            sql="UPDATE plans_publication SET effective_at = published_at;",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="publication",
            name="effective_at",
            field=models.DateTimeField(help_text="By the database's clock; sales are made by it from then.", verbose_name="in force from"),
        ),
        migrations.AddConstraint(
            model_name="publication",
            constraint=models.CheckConstraint(condition=models.Q(("effective_at__gte", models.F("published_at"))), name="publication_begins_after_it_is_published"),
        ),
        migrations.AddIndex(
            model_name="publication",
            index=models.Index(fields=["-effective_at", "-sequence"], name="publication_latest_first"),
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("publication", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="withdrawal", serialize=False, to="plans.publication")),
                ("withdrawn_at", models.DateTimeField(verbose_name="withdrawn at")),
            ],
            options={"verbose_name": "withdrawal", "verbose_name_plural": "withdrawals"},
        ),
        migrations.RunSQL(
            sql=(_HERE / "0002_publication_is_immutable.sql").read_text(),
            reverse_sql="DROP TRIGGER publication_is_immutable ON plans_publication;",
        ),
        migrations.RunSQL(
            sql=(_HERE / "0002_effective.sql").read_text(),
            reverse_sql=(_HERE / "0002_effective_reverse.sql").read_text(),
        ),
    ]

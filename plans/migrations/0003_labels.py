import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The columns that operators see have names that are translated; the tables stay as they are."""

    dependencies = [("plans", "0002_effective")]

    operations = [
        migrations.AlterField(
            model_name="publication",
            name="sequence",
            field=models.BigAutoField(primary_key=True, serialize=False, verbose_name="number"),
        ),
        migrations.AlterField(
            model_name="publication",
            name="version",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="publications", to="plans.catalogversion", verbose_name="catalog version"),
        ),
        migrations.AlterField(
            model_name="withdrawal",
            name="publication",
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="withdrawal", serialize=False, to="plans.publication", verbose_name="publication"),
        ),
    ]

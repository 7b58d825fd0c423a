from django.db import migrations, models
from django.db.models import F


def as_before(apps, schema_editor):
    """What was asked for before was to be paid by the end of its period."""
    changes = apps.get_model("billing", "PlanChange")
    here = changes.objects.using(schema_editor.connection.alias)
    here.filter(to_be_paid_by=None).update(to_be_paid_by=F("paid_until"))


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0039_changes_say_what_they_carry"),
    ]

    operations = [
        migrations.AddField(
            model_name='planchange',
            name='to_be_paid_by',
            field=models.DateTimeField(blank=True, help_text='When the period or its window of credits ends by which it was reckoned, whichever is earlier: after that it is too late.', null=True, verbose_name='to be paid by'),
        ),
        migrations.AlterField(
            model_name='planchange',
            name='paid_until',
            field=models.DateTimeField(blank=True, help_text='When the period ends by which it was reckoned.', null=True, verbose_name='paid until'),
        ),
        migrations.RunPython(as_before, migrations.RunPython.noop),
    ]

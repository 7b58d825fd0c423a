"""A message knows since when it is due; one of before counts from its next ring."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0058_guards_look_once'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='due_at',
            field=models.DateTimeField(blank=True, help_text='From when on a worker should begin it; rings move nothing.', null=True, verbose_name='due since'),
        ),
    ]

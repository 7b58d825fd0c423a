from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0055_guards_look_up_by_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='traceparent',
            field=models.CharField(blank=True, db_default='', default='', help_text='Where in a trace it was handed over; empty: in none.', max_length=55, verbose_name='trace'),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0056_traces'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='traceparent',
            field=models.CharField(blank=True, db_default='', default='', help_text='Where in a trace it was posted; empty: in none.', max_length=55, verbose_name='trace'),
        ),
    ]

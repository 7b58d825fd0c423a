from django.db import migrations, models


class Migration(migrations.Migration):
    """Outputs have thumbnails and an end; a file is written down before it is stored."""

    dependencies = [
        ('billing', '0022_job_versions'),
    ]

    operations = [
        migrations.CreateModel(
            name='LooseFile',
            fields=[
                ('path', models.CharField(help_text='Name in the storage.', max_length=200, primary_key=True, serialize=False, verbose_name='file name')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
            ],
            options={
                'verbose_name': 'loose file',
                'verbose_name_plural': 'loose files',
            },
        ),
        migrations.AddField(
            model_name='attempt',
            name='output_since',
            field=models.DateTimeField(blank=True, help_text='It has succeeded, and its outputs could not be fetched yet.', null=True, verbose_name='outputs waited for since'),
        ),
        migrations.AddField(
            model_name='job',
            name='keep_outputs',
            field=models.CharField(blank=True, db_default='', default='', help_text='By the plan at the order, as an ISO period; empty: for ever.', max_length=32, verbose_name='outputs are kept for'),
        ),
        migrations.AddField(
            model_name='output',
            name='deleted_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='deleted at'),
        ),
        migrations.AddField(
            model_name='output',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='Its files are deleted then; empty: never.', null=True, verbose_name='expires at'),
        ),
        migrations.AddField(
            model_name='output',
            name='thumbnail_path',
            field=models.CharField(blank=True, db_default='', default='', help_text='Name in the storage.', max_length=200, verbose_name="thumbnail's file name"),
        ),
        migrations.AddIndex(
            model_name='output',
            index=models.Index(condition=models.Q(('deleted_at', None), ('expires_at__isnull', False)), fields=['expires_at'], name='output_due'),
        ),
        migrations.AddConstraint(
            model_name='output',
            constraint=models.CheckConstraint(condition=models.Q(('deleted_at', None), ('expires_at__isnull', False), _connector='OR'), name='output_deleted_only_where_it_expires'),
        ),
        migrations.AddIndex(
            model_name='loosefile',
            index=models.Index(fields=['created_at'], name='loose_file_oldest_first'),
        ),
    ]

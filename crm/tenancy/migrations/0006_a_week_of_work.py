import crm.tenancy.models.people
import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0005_days_before_a_term_ends"),
    ]

    operations = [
        migrations.AddField(
            model_name="seat",
            name="minutes_a_week",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10080)],
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="rises_after",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveSmallIntegerField(), default=crm.tenancy.models.people.rises_after, size=3
            ),
        ),
    ]

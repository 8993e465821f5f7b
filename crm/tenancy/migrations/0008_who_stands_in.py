from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0007_the_planner_learns"),
    ]

    operations = [
        migrations.AddField(
            model_name="seat",
            name="stand_in",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="seat",
            name="stand_in_until",
            field=models.DateField(blank=True, editable=False, null=True),
        ),
    ]

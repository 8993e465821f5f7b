from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0003_what_follows_a_word"),
    ]

    operations = [
        migrations.AddField(
            model_name="customfield",
            name="is_asked",
            field=models.BooleanField(default=False),
        ),
    ]

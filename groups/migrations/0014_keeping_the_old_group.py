from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("groups", "0013_red_packet_before_a_talk")]

    operations = [
        migrations.AlterField(
            model_name="move",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "not asked yet"),
                    ("asked", "asked"),
                    ("joined", "joined"),
                    ("refused", "refused"),
                    ("unreachable", "unreachable"),
                    ("kept", "keeps the old group"),
                ],
                default="waiting",
                max_length=12,
            ),
        ),
    ]

from django.db import migrations

# ANALYZE needs the owner of a table; the serving login gets this one act of the owner's and nothing else.
LEARN = """
    CREATE FUNCTION learn_table(name regclass) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN EXECUTE format('ANALYZE %s', name); END $$;
    REVOKE ALL ON FUNCTION learn_table(regclass) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION learn_table(regclass) TO app"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0006_a_week_of_work")]

    operations = [migrations.RunSQL(LEARN, "DROP FUNCTION learn_table(regclass)")]

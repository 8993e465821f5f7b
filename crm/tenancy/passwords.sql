-- After roles.sql, once: docker-compose.yml hands both to a new database. psql reads the files; no command line shows them.

\set crm `cat /run/secrets/database_password`

ALTER ROLE crm PASSWORD :'crm';

\set crm_migrate `cat /run/secrets/migrate_database_password`

ALTER ROLE crm_migrate PASSWORD :'crm_migrate';

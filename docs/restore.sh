#!/usr/bin/env bash
# Restores a dump into an empty database: docs/restore.sh FILE
#   ADMIN_URL           as a superuser, for the users that are missing
#   OWNER_URL           as dunwell_owner, of the empty database
#   BACKUP_URL          as dunwell_backup, of the same
#   DUNWELL_SECRET_KEY  the key of the database that was dumped
#   OWNER_PASSWORD, SERVICE_PASSWORD, BACKUP_PASSWORD, DUNWELL  as in the other scripts
set -euo pipefail
file=${1:?which file?}
dunwell=${DUNWELL:-node dist/cli.js}

# Roles first: policies and grants name them, and are left out where they are missing.
psql --quiet --dbname="$ADMIN_URL" --file="$(dirname "$0")/database-users.sql"
# All or nothing.
pg_restore --exit-on-error --single-transaction --no-owner --dbname="$OWNER_URL" "$file"
psql --quiet --dbname="$OWNER_URL" --command=analyze
export DATABASE_URL=$OWNER_URL
$dunwell migrate
$dunwell verify
DATABASE_URL=$BACKUP_URL $dunwell backup-check

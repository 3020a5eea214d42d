#!/usr/bin/env bash
# Dumps the database into a file: docs/backup.sh FILE
#   BACKUP_URL  as dunwell_backup
#   DUNWELL     how the command line is called here
set -euo pipefail
file=${1:?which file?}
dunwell=${DUNWELL:-node dist/cli.js}

# A dump by a user that row-level security applies to fails, or is empty and says nothing.
DATABASE_URL=$BACKUP_URL $dunwell backup-check
pg_dump --format=custom --no-owner --file="$file.unfinished" "$BACKUP_URL"
pg_restore --list "$file.unfinished" >/dev/null
mv "$file.unfinished" "$file"

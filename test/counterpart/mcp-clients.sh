#!/usr/bin/env bash
# Installs the MCP clients that are not in package.json: MCP Inspector and the Python package, below node_modules/.cache; does nothing when that was done.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../../node_modules/.cache/mcp-clients
want=$(cd "$here/mcp-clients" && sha256sum requirements.txt package-lock.json)
if [ "$(cat "$cache/stamp" 2>/dev/null)" = "$want" ]; then
  echo 'MCP Inspector and the Python MCP SDK are installed'
  exit
fi
rm -rf "$cache"
mkdir -p "$cache"
echo 'Python MCP SDK ...'
python3 -m venv "$cache/python"
"$cache/python/bin/pip" install --quiet --no-deps --requirement "$here/mcp-clients/requirements.txt"
echo 'MCP Inspector ...'
cp "$here/mcp-clients/package.json" "$here/mcp-clients/package-lock.json" "$cache"
npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$want" >"$cache/stamp"

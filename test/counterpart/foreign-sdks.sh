#!/usr/bin/env bash
# Installs the implementations of OpenZiti that the tests here speak with, below node_modules/.cache; does nothing when that was done.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../../node_modules/.cache/foreign-sdks
want=$(cd "$here" && sha256sum python/requirements.txt java/pom.xml)
if [ "$(cat "$cache/stamp" 2>/dev/null)" = "$want" ]; then
  echo 'Python and Java SDKs are installed'
  exit
fi
rm -rf "$cache"
mkdir -p "$cache"
echo 'Python SDK ...'
python3 -m venv "$cache/python"
"$cache/python/bin/pip" install --quiet --requirement "$here/python/requirements.txt"
echo 'Java SDK ...'
mvn=(mvn -q -B -f "$here/java/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$cache/java")
"${mvn[@]}" -o >"$cache/mvn-offline.log" 2>&1 || "${mvn[@]}"
echo "$want" >"$cache/stamp"

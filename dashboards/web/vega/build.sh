#!/usr/bin/env bash
# Build ../static/vega.js and its licences anew from the npm packages that package-lock.json pins.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund
esbuild=$(ls node_modules/@esbuild/*/bin/esbuild)
"$esbuild" entry.js --bundle --minify --format=esm --target=es2020 --charset=utf8 \
  --legal-comments=none --metafile=node_modules/bundled.json --outfile=../static/vega.js
node licences.js node_modules/bundled.json > ../static/vega-licences.txt
(cd ../static && sha256sum vega.js vega-licences.txt) > SHA256SUMS
rm -r node_modules

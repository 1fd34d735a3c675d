// Print name, version and licence text of every package that is in the bundle.
import { readFileSync, readdirSync } from "node:fs";

const bundled = JSON.parse(readFileSync(process.argv[2], "utf8"));
const folders = new Set();
for (const path of Object.keys(bundled.inputs)) {
  const inside = path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  if (inside) folders.add(inside[1]);
}
console.log("vega.js bundles these packages, each under the licence that follows it.");
for (const folder of [...folders].sort()) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
  console.log(`\n${"=".repeat(78)}\n${name} ${version} (${license})\n`);
  console.log(file ? readFileSync(`${folder}/${file}`, "utf8").trim() : "no licence file in the package; see package.json");
}

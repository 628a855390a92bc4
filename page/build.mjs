// Builds dist/page.js and dist/page.css, which the crate embeds. `--check` compares with the existing files instead.
import { build } from "esbuild";
import { readFileSync } from "node:fs";

const check = process.argv.includes("--check");
const result = await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: { page: "src/main.ts", "page-style": "src/page.css" },
  outdir: "dist",
  bundle: true,
  format: "iife",
  target: ["es2022", "chrome100", "firefox100", "safari15.4"],
  charset: "ascii",
  minify: true,
  legalComments: "none",
  write: false,
});
const names = { "page.js": "page.js", "page-style.css": "page.css" };
const { writeFileSync, mkdirSync } = await import("node:fs");
mkdirSync(`${import.meta.dirname}/dist`, { recursive: true });
for (const file of result.outputFiles) {
  const name = names[file.path.split("/").pop()];
  const path = `${import.meta.dirname}/dist/${name}`;
  if (/<\/(script|style)|<!--/i.test(file.text)) throw new Error(`${name} would end its own element`);
  if (!check) {
    writeFileSync(path, file.text);
    console.log(`${path}: ${file.text.length} bytes`);
  } else if (readFileSync(path, "utf8") !== file.text) {
    console.error(`${path} differs from what src/ gives; run \`npm run build\` in page/`);
    process.exitCode = 1;
  }
}

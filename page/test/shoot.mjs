// Takes pictures of a page: node test/shoot.mjs PAGE.html PREFIX [WIDTHxHEIGHT] [dark] [print] [full]
import { chromium } from "playwright-core";

const [file, prefix, size = "1400x1000", ...flags] = process.argv.slice(2);
const [width, height] = size.split("x").map(Number);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width, height }, colorScheme: flags.includes("dark") ? "dark" : "light", javaScriptEnabled: !flags.includes("nojs") });
page.on("console", (message) => console.log("console:", message.text()));
page.on("pageerror", (error) => console.log("error:", error));
await page.goto(`file://${file}`);
if (flags.includes("print")) {
  await page.pdf({ path: `${prefix}.pdf`, format: "A4" });
} else {
  await page.waitForTimeout(300);
  for (const flag of flags) if (flag.startsWith("click=")) { await page.click(flag.slice(6)); await page.waitForTimeout(150); }
  for (const flag of flags) if (flag.startsWith("press=")) await page.keyboard.press(flag.slice(6));
  await page.screenshot({ path: `${prefix}.png`, fullPage: flags.includes("full") });
}
await browser.close();

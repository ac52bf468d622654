/**
 * A picture of the page: `npm run screenshot -- URL FILE.png [--theme dark|light] [--size 1440x900] [--phone] [--wait ms]
 * [--click selector]… [--symbol ETHUSDT] [--scale 2]`. URL may hold ?token=…. Needs a Chromium: CHROMIUM, else /usr/bin/chromium.
 */
import { chromium } from "playwright-core";

const values = { theme: "dark", size: "1440x900", wait: "2500", scale: "1" };
const steps = [];
const rest = [];
let phone = false;
const args = process.argv.slice(2);
while (args.length > 0) {
  const arg = args.shift();
  if (arg === "--phone") phone = true;
  else if (arg === "--click" || arg === "--symbol") {
    const value = args.shift();
    steps.push((page) => (arg === "--click" ? page.click(value) : page.selectOption(".select select", value)));
  }
  else if (arg.startsWith("--")) values[arg.slice(2)] = args.shift();
  else rest.push(arg);
}
const [url, file] = rest;
if (!url || !file) {
  console.error("usage: screenshot.mjs URL FILE.png [--theme dark|light] [--size 1440x900] [--phone] [--wait ms] [--click selector] [--symbol NAME]");
  process.exit(2);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
const [width, height] = (phone ? "390x844" : values.size).split("x").map(Number);
const page = await browser.newPage({
  viewport: { width, height },
  colorScheme: values.theme,
  deviceScaleFactor: phone ? 2 : Number(values.scale),
  isMobile: phone,
  hasTouch: phone,
});
let failed = false;
page.on("console", (message) => {
  if (message.type() === "error") console.error("console:", message.text());
});
page.on("pageerror", (error) => {
  failed = true;
  console.error("page error:", error.message);
});
await page.goto(url);
await page.waitForSelector(".app, .signin");
await page.waitForTimeout(Number(values.wait));
for (const step of steps) {
  await step(page);
  await page.waitForTimeout(700);
}
await page.screenshot({ path: file });
await browser.close();
process.exit(failed ? 1 : 0);

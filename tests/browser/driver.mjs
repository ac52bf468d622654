/**
 * Drives Chromium for the tests: a line of JSON `{method, args}` in, `{value}` or `{error}` out. Methods are those of a
 * page of Playwright, which is taken from the folder where this runs, and the few below.
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.cwd()}/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
let page = null;
let errors = [];

const own = {
  /** A browser that has never been here. */
  async open(url, options) {
    await page?.context().close();
    page = await (await browser.newContext(options)).newPage();
    errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(url);
  },
  /** The value of an expression, once it is true. Looked for from here: the page's own policy forbids `eval`. */
  async until(expression, timeout) {
    const end = Date.now() + timeout;
    while (Date.now() < end) {
      const value = await page.evaluate(expression).catch((error) => {
        if (!/navigation|context/.test(String(error))) throw error;
      });
      if (value) return value;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`never true; the page says: ${await page.evaluate("document.body.innerText")}`);
  },
  tab: (name) => page.getByRole("tab", { name }).click(),
  /** From left to right, as one looks for older candles. */
  async drag(selector) {
    const box = await page.locator(selector).boundingBox();
    await page.mouse.move(box.x + 100, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 150, box.y + 200, { steps: 4 });
    await page.mouse.up();
  },
  errors: () => errors,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  let answer;
  try {
    const value = await (own[method] ?? page[method].bind(page))(...args);
    answer = { value: Array.isArray(value) || typeof value !== "object" ? (value ?? null) : null };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();

/**
 * Uses the built page in a real browser against the mock: `npm run build && npm run smoke`. Checks what unit tests can
 * not: that it signs in, draws, follows a fast market, loads older candles, and that every button does what it says.
 */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { createMock } from "../mock/server.mjs";

const mock = createMock({ token: "secret", speed: 40, manual: true, history: 1800 });
const port = await mock.listen();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const problems = [];
page.on("pageerror", (error) => problems.push(error.message));

async function step(name, run) {
  await run();
  console.log(`ok  ${name}`);
}

const text = (selector) => page.textContent(selector);

try {
  await step("a wrong token is refused in a sentence, the right one opens the page", async () => {
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.fill(".signin input", "wrong");
    await page.click(".signin button");
    await page.waitForSelector('.signin [role="alert"]');
    await page.fill(".signin input", `http://127.0.0.1:${port}/?token=secret`);
    await page.click(".signin button");
    await page.waitForSelector(".link.live");
    assert.match(await text(".banner"), /PAPER/);
  });
  await step("the chart follows a market of forty candles a second", async () => {
    const before = await text(".statusbar .num b");
    await page.waitForFunction((old) => document.querySelector(".statusbar .num b").textContent !== old, before);
    await page.waitForSelector(".chart canvas");
  });
  await step("older candles are read when the chart is dragged to the right", async () => {
    const asked = page.waitForResponse((response) => /market-rest\/history.*before=/.test(response.url()));
    const box = await page.locator(".chart-host").boundingBox();
    for (let i = 0; i < 12; i += 1) {
      await page.mouse.move(box.x + 100, box.y + 200);
      await page.mouse.down();
      await page.mouse.move(box.x + 900, box.y + 200, { steps: 4 });
      await page.mouse.up();
    }
    assert.equal((await asked).status(), 200);
    await page.click(".to-end");
    await page.waitForSelector(".to-end", { state: "detached" });
  });
  await step("a pending signal can be executed after a question", async () => {
    await page.waitForSelector(".card.signal", { timeout: 60_000 });
    await page.click(".card.signal .primary");
    await page.click(".dialog .primary");
    await page.waitForSelector(".dialog", { state: "detached" });
  });
  await step("another symbol is shown", async () => {
    await page.selectOption(".select select", "ETHUSDT");
    await page.waitForFunction(() => document.querySelector(".legend strong")?.textContent === "ETH/USDT");
  });
  for (const [tab, selector] of [
    ["trades", ".panel tbody tr"], ["performance", ".figure"], ["why", ".why li"], ["sessions", '.panel tr[aria-current="true"]'],
  ])
    await step(`the tab ${tab} has its content`, async () => {
      await page.click(`#tab-${tab}`);
      await page.waitForSelector(selector);
    });
  await step("settings are checked here, refused by the server, and saved", async () => {
    await page.click("#tab-settings");
    const risk = page.locator(".setting", { hasText: "Risk per trade" }).locator("input");
    await risk.fill("200");
    await page.click(".settings .primary");
    await page.waitForSelector('.settings input[aria-invalid="true"]');
    await risk.fill("50");
    await page.click(".settings .primary");
    await page.waitForSelector(".toast.bad");
    await risk.fill("0.5");
    await page.click(".settings .primary");
    await page.waitForSelector(".toast.good");
  });
  await step("the kill switch halts, and resuming needs an acknowledgement", async () => {
    await page.click(".kill");
    await page.click(".dialog .danger");
    await page.waitForSelector(".halt");
    assert.match(await text(".halt"), /Stopped by hand/);
    await page.click(".halt button");
    assert.equal(await page.isDisabled(".dialog .primary"), true);
    await page.check(".dialog input[type=checkbox]");
    await page.click(".dialog .primary");
    await page.waitForSelector(".halt", { state: "detached" });
  });
  await step("a cut connection comes back", async () => {
    mock.hub.cut();
    await page.waitForSelector(".link.reconnecting");
    await page.waitForSelector(".link.live");
  });
  await step("the theme is switched and remembered", async () => {
    await page.click('[aria-label*="theme"]');
    const chosen = await page.evaluate(() => document.documentElement.dataset.theme);
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), chosen);
  });
  await step("nothing was thrown, and nothing sticks out of a phone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.waitForSelector(".phone-nav button");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    assert.deepEqual(problems, []);
  });
} finally {
  await browser.close();
  mock.close();
}

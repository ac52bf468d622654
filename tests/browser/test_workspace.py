"""The page in a real browser against a real session: it signs in, draws, shows the account, and logs no error."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PLAYWRIGHT = ROOT / "ui" / "node_modules" / "playwright-core"
BUILT = ROOT / "triplane" / "api" / "static" / "index.html"

SCRIPT = """
const { chromium } = require("playwright-core");
(async () => {
  const [url, executablePath] = process.argv.slice(1);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  await page.waitForSelector("canvas", { timeout: 30000 });
  await page.waitForFunction(() => /Live/.test(document.body.innerText), null, { timeout: 30000 });
  const tabs = {};
  for (const name of ["Trades", "Performance", "Why no trade?", "Sessions", "Settings", "Decisions"]) {
    await page.getByRole("tab", { name }).click();
    await page.waitForTimeout(400);
    tabs[name] = (await page.locator("[role=tabpanel]").first().innerText()).slice(0, 4000);
  }
  const text = await page.evaluate(() => document.body.innerText);
  console.log(JSON.stringify({ url: page.url(), text, tabs, errors, canvases: await page.locator("canvas").count() }));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.skipif(not PLAYWRIGHT.exists() or not BUILT.exists(), reason="the page has not been built (make setup)")
def test_the_workspace_shows_a_running_session(tmp_path):
    command = [sys.executable, "-m", "triplane.cli.main", "up", "--source", "demo", "--port", "0", "--json"]
    process = subprocess.Popen([*command, "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        done = subprocess.run(
            ["node", "-e", SCRIPT, ready["url"], CHROMIUM],
            check=False, cwd=ROOT / "ui", capture_output=True, text=True, timeout=180,
        )  # fmt: skip
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "token" not in seen["url"]
    assert seen["errors"] == []
    assert seen["canvases"] > 0
    for word in ("PAPER", "Equity", "Kill switch", "ict_blocks", ready["session"]):
        assert word in seen["text"], word
    assert "cooling down" in seen["tabs"]["Decisions"] or "Bought" in seen["tabs"]["Decisions"]
    assert "Sharpe" in seen["tabs"]["Performance"]
    assert ready["session"][:6] in seen["tabs"]["Sessions"]

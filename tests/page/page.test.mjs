// The patient page against a real Chartlight server, in a real browser.
//
//   CHARTLIGHT_URL=http://127.0.0.1:8080 npm test
//
// The server must be in development mode with the demo patient loaded and English guidance built; a model is not needed.
// CHROMIUM names the browser (default /usr/bin/chromium). SCREENSHOTS names a folder to put pictures of each step in.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const url = process.env.CHARTLIGHT_URL;
assert.ok(url, "set CHARTLIGHT_URL to the address of a running server");

// A model on a busy two-core machine may take most of its own deadline for the plainer words.
const ANSWER = { timeout: 120_000 };
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const EXAMPLE = "What does my A1C result mean?";
const EMERGENCY = "I have crushing chest pain that spreads to my left arm and I am sweating";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(() => browser?.close());

/** Opens the page; `page.faults` collects script errors and what the Content-Security-Policy refused. */
async function open(options) {
  // Each context is a fresh profile: nothing of one test is left for the next.
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => {
    if (/Content.Security.Policy/i.test(message.text())) page.faults.push(message.text());
  });
  await page.goto(url);
  return page;
}

async function signIn(page) {
  await page.getByRole("button", { name: "Sign in as the demo patient" }).click();
  await page.getByRole("heading", { level: 1, name: /^Hello/ }).waitFor();
  await page.getByRole("complementary", { name: "Your chart" }).getByRole("heading", { level: 3 }).first().waitFor();
}

async function ask(page, question) {
  await page.getByRole("textbox", { name: /question/ }).fill(question);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
}

const answered = (page) => page.getByRole("group", { name: "Feedback on this answer" }).last().waitFor(ANSWER);

/** No WCAG 2.2 AA violation, no sideways scrolling, no script error. */
async function assertSound(page, step) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), WCAG);
  const found = violations.map(
    (violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(" | ")}`,
  );
  assert.deepEqual(found, [], `axe, ${step}`);
  const sideways = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(sideways <= 0, `${step}: the page scrolls sideways by ${sideways} px`);
  assert.deepEqual(page.faults, [], `faults, ${step}`);
  if (process.env.SCREENSHOTS) {
    await mkdir(process.env.SCREENSHOTS, { recursive: true });
    const { width } = page.viewportSize();
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `${step.replaceAll(" ", "-")}-${width}.png`) });
  }
}

const squeezed = (text) => text.replace(/\s+/g, " ").trim();

for (const { name, options } of [
  { name: "on a desktop", options: { viewport: { width: 1280, height: 900 } } },
  { name: "on a phone", options: { viewport: { width: 360, height: 740 } } },
  { name: "in the dark, 320 px wide", options: { viewport: { width: 320, height: 640 }, colorScheme: "dark" } },
]) {
  test(`a patient signs in, sees the chart, asks, and opens the cited sentence ${name}`, async () => {
    const page = await open(options);
    await assertSound(page, "sign in");
    await signIn(page);
    assert.ok((await page.getByRole("complementary").getByRole("listitem").count()) > 0, "the chart lists records");
    await assertSound(page, "chart");

    await page.getByRole("button", { name: EXAMPLE }).click();
    const quote = page.getByRole("figure").first();
    await quote.waitFor(ANSWER);
    await answered(page);
    await assertSound(page, "answer");

    const citation = quote.getByRole("button", { name: /^Source 1:/ });
    await citation.click();
    const panel = page.getByRole("dialog");
    const marked = panel.locator("mark");
    await marked.first().waitFor();
    // The quote holds the marked sentences and nothing else.
    const shown = squeezed((await quote.locator("blockquote p, blockquote li").allInnerTexts()).join(" "));
    assert.equal(squeezed((await marked.allInnerTexts()).join(" ")), shown, "the marked sentences are the quoted ones");
    const box = await marked.first().boundingBox();
    assert.ok(box.y >= 0 && box.y < page.viewportSize().height, "the first marked sentence is in view");
    await assertSound(page, "source");
    await page.keyboard.press("Escape");
    assert.ok(await citation.evaluate((button) => button === document.activeElement), "focus is back on the citation");
    await page.context().close();
  });

  test(`an emergency shows the number to call before anything else ${name}`, async () => {
    const page = await open(options);
    await signIn(page);
    await ask(page, EMERGENCY);
    const alert = page.getByRole("alert").filter({ hasText: "911" });
    const call = alert.getByRole("link", { name: "Call 911" });
    await call.waitFor();
    assert.equal(await call.getAttribute("href"), "tel:911");
    assert.equal(await page.getByRole("figure").count(), 0, "no guidance is quoted beside an emergency notice");
    const { height } = await call.boundingBox();
    assert.ok(height >= 44, `the number is easy to hit (${height} px)`);
    await answered(page);
    await assertSound(page, "emergency");
    await page.context().close();
  });
}

test("a conversation is found again and can be deleted", async () => {
  const page = await open({ viewport: { width: 1280, height: 900 } });
  await signIn(page);
  const earlier = page.locator("#past-list li");
  await ask(page, EMERGENCY);
  await answered(page);
  await page.getByRole("button", { name: "New conversation" }).click();
  await earlier.first().waitFor();
  const all = async () => {
    const more = page.getByRole("button", { name: /^Show \d+ more$/ });
    if (await more.isVisible()) await more.click();
    return earlier.count();
  };
  const before = await all();

  await earlier.first().getByRole("button").first().click();
  await page.getByRole("heading", { level: 3, name: EMERGENCY }).waitFor();
  await page.getByRole("button", { name: "Delete this conversation" }).click();
  await assertSound(page, "confirm");
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("heading", { level: 3, name: EMERGENCY }).waitFor({ state: "detached" });
  await page.getByText("The conversation was deleted.").waitFor();
  assert.equal(await all(), before - 1);
  await page.context().close();
});

test("every number that a text tells the reader to call becomes a link, and no other number does", async () => {
  const page = await open({ viewport: { width: 1280, height: 900 } });
  const cases = {
    "Call 911 now, or have someone call for you.": ["911"],
    "Call 911 given any of these.": ["911"],
    "Call or text 988 at any hour. If you may act on it, call 911 now.": ["988", "911"],
    "If awake, call Poison Control at 1-800-222-1222 right now. Otherwise call 911.": ["1-800-222-1222", "911"],
    "Llame ya al Centro de Toxicología al 1-800-222-1222. Si empeora, llame al 911.": ["1-800-222-1222", "911"],
    "Call 112 or the clinic.": ["112"],
    "Call 116-117 at night.": ["116-117"],
    "Your glucose was 911 mg/dL and your ferritin 988.": [],
    "La glucosa subió al 240 mg/dL, al 100% y al 6.5.": [],
  };
  for (const [text, numbers] of Object.entries(cases)) {
    const found = await page.evaluate(async (words) => (await import("/assets/prose.js")).phoneNumbers(words), text);
    assert.deepEqual(found, numbers, text);
  }
  await page.context().close();
});

test("an empty question is refused beside its field, and nothing is sent", async () => {
  const page = await open({ viewport: { width: 1280, height: 900 } });
  await signIn(page);
  const sent = [];
  page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  const field = page.getByRole("textbox", { name: /question/ });
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.ok(await field.evaluate((node) => node === document.activeElement), "focus goes to the field");
  assert.deepEqual(sent, []);
  await assertSound(page, "empty question");
  await page.context().close();
});

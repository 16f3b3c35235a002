// Visits a page as people do, and prints what the browser made of it as JSON.
const [playwright, page_url] = process.argv.slice(2);
const { chromium } = require(playwright);

(async () => {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  const context = await browser.newContext({
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
  });
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') faults.push(message.type() + ': ' + message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  const tracked = (event) => (answer) =>
    answer.url().endsWith('/pixel/track') && (answer.request().postData() || '').includes('"event":"' + event + '"');
  const first = page.waitForResponse(tracked('pageview'));
  await page.goto(page_url);
  await (await first).finished();
  const second = page.waitForResponse(tracked('pageview'));
  await page.evaluate(() => history.pushState({}, '', '/second?utm_source=news'));
  await (await second).finished();
  const own = page.waitForResponse(tracked('signup'));
  await page.evaluate(() => window.coreApi('event', { name: 'signup', plan: 'pro' }));
  await (await own).finished();
  const stored = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
  await page.goto('about:blank');
  const cookies = await context.cookies();
  await browser.close();
  console.log(JSON.stringify({ faults, cookies, stored }));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});

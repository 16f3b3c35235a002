// Visits a page as people do, and prints what the browser made of it as JSON.
// The third argument: `counted`, `unasked` where the page's script is to tell of nothing, and there `gpc` or `dnt` where
// the visitor asks for privacy. Chance always gives one half.
const [playwright, page_url, kind] = process.argv.slice(2);
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
  const told = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/pixel/track')) told.push(JSON.parse(request.postData() || '{}').event);
  });
  await page.addInitScript(() => (Math.random = () => 0.5));
  if (kind === 'gpc') {
    await page.addInitScript(() => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }));
  }
  if (kind === 'dnt') {
    await page.addInitScript(() => Object.defineProperty(navigator, 'doNotTrack', { value: '1' }));
  }
  const navigate = () => page.evaluate(() => history.pushState({}, '', '/second?utm_source=news'));
  const tell = () => page.evaluate(() => window.coreApi('event', { name: 'signup', plan: 'pro' }));

  if (kind === 'counted') {
    const answer = (event) =>
      page.waitForResponse(
        (answer) =>
          answer.url().endsWith('/pixel/track') &&
          (answer.request().postData() || '').includes('"event":"' + event + '"')
      );
    const first = answer('pageview');
    await page.goto(page_url);
    await (await first).finished();
    const second = answer('pageview');
    await navigate();
    await (await second).finished();
    const own = answer('signup');
    await tell();
    await (await own).finished();
  } else {
    const config = page.waitForResponse((answer) => answer.url().includes('/pixel/config'));
    await page.goto(page_url);
    await (await config).finished();
    await navigate();
    await tell();
    await page.waitForLoadState('networkidle');
  }
  const stored = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
  await page.goto('about:blank');
  const cookies = await context.cookies();
  await browser.close();
  console.log(JSON.stringify({ faults, cookies, stored, told }));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});

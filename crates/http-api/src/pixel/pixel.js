// Tells of visits: no cookies, no storage. Include it as
//   <script defer src="https://api.example.com/pixel.js"></script>
// and tell of your own events with
//   coreApi('signup', { plan: 'pro' })  or  coreApi('event', { name: 'signup', plan: 'pro' })
(function () {
  'use strict';
  var script = document.currentScript;
  if (!script) return;
  var base = new URL('api/v1/pixel/', script.src).href;
  var earlier = (window.coreApi && window.coreApi.q) || [];
  var waiting = []; // what is told before the configuration is here; null once it is
  var config = null; // null: nothing is sent
  var page = null; // the page that is seen
  var referrer = document.referrer;

  function here() {
    return location.origin + location.pathname + location.search;
  }

  function send(event, properties, feature, leaving) {
    if (!config || !config.features[feature]) return;
    var body = JSON.stringify({
      event: event,
      url: (page ? page.url : here()).slice(0, 2048),
      referrer: referrer.slice(0, 2048),
      properties: properties || {}
    });
    // Text is sent without asking first, and a beacon outlives its page.
    if (leaving && navigator.sendBeacon && navigator.sendBeacon(base + 'track', body)) return;
    fetch(base + 'track', { method: 'POST', body: body, keepalive: true, credentials: 'omit' }).catch(function () {});
  }

  function view() {
    if (page && page.url === here()) return;
    leave();
    if (page) referrer = page.url;
    page = { url: here(), since: Date.now(), left: false };
    send('pageview', { title: document.title.slice(0, 500) }, 'pageviews');
  }

  function leave() {
    if (!page || page.left) return;
    page.left = true;
    send('pageleave', { seconds: Math.round((Date.now() - page.since) / 1000) }, 'sessions', true);
  }

  function tell(name, properties) {
    if (waiting) return void waiting.push([name, properties]);
    if (name === 'event' && properties && typeof properties.name === 'string') {
      properties = Object.assign({}, properties);
      name = properties.name;
      delete properties.name;
    }
    send(name, properties, 'events');
  }

  function unwanted(told) {
    return (
      !told.enabled ||
      Math.random() >= told.sample_rate ||
      (told.honours_gpc && navigator.globalPrivacyControl) ||
      (told.honours_dnt && navigator.doNotTrack === '1')
    );
  }

  function begin(told) {
    var queue = earlier.concat(waiting);
    waiting = null;
    if (unwanted(told)) return;
    config = told;
    ['pushState', 'replaceState'].forEach(function (name) {
      var original = history[name];
      history[name] = function () {
        var result = original.apply(this, arguments);
        view();
        return result;
      };
    });
    addEventListener('popstate', view);
    addEventListener('pagehide', leave);
    document.addEventListener('visibilitychange', function () {
      if (document.visibilityState === 'hidden') leave();
      else if (page) page.left = false;
    });
    view();
    queue.forEach(function (call) {
      tell(call[0], call[1]);
    });
  }

  window.coreApi = tell;
  fetch(base + 'config?domain=' + encodeURIComponent(location.hostname), { credentials: 'omit' })
    .then(function (answer) {
      return answer.json();
    })
    .then(begin)
    .catch(function () {});
})();

// Dray's pages work without this file; with it they are quicker.
(() => {
  'use strict';
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, handle, options) => document.addEventListener(type, handle, options);
  const near = (node, selector) => (node instanceof Element ? node.closest(selector) : null);
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  // What this script says, in the language of the page.
  const said = JSON.parse(document.documentElement.dataset.words || '{}');
  const words = (name, ...parts) => parts.reduce((text, part, index) => text.replace(`{${index}}`, part), said[name] || name);
  const bytes = (n) => {
    const unit = n < 1e3 ? 0 : Math.min(Math.floor(Math.log10(n) / 3), 4);
    return `${(n / 1e3 ** unit).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`;
  };

  // Say something to people who listen to the page.
  let voice;
  const say = (text) => {
    if (!voice?.isConnected) document.body.append(voice = make('p', { className: 'unseen', role: 'status' }));
    voice.textContent = text;
  };

  // Files: drop, paste or choose; the form around the zone is sent at once.
  const zoneOf = (event) => near(event.target, '[data-drop]') || document.querySelector('[data-drop]');
  const unmark = () => all('.over[data-drop]').forEach((zone) => zone.classList.remove('over'));
  const sending = new WeakSet(); // forms on their way

  const show = (html) => { // an answered page takes the place of this one
    const page = new DOMParser().parseFromString(html, 'text/html');
    document.title = page.title;
    document.body.replaceWith(document.adoptNode(page.body));
    window.htmx?.process?.(document.body);
    scrollTo(0, 0);
    const first = document.querySelector('.notice.error, [aria-invalid=true]') || document.getElementById('main');
    if (first && first.tabIndex < 0) first.tabIndex = -1;
    first?.focus();
  };

  // htmx swaps a part of the page for the same part of the next one. An answer without that part (a sign-in, a
  // failure) is shown whole.
  on('htmx:before:swap', (event) => {
    const { ctx, tasks } = event.detail;
    const main = tasks.find((task) => task.type === 'main');
    if (!main || !ctx.select || main.fragment.childElementCount) return;
    event.preventDefault();
    if (ctx.request.method === 'GET') location.assign(ctx.response.raw.url); else show(ctx.text);
  });
  on('htmx:error', ({ detail: { ctx } }) => { if (ctx?.request.method === 'GET') location.assign(ctx.request.action); });

  const send = (input) => {
    const form = input.form;
    if (!form || sending.has(form) || !form.reportValidity()) return;
    const text = make('span', { role: 'status', textContent: words('sending') });
    const progress = make('progress', { max: 100, ariaLabel: words('upload') });
    const stop = make('button', { type: 'button', className: 'small', textContent: words('stop') });
    form.querySelector('.sending')?.remove();
    input.closest('[data-drop]').after(make('div', { className: 'sending' }, text, stop, progress));

    sending.add(form);
    const end = (message) => {
      sending.delete(form);
      input.value = '';
      text.textContent = message;
      progress.remove();
      stop.remove();
    };
    let told = -1;
    const tell = (loaded, total) => {
      const percent = Math.floor((loaded / total) * 100);
      progress.value = percent;
      if (percent === 100) progress.removeAttribute('value');
      if (Math.floor(percent / 5) === told) return; // speak every 5 %
      told = Math.floor(percent / 5);
      text.textContent = percent === 100 ? words('sent_reading', bytes(total)) : `${percent} % · ${bytes(loaded)} / ${bytes(total)}`;
    };
    const stopped = new AbortController();
    stop.onclick = () => stopped.abort();
    const ask = (method, url, body, headers = {}, progressed = undefined) => new Promise((done, broken) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      Object.entries({ Accept: 'text/html', ...headers }).forEach(([name, value]) => request.setRequestHeader(name, value));
      request.upload.onprogress = ({ loaded, total }) => progressed?.(loaded, total);
      request.onload = () => done(request);
      request.onerror = request.ontimeout = broken;
      stopped.signal.addEventListener('abort', () => request.abort());
      request.onabort = () => broken(stopped.signal.reason);
      if (stopped.signal.aborted) return broken(stopped.signal.reason);
      request.send(body);
    });
    const arrive = (request) => {
      const html = /html/.test(request.getResponseHeader('content-type'));
      if (request.status < 400 && !(html && request.responseURL === form.action)) location.assign(request.responseURL);
      else if (html) show(request.responseText);
      else end(`${words('not_taken')} (${request.status}) ${request.responseText.slice(0, 300)}`);
    };
    const file = input.files[0];
    const parts = Number(input.closest('[data-drop]').dataset.parts);
    const whole = () => ask('POST', form.action, new FormData(form), {}, tell);
    (file && parts && file.size >= parts ? inParts(file, form.action, ask, tell, whole, (message) => { text.textContent = message; }) : whole())
      .then(arrive)
      .catch(() => end(words(stopped.signal.aborted ? 'stopped' : 'broke_off')));
  };

  // A large file goes in parts (tus): what breaks off goes on where it ended, also after the page was closed and
  // the same file is chosen again.
  const PART = 8 << 20;
  const inParts = async (file, action, ask, tell, whole, say) => {
    const key = `dray ${action} ${file.name} ${file.size} ${file.lastModified}`;
    const offset = (request) => (request.status < 300 || request.status === 409 ? Number(request.getResponseHeader('upload-offset')) : undefined);
    let place = JSON.parse(localStorage.getItem(key) || 'null');
    let at = place && offset(await ask('HEAD', place.address));
    if (at === undefined || at === null) {
      const begun = await ask('POST', `${action}/uploads`, new URLSearchParams({ name: file.name, bytes: file.size }));
      if (begun.status === 403) return whole();
      if (begun.status >= 400) return begun;
      place = JSON.parse(begun.responseText);
      localStorage.setItem(key, JSON.stringify(place));
      at = 0;
    }
    for (let pause = 1; at < file.size;) {
      try {
        const headers = { 'Tus-Resumable': '1.0.0', 'Upload-Offset': at, 'Content-Type': 'application/offset+octet-stream' };
        const from = at;
        const sent = await ask('PATCH', place.address, file.slice(at, at + PART), headers, (loaded) => tell(from + loaded, file.size));
        if (offset(sent) === undefined && sent.status !== 423 && sent.status < 500) {
          localStorage.removeItem(key);
          return sent;
        }
        at = offset(sent) ?? at;
        if (sent.status < 300) { pause = 1; continue; }
      } catch (why) {
        if (why?.name === 'AbortError') throw why;
      }
      say(words('trying_again'));
      await new Promise((done) => { setTimeout(done, pause * 1000); });
      pause = Math.min(pause * 2, 30);
      try { at = offset(await ask('HEAD', place.address)) ?? at; } catch (why) { if (why?.name === 'AbortError') throw why; }
    }
    localStorage.removeItem(key);
    return ask('POST', `${action}/uploaded`, new URLSearchParams({ upload: place.upload }));
  };

  const hand = (zone, files) => {
    const input = zone.querySelector('input[type=file]');
    if (!input || input.disabled || sending.has(input.form)) return;
    const carrier = new DataTransfer();
    (input.multiple ? files : files.slice(0, 1)).forEach((file) => carrier.items.add(file));
    input.files = carrier.files;
    send(input);
  };

  ['dragover', 'drop'].forEach((type) => on(type, (event) => {
    const zone = event.dataTransfer?.types.includes('Files') && zoneOf(event);
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle('over', type === 'dragover');
    if (type === 'drop') hand(zone, [...event.dataTransfer.files]);
  }));
  on('dragleave', (event) => { if (!near(event.relatedTarget, '[data-drop]')) unmark(); });
  on('paste', (event) => {
    const zone = zoneOf(event);
    if (!zone || near(event.target, 'input:not([type=file]), textarea, select')) return;
    const text = event.clipboardData.getData('text/plain');
    const files = [...event.clipboardData.files];
    // A copied range of a spreadsheet comes as text and as a picture: the text is meant.
    if (/[\n\t]/.test(text.trim())) hand(zone, [new File([text], 'pasted.csv', { type: 'text/csv' })]);
    else if (files.length) hand(zone, files);
    else return;
    event.preventDefault();
  });
  on('change', ({ target }) => { if (target.matches('[data-drop] input[type=file]') && target.files.length) send(target); });

  // Menus close by Escape and by a click elsewhere.
  on('keydown', (event) => {
    const menu = event.key === 'Escape' && all('details.menu[open]').pop();
    if (!menu) return;
    menu.open = false;
    menu.querySelector('summary').focus();
  });
  on('click', ({ target }) => all('details.menu[open]').forEach((menu) => {
    if (!(menu.closest('.side') || menu).contains(target)) menu.open = false;
  }));

  // Sheets: arrows and Enter move between rows, Alt+N goes to the next error, Ctrl+Z takes the last cell back.
  const before = new WeakMap(); // input → its value when the reader came to it
  const changes = new WeakMap(); // table → [input, value before], newest last
  const cell = (node) => near(node, 'table.sheet input');
  let lately; // the cell the reader was in last
  const reach = (input) => { input.focus(); input.select(); };
  const move = (input, way) => {
    const column = input.closest('td').cellIndex;
    for (let row = input.closest('tr')[way]; row; row = row[way]) {
      const next = row.cells[column]?.querySelector('input');
      if (next) return reach(next);
    }
  };
  const nextError = () => {
    const wrong = all('table.sheet input[aria-invalid=true]');
    const next = wrong.find((input) => lately?.isConnected && lately.compareDocumentPosition(input) & Node.DOCUMENT_POSITION_FOLLOWING) || wrong[0];
    if (next) reach(next); else say(words('no_errors_left'));
  };
  const takeBack = (input) => {
    let last = [input, before.get(input)];
    if (last[1] === input.value) last = changes.get(input.closest('table'))?.pop();
    if (!last) return;
    before.set(last[0], last[1]); // so that it is not noted as a change again
    last[0].value = last[1];
    ['input', 'change'].forEach((type) => last[0].dispatchEvent(new Event(type, { bubbles: true })));
    reach(last[0]);
  };
  on('focusin', ({ target }) => { if (cell(target)) before.set(lately = target, target.value); });
  on('input', ({ target }) => { if (cell(target)) target.closest('td').classList.toggle('changed', target.value !== target.defaultValue); });
  on('change', ({ target }) => {
    if (!cell(target) || before.get(target) === target.value) return;
    const table = target.closest('table');
    changes.set(table, [...(changes.get(table) || []), [target, before.get(target)]]);
    before.set(target, target.value);
  });
  on('keydown', (event) => {
    const { key, target } = event;
    const command = event.ctrlKey || event.metaKey;
    let act;
    if (event.altKey) act = event.code === 'KeyN' && document.querySelector('table.sheet') && nextError;
    else if (!cell(target) || event.isComposing) return;
    else if (command) act = key === 'z' ? () => takeBack(target) : key === 'Enter' && (() => target.form.requestSubmit());
    else if (key === 'ArrowUp' || (key === 'Enter' && event.shiftKey)) act = () => move(target, 'previousElementSibling');
    else if (key === 'ArrowDown' || key === 'Enter') act = () => move(target, 'nextElementSibling');
    if (act) { event.preventDefault(); act(); }
  });
  on('click', ({ target }) => { if (near(target, '[data-next-error]')) nextError(); });

  // Expressions: from `$` on, what may stand there is offered; arrows choose, Enter and Tab take it, Escape closes.
  const OFFERED = 10; // shown at once
  let offer; // the field, where the path begins, what was found, the one that is chosen, the list
  const withdraw = () => {
    if (!offer) return;
    offer.list.remove();
    if (offer.field.role) offer.field.ariaExpanded = 'false';
    ['aria-controls', 'aria-activedescendant'].forEach((name) => offer.field.removeAttribute(name));
    offer = undefined;
  };
  const showOffer = () => {
    const { field, found, at, list } = offer;
    const first = Math.max(0, Math.min(at - OFFERED + 2, found.length - OFFERED));
    list.replaceChildren(...found.slice(first, first + OFFERED).map(({ path, value }, index) => {
      const option = make('div', { role: 'option', id: `path-${first + index}`, ariaSelected: String(first + index === at), ariaSetSize: found.length, ariaPosInSet: first + index + 1 },
        make('code', { textContent: path }), make('span', { textContent: value }));
      option.dataset.at = first + index;
      return option;
    }));
    field.setAttribute('aria-activedescendant', `path-${at}`);
    list.querySelector('[aria-selected=true]').scrollIntoView({ block: 'nearest' });
  };
  const offerPaths = (field) => {
    withdraw();
    const end = field.selectionStart;
    const typed = /\$[^\s,(){}"]*$/.exec(field.value.slice(0, end))?.[0];
    if (!typed || end !== field.selectionEnd) return;
    const roots = field.dataset.roots.split(' ');
    const wanted = typed.slice(1).toLowerCase();
    const known = JSON.parse(document.getElementById('choices')?.dataset.choices || '[]').filter(({ path }) => roots.includes(path.split(/[.[]/)[0]));
    const [begins, has] = ['startsWith', 'includes'].map((way) => known.filter(({ path }) => path.slice(1).toLowerCase()[way](wanted)));
    const found = [...new Set([...begins, ...has])];
    if (!found.length || found[0].path === typed) return;
    const list = make('div', { id: 'paths', role: 'listbox', ariaLabel: words('paths') });
    list.style.top = `${field.offsetTop + field.offsetHeight}px`;
    field.after(list);
    field.setAttribute('aria-controls', 'paths');
    if (field.role) field.ariaExpanded = 'true';
    offer = { field, from: end - typed.length, found, at: 0, list };
    showOffer();
  };
  const takePath = (at) => {
    const { field, from, found } = offer;
    // Within JSON a path stands in a text.
    const text = /^\s*\[/.test(field.value) ? JSON.stringify(found[at].path).slice(1, -1) : found[at].path;
    withdraw();
    field.setSelectionRange(from, field.selectionEnd);
    document.execCommand('insertText', false, text); // what was typed before can be taken back
    withdraw();
  };
  on('focusin', ({ target }) => {
    if (!target.dataset?.roots || target.ariaAutoComplete) return;
    target.ariaAutoComplete = 'list';
    target.ariaHasPopup = 'listbox';
    if (target.matches('input')) Object.assign(target, { role: 'combobox', ariaExpanded: 'false' });
  });
  on('input', ({ target }) => { if (target.dataset.roots) offerPaths(target); });
  on('focusout', withdraw);
  on('click', ({ target }) => { if (target !== offer?.field) withdraw(); });
  on('pointerdown', (event) => {
    const option = near(event.target, '#paths [data-at]');
    if (!option) return;
    event.preventDefault(); // the keyboard stays where it is
    takePath(Number(option.dataset.at));
  });
  on('keydown', (event) => {
    if (!offer || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const { at, found } = offer;
    const act = {
      ArrowDown: () => { offer.at = (at + 1) % found.length; showOffer(); },
      ArrowUp: () => { offer.at = (at + found.length - 1) % found.length; showOffer(); },
      Enter: () => takePath(at),
      Tab: () => takePath(at),
      Escape: withdraw,
    }[event.key];
    if (act && !event.shiftKey) { event.preventDefault(); event.stopImmediatePropagation(); act(); }
    else if (/^(Arrow|Home|End|Page)/.test(event.key)) withdraw();
  }, true);

  // What is said to be wrong with a field came with a part of the page.
  on('htmx:after:swap', () => all('[aria-describedby$="-error"]').forEach((field) => {
    const isWrong = document.getElementById(field.getAttribute('aria-describedby'))?.textContent;
    if (isWrong) field.ariaInvalid = 'true'; else field.removeAttribute('aria-invalid');
  }));

  // Ask before doing: the click is held back, and repeated once the answer is yes.
  let agreed;
  on('click', (event) => {
    const button = near(event.target, '[data-confirm]');
    if (!button || agreed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const go = () => { agreed = true; button.click(); agreed = false; };
    const question = button.dataset.confirm;
    if (!window.HTMLDialogElement) return confirm(question) && go();
    const dialog = make('dialog', { ariaLabel: question }, make('p', { textContent: question }), make('form', { method: 'dialog', className: 'actions' },
      make('button', { textContent: words('cancel') }),
      make('button', { value: 'yes', className: button.matches('.danger') ? 'danger' : 'primary', textContent: button.textContent })));
    dialog.onclose = () => {
      dialog.remove();
      button.focus();
      if (dialog.returnValue === 'yes') go();
    };
    document.body.append(dialog);
    dialog.showModal();
  }, true);

  // What was asked for takes its time: the button says so until the next page is there.
  on('submit', ({ target, submitter }) => {
    if (target.method === 'post' && !target.hasAttribute('hx-post')) submitter?.setAttribute('aria-busy', 'true');
  });
  addEventListener('pageshow', () => all('[aria-busy]').forEach((button) => button.removeAttribute('aria-busy')));

  // Copy the text of another element.
  on('click', async ({ target }) => {
    const button = near(target, '[data-copy]');
    const source = button && document.getElementById(button.dataset.copy.replace('#', ''));
    if (!source) return;
    let done = true;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    } catch { // without TLS there is no clipboard: select, then copy as a person would
      if (source.select) source.select(); else getSelection().selectAllChildren(source);
      done = document.execCommand('copy');
    }
    const label = button.dataset.label ??= button.textContent;
    say(button.textContent = words(done ? 'copied' : 'press_copy'));
    setTimeout(() => { button.textContent = label; }, 1600);
  });

  // A job under way reports itself.
  const follow = (element) => {
    const stream = new EventSource(element.dataset.events);
    const put = (name, n) => { if (n != null) all(`[data-events-${name}]`, element).forEach((at) => { at.textContent = n.toLocaleString(); }); };
    const [chart, speed] = ['svg.chart', '[data-events-speed]'].map((selector) => element.querySelector(selector));
    const speeds = []; // rows a second, event by event
    let last;
    const draw = (rows) => {
      const now = performance.now();
      if (rows == null || now - last?.now < 500) return;
      if (last) speeds.push(Math.max(0, ((rows - last.rows) / (now - last.now)) * 1e3));
      last = { now, rows };
      if (!chart || speeds.length < 2) return;
      if (speeds.length > 120) speeds.shift();
      const most = Math.max(...speeds, 1);
      const points = speeds.map((n, at) => `${(at / (speeds.length - 1)) * 1e3},${96 - (n / most) * 90}`).join(' ');
      chart.querySelector('polyline').setAttribute('points', points);
      chart.querySelector('polygon').setAttribute('points', `0,96 ${points} 1000,96`);
      speed.textContent = speed.dataset.eventsSpeed.replace('{0}', Math.round(speeds.at(-1)).toLocaleString());
      [chart, speed].forEach((hidden) => hidden.removeAttribute('hidden'));
    };
    const tell = ({ data }) => {
      if (!element.isConnected) return stream.close();
      const { status, progress } = JSON.parse(data);
      const { rows, rejected, bytes, total } = progress || {};
      put('rows', rows);
      draw(rows);
      put('rejected', rejected);
      all('progress', element).forEach((bar) => { if (total) { bar.max = total; bar.value = bytes ?? rows; } else bar.removeAttribute('value'); });
      if (/^(completed|failed|cancelled)$/.test(status)) { stream.close(); location.reload(); }
    };
    for (const name of ['progress', 'end']) stream.addEventListener(name, tell);
    stream.onerror = () => { if (stream.readyState === 2) setTimeout(() => element.isConnected && follow(element), 5000); };
    addEventListener('pagehide', () => stream.close());
  };

  // Shown within the page of another application: that page greets this one with its colours, and is told
  // how high this one is and what happens. Nobody else is answered.
  const origins = JSON.parse(document.body.dataset.embedded || '[]');
  const dress = ({ theme, scheme }) => {
    const style = document.documentElement.style;
    for (const [name, value] of Object.entries(theme || {})) if (/^[a-z-]+$/.test(name)) style.setProperty(`--${name}`, String(value));
    if (/^(light|dark)$/.test(scheme)) style.colorScheme = scheme;
  };
  if (origins.length) addEventListener('message', ({ source, origin, data }) => {
    if (source !== parent || !origins.includes(origin) || data?.dray !== 'hello') return;
    dress(data);
    const tell = (message) => parent.postMessage(message, origin);
    let height;
    new ResizeObserver(() => {
      const now = Math.ceil(document.body.getBoundingClientRect().height);
      if (now !== height) tell({ dray: 'height', height: height = now });
    }).observe(document.body);
    const told = document.querySelector('[data-embed-event]');
    if (told) tell({ dray: 'event', event: told.dataset.embedEvent, detail: JSON.parse(told.dataset.embedDetail) });
  });

  // Times in the reader's own zone and manner; a plain day has no zone and stays.
  const localize = (time) => {
    const at = new Date(time.dateTime);
    if (!time.dateTime.includes('T') || Number.isNaN(+at)) return;
    time.title = at.toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' });
    if (!('keep' in time.dataset)) time.textContent = at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  };

  // What is on the page now, and what htmx brings later.
  const seen = new WeakSet();
  const tend = () => all('[data-events], time[datetime]').forEach((element) => {
    if (seen.has(element)) return;
    seen.add(element);
    (element.dataset.events ? follow : localize)(element);
  });
  tend();
  new MutationObserver(tend).observe(document.documentElement, { childList: true, subtree: true });
})();

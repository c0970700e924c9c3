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
  const bytes = (n) => {
    const unit = n < 1e3 ? 0 : Math.min(Math.floor(Math.log10(n) / 3), 4);
    return `${(n / 1e3 ** unit).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${['bytes', 'kB', 'MB', 'GB', 'TB'][unit]}`;
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

  const send = (input) => {
    const form = input.form;
    if (!form || sending.has(form) || !form.reportValidity()) return;
    const text = make('span', { role: 'status', textContent: 'Sending …' });
    const progress = make('progress', { max: 100, ariaLabel: 'Upload' });
    const stop = make('button', { type: 'button', className: 'small', textContent: 'Stop' });
    form.querySelector('.sending')?.remove();
    input.closest('[data-drop]').after(make('div', { className: 'sending' }, text, stop, progress));

    const request = new XMLHttpRequest();
    const end = (message) => {
      sending.delete(form);
      input.value = '';
      text.textContent = message;
      progress.remove();
      stop.remove();
    };
    let said = -1;
    request.upload.onprogress = ({ lengthComputable, loaded, total }) => {
      if (!lengthComputable) return;
      const percent = Math.floor((loaded / total) * 100);
      progress.value = percent;
      if (percent === 100) progress.removeAttribute('value');
      if (Math.floor(percent / 5) === said) return; // speak every 5 %
      said = Math.floor(percent / 5);
      text.textContent = percent === 100 ? `${bytes(total)} sent. Reading the file …` : `${percent} %, ${bytes(loaded)} of ${bytes(total)}`;
    };
    request.onload = () => {
      const html = /html/.test(request.getResponseHeader('content-type'));
      if (request.status < 400 && !(html && request.responseURL === form.action)) location.assign(request.responseURL);
      else if (html) show(request.responseText);
      else end(`The server did not take the file (${request.status}). ${request.responseText.slice(0, 300)}`);
    };
    request.onerror = () => end('The connection broke off. Nothing was imported; choose the file again.');
    request.onabort = () => end('Stopped. Nothing was imported.');
    stop.onclick = () => request.abort();
    request.open('POST', form.action);
    request.setRequestHeader('Accept', 'text/html');
    sending.add(form);
    request.send(new FormData(form));
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
    if (next) reach(next); else say('No errors left on this page.');
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

  // Forms that send themselves when something in them changes.
  on('change', ({ target }) => { if (!target.closest('[data-drop]')) target.closest('form[data-autosubmit]')?.requestSubmit(); });

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
      make('button', { textContent: 'Cancel', autofocus: true }),
      make('button', { value: 'yes', className: button.matches('.danger') ? 'danger' : 'primary', textContent: button.textContent })));
    dialog.onclose = () => {
      dialog.remove();
      button.focus();
      if (dialog.returnValue === 'yes') go();
    };
    document.body.append(dialog);
    dialog.showModal();
  }, true);

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
    say(button.textContent = done ? 'Copied' : 'Press Ctrl+C');
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

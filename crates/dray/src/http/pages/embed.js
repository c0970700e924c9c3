// <dray-import object="contacts" token="…"></dray-import>: an import in four steps, within the page of another
// application. Events: completed, failed, undone. Colours: --dray-accent and others, see the reference.
(() => {
  'use strict';
  if (customElements.get('dray-import')) return;
  const server = new URL(document.currentScript.src).origin;
  const THEME = ['accent', 'accent-strong', 'accent-soft', 'on-accent', 'ground', 'paper', 'sunk', 'ink', 'soft', 'line', 'edge', 'error', 'good', 'round', 'font'];

  class DrayImport extends HTMLElement {
    static observedAttributes = ['token', 'object', 'language'];
    #frame;
    #waiting;

    connectedCallback() {
      addEventListener('message', this);
      this.#show();
    }

    disconnectedCallback() {
      removeEventListener('message', this);
      clearTimeout(this.#waiting);
      this.#frame?.remove();
      this.#frame = undefined;
    }

    attributeChangedCallback(_, before, now) {
      if (this.#frame && before !== now) this.#show();
    }

    // The frame has no way out: it may neither lead the page elsewhere nor open another.
    #show() {
      const [object, token, language] = ['object', 'token', 'language'].map((name) => this.getAttribute(name));
      if (!object || !token) return this.#tell('failed', { code: 'TOKEN_MISSING', message: '<dray-import> needs `object` and `token`' });
      this.#frame?.remove();
      this.#frame = Object.assign(document.createElement('iframe'), {
        title: this.getAttribute('label') || 'Import',
        src: `${server}/embed/${encodeURIComponent(token)}${language ? `~${encodeURIComponent(language)}` : ''}/import/${encodeURIComponent(object)}`,
      });
      this.#frame.setAttribute('sandbox', 'allow-scripts allow-forms allow-same-origin allow-downloads');
      Object.assign(this.#frame.style, { display: 'block', width: '100%', height: '28rem', border: '0', colorScheme: 'normal' });
      this.#frame.addEventListener('load', () => this.#greet());
      this.append(this.#frame);
    }

    // Every page of the frame is greeted with the colours of this one, and answers with its height.
    #greet() {
      const style = getComputedStyle(this);
      const theme = Object.fromEntries(THEME.map((name) => [name, style.getPropertyValue(`--dray-${name}`).trim()]).filter(([, value]) => value));
      this.#frame.contentWindow.postMessage({ dray: 'hello', theme, scheme: style.getPropertyValue('--dray-scheme').trim() }, server);
      clearTimeout(this.#waiting);
      this.#waiting = setTimeout(() => this.#tell('failed', { code: 'NOT_SHOWN', message: `${server} does not show an import here: is ${location.origin} among its origins, and the token right?` }), 5000);
    }

    #tell(event, detail) {
      this.dispatchEvent(new CustomEvent(event, { detail, bubbles: true }));
    }

    handleEvent({ source, origin, data }) {
      if (source !== this.#frame?.contentWindow || origin !== server || !data?.dray) return;
      clearTimeout(this.#waiting);
      if (data.dray === 'height') this.#frame.style.height = `${data.height}px`;
      else if (data.dray === 'event') this.#tell(data.event, data.detail);
    }
  }

  customElements.define('dray-import', DrayImport);
})();

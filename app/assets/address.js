// The browser's history: one entry for each action of a person that changes what the address says, and its place on the page.
// Streamlit adds an entry at each change of the address, also at its own changes, and scrolls a part of the page itself.
// Also on each page: whether single letters are keys, how wide the main column is, whether text has a projector's size, and a
// page that has gone blank.

const HISTORY_ACTIONS = ["pointerdown", "keydown", "change", "drop"];
const LETTERS_USED = "input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable], [role=grid]";
const COLUMN_USUAL = [950, 1100]; // px between which figures have the room that they expect
const COLUMN_LEAST = 300;
const COLUMN_STEP = 50;
const COLUMN_WAIT = 300; // ms for which the width must stay
const BLANK_PAUSE = 10000; // ms between two loads of a page that goes blank again
const BLANK_AT = "leafscope.blank";
const HISTORY_WAIT = 8000; // ms for which a page that comes back is awaited before its place is given up

/** What an address says, without what changes at each move of a slider or a zoom. */
function historyEssence(url, quiet) {
  const { pathname, searchParams } = new URL(url, location.href);
  for (const name of quiet) searchParams.delete(name);
  searchParams.sort();
  return `${pathname}?${searchParams}`;
}

class History {
  constructor(quiet) {
    this.quiet = quiet;
    this.hasActed = false; // since the last entry was added
    this.before = null; // the address before the action, once that has been replaced
    this.push = history.pushState.bind(history);
    this.replace = history.replaceState.bind(history);
    history.pushState = (state, title, url) => this.add(state, title, url);
    for (const name of HISTORY_ACTIONS) window.addEventListener(name, () => (this.hasActed = true), true);
    window.addEventListener("popstate", (event) => this.goBack(event.state?.scrolled ?? 0), true);
    document.addEventListener("scroll", (event) => this.noteScroll(event.target), { capture: true, passive: true });
  }

  add(state, title, url) {
    const here = location.href;
    if (url === undefined || url === null) return this.push(state, title, url);
    if (!this.hasActed || historyEssence(url, this.quiet) === historyEssence(here, this.quiet)) {
      if (this.hasActed) this.before ??= here;
      return this.replace({ ...history.state, ...state }, title, url);
    }
    if (this.before !== null) this.replace(history.state, title, this.before);
    this.hasActed = false;
    this.before = null;
    return this.push({ ...state }, title, url);
  }

  // The place on the page belongs to the entry that is shown.
  noteScroll(scrolled) {
    if (scrolled?.dataset?.testid !== "stMain" || this.returning) return;
    clearTimeout(this.noting);
    const url = location.href;
    this.noting = setTimeout(() => {
      if (url === location.href) this.replace({ ...history.state, scrolled: scrolled.scrollTop }, "", url);
    }, 100);
  }

  goBack(scrolled) {
    this.hasActed = false;
    this.before = null;
    clearTimeout(this.noting);
    this.returning?.stop();
    this.returning = new Returning(scrolled, () => (this.returning = null));
  }
}

/** Scrolls to where an entry was left, once its page is long enough; a person who scrolls meanwhile ends it. */
class Returning {
  constructor(scrolled, done) {
    this.scrolled = scrolled;
    this.done = done;
    this.until = performance.now() + HISTORY_WAIT;
    this.halt = () => this.stop();
    for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) window.addEventListener(name, this.halt, true);
    this.look();
  }

  look() {
    const main = document.querySelector("[data-testid=stMain]");
    const isDrawn = document.querySelector(".stApp")?.dataset.testScriptState !== "running";
    if (main) main.scrollTop = this.scrolled;
    const isThere = main && Math.abs(main.scrollTop - this.scrolled) < 2;
    this.still = isThere && isDrawn ? (this.still ?? 0) + 1 : 0;
    if (this.still > 20 || performance.now() > this.until) return this.stop();
    this.frame = requestAnimationFrame(() => this.look());
  }

  stop() {
    cancelAnimationFrame(this.frame);
    for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) window.removeEventListener(name, this.halt, true);
    this.done();
  }
}

/** Turns off keys of one letter or sign, Streamlit's too, except where a person types. */
class Letters {
  constructor() {
    for (const name of ["keydown", "keyup"]) window.addEventListener(name, (event) => this.stop(event), true);
  }

  stop(event) {
    if (this.areOn || event.key?.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.composedPath()[0].closest?.(LETTERS_USED)) event.stopImmediatePropagation();
  }
}

/** Tells Python how wide the main column is, where figures expect another width: they break their titles by it. */
class Column {
  constructor() {
    this.observer = new ResizeObserver(() => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.look(), COLUMN_WAIT);
    });
  }

  follow(known, tell, isProjected) {
    this.known = known;
    this.usual = isProjected ? null : COLUMN_USUAL; // a lecture's figures fill the screen, whatever its width
    this.tell = tell;
    const block = document.querySelector("[data-testid=stMainBlockContainer]");
    if (block === this.block) return;
    this.block = block;
    this.observer.disconnect();
    if (block) this.observer.observe(block);
    this.look();
  }

  look() {
    if (!this.block?.isConnected) return;
    const { paddingLeft, paddingRight } = getComputedStyle(this.block);
    const room = this.block.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    const isUsual = this.usual !== null && room >= this.usual[0] && room < this.usual[1];
    const width = isUsual ? null : Math.max(COLUMN_LEAST, COLUMN_STEP * Math.floor(room / COLUMN_STEP));
    if (width === this.known) return;
    this.known = width;
    this.tell(width);
  }
}

/** Loads the page anew when an error in Streamlit's script has left it blank: the address says what was shown. */
class Blank {
  constructor() {
    this.root = document.getElementById("root");
    if (this.root) new MutationObserver(() => this.look()).observe(this.root, { childList: true });
  }

  look() {
    if (this.root.childElementCount !== 0) return;
    try {
      if (Date.now() - Number(sessionStorage.getItem(BLANK_AT)) < BLANK_PAUSE) return;
      sessionStorage.setItem(BLANK_AT, String(Date.now()));
    } catch {
      return; // without storage nothing would end a circle of loads
    }
    location.reload();
  }
}

export default function ({ data, setStateValue }) {
  window.leafscopeHistory ??= new History(data.quiet);
  window.leafscopeBlank ??= new Blank();
  window.leafscopeLetters ??= new Letters();
  window.leafscopeLetters.areOn = data.letters;
  document.documentElement.dataset.size = data.projector ? "projector" : "screen";
  window.leafscopeColumn ??= new Column();
  window.leafscopeColumn.follow(data.width, (width) => setStateValue("width", width), data.projector);
}

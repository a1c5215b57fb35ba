// The left half of a scene without a plane: a pad to draw digits on, or a choice of test rows; and class scores.

const PAD_SIDE = 8;  // cells, as in scikit-learn's digits
const PAD_INK = 16;  // the value of a full cell
const PAD_REACH = 1.15, PAD_ERASED = 0.8;  // how far brush and eraser reach from the stroke, in cells
const PAD_STEP = 4;  // ink per key press
const PAD_FEATURES = 13, PAD_CLASSES = 12;  // shown at most
const PAD_HELP = "Digit of 8 by 8 cells. Draw with the mouse or a finger; Shift or the right button erases. "
  + "Keys: arrows move, Space or Enter adds ink, Delete empties the cell, C clears all.";

const PAD_STYLE = `
.pad { container-type: inline-size; height: 100%; overflow: hidden auto; box-sizing: border-box; padding: 0.3em;
  font-family: var(--pad-font); font-size: var(--pad-size); line-height: 1.4; color: var(--pad-text); }
.pad * { box-sizing: border-box; }
.pad-layout { display: grid; gap: 0.6em 1em; }
.pad-draw { grid-template-columns: min(300px, 55cqi, 100cqi - 12.5em) minmax(0, 1fr); align-items: start; }
.pad-rows { height: 100%; display: flex; flex-direction: column; }
.pad-rows > * { flex: none; }
.pad-canvas { display: block; width: 100%; aspect-ratio: 1; cursor: crosshair; touch-action: none; user-select: none;
  -webkit-user-select: none; -webkit-touch-callout: none; box-shadow: 0 0 0 1px var(--pad-muted); }
.pad-buttons { display: flex; flex-wrap: wrap; gap: 0.5em; margin-top: 0.7em; }
.pad-buttons > * { flex: 1 1 auto; }
.pad-notes { grid-column: 1 / -1; min-width: 0; }
.pad-line { height: 1.4em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pad-muted { color: var(--pad-muted); }
.pad-button, .pad-number { font: inherit; color: inherit; background: var(--pad-background); margin: 0;
  border: 1px solid var(--pad-muted); border-radius: 8px; padding: 0.25em 0.5em; white-space: nowrap; }
.pad-button { cursor: pointer; }
.pad-button:hover:enabled { border-color: var(--pad-primary); background: var(--pad-secondary); }
.pad-button:disabled { opacity: 0.5; cursor: default; }
.pad-number { width: 4.6em; padding-right: 0.1em; font-variant-numeric: tabular-nums; }
.pad :is(.pad-canvas, .pad-button, .pad-number, .pad-features):focus-visible {
  outline: var(--pad-line) solid var(--pad-primary); outline-offset: 2px; }
.pad-canvas.pad-by-mouse:focus-visible { outline: none; }
.pad-choice { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4em; }
.pad-class { flex: 1 1 9em; min-width: 0; }
.pad-rows > .pad-features { flex: 0 1 auto; min-height: 5.5em; overflow: hidden auto; padding: 0 0.35em; }
.pad-features dl { display: grid; margin: 0; column-gap: 1.4em;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 15em), 1fr)); }
.pad-features dl > div { display: flex; gap: 0.6em; height: 1.7em; align-items: center;
  border-bottom: 1px solid var(--pad-grid); }
.pad-features dt { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  color: var(--pad-muted); }
.pad-features dd { margin: 0; font-variant-numeric: tabular-nums; }
.pad-scores { min-width: 0; contain: content; }
.pad-table { width: 100%; table-layout: fixed; border-collapse: collapse; font: inherit; color: inherit; margin: 0; }
.pad-table tr { height: 1.6em; }
.pad-table :is(th, td) { padding: 0; border: 0; height: 1.6em; line-height: 1.2; font-weight: inherit;
  text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.pad-table thead th { color: var(--pad-muted); }
.pad-table th:first-child { text-align: left; padding-left: 0.35em; overflow: hidden; text-overflow: ellipsis; }
.pad-table th:last-child, .pad-table td:last-child { padding-right: 0.35em; }
.pad-best { font-weight: 700; background: var(--pad-secondary); }
.pad-truth { outline: calc(var(--pad-line) / 2) solid var(--pad-text); outline-offset: calc(var(--pad-line) / -2); }
.pad-bar { height: 0.85em; background: var(--pad-grid); overflow: hidden; }
.pad-bar > div { height: 100%; transform-origin: left; transform: scaleX(0); }
.pad-rest { padding-left: 0.35em; }
`;

/** The input of the net: a drawn digit (mode "pad") or a test row (mode "rows"), with its scores. */
class Pad {
  constructor(root, scene, look, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.test = new PadTest(scene);
    this.box = addElement("div", "pad", root);
    this.box.addEventListener("keydown", padKeepKeys);
    const layout = addElement("div", `pad-layout pad-${scene.mode === "pad" ? "draw" : "rows"}`, this.box);
    const View = scene.mode === "pad" ? PadDrawing : PadChoice;
    this.view = new View(layout, scene, this.test, (raw) => this.onChange(Array.from(raw)));
    this.scores = new PadScores(this.view.beside ?? layout);
    this.setLook(look);
    this.set(this.test.row(0));
  }

  setLook(look) {
    const { style } = this.box;
    for (const name of ["text", "muted", "grid", "background", "secondary", "primary", "font"]) {
      style.setProperty(`--pad-${name}`, look[name]);
    }
    style.setProperty("--pad-size", `${look.size}px`);
    style.setProperty("--pad-line", `${look.line}px`);
    style.colorScheme = look.dark ? "dark" : "light";  // for spinners and scroll bars
    this.view.setLook(look);
    this.scores.setLook(look);
  }

  /** Show P raw features without calling onChange. */
  set(raw) {
    this.view.set(raw);
  }

  /** The present P raw features. */
  value() {
    return Array.from(this.view.raw);
  }

  /** The class of the test row shown, null if it is not a test row. */
  truth() {
    return this.view.place === null ? null : this.test.classes[this.view.place];
  }

  showNumber(value, name, truth) {
    this.scores.showNumber(value, name, truth);
  }

  showScores(logits, classes, truth) {
    this.scores.show(logits, classes, truth);
  }

  destroy() {
    this.view.destroy();
    this.box.remove();
  }
}

/** The test rows of a scene, or where there are none its training rows: n rows, each with P raw features and a class. */
class PadTest {
  constructor(scene) {
    const test = scene.rows.test.n ? scene.rows.test : scene.rows.train;
    this.word = scene.rows.test.n ? "test" : "training";
    this.Word = scene.rows.test.n ? "Test" : "Training";
    this.width = scene.features.length;
    this.values = decodeFloats(test.x);
    this.areNumbers = Boolean(scene.target);
    this.classes = this.areNumbers ? decodeFloats(test.y) : decodeShorts(test.y);
    this.names = scene.classes;
    this.n = test.n;
  }

  row(place) {
    if (place >= this.n) return new Array(this.width).fill(0);
    return Array.from(this.values.subarray(place * this.width, (place + 1) * this.width));
  }

  /** The number of the first row with exactly these features, null if there is none. */
  find(raw) {
    const wanted = Float32Array.from(raw), { width, values } = this;
    for (let place = 0; place < this.n; place++) {
      let column = 0;
      while (column < width && values[place * width + column] === wanted[column]) column++;
      if (column === width) return place;
    }
    return null;
  }

  /** What a row's own answer is, to be read. */
  answer(place) {
    return `${this.areNumbers ? this.names[0] : "Class"} ${this.className(place)}`;
  }

  className(place) {
    return this.areNumbers ? String(Number(this.classes[place].toPrecision(4))) : String(this.names[this.classes[place]]);
  }
}

/** The pad: a canvas of cells to draw on, its buttons, and a line that says what it shows. */
class PadDrawing {
  constructor(layout, _scene, test, onChange) {
    this.test = test;
    this.onChange = onChange;
    this.raw = new Array(PAD_SIDE * PAD_SIDE).fill(0);
    this.place = null;  // the test row shown, or null
    this.latest = -1;  // the test row shown last
    this.stroke = null;  // the drawing pointer and its last position
    this.cursor = null;  // the cell that keys change; shown while the keyboard is used
    this.cell = 0;
    const left = addElement("div", "pad-left", layout);
    this.canvas = addElement("canvas", "pad-canvas", left);
    this.beside = addElement("div", "pad-beside", layout);
    this.beside.style.minWidth = "0";
    const notes = addElement("div", "pad-notes", layout);
    this.note = addElement("div", "pad-line", notes);
    addElement("div", "pad-muted", notes, "Draw a digit with the mouse or a finger; Shift or the right button erases.");
    this.addButtons(left);
    this.listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas);
  }

  addButtons(left) {
    const buttons = addElement("div", "pad-buttons", left);
    padButton(buttons, "Clear", () => this.change(() => this.raw.fill(0)));
    padButton(buttons, `Next ${this.test.word} digit`, () => this.next()).disabled = this.test.n === 0;
  }

  listen() {
    const { canvas } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", PAD_HELP);
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(kind, (event) => this.lift(event));
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.showCursor(canvas.matches(":focus-visible")));
    canvas.addEventListener("blur", () => this.showCursor(false));
  }

  setLook(look) {
    this.look = look;
    this.shades = Array.from({ length: PAD_INK + 1 }, (_, ink) => padMix(look.background, look.text, ink / PAD_INK));
    this.draw();
  }

  set(raw) {
    this.raw = Array.from(raw);
    this.say(this.test.find(raw));
    this.draw();
  }

  say(place) {
    const isEmpty = this.raw.every((ink) => ink === 0);
    this.place = place;
    if (place !== null) this.latest = place;
    setText(this.note, isEmpty ? "Nothing is drawn" : place === null ? "Your drawing" : padRowWords(this.test, place));
  }

  next() {
    const place = (this.latest + 1) % this.test.n;
    this.raw = this.test.row(place);
    this.say(place);
    this.draw();
    this.onChange(this.raw);
  }

  /** Let `edit` change the cells; report only an actual change. */
  change(edit) {
    const before = this.raw.slice();
    edit();
    const changed = this.raw.some((ink, cell) => ink !== before[cell]);
    if (changed) this.say(null);
    this.draw();
    if (changed) this.onChange(this.raw);
  }

  // Pointer

  press(event) {
    if (this.stroke !== null || event.button === 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.classList.add("pad-by-mouse");
    this.showCursor(false);
    this.stroke = { pointer: event.pointerId, at: null };
    this.change(() => this.extend([event]));
  }

  move(event) {
    if (this.stroke?.pointer !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.change(() => this.extend(events.length > 0 ? events : [event]));
  }

  lift(event) {
    if (this.stroke?.pointer === event.pointerId) this.stroke = null;
  }

  extend(events) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    for (const event of events) {
      const to = [(event.clientX - left) / width * PAD_SIDE, (event.clientY - top) / height * PAD_SIDE];
      const erases = event.shiftKey || (event.buttons & 34) !== 0;  // the right button, or a pen's eraser
      (erases ? padErase : padBrush)(this.raw, this.stroke.at ?? to, to);
      this.stroke.at = to;
    }
  }

  // Keyboard

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keyAct(event.key);
    if (act === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.canvas.classList.remove("pad-by-mouse");
    this.cursor = this.cell;
    this.change(act);
  }

  keyAct(key) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (Object.hasOwn(moves, key)) return () => this.moveCursor(...moves[key]);
    const { cell } = this;
    if (key === " " || key === "Enter") return () => { this.raw[cell] = padRaised(this.raw[cell]); };
    if (key === "Delete" || key === "Backspace") return () => { this.raw[cell] = 0; };
    if (key === "c" || key === "C") return () => this.raw.fill(0);
    return null;
  }

  moveCursor(down, right) {
    const inside = (x) => Math.min(PAD_SIDE - 1, Math.max(0, x));
    const row = inside(Math.floor(this.cell / PAD_SIDE) + down);
    this.cell = row * PAD_SIDE + inside(this.cell % PAD_SIDE + right);
    this.cursor = this.cell;
  }

  showCursor(shown) {
    if (shown) this.canvas.classList.remove("pad-by-mouse");
    this.cursor = shown ? this.cell : null;
    this.draw();
  }

  // Canvas

  draw() {
    const { canvas } = this;
    const size = Math.round(canvas.clientWidth * sceneRatio());
    if (size === 0 || !this.look) return;
    if (canvas.width !== size || canvas.height !== size) {
      canvas.width = size;
      canvas.height = size;
    }
    const context = canvas.getContext("2d");
    const edge = (index) => Math.round(index * size / PAD_SIDE);
    this.drawCells(context, edge);
    this.drawGrid(context, edge, size);
    if (this.cursor !== null) this.drawCursor(context, edge);
  }

  drawCells(context, edge) {
    for (let cell = 0; cell < this.raw.length; cell++) {
      const row = Math.floor(cell / PAD_SIDE), column = cell % PAD_SIDE;
      context.fillStyle = this.shades[Math.round(Math.min(PAD_INK, Math.max(0, this.raw[cell])))];
      context.fillRect(edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row));
    }
  }

  drawGrid(context, edge, size) {
    const thin = Math.max(1, Math.round(sceneRatio()));
    context.fillStyle = this.look.grid;
    for (let index = 1; index < PAD_SIDE; index++) {
      context.fillRect(edge(index), 0, thin, size);
      context.fillRect(0, edge(index), size, thin);
    }
  }

  drawCursor(context, edge) {
    const row = Math.floor(this.cursor / PAD_SIDE), column = this.cursor % PAD_SIDE;
    const line = Math.round(Math.min(this.look.line * sceneRatio(), edge(1) / 9));  // the cell stays visible
    const ring = (inset, colour) => {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.strokeRect(edge(column) + inset, edge(row) + inset, edge(column + 1) - edge(column) - 2 * inset,
        edge(row + 1) - edge(row) - 2 * inset);
    };
    ring(1.5 * line, this.look.background);  // makes the cursor visible on ink too
    ring(0.5 * line, this.look.primary);
  }

  destroy() {
    this.observer.disconnect();
  }
}

/** The choice of a test row, and its features in a compact list. */
class PadChoice {
  constructor(layout, scene, test, onChange) {
    this.test = test;
    this.onChange = onChange;
    this.place = null;
    this.latest = 0;
    this.addChoice(addElement("div", "pad-choice", layout));
    this.addFeatures(addElement("div", "pad-features", layout), scene.features);
  }

  addChoice(line) {
    addElement("span", "", line, `${this.test.Word} row`);
    this.previous = padButton(line, "←", () => this.choose(this.latest - 1), `Previous ${this.test.word} row`);
    this.number = addElement("input", "pad-number", line);
    this.number.setAttribute("aria-label", `${this.test.Word} row`);
    Object.assign(this.number, { type: "number", min: "1", max: String(this.test.n), step: "1" });
    addElement("span", "", line, `of ${this.test.n.toLocaleString("en-US")}`);
    this.next = padButton(line, "→", () => this.choose(this.latest + 1), `Next ${this.test.word} row`);
    this.class = addElement("span", "pad-line pad-class", line);
    this.number.addEventListener("input", () => this.choose(this.number.valueAsNumber - 1));
    this.number.addEventListener("change", () => this.write());
    this.number.disabled = this.test.n === 0;
  }

  addFeatures(box, names) {
    this.box = box;
    const list = addElement("dl", "", box);
    const shown = names.length > PAD_FEATURES ? PAD_FEATURES - 1 : names.length;
    this.cells = names.slice(0, shown).map((name) => {
      const pair = addElement("div", "", list);
      addElement("dt", "", pair, name).title = name;
      return addElement("dd", "", pair);
    });
    if (shown < names.length) addElement("div", "pad-muted", box, `and ${names.length - shown} more columns`);
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Features of the row");
    this.observer = new ResizeObserver(() => this.letScroll());
    this.observer.observe(box);
  }

  /** Focusable with Tab only if there is something to scroll. */
  letScroll() {
    if (this.box.scrollHeight > this.box.clientHeight) this.box.tabIndex = 0;
    else this.box.removeAttribute("tabindex");
  }

  setLook() {
    this.letScroll();
  }

  set(raw) {
    this.show(Array.from(raw), this.test.find(raw));
    this.write();
  }

  show(raw, place) {
    this.raw = raw;
    this.place = place;
    if (place !== null) this.latest = place;
    this.cells.forEach((cell, column) => { setText(cell, padThree(raw[column])); });
    setText(this.class, place === null ? `Not a ${this.test.word} row` : this.test.answer(place));
    this.class.title = this.class.textContent;
    this.previous.disabled = this.latest <= 0;
    this.next.disabled = this.latest >= this.test.n - 1;
  }

  /** Ignores a typed number that is not a row yet. */
  choose(place) {
    if (!Number.isInteger(place) || place < 0 || place >= this.test.n || place === this.place) return;
    this.show(this.test.row(place), place);
    if (this.number.valueAsNumber !== place + 1) this.write();
    this.onChange(this.raw);
  }

  write() {
    this.number.value = this.place === null ? "" : String(this.place + 1);
  }

  destroy() {
    this.observer.disconnect();
  }
}

/** Bars of softmax shares with logits, in class order; of many classes only the highest. */
class PadScores {
  constructor(parent) {
    const box = addElement("div", "pad-scores", parent);
    this.table = addElement("table", "pad-table", box);
    const columns = addElement("colgroup", "", this.table);
    [this.nameColumn, , this.shareColumn, this.logitColumn] = [0, 1, 2, 3].map(() => addElement("col", "", columns));
    this.shareColumn.style.width = "4em";
    this.logitColumn.style.width = "3.7em";
    const head = addElement("tr", "", addElement("thead", "", this.table));
    for (const [words, span] of [["Class", 2], ["Share", 1], ["Logit", 1]]) {
      const cell = addElement("th", "", head, words);
      cell.scope = "col";
      cell.colSpan = span;
    }
    head.children[1].title = "Softmax share: exp(logit) divided by the sum over all classes";
    this.body = addElement("tbody", "", this.table);
    this.rest = addElement("div", "pad-line pad-muted pad-rest", box);
    this.rows = [];
    this.classes = [];
  }

  setLook(look) {
    this.palette = look.classes;
    if (this.logits) this.show(this.logits, this.classes, this.truth);
  }

  show(logits, classes, truth) {
    this.logits = logits;
    this.truth = truth;
    if (classes !== this.classes) this.name(classes);
    const shares = softmax(logits);
    const best = padHighest(logits, 1)[0];
    const shown = padHighest(logits, this.rows.length);
    this.rows.forEach((row, index) => { this.fill(row, shown[index], shares, logits, best); });
    setText(this.rest, this.restWords(logits.length - shown.length));
  }

  /** Of a net that predicts a number: what it says, and the row's own. */
  showNumber(value, name, truth) {
    const words = (number) => (Number.isFinite(number) ? String(Number(number.toPrecision(4))) : "unknown");
    this.table.hidden = true;
    const own = truth === null || truth === undefined ? "" : `; the row has ${words(truth)}`;
    setText(this.rest, `Predicted ${name}: ${words(value)}${own}`);
  }

  /** Rows and widths depend on the names only: nothing moves while scores change. */
  name(classes) {
    this.classes = classes;
    const longest = Math.max(1, ...classes.map((name) => String(name).length));
    this.nameColumn.style.width = `${Math.min(9, 0.9 + 0.6 * longest)}em`;
    while (this.rows.length > Math.min(PAD_CLASSES, classes.length)) this.rows.pop().line.remove();
    while (this.rows.length < Math.min(PAD_CLASSES, classes.length)) this.rows.push(padScoreRow(this.body));
  }

  fill(row, index, shares, logits, best) {
    const name = String(this.classes[index]);
    if (row.name.title !== name) row.name.title = name;
    setText(row.name, name);
    setText(row.share, padPercent(shares[index]));
    setText(row.logit, padLogit(logits[index]));
    row.bar.style.transform = `scaleX(${Number.isFinite(shares[index]) ? shares[index].toFixed(4) : 0})`;
    const colour = this.palette[index % this.palette.length];
    if (row.colour !== colour) {
      row.colour = colour;
      row.bar.style.background = colour;
    }
    row.line.classList.toggle("pad-best", index === best && Number.isFinite(shares[index]));
    row.line.classList.toggle("pad-truth", index === this.truth);
  }

  restWords(more) {
    const words = [];
    if (more > 0) words.push(`and ${more} more class${more === 1 ? "" : "es"}`);
    if (this.truth !== null && this.truth !== undefined) words.push(`Outlined: true class ${this.classes[this.truth]}`);
    return words.join("; ");
  }
}

// The brush. Cells are a flat row-major array; points are [x, y] in cells from the upper left corner.

/** Add ink along a segment: 16 on it, less with the distance of a cell's centre. */
function padBrush(cells, from, to) {
  for (let cell = 0; cell < cells.length; cell++) {
    const ink = Math.min(1, Math.max(0, PAD_REACH - padDistance(cell, from, to)));
    cells[cell] = Math.max(cells[cell], Math.round(PAD_INK * ink));
  }
}

function padErase(cells, from, to) {
  for (let cell = 0; cell < cells.length; cell++) {
    if (padDistance(cell, from, to) <= PAD_ERASED) cells[cell] = 0;
  }
}

/** The distance of a cell's centre from a segment. */
function padDistance(cell, from, to) {
  const x = cell % PAD_SIDE + 0.5 - from[0], y = Math.floor(cell / PAD_SIDE) + 0.5 - from[1];
  const dx = to[0] - from[0], dy = to[1] - from[1], square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : Math.min(1, Math.max(0, (x * dx + y * dy) / square));
  return Math.hypot(x - along * dx, y - along * dy);
}

/** The next step of ink; a full cell becomes empty. */
function padRaised(ink) {
  return ink >= PAD_INK ? 0 : Math.min(PAD_INK, ink + PAD_STEP);
}

// Numbers and words, formatted as in the rest of the app

/** The places of the highest logits, in class order; ties: the first, NaN last. */
function padHighest(logits, count) {
  const rank = (place) => Number.isNaN(logits[place]) ? -Infinity : logits[place];
  const places = Array.from(logits, (_, place) => place);
  if (count >= places.length) return places;
  places.sort((one, other) => (rank(one) < rank(other)) - (rank(one) > rank(other)) || one - other);
  return places.slice(0, count).sort((one, other) => one - other);
}

function padThree(x) {
  if (!Number.isFinite(x)) return padNotFinite(x);
  if (x === 0) return "0";
  const rounded = Number(x.toExponential(2)), exponent = Math.floor(Math.log10(Math.abs(rounded)));
  if (exponent < -5 || exponent >= 9) return x.toExponential(2).replace("e+", "e");
  const digits = Math.max(0, 2 - exponent);
  return rounded.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function padLogit(x) {
  if (!Number.isFinite(x)) return padNotFinite(x);
  if (Math.abs(x) >= 1e4) return padThree(x);
  const words = x.toFixed(2);
  return words === "-0.00" ? "0.00" : words;
}

function padPercent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "n/a";
}

function padNotFinite(x) {
  return Number.isNaN(x) ? "n/a" : x > 0 ? "∞" : "-∞";
}

function padRowWords(test, place) {
  const number = (place + 1).toLocaleString("en-US"), n = test.n.toLocaleString("en-US");
  return `${test.Word} row ${number} of ${n}, ${test.answer(place).toLowerCase()}`;
}

/** A mix of two colours "#RRGGBB", linear in sRGB. */
function padMix(from, to, part) {
  const ends = channels(to);
  const mixed = channels(from).map((channel, index) => Math.round(channel + part * (ends[index] - channel)));
  return `rgb(${mixed.join(" ")})`;
}

// Elements

function padButton(parent, words, act, label = "") {
  const button = addElement("button", "pad-button", parent, words);
  button.type = "button";
  if (label) {
    button.title = label;
    button.setAttribute("aria-label", label);
  }
  button.addEventListener("click", act);
  return button;
}

function padScoreRow(body) {
  const line = addElement("tr", "", body);
  const name = addElement("th", "", line);
  name.scope = "row";
  const bar = addElement("div", "", addElement("div", "pad-bar", addElement("td", "", line)));
  return { line, name, bar, share: addElement("td", "", line), logit: addElement("td", "", line), colour: "" };
}

/** Keys that a button or the number field uses must not reach the scene's shortcuts. */
function padKeepKeys(event) {
  const { target, key } = event;
  const used = target instanceof HTMLInputElement ? key !== "Tab" && key !== "Escape"
    : target instanceof HTMLButtonElement && (key === " " || key === "Enter");
  if (used) event.stopPropagation();
}

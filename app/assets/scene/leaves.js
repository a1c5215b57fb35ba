// Leaves: the tree of prefixes at each epoch, in place. The epochs play, a node is chosen, and a subtree fills the drawing.
// Streamlit calls the default function at each change of `data`. Python is told of a choice, and of the epoch where playing ends.

const LEAVES_SECONDS = 6; // length of a replay
const LEAVES_MOVE = 250; // ms in which the tree goes to an epoch that was chosen elsewhere
const LEAVES_TELL = 250; // ms from the last arrow key until Python is told
const LEAVES_BELOW = 5; // levels that are shown below a node when a leaf is zoomed in on
const LEAVES_HOLD = 8000; // ms for which a choice that Python has not answered yet outlives other news
const LEAVES_EMPTY = { t: "is test only: test rows reach it, training rows do not", n: "is unseen: no training or test row reaches it" };

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".scene");
  root.leafscope ??= new LeavesTree(root);
  root.leafscope.tell = (place) => setStateValue("place", place);
  root.leafscope.update(data);
  return () => setTimeout(() => root.isConnected || root.leafscope?.leave());
}

function leavesLevel(node) {
  return 31 - Math.clz32(node + 1);
}

// The bits of a node's prefix.
function leavesBits(node) {
  return bitsOf(node + 1 - 2 ** leavesLevel(node), leavesLevel(node));
}

class LeavesTree {
  constructor(root) {
    this.root = root;
    this.hover = null;
    this.isPlaying = false;
    const bar = addElement("div", "scene-bar", root);
    const button = (name, act) => {
      const element = addElement("button", `scene-button ${name}`, bar);
      element.addEventListener("click", act);
      return element;
    };
    this.playButton = button("scene-play", () => this.play(!this.isPlaying));
    this.epochWords = addElement("span", "scene-epoch", bar);
    this.zoomButton = button("leaves-zoom", () => this.zoom(this.zoomTarget()));
    this.wholeButton = button("leaves-whole", () => this.zoom(0));
    this.zoomButton.textContent = "Zoom in";
    this.wholeButton.textContent = "Whole tree";
    this.canvas = addElement("canvas", "leaves-tree", root);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.tree = new TreeDrawing(this.canvas);
    this.legend = new TreeLegend(root);
    this.sentence = addElement("p", "leaves-words", root);
    this.spoken = addElement("div", "scene-spoken", root);
    this.spoken.setAttribute("role", "status");
    const under = (event) => this.tree.nodeAt(event.offsetX, event.offsetY);
    this.canvas.addEventListener("pointermove", (event) => this.lookAt(this.whole(under(event))));
    this.canvas.addEventListener("pointerleave", () => this.lookAt(null));
    this.canvas.addEventListener("click", (event) => this.choose(this.whole(under(event)), 0));
    this.canvas.addEventListener("dblclick", () => this.zoom(this.zoomTarget()));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.wake());
    this.observer.observe(root);
  }

  leave() {
    this.observer.disconnect();
    cancelAnimationFrame(this.request);
    clearTimeout(this.telling);
    delete this.root.leafscope;
  }

  update(data) {
    const isNew = this.data?.mark !== data.mark;
    if (isNew || this.data.counts !== data.counts) {
      this.counts = new Uint32Array(decodeBytes(data.counts).buffer);
      this.version = {};
    }
    this.data = data;
    this.look = lookNow(this.root, data);
    applyLook(this.root, this.look);
    this.root.style.height = `${data.height}px`; // whatever wraps, the tree gets the rest
    this.legend.write(this.look, `${data.rows} rows`);
    const waits = this.told && this.told.when !== data.heard && performance.now() - this.toldAt < LEAVES_HOLD;
    if (isNew || !waits) this.take(data, isNew);
    this.wake();
  }

  // What Python shows: at a run that is shown already, the tree moves to another epoch, and zoom and node are kept.
  take(data, isNew) {
    if (isNew) this.isPlaying = false;
    Object.assign(this, { node: data.node, zoomed: data.root });
    if (this.isPlaying) return;
    this.from = isNew ? data.epoch : this.epoch;
    this.epoch = this.from;
    this.target = data.epoch;
    this.movesSince = performance.now();
  }

  get depth() {
    return this.data.depth;
  }

  get firstLeaf() {
    return 2 ** this.depth - 1;
  }

  // Place among the epochs, with the fraction of the way to the next.
  placeOf(epoch) {
    const { epochs } = this.data;
    const next = epochs.findIndex((one) => one >= epoch);
    if (next <= 0) return next < 0 ? epochs.length - 1 : 0;
    return next - 1 + (epoch - epochs[next - 1]) / (epochs[next] - epochs[next - 1]);
  }

  // Rows of a node of the whole tree at the nearest epoch.
  rowsOf(node) {
    const place = Math.round(this.placeOf(this.epoch));
    const below = this.depth - leavesLevel(node);
    const first = (node + 1) * 2 ** below - 1 - this.firstLeaf;
    let rows = 0;
    for (let leaf = first; leaf < first + 2 ** below; leaf += 1) rows += this.counts[place * 2 ** this.depth + leaf];
    return rows;
  }

  // Shares of the nodes below the zoomed one, which is node 0 of the drawing.
  shares() {
    const { depth, zoomed, counts, data } = this;
    const place = this.placeOf(this.epoch);
    const key = `${place} ${zoomed}`;
    if (this.version.key === key) return this.version.shares;
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    const leaves = 2 ** (depth - leavesLevel(zoomed));
    const first = (zoomed + 1) * leaves - 1 - this.firstLeaf;
    const shares = new Float64Array(2 * leaves - 1);
    for (let leaf = 0; leaf < leaves; leaf += 1) {
      const [from, to] = [counts[low * 2 ** depth + first + leaf], counts[high * 2 ** depth + first + leaf]];
      shares[leaves - 1 + leaf] = (from + (place - low) * (to - from)) / Math.max(1, data.total);
    }
    for (let node = leaves - 2; node >= 0; node -= 1) shares[node] = shares[2 * node + 1] + shares[2 * node + 2];
    this.version = { key, shares };
    return shares;
  }

  // A node of the drawing as a node of the whole tree, and the other way round; null where there is none.
  whole(node) {
    if (node === null) return null;
    const level = leavesLevel(node);
    return (this.zoomed + 1) * 2 ** level - 1 + (node + 1 - 2 ** level);
  }

  drawn(node) {
    const below = leavesLevel(node) - leavesLevel(this.zoomed);
    if (below < 0) return null;
    const place = node + 1 - (this.zoomed + 1) * 2 ** below;
    return place >= 0 && place < 2 ** below ? 2 ** below - 1 + place : null;
  }

  // What a person does.

  play(isOn) {
    const { epochs } = this.data;
    if (isOn && this.epoch >= epochs.at(-1)) this.epoch = epochs[0];
    this.isPlaying = isOn;
    this.playedAt = null;
    this.target = this.epoch;
    if (!isOn) this.rest();
    this.wake();
  }

  // Stop at a recorded epoch, where the page then is too.
  rest() {
    this.isPlaying = false;
    this.epoch = this.target = this.data.epochs[Math.round(this.placeOf(this.epoch))];
    this.commit(0);
  }

  lookAt(node) {
    if (node === this.hover) return;
    this.hover = node;
    this.canvas.style.cursor = node === null ? "default" : "pointer";
    this.wake();
  }

  choose(node, wait) {
    if (node === null) return;
    this.node = node;
    if (this.drawn(node) === null) this.zoomed = 0;
    this.commit(wait);
    this.wake();
  }

  // The chosen node, or of a leaf the prefix a few levels above it; the zoomed node where there is nothing to zoom in on.
  zoomTarget() {
    const { node, zoomed, depth } = this;
    if (this.drawn(node) === null || node === zoomed) return zoomed;
    const level = leavesLevel(node);
    if (level < depth) return node;
    const wanted = Math.min(depth - 1, Math.max(leavesLevel(zoomed) + 1, depth - LEAVES_BELOW));
    return wanted > leavesLevel(zoomed) ? ((node + 1) >> (depth - wanted)) - 1 : zoomed;
  }

  zoom(node) {
    if (node === this.zoomed) return;
    this.zoomed = node;
    this.hover = null;
    this.commit(0);
    this.wake();
  }

  key(event) {
    const level = leavesLevel(this.node);
    const beside = (step) => Math.min(2 ** (level + 1) - 2, Math.max(2 ** level - 1, this.node + step));
    const goes = {
      ArrowUp: () => Math.max(0, (this.node - 1) >> 1),
      ArrowDown: () => (level < this.depth ? 2 * this.node + 1 : this.node),
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
    };
    if (!goes[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.choose(goes[event.key](), LEAVES_TELL);
  }

  commit(wait) {
    clearTimeout(this.telling);
    const { node, zoomed, target } = this;
    this.told = { run: this.data.run, node, root: zoomed, epoch: target, when: Date.now() };
    this.toldAt = performance.now();
    this.telling = setTimeout(() => this.tell(this.told), wait);
  }

  // The clock.

  wake() {
    this.request ||= requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.request = 0;
    if (!this.root.isConnected || !this.data) return;
    if (this.isPlaying) this.advance(now);
    else if (this.epoch !== this.target) {
      const share = Math.min(1, (performance.now() - this.movesSince) / LEAVES_MOVE);
      this.epoch = share < 1 ? this.from + share * (this.target - this.from) : this.target;
    }
    this.draw();
    if (this.isPlaying || this.epoch !== this.target) this.wake();
  }

  advance(now) {
    const { epochs } = this.data;
    const passed = this.playedAt === null ? 0 : Math.min(now - this.playedAt, 250);
    this.playedAt = now;
    this.epoch = Math.min(epochs.at(-1), this.epoch + (passed * (epochs.at(-1) - epochs[0])) / (1000 * LEAVES_SECONDS));
    if (this.epoch >= epochs.at(-1)) this.rest();
  }

  draw() {
    const { data, look, zoomed } = this;
    const marked = this.drawn(this.hover ?? this.node);
    const path = [];
    for (let id = marked === null ? 0 : marked + 1; id > 0; id >>= 1) path.unshift(id - 1);
    this.tree.draw({
      kind: "tree",
      style: data.style,
      depth: this.depth - leavesLevel(zoomed),
      prefix: leavesBits(zoomed),
      look,
      loads: this.shares(),
      path,
      keepsColours: true,
      version: this.version.key,
    });
    setText(this.playButton, this.isPlaying ? "❚❚ Pause" : "▶ Play the epochs");
    this.playButton.hidden = data.epochs.length < 2;
    setText(this.epochWords, `epoch ${sceneThousands(Math.round(this.epoch))} of ${sceneThousands(data.epochs.at(-1))}`);
    this.zoomButton.disabled = this.zoomTarget() === zoomed;
    this.wholeButton.disabled = zoomed === 0;
    setText(this.sentence, this.words(this.hover ?? this.node));
    if (this.isPlaying || this.epoch !== this.target) return;
    const label = `Tree of the prefixes of the sign pattern, ${sceneThousands(2 ** (this.depth + 1) - 1)} nodes. Arrow keys choose a node.`;
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
    setText(this.spoken, this.words(this.node));
  }

  words(node) {
    const { data, depth } = this;
    const level = leavesLevel(node);
    const bits = [...leavesBits(node)].join(" ");
    const name = level === 0 ? "Root" : level === depth ? `Leaf ${bits}` : `Prefix ${bits}`;
    const rows = this.rowsOf(node);
    const isAtRest = !this.isPlaying && this.epoch === data.epoch;
    if (!rows) {
      const why = isAtRest && this.stateOf(node);
      return `${name}${why ? ` ${why}` : `: no ${data.rows} row`}.`;
    }
    const share = `${(100 * rows) / data.total < 0.1 ? "<0.1" : ((100 * rows) / data.total).toFixed(1)} %`;
    const equal = level ? ` An equal share of level ${level} would be ${(100 / 2 ** level).toPrecision(3)} %.` : "";
    return `${name}: ${sceneThousands(rows)} of ${sceneThousands(data.total)} ${data.rows} rows (${share}).${equal}`;
  }

  // Which rows reach a node that holds none of the split.
  stateOf(node) {
    if (this.data.rows !== "training") return "";
    const below = this.depth - leavesLevel(node);
    const first = (node + 1) * 2 ** below - 1 - this.firstLeaf;
    const states = this.data.states.slice(first, first + 2 ** below);
    return states.includes("t") ? LEAVES_EMPTY.t : LEAVES_EMPTY.n;
  }

  /** The numbers on the screen, for tests and the curious. */
  inspect() {
    const { node, zoomed, epoch, isPlaying } = this;
    const isMoving = isPlaying || epoch !== this.target;
    return { node, root: zoomed, epoch, isPlaying, isMoving, loads: Array.from(this.shares()), run: this.data.run };
  }

  /** The middle of a node of the whole tree in the canvas, in CSS px. */
  middle(node) {
    const [x, y, w, h] = this.tree.layout.box(this.drawn(node));
    return { x: x + w / 2, y: y + h / 2 };
  }
}

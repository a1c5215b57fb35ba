// The scene: one or two nets, each with its plane (or a pad to draw on) and its tree of prefixes, on one clock.
// Streamlit calls the default function at each change of `data`; what a person does is kept here and told to Python at rest.

const SCENE_SECONDS = 6; // a replay, at speed 1
const SCENE_SPEEDS = [0.25, 0.5, 1, 2, 4];
const SCENE_SETTLE = 130; // ms after the last movement until all is drawn and computed in full
const SCENE_COMMIT = 350; // ms after that until Python is told
const SCENE_QUICK = 6e6; // multiply-adds that may be spent on accuracies in each frame
const SCENE_FRAMES = 600; // frame times that are kept
const SCENE_REPLAYED = "leafscope.replayed";
const SCENE_COLUMNS = 10; // classes in the table of contributions, the highest logits of more
const SCENE_CONTROLS = "input, textarea, select, button, a, iframe, [contenteditable], [role]:not([role=main])"; // take keys
const SCENE_LEGEND = 8; // classes that are named above the plane
const SCENE_NUDGE = 0.02; // of the plane, by an arrow key

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".scene");
  root.leafscope ??= new Scene(root);
  root.leafscope.tell = (place) => setStateValue("place", place);
  root.leafscope.tellScheme = (scheme) => setStateValue("scheme", scheme);
  root.leafscope.update(data);
  return () => setTimeout(() => root.isConnected || root.leafscope?.leave());
}

function scenePercent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "not known";
}

function sceneBits(bits) {
  return [...bits].join(" ");
}

function sceneSigned(value) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  const words = size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size.toFixed(2);
  return Number(words) === 0 ? words : value < 0 ? `−${words}` : `+${words}`;
}

function sceneQuantile(values, share) {
  if (!values.length) return NaN;
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

function sceneReplayed() {
  try {
    return localStorage.getItem(SCENE_REPLAYED) !== null;
  } catch {
    return window.leafscopeReplayed === true;
  }
}

function sceneNoteReplay() {
  window.leafscopeReplayed = true;
  try {
    localStorage.setItem(SCENE_REPLAYED, "1");
  } catch {
    // storage may be forbidden; the window's own note holds until it is closed
  }
}

// What tells one payload of a run from another: trained anew, a run keeps its address.
function sceneMark(scene) {
  const texts = scene.weights.length ? scene.weights : (scene.ready?.probability ?? []);
  const last = texts[texts.length - 1] ?? "";
  return [scene.id, scene.kind, scene.epochs.join(), texts.length, last.slice(0, 400), scene.counts.length, scene.scores.test.join()].join();
}

// A running run sends its newest epoch only: what came before is kept, in order.
function sceneMerged(before, now) {
  const epochs = [...new Set([...before.epochs, ...now.epochs])].sort((a, b) => a - b);
  const pick = (take) =>
    epochs.map((epoch) => {
      const at = now.epochs.indexOf(epoch);
      return at >= 0 ? take(now, at) : take(before, before.epochs.indexOf(epoch));
    });
  const scores = {};
  for (const split of Object.keys(now.scores)) scores[split] = pick((scene, at) => scene.scores[split]?.[at] ?? null);
  const ready = now.ready && {
    ...now.ready,
    probability: pick((scene, at) => scene.ready.probability[at]),
    leaf: now.ready.leaf.length ? pick((scene, at) => scene.ready.leaf[at]) : [],
  };
  return {
    ...now,
    epochs,
    weights: now.weights.length ? pick((scene, at) => scene.weights[at]) : [],
    counts: now.counts.map((_, layer) => (now.counts[layer].length ? pick((scene, at) => scene.counts[layer][at]) : [])),
    scores,
    ready,
  };
}

function sceneCanMerge(before, now) {
  const alike = before.id === now.id && (before.weights.length > 0) === (now.weights.length > 0) && !before.ready === !now.ready;
  return alike && now.epochs.at(-1) >= before.epochs.at(-1);
}

/** Everything on the screen, and what a person chose. */
class Scene {
  constructor(root) {
    this.root = root;
    this.views = [];
    this.state = { epoch: 0, level: Infinity, shuffled: false, layer: 0, held: null };
    this.hover = null; // {raw, by: "mouse" or "keys"}
    this.lit = null; // {view, node}
    this.isPlaying = this.isFollowing = false;
    this.speed = 1;
    this.movedAt = -Infinity;
    this.frames = { intervals: [], work: [] };
    this.build();
    this.observer = new ResizeObserver(() => this.wake());
    this.observer.observe(root);
    root.addEventListener("keydown", (event) => this.key(event));
    this.keyOnPage = (event) => event.target.closest?.(SCENE_CONTROLS) || this.key(event);
    document.addEventListener("keydown", this.keyOnPage);
    this.onBack = () => this.goBack(new URLSearchParams(location.search));
    window.addEventListener("popstate", this.onBack);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => setTimeout(() => this.followTheme(), SCENE_COMMIT); // after the page itself
    this.scheme.addEventListener("change", this.onScheme);
  }

  leave() {
    this.isPlaying = false;
    this.observer.disconnect();
    document.removeEventListener("keydown", this.keyOnPage);
    window.removeEventListener("popstate", this.onBack);
    this.scheme.removeEventListener("change", this.onScheme);
    cancelAnimationFrame(this.request);
    clearTimeout(this.settling);
    clearTimeout(this.telling);
    for (const view of this.views) view.leave();
    delete this.root.leafscope;
  }

  // What stands once, above and below the views.

  build() {
    const { root } = this;
    root.textContent = "";
    addElement("style", "", root).textContent = PAD_STYLE;
    const bar = (this.bar = addElement("div", "scene-bar", root));
    this.playButton = addElement("button", "scene-button scene-play", bar);
    this.playButton.addEventListener("click", () => this.play(!this.isPlaying));
    this.slider = addElement("input", "scene-epochs", bar);
    Object.assign(this.slider, { type: "range", min: 0, step: 1 });
    this.slider.setAttribute("aria-label", "Epoch");
    this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
    this.epochWords = addElement("span", "scene-epoch", bar);
    this.speedField = addElement("label", "scene-field", bar, "Speed ");
    this.speedChoice = addElement("select", "scene-select", this.speedField);
    for (const value of SCENE_SPEEDS) addElement("option", "", this.speedChoice, `${value}×`).value = value;
    this.speedChoice.value = 1;
    this.speedChoice.addEventListener("change", () => (this.speed = Number(this.speedChoice.value)));
    this.layerField = addElement("label", "scene-field", bar, "Gated layer ");
    this.layerChoice = addElement("select", "scene-select scene-layer", this.layerField);
    this.layerChoice.addEventListener("change", () => this.change({ layer: Number(this.layerChoice.value) }));
    this.levelField = addElement("label", "scene-field scene-level", bar, "Read to level ");
    this.levelSlider = addElement("input", "scene-levels", this.levelField);
    Object.assign(this.levelSlider, { type: "range", min: 0, step: 1 });
    this.levelSlider.addEventListener("input", () => this.change({ level: Number(this.levelSlider.value) }));
    this.levelWords = addElement("output", "", this.levelField);
    this.shuffleButton = addElement("button", "scene-button scene-shuffle", bar);
    this.shuffleButton.addEventListener("click", () => this.shuffle());
    this.toolsNote = addElement("p", "scene-muted scene-tools-note", root);
    this.box = addElement("div", "scene-views", root);
    this.spoken = addElement("div", "scene-spoken", root);
    this.spoken.setAttribute("role", "status");
    const foot = (this.foot = addElement("details", "scene-foot", root));
    addElement("summary", "", foot, "Keys, and how this is computed");
    this.keysWords = addElement("p", "", foot);
    this.howWords = addElement("p", "scene-how", foot);
    this.frameWords = addElement("p", "scene-frames", foot);
  }

  // What Python sends.

  update(data) {
    const isNew = this.id !== data.scenes[0].id;
    this.data = data;
    this.id = data.scenes[0].id;
    this.setLook(this.lookNow());
    const isSame = !isNew && this.views.length === data.scenes.length;
    const scenes = data.scenes.map((scene, i) => {
      const before = isSame && this.views[i].scene;
      return data.live && before && sceneCanMerge(before, scene) ? sceneMerged(before, scene) : scene;
    });
    const keeps = isSame && scenes.every((scene, i) => this.views[i].fits(scene));
    if (!keeps) this.rebuild(scenes);
    const wasAtEnd = this.state.epoch >= this.lastEpoch;
    scenes.forEach((scene, i) => this.views[i].setScene(scene, this.look));
    this.prepare();
    if (isNew) this.begin(data);
    else if ((data.live && this.isFollowing) || (this.wasLive && wasAtEnd)) this.state.epoch = this.lastEpoch;
    else this.state.epoch = Math.min(this.state.epoch, this.lastEpoch);
    if (data.live && isNew && (data.start?.epoch ?? null) === null) this.isFollowing = true;
    this.wasLive = data.live;
    const canPlay = data.autoplay && !this.playButton.disabled && !this.isPlaying;
    if (canPlay && !sceneReplayed() && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      sceneNoteReplay();
      this.state.epoch = this.firstEpoch;
      this.play(true, false);
    }
    this.move();
  }

  // The page's theme may change under the scene: then it is followed here, and Python is asked for the rest.
  lookNow() {
    const ground = getComputedStyle(this.root).getPropertyValue("--st-background-color").trim();
    if (!/^#[0-9a-f]{6}$/i.test(ground)) return this.data.looks[Number(this.data.dark)];
    return this.data.looks[Number(treeLuminance(channels(ground)) < 0.3)];
  }

  followTheme() {
    const look = this.data && this.lookNow();
    if (!look || look === this.look || look.dark === this.look.dark) return;
    this.setLook(look);
    for (const view of this.views) view.setScene(view.scene, look);
    this.move();
    this.tellScheme(look.dark ? "dark" : "light");
  }

  setLook(look) {
    this.look = look;
    const { style } = this.root;
    for (const name of ["text", "muted", "grid", "background", "secondary", "primary", "font"]) {
      style.setProperty(`--scene-${name}`, look[name]);
    }
    style.setProperty("--scene-size", `${look.size}px`);
    style.colorScheme = look.dark ? "dark" : "light";
    this.root.classList.toggle("scene-projector", look.projector);
  }

  rebuild(scenes) {
    for (const view of this.views) view.leave();
    this.box.textContent = "";
    this.box.classList.toggle("scene-two", scenes.length > 1);
    this.views = scenes.map((scene) => new SceneView(this, scene));
    this.hover = this.lit = null;
  }

  // Bounds of the sliders, and which of the tools there are.
  prepare() {
    const models = this.views.map((view) => view.model).filter(Boolean);
    this.firstEpoch = Math.min(...this.views.map((view) => view.scene.epochs[0] ?? 0));
    this.lastEpoch = Math.max(0, ...this.views.map((view) => view.scene.epochs.at(-1) ?? 0));
    this.leading = this.views.reduce((a, b) => (b.scene.epochs.length > a.scene.epochs.length ? b : a));
    this.bar.hidden = this.foot.hidden = !models.length;
    const moves = this.leading.scene.epochs.length > 1;
    this.slider.min = this.leading.scene.epochs[0] ?? 0;
    this.slider.max = this.lastEpoch;
    this.slider.disabled = this.playButton.disabled = !moves;
    const isFitted = this.views.every((view) => view.scene.tree);
    for (const element of [this.playButton, this.slider, this.epochWords, this.speedField]) element.hidden = isFitted;
    const gated = models.filter((model) => model.gated);
    const layers = Math.max(1, ...gated.map((model) => model.layers));
    this.layerField.hidden = layers < 2;
    if (this.layerChoice.options.length !== layers) {
      this.layerChoice.textContent = "";
      for (let i = 0; i < layers; i++) addElement("option", "", this.layerChoice, `${i + 1} of ${layers}`).value = i;
    }
    this.state.layer = Math.min(this.state.layer, layers - 1);
    const shuffles = gated.some((model) => model.depth > 0 && (model.computes || model.hasShuffle));
    const levels = gated.filter((model) => model.kind === "tree" && (model.computes || model.hasLevels));
    this.deepest = Math.max(0, ...levels.map((model) => model.depth));
    this.shuffleButton.disabled = !shuffles;
    if (!shuffles) this.state.shuffled = false;
    this.levelField.hidden = this.deepest === 0;
    this.levelSlider.max = this.deepest;
    this.shuffleButton.hidden = !gated.length;
    setText(this.toolsNote, this.toolsSentence(gated, shuffles));
    this.toolsNote.hidden = !this.toolsNote.textContent;
    setText(this.keysWords, this.keysSentence());
    setText(this.howWords, this.howSentence());
  }

  toolsSentence(gated, shuffles) {
    if (!gated.length) return "";
    if (gated.some((model) => model.depth === 0)) return "At depth 0 there is one leaf: nothing to shuffle, and one level.";
    const isReady = gated.some((model) => !model.computes);
    if (isReady && shuffles) return "Of a net this large, levels and the shuffle are known at the last epoch, one at a time.";
    if (shuffles) return "";
    return this.data.live
      ? "Of a net this large, levels and the shuffle are known when the run has finished."
      : "Of this run, levels and the shuffle are not known.";
  }

  keysSentence() {
    const plane = "arrows move the point (Shift: further), Enter holds it, Esc releases it; ";
    const onPlane = this.views.some((view) => view.plane) ? `On the plane: ${plane}` : "";
    return `${onPlane}K plays and pauses, comma and full stop step through the epochs, S shuffles, [ and ] change the level.`;
  }

  howSentence() {
    const computes = this.views.some((view) => view.model?.computes && !view.scene.tree);
    const parts = [];
    if (computes) {
      parts.push(
        "The browser computes the net from the weights that were recorded while it was trained; while the picture moves, " +
          "weights are interpolated between recorded epochs, and it comes to rest on a recorded one.",
      );
    }
    if (this.views.some((view) => view.model && !view.model.computes)) {
      parts.push("A net too large for the browser: its regions were computed on a grid while it was trained.");
    }
    if (this.views.some((view) => view.plane)) {
      parts.push("Colour: the class with the highest score, paler where it is less sure. Points: training rows.");
      parts.push("Lines: where a sign bit changes, the first bit the thickest.");
    }
    if (this.views.some((view) => view.model && (view.model.gated || view.scene.tree))) {
      parts.push("A node's number is its share of the training rows; fill and colour compare it with the fullest of its level.");
    }
    parts.push("Shuffling gives each leaf's matrix to another leaf, always in the same way; no retraining.");
    return parts.join(" ");
  }

  begin({ start }) {
    const deepest = this.deepest;
    this.isPlaying = this.isFollowing = false;
    this.hover = this.lit = null;
    Object.assign(this.state, {
      epoch: start?.epoch ?? this.lastEpoch,
      level: start?.level ?? Infinity,
      shuffled: Boolean(start?.shuffled) && !this.shuffleButton.disabled,
      layer: Math.min(start?.layer ?? 0, this.layerChoice.options.length - 1),
      held: start?.held ?? null,
    });
    if (this.state.level >= deepest) this.state.level = Infinity;
    if (this.state.shuffled || this.state.level < deepest) this.keepToEnd({ shuffled: this.state.shuffled });
    this.state.epoch = Math.min(this.lastEpoch, Math.max(this.firstEpoch, this.state.epoch));
    for (const view of this.views) view.begin();
    this.told = JSON.stringify(this.place());
  }

  // The browser's Back and Forward: stand where the address says.
  goBack(address) {
    const number = (name) => (/^[0-9]+$/.test(address.get(name) ?? "") ? Number(address.get(name)) : null);
    const pad = this.views.find((view) => view.pad);
    const isDrawn = this.views[0].mode === "pad";
    const read = (text) => (isDrawn ? [...text].map((sign) => parseInt(sign, 17)) : text.split(",").map(Number));
    const held = address.has("held") ? read(address.get("held")) : null;
    const isPoint = held?.length === this.views[0].scene.features.length && held.every(Number.isFinite);
    this.begin({
      start: {
        epoch: number("epoch_at"),
        level: number("read_to"),
        shuffled: number("shuffled") === 1,
        layer: number("scene_layer"),
        held: isPoint ? held : null,
      },
    });
    if (pad && !isPoint) pad.pad.set(pad.pad.test.row(0));
    this.move();
  }

  // What a person does.

  play(isOn, byHand = true) {
    if (this.playButton.disabled) return;
    if (isOn && this.state.epoch >= this.lastEpoch) this.state.epoch = this.firstEpoch;
    this.isPlaying = isOn;
    this.isFollowing = false;
    this.playedAt = null;
    if (isOn) this.frames = { intervals: [], work: [] };
    if (byHand) sceneNoteReplay();
    if (isOn) this.keepToEnd({ epoch: this.state.epoch });
    this.move();
  }

  scrub(epoch) {
    this.isPlaying = false;
    this.isFollowing = Boolean(this.data.live) && epoch >= this.lastEpoch;
    this.change({ epoch });
  }

  // To the recorded epoch before or after.
  step(by) {
    const { epochs } = this.leading.scene;
    const at = epochs.indexOf(this.leading.model?.nearest(this.state.epoch) ?? epochs[0]);
    this.scrub(epochs[Math.min(epochs.length - 1, Math.max(0, at + by))]);
  }

  // Of a net whose regions came ready-made, levels and the shuffle are known of the last epoch, one of them at a time.
  keepToEnd(part) {
    if (!this.views.some((view) => view.model && !view.model.computes)) return;
    const { state } = this;
    if (part.epoch !== undefined && part.epoch < this.lastEpoch) Object.assign(state, { level: Infinity, shuffled: false });
    if (part.shuffled) state.level = Infinity;
    if (part.level < this.deepest) state.shuffled = false;
    if (state.shuffled || state.level < this.deepest) {
      state.epoch = this.lastEpoch;
      this.isPlaying = false;
    }
  }

  change(part) {
    Object.assign(this.state, part);
    this.keepToEnd(part);
    if (this.state.level >= this.deepest) this.state.level = Infinity;
    this.move();
  }

  level() {
    return Math.min(this.deepest, this.state.level);
  }

  shuffle() {
    if (!this.shuffleButton.disabled) this.change({ shuffled: !this.state.shuffled });
  }

  hold(raw) {
    this.state.held = raw;
    if (raw === null && this.hover?.by === "keys") this.hover = null;
    this.move();
  }

  // A point under the mouse, or moved by keys; all views show it.
  lookAt(raw, by = "mouse") {
    if (raw === null && this.hover === null) return;
    this.hover = raw && { raw, by };
    this.wake();
  }

  lightNode(view, node) {
    if ((this.lit?.node ?? null) === node && (node === null || this.lit.view === view)) return;
    this.lit = node === null ? null : { view, node };
    this.wake();
  }

  nudge(across, up, isFar) {
    const scene = this.views.find((view) => view.plane)?.scene;
    if (!scene) return;
    const { low, high } = scene;
    const from = this.hover?.raw ?? this.state.held ?? low.map((value, i) => (value + high[i]) / 2);
    const size = isFar ? 5 * SCENE_NUDGE : SCENE_NUDGE;
    const raw = from.map((value, i) => {
      const moved = value + size * (i ? up : across) * (high[i] - low[i]);
      return Math.min(high[i], Math.max(low[i], moved));
    });
    this.lookAt(raw, "keys");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    const onPlane = target.classList?.contains("scene-plane");
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    if (target.matches?.("input:not([type=range]), select, textarea")) {
      event.stopPropagation();
      return;
    }
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const acts = {
      k: () => this.play(!this.isPlaying),
      s: () => this.shuffle(),
      "[": () => this.change({ level: Math.max(0, this.level() - 1) }),
      "]": () => this.change({ level: this.level() + 1 }),
      ",": () => this.step(-1),
      ".": () => this.step(1),
      Escape: () => {
        if (!this.views.some((view) => view.plane)) return; // what is drawn stays
        this.hover = null;
        this.hold(null);
      },
    };
    let act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (target === this.slider && steps[event.key]) act = () => this.step(steps[event.key]);
    if (onPlane && arrows[event.key]) act = () => this.nudge(...arrows[event.key], event.shiftKey);
    if (onPlane && event.key === "Enter") act = () => this.hold(this.hover?.raw ?? this.state.held);
    if (onPlane && event.key === " ") act = acts.k;
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  // The clock.

  move() {
    this.movedAt = performance.now();
    this.wake();
  }

  wake() {
    this.request ||= requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.request = 0;
    if (!this.root.isConnected || !this.views.length) return;
    const began = performance.now();
    if (this.isPlaying) this.advance(now);
    const isMoving = this.isPlaying || began - this.movedAt < SCENE_SETTLE;
    if (!isMoving) this.settle();
    this.draw(isMoving);
    if (isMoving) this.measure(now, performance.now() - began);
    this.drawnAt = isMoving ? now : null;
    if (this.isPlaying) this.wake();
    else if (isMoving) {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.wake(), SCENE_SETTLE);
    }
  }

  advance(now) {
    const passed = this.playedAt === null ? 0 : Math.min(now - this.playedAt, 250);
    this.playedAt = now;
    const rate = (this.speed * (this.lastEpoch - this.firstEpoch)) / (1000 * SCENE_SECONDS);
    this.state.epoch = Math.min(this.lastEpoch, this.state.epoch + passed * rate);
    if (this.state.epoch >= this.lastEpoch) {
      this.isPlaying = false;
      this.movedAt = performance.now();
    }
  }

  // Come to rest on an epoch that was recorded, and tell Python where.
  settle() {
    this.state.epoch = this.leading.model?.nearest(this.state.epoch) ?? this.state.epoch;
    const place = JSON.stringify(this.place());
    if (place === this.told) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const now = this.place();
      if (JSON.stringify(now) === this.told || this.isPlaying) return;
      this.told = JSON.stringify(now);
      this.tell(now);
    }, SCENE_COMMIT);
  }

  // What an address restores; null where it is what a run starts with.
  place() {
    const { epoch, level, shuffled, layer, held } = this.state;
    return {
      id: this.id,
      epoch: epoch >= this.lastEpoch ? null : Math.round(epoch),
      level: level >= this.deepest ? null : level,
      shuffled,
      layer: layer || null,
      held: held && Array.from(held, (value) => Number(value.toPrecision(6))),
    };
  }

  measure(now, work) {
    const { intervals, work: all } = this.frames;
    if (this.drawnAt && this.isPlaying) intervals.push(now - this.drawnAt);
    if (this.isPlaying) all.push(work);
    if (intervals.length > SCENE_FRAMES) intervals.shift();
    if (all.length > SCENE_FRAMES) all.shift();
  }

  frameTimes() {
    const { intervals, work } = this.frames;
    const grid = this.views.find((view) => view.plane)?.plane.grid ?? null;
    return {
      frames: intervals.length,
      median: sceneQuantile(intervals, 0.5),
      p95: sceneQuantile(intervals, 0.95),
      work: sceneQuantile(work, 0.5),
      work95: sceneQuantile(work, 0.95),
      grid,
      moving: this.movingGrid ?? null,
    };
  }

  draw(isMoving) {
    const { state } = this;
    this.isMoving = isMoving;
    for (const view of this.views) view.draw(isMoving);
    if (this.isPlaying) this.movingGrid = { ...this.views.find((view) => view.plane)?.plane.grid };
    this.playButton.textContent = this.isPlaying ? "❚❚ Pause" : this.state.epoch >= this.lastEpoch ? "▶ Replay" : "▶ Play";
    this.slider.value = state.epoch;
    const words = `epoch ${Math.round(state.epoch)} of ${this.data.live ? this.leading.scene.total : this.lastEpoch}`;
    setText(this.epochWords, words);
    this.slider.setAttribute("aria-valuetext", words);
    this.layerChoice.value = state.layer;
    const level = this.level();
    this.levelSlider.value = level;
    setText(this.levelWords, `${level} of ${this.deepest}`);
    setText(this.shuffleButton, state.shuffled ? "Shuffle back" : "Shuffle leaves");
    this.shuffleButton.classList.toggle("scene-on", state.shuffled);
    if (isMoving) return;
    this.writeFrames();
    setText(this.spoken, this.views.map((view) => view.spokenWords()).join(" "));
  }

  writeFrames() {
    const times = this.frameTimes();
    if (!times.frames) {
      setText(this.frameWords, "Frame times are measured while it plays.");
      return;
    }
    const moving = this.movingGrid?.cols ? ` on a grid of ${this.movingGrid.cols} x ${this.movingGrid.rows} points` : "";
    setText(
      this.frameWords,
      `Last replay: ${times.frames} frames${moving}, median ${times.median.toFixed(1)} ms apart, 95th percentile ` +
        `${times.p95.toFixed(1)} ms; computing and drawing took ${times.work.toFixed(1)} ms (${times.work95.toFixed(1)} ms).`,
    );
  }

  /** The numbers on the screen, for tests and for the curious: state, and of each view what it says of a point. */
  inspect(raw = this.hover?.raw ?? this.state.held) {
    return {
      state: { ...this.state, level: this.level(), isPlaying: this.isPlaying, isMoving: this.isMoving },
      frames: this.frameTimes(),
      views: this.views.map((view) => view.inspect(raw)),
    };
  }
}

/** One net of the scene. */
class SceneView {
  constructor(app, scene) {
    this.app = app;
    this.section = addElement("section", "scene-view", app.box);
    const head = addElement("div", "scene-head", this.section);
    this.title = addElement("div", "scene-title", head);
    this.legend = addElement("div", "scene-legend", head);
    this.score = addElement("div", "scene-score", head);
    this.note = addElement("div", "scene-note", this.section);
    this.pair = addElement("div", `scene-pair scene-of-${scene.mode}`, this.section);
    this.left = addElement("div", "scene-left", this.pair);
    if (scene.mode !== "plane") this.padBox = addElement("div", "scene-pad-box", this.left);
    this.right = addElement("div", "scene-right", this.pair);
    this.treeCanvas = addElement("canvas", "scene-tree", this.right);
    this.treeCanvas.setAttribute("role", "img");
    this.sentence = addElement("p", "scene-sentence", this.right);
    this.details = addElement("div", "scene-details", this.right);
    this.levels = addElement("div", "scene-chart", this.details);
    this.table = addElement("div", "scene-table", scene.mode === "plane" ? this.details : this.left);
    this.mode = scene.mode;
    this.tree = new TreeDrawing(this.treeCanvas);
    this.treeCanvas.addEventListener("pointermove", (event) => {
      app.lightNode(this, this.tree.nodeAt(event.offsetX, event.offsetY));
    });
    this.treeCanvas.addEventListener("pointerleave", () => app.lightNode(this, null));
    this.levels.addEventListener("click", (event) => this.chooseLevel(event));
    if (this.mode === "plane") this.addPlane();
  }

  addPlane() {
    const { app } = this;
    this.canvas = addElement("canvas", "scene-plane", this.left);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.plane = new PlaneDrawing(this.canvas);
    const rawOf = (event) => (this.model && this.plane.frame ? this.plane.toRaw(event.offsetX, event.offsetY) : null);
    this.canvas.addEventListener("pointermove", (event) => app.lookAt(rawOf(event)));
    this.canvas.addEventListener("pointerleave", () => app.hover?.by === "mouse" && app.lookAt(null));
    this.canvas.addEventListener("blur", () => app.hover?.by === "keys" && app.lookAt(null));
    this.canvas.addEventListener("click", (event) => {
      const raw = rawOf(event);
      if (!raw) return;
      const { held } = app.state;
      const [x, y] = held ? this.plane.toPixels(held) : [Infinity, Infinity];
      app.hold(Math.hypot(x - event.offsetX, y - event.offsetY) < 8 ? null : raw);
    });
  }

  // Whether another payload can be shown in the same elements.
  fits(scene) {
    return this.mode === scene.mode && this.scene.id === scene.id;
  }

  setScene(scene, look) {
    this.look = look;
    const mark = sceneMark(scene);
    const isSame = this.mark === mark;
    this.mark = mark;
    if (!isSame) {
      this.scene = scene;
      this.model = makeModel(scene);
    }
    if (this.pad) this.pad.setLook(look);
    else if (this.mode !== "plane" && this.model) {
      this.pad = new Pad(this.padBox, scene, look, (raw) => {
        this.app.state.held = raw;
        this.app.move();
      });
    }
    this.writeLegend();
    setText(this.title, scene.title);
    setText(this.note, scene.note);
    this.note.hidden = !scene.note;
    this.pair.hidden = !this.model;
  }

  // Marker, colour and name of each class, of the plane's rows.
  writeLegend() {
    const { scene, look } = this;
    const key = [this.mark, look.dark, look.size].join();
    this.legend.hidden = !this.model;
    if (this.mode !== "plane" || key === this.legendKey) return;
    this.legendKey = key;
    this.legend.textContent = "";
    scene.classes.slice(0, SCENE_LEGEND).forEach((name, c) => {
      const entry = addElement("span", "", this.legend);
      const canvas = addElement("canvas", "", entry);
      canvas.width = canvas.height = 2 * look.size;
      const ctx = canvas.getContext("2d");
      ctx.translate(look.size, look.size);
      ctx.scale(0.62 * look.size, 0.62 * look.size);
      ctx.fillStyle = look.classes[c % look.classes.length];
      ctx.fill(planeMarker(look.markers[c % look.markers.length]));
      entry.append(` ${/^[0-9]+$/.test(name) ? `class ${name}` : name}`);
    });
    const more = scene.classes.length - SCENE_LEGEND;
    if (more > 0) addElement("span", "scene-muted", this.legend, `and ${more} more`);
  }

  isOutside() {
    const raw = this.plane && (this.app.hover?.raw ?? this.app.state.held);
    return Boolean(raw) && raw.some((value, i) => value < this.scene.low[i] || value > this.scene.high[i]);
  }

  begin() {
    const { held } = this.app.state;
    if (this.pad && held) this.pad.set(held);
  }

  leave() {
    this.pad?.destroy();
  }

  get layer() {
    return Math.min(this.app.state.layer, this.scene.layers - 1);
  }

  isChanged() {
    return this.model.isShuffled || this.model.level < this.model.depth;
  }

  draw(isMoving) {
    const { app, model, look } = this;
    if (!model) return;
    const { state } = app;
    const epoch = isMoving ? state.epoch : model.nearest(state.epoch);
    const shuffles = state.shuffled && model.gated && model.depth > 0;
    model.set(epoch, model.kind === "tree" ? Math.min(app.level(), model.depth) : model.depth, shuffles);
    const raw = this.pad ? (state.held ?? this.pad.value()) : (app.hover?.raw ?? state.held);
    const found = raw ? model.point(raw, this.layer) : null;
    this.found = found;
    const lit = app.lit?.view === this ? app.lit.node : null;
    if (this.plane) this.drawPlane(isMoving, raw, found, lit);
    if (this.pad) this.showPad(raw, found);
    this.drawTree(found, lit);
    setText(this.sentence, this.words(found, lit));
    this.writeScore(isMoving);
    this.writeLevels(isMoving);
    this.writeTable();
    if (look && this.canvas && !isMoving) this.canvas.setAttribute("aria-label", this.planeWords());
  }

  drawPlane(isMoving, raw, found, lit) {
    const { app, model } = this;
    const planes = app.views.filter((view) => view.plane).length;
    const isOne = lit === null && found && (model.depth > 0 || this.scene.tree);
    const lights = lit !== null ? this.under(lit) : isOne ? (leaf) => leaf === found.leaf : null;
    this.plane.draw(model, {
      look: this.look,
      layer: this.layer,
      moving: isMoving || app.data.live, // the next epoch comes before a finer picture would be seen
      share: 1 / planes,
      point: raw && { raw, bits: found.bits, isHeld: !app.hover },
      held: app.hover && app.state.held,
      lit: lights,
      litKey: lit !== null ? `node ${lit}` : `leaf ${found?.leaf}`,
      fade: lit !== null ? 160 : 90,
    });
  }

  showPad(raw, found) {
    if (this.pad.value().some((value, i) => value !== raw[i])) this.pad.set(raw);
    const logits = found.logits ?? found.shares.map((share) => Math.log(share));
    this.pad.showScores(logits, this.scene.classes, this.pad.truth());
  }

  // Which leaves are below a node.
  under(node) {
    const { model, scene } = this;
    if (scene.tree) {
      const below = new Set();
      const open = [node];
      while (open.length) {
        const id = open.pop();
        below.add(id);
        if (scene.tree.left[id] >= 0) open.push(scene.tree.left[id], scene.tree.right[id]);
      }
      return (leaf) => below.has(leaf);
    }
    if (model.kind !== "tree") return (leaf) => leaf === node;
    const level = 31 - Math.clz32(node + 1);
    const place = node + 1 - 2 ** level;
    return (leaf) => leaf >> (model.depth - level) === place;
  }

  above(node) {
    const { model, scene } = this;
    if (scene.tree) {
      const parents = new Map();
      scene.tree.left.forEach((left, id) => left >= 0 && parents.set(left, id).set(scene.tree.right[id], id));
      const path = [node];
      while (parents.has(path[0])) path.unshift(parents.get(path[0]));
      return path;
    }
    if (model.kind !== "tree") return [node];
    const path = [];
    for (let id = node + 1; id > 0; id >>= 1) path.unshift(id - 1);
    return path;
  }

  drawTree(found, lit) {
    const { model, scene } = this;
    const picture = {
      kind: scene.kind,
      depth: model.depth,
      layers: scene.layers,
      look: this.look,
      loads: model.loads(this.layer),
      path: lit !== null ? this.above(lit) : (found?.nodes ?? null),
      level: model.level,
      shuffled: model.isShuffled,
      permutation: model.permutation,
      bits: lit === null ? (found?.bits ?? "") : "",
      tree: scene.tree,
      version: `${model.version} ${this.layer}`,
    };
    this.tree.draw(picture);
    if (!this.app.isMoving) {
      const label = treeSentence(picture);
      if (this.treeCanvas.getAttribute("aria-label") !== label) this.treeCanvas.setAttribute("aria-label", label);
    }
  }

  // What is read out when all is at rest.
  spokenWords() {
    if (!this.model) return "";
    const name = this.app.views.length > 1 ? `${this.scene.title}: ` : "";
    return `${name}${this.score.textContent}. ${this.sentence.textContent}`;
  }

  planeWords() {
    const { scene, model } = this;
    const parts = scene.classes.map((name, c) => [name, this.plane.classShare(c)]).filter(([, share]) => share > 0);
    const says = parts.map(([name, share]) => `${name} on ${scenePercent(share)}`).join(", ");
    const bits = model.depth ? `cells of ${2 ** model.depth} sign patterns, ` : "";
    return (
      `Plane of ${scene.features[0]} and ${scene.features[1]}: regions of ${scene.classes.length} classes, ${bits}` +
      `${model.rows("train").n} training rows. At epoch ${model.epoch} the net says class ${says} of the plane. ` +
      "Arrow keys move a point, Enter holds it, Escape releases it."
    );
  }

  words(found, lit) {
    const { model, scene } = this;
    if (lit !== null) return this.nodeWords(lit);
    if (!found) return this.restWords();
    const best = argmax(found.shares);
    const name = scene.classes[best];
    const says = `The answer is ${/^[0-9]+$/.test(name) ? `class ${name}` : name} (${scenePercent(found.shares[best])}).`;
    const noun = this.pad ? (scene.mode === "pad" ? "digit" : "row") : "point";
    if (scene.tree) return `This ${noun} passes ${found.nodes.length} of ${scene.tree.left.length} nodes. ${says}`;
    if (!model.gated || model.depth === 0) return `This ${noun} uses the one matrix that all use. ${says}`;
    const all = model.kind === "tree" ? 2 ** (model.depth + 1) - 1 : 2 ** model.depth;
    const used = model.kind === "tree" ? model.level + 1 : 1;
    const where = scene.layers > 1 ? ` of gated layer ${this.layer + 1}` : "";
    const taken = sceneBits(bitsOf(model.permutation[found.leaf], model.depth));
    const gets = model.isShuffled ? `, which now gets the matrix of ${taken}` : "";
    return (
      `Sign pattern ${sceneBits(found.bits)}${gets}: this ${noun} uses ${used} of ${all} matrices${where}; ` +
      `a dense layer of the same cost would have 1. ${says}${this.isOutside() ? " It lies outside the plane that is drawn." : ""}`
    );
  }

  nodeWords(node) {
    const { model, scene } = this;
    const share = scenePercent(model.loads(this.layer)[node]);
    if (scene.tree) {
      const { feature, threshold, left } = scene.tree;
      const rows = `${share} of the training rows pass it.`;
      if (left[node] < 0) return `Leaf ${node}: ${rows}`;
      const f = feature[node];
      return `Node ${node} asks whether ${scene.features[f]} is at most ${(threshold[node] * scene.scale[f] + scene.mean[f]).toPrecision(3)}; ${rows}`;
    }
    if (!model.gated || model.depth === 0) return "One matrix, which all rows share.";
    if (model.kind === "flat") return `Leaf ${sceneBits(bitsOf(node, model.depth))}: ${share} of the training rows use its matrix.`;
    const level = 31 - Math.clz32(node + 1);
    if (level === 0) return "The root's matrix: all rows use it.";
    const prefix = sceneBits(bitsOf(node + 1 - 2 ** level, level));
    const what = level === model.depth ? "pattern" : "patterns that begin with";
    return `Matrix of the ${what} ${prefix}, level ${level}: ${share} of the training rows use it.`;
  }

  restWords() {
    const { model } = this;
    if (!this.plane) return "";
    if (this.scene.tree) return "Point at the plane to see which nodes a point passes; click to hold it.";
    if (!model.gated || model.depth === 0) return "All points use the same matrix. Point at the plane to see the answer there.";
    return "Point at the plane to see which matrices a point uses; click to hold it.";
  }

  // What was recorded, where the net is as it was; else counted here, and while it moves only if that is quick.
  accuracy(split, isMoving) {
    const { model } = this;
    const recorded = this.isChanged() ? null : model.recordedScore(split, model.epoch);
    if (recorded !== null && !isMoving) return recorded;
    const price = model.multiplyAdds * (model.rows("train").n + model.rows("test").n);
    if (isMoving && price > SCENE_QUICK) return recorded;
    return model.accuracy(split);
  }

  writeScore(isMoving) {
    const { model } = this;
    const key = `${model.version} ${isMoving} ${model.epoch}`;
    if (key === this.scoreKey) return;
    const [test, train] = [this.accuracy("test", isMoving), this.accuracy("train", isMoving)];
    if (test === null || train === null) return;
    this.scoreKey = key;
    this.scores = { test, train };
    const read = model.level < model.depth ? `, level ${model.level}` : "";
    const how = `${model.isShuffled ? ", leaves shuffled" : ""}${read}`;
    this.score.innerHTML = "";
    addElement("b", "", this.score, scenePercent(test));
    this.score.append(` test, ${scenePercent(train)} training accuracy${how}`);
  }

  writeLevels(isMoving) {
    const { model } = this;
    const isShown = model.kind === "tree" && model.depth > 0 && this.scene.mode !== "none";
    this.levels.hidden = !isShown;
    if (!isShown) return;
    const key = [model.epoch, model.isShuffled, this.look.dark, this.look.size].join();
    if (key !== this.levelsKey) {
      const now = performance.now();
      if (isMoving && (now - (this.levelsAt ?? 0) < 250 || !this.levelsAreQuick())) return this.markLevel();
      this.levelsAt = now;
      this.levelsKey = key;
      this.byLevel = { test: model.levelAccuracy("test"), train: model.levelAccuracy("train") };
      this.levels.innerHTML = this.byLevel.test ? this.levelsPicture() : "";
    }
    this.markLevel();
  }

  levelsAreQuick() {
    const { model } = this;
    const rows = model.rows("train").n + model.rows("test").n;
    return model.multiplyAdds * rows * (model.depth + 1) < 2 * SCENE_QUICK;
  }

  levelX(level) {
    return 36 + (level / this.model.depth) * 156;
  }

  // Accuracy against the level that is read: test solid, training dotted, the majority class dashed.
  levelsPicture() {
    const { model, look, byLevel } = this;
    const chance = model.majority("test");
    const all = [...byLevel.test, ...byLevel.train, chance];
    const low = Math.max(0, Math.floor(10 * Math.min(...all) - 0.5) / 10);
    const y = (value) => 112 - (98 * (value - low)) / (1 - low);
    const points = (values) => values.map((value, l) => `${this.levelX(l).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const colour = look.models[this.scene.gates === "units" ? "tree_units" : "tree"];
    const ticks = [low, (low + 1) / 2, 1].map(
      (value) =>
        `<line x1="36" x2="192" y1="${y(value)}" y2="${y(value)}" stroke="${look.grid}"/>` +
        `<text x="30" y="${y(value) + 4}" text-anchor="end">${Math.round(100 * value)}</text>`,
    );
    const every = Math.ceil((model.depth + 1) / 9);
    const names = byLevel.test.map((_, l) =>
      l % every ? "" : `<text x="${this.levelX(l)}" y="128" text-anchor="middle">${l}</text>`,
    );
    const dots = byLevel.test.map((value, l) => `<circle cx="${this.levelX(l)}" cy="${y(value)}" r="3.4" fill="${colour}"/>`);
    const [endTest, endTrain] = [y(byLevel.test.at(-1)), y(byLevel.train.at(-1))];
    const apart = Math.abs(endTest - endTrain) < 13;
    const trainY = apart ? Math.min(endTrain, endTest) - 3 : endTrain + 4;
    const testY = apart ? trainY + 13 : endTest + 4;
    const chanceY = Math.max(y(chance) + 4, Math.max(testY, trainY) + 13);
    const words = byLevel.test
      .map((value, l) => `level ${l} ${scenePercent(value)}, training ${scenePercent(byLevel.train[l])}`)
      .join("; ");
    return (
      `<svg viewBox="0 -14 258 162" role="img" aria-label="Test accuracy by the level that is read: ${words}; ` +
      `majority class ${scenePercent(chance)}.">` +
      `<text x="4" y="-3" class="scene-svg-title">Accuracy (%) by level read</text>${ticks.join("")}${names.join("")}` +
      `<line class="scene-here" x1="0" x2="0" y1="12" y2="114" stroke="${look.text}" stroke-width="1.5"/>` +
      `<line x1="36" x2="192" y1="${y(chance)}" y2="${y(chance)}" stroke="${look.muted}" stroke-dasharray="6 4"/>` +
      `<polyline points="${points(byLevel.train)}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="1.5 4" stroke-linecap="round"/>` +
      `<polyline points="${points(byLevel.test)}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}` +
      `<text x="199" y="${testY}">test</text><text x="199" y="${trainY}">training</text>` +
      `<text x="199" y="${chanceY}" class="scene-svg-muted">majority</text>` +
      `<text x="114" y="144" text-anchor="middle">level</text></svg>`
    );
  }

  markLevel() {
    const line = this.levels.querySelector(".scene-here");
    if (!line) return;
    const x = this.levelX(this.model.level);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  }

  chooseLevel(event) {
    const svg = this.levels.querySelector("svg");
    if (!svg) return;
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 258;
    const level = Math.round(((x - 36) / 156) * this.model.depth);
    if (level >= 0 && level <= this.model.depth) this.app.change({ level });
  }

  // Of a held point: what each node on its path adds to each class's logit, and the sum.
  parts() {
    const { app, model } = this;
    const raw = this.pad ? (app.state.held ?? this.pad.value()) : app.state.held;
    if (!raw || this.scene.tree) return null;
    if (model.computes) return model.contributions(raw, this.layer);
    const { explained } = app.data;
    const isOf = explained && app.views[0] === this && explained.layer === this.layer && !this.isChanged();
    const isSame = isOf && explained.raw.every((value, i) => Math.abs(value - raw[i]) <= 1e-4 * (1 + Math.abs(raw[i])));
    return isSame && model.epoch === model.lastEpoch ? explained : null;
  }

  writeTable() {
    const { app, model } = this;
    this.table.classList.toggle("scene-behind", Boolean(this.plane && app.hover && app.state.held));
    const key = [model.version, model.epoch, this.layer, app.state.held?.join(), this.pad?.value().join(), app.data.explained?.raw];
    if (key.join(";") === this.tableKey) return;
    this.tableKey = key.join(";");
    const parts = this.parts();
    this.table.textContent = "";
    this.table.hidden = !parts;
    if (parts) this.fillTable(parts);
  }

  fillTable(parts) {
    const { scene, model } = this;
    const order = parts.logits.map((_, c) => c);
    const wide = order.length > SCENE_COLUMNS;
    if (wide) order.sort((a, b) => parts.logits[b] - parts.logits[a]).splice(SCENE_COLUMNS);
    const table = addElement("table", "", this.table);
    const what = this.plane ? "Held point" : "Added";
    const caption = wide ? `${what}, ${SCENE_COLUMNS} highest logits` : `${what}, part of each logit`;
    addElement("caption", "", table, model.isShuffled ? `${what}, leaves shuffled` : caption);
    const head = addElement("tr", "", addElement("thead", "", table));
    addElement("th", "", head, "Matrix").scope = "col";
    for (const c of order) {
      const cell = addElement("th", "", head, scene.classes[c]);
      cell.scope = "col";
      cell.style.borderBottomColor = this.look.classes[c % this.look.classes.length];
    }
    const body = addElement("tbody", "", table);
    const line = (name, values, className, format = sceneSigned) => {
      const row = addElement("tr", className, body);
      addElement("th", "", row, name).scope = "row";
      for (const c of order) addElement("td", "", row, format(values[c]));
    };
    parts.nodes.forEach((node, i) => line(this.nodeName(node, parts.levels[i]), parts.contributions[i], ""));
    line("biases above", parts.rest, "scene-rest");
    line("Sum: logit", parts.logits, "scene-sum");
    const best = argmax(parts.logits);
    const column = order.indexOf(best) + 1;
    for (const row of table.rows) row.cells[column].classList.add("scene-best");
  }

  nodeName(node, level) {
    const { model } = this;
    if (!model.gated || model.depth === 0) return "one matrix";
    if (model.kind === "flat") return sceneBits(bitsOf(node, model.depth));
    if (level === 0) return "root";
    return sceneBits(bitsOf(node + 1 - 2 ** level, level)) + " ·".repeat(model.depth - level);
  }

  inspect(raw) {
    const { model, scene } = this;
    if (!model) return { title: scene.title, note: scene.note, kind: scene.kind };
    const of = this.pad ? this.pad.value() : raw;
    return {
      title: scene.title,
      kind: scene.kind,
      epoch: model.epoch,
      level: model.level,
      scores: this.scores,
      byLevel: this.byLevel ?? null,
      computed: { test: model.accuracy("test"), train: model.accuracy("train") },
      loads: Array.from(model.loads(this.layer)),
      raw: of ? Array.from(of) : null,
      point: of ? model.point(of, this.layer) : null,
      parts: this.parts(),
      pixels: of && this.plane?.frame ? this.plane.toPixels(of) : null,
    };
  }
}

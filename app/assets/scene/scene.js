// The scene: one or two nets, each with its plane (or a pad to draw on) and its tree of prefixes, on one clock.
// The user's state lives here. `host` is what stands around it, the app's page (component.js) or a file:
//   tell(place)       called with the user's choices once the scene is at rest
//   tellScheme(name)  called with "dark" or "light" once the page's theme has changed
//   isPage            whether the address, the browser's Back, keys of the whole page and the guided minute are the scene's

const SCENE_SECONDS = 6; // length of a replay at speed 1
const SCENE_SPEEDS = [0.25, 0.5, 1, 2, 4];
const SCENE_LOOK = 800; // ms for which the untrained net is shown before a replay begins by itself
const SCENE_SETTLE = 130; // ms from the last movement to the full drawing
const SCENE_COMMIT = 350; // ms from then until Python is told
const SCENE_FRAMES = 600; // frame times kept
const SCENE_REPLAYED = "leafscope.replayed";
const SCENE_PLACE = ["epoch_at", "read_to", "shuffled", "held", "scene_layer", "step", "section", "held_at"]; // parameters of the address
const SCENE_CONTROLS = "input, textarea, select, button, a, iframe, [contenteditable], [role]:not([role=main])"; // these use keys themselves
const SCENE_SHOWS = { scene: "plane and tree", icicle: "icicles", lorenz: "Lorenz curves" }; // of each net of a row
const SCENE_SECTIONS = { "": "none: values of a row", components: "principal components", columns: "two columns" };
const SCENE_NUDGE = 0.02; // share of the plane per arrow key

/** Draw scenes in an element, or update those drawn there before; returns the Scene. */
function mountScene(root, data, host) {
  root.leafscope ??= new Scene(root, host);
  root.leafscope.host = host;
  root.leafscope.update(data);
  return root.leafscope;
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
    // storage may be forbidden; the note in the window lasts until it is closed
  }
}

// Tells payloads of one run apart: a run that is trained again keeps its address.
function sceneMark(scene) {
  const texts = scene.weights.length ? scene.weights : (scene.ready?.probability ?? []);
  const last = texts[texts.length - 1] ?? "";
  return [scene.id, scene.kind, scene.epochs.join(), texts.length, last.slice(0, 400), scene.counts.length, scene.scores.test.join()].join();
}

// A running run sends only its newest epoch; the earlier ones are kept, in order.
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
    share: now.ready.share?.length ? pick((scene, at) => scene.ready.share[at]) : [],
    signs: now.ready.signs.length && before.ready.signs.length ? pick((scene, at) => scene.ready.signs[at]) : [],
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

/** Everything on the screen, and the user's choices. */
class Scene {
  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.views = [];
    this.state = { epoch: 0, level: Infinity, shuffled: false, layer: 0, held: null, step: null, merged: false, shows: "scene",
      section: null };
    this.hover = null; // {raw, by: "mouse" or "keys"}
    this.lit = null; // {view, node}
    this.leafShare = null; // the share of the leaves that a Lorenz curve is looked at, the same in all
    this.isPlaying = this.isFollowing = false;
    this.speed = 1;
    this.movedAt = -Infinity;
    this.frames = { intervals: [], work: [] };
    this.build();
    this.observer = new ResizeObserver(() => this.wake());
    this.observer.observe(root);
    root.addEventListener("keydown", (event) => this.key(event));
    this.keyOnPage = (event) => event.target.closest?.(SCENE_CONTROLS) || this.key(event);
    this.onBack = () => this.goBack(new URLSearchParams(location.search));
    if (host.isPage) {
      document.addEventListener("keydown", this.keyOnPage);
      window.addEventListener("popstate", this.onBack);
    }
    // the page's theme changes some time after the browser's; its ground is a colour of the root, whose transition says when
    root.addEventListener("transitionend", (event) => event.target === root && this.followTheme());
  }

  leave() {
    this.isPlaying = false;
    this.observer.disconnect();
    document.removeEventListener("keydown", this.keyOnPage);
    window.removeEventListener("popstate", this.onBack);
    cancelAnimationFrame(this.request);
    clearTimeout(this.settling);
    clearTimeout(this.telling);
    for (const view of this.views) view.leave();
    delete this.root.leafscope;
  }

  // The bar above the views and the notes below them.

  build() {
    const { root } = this;
    root.textContent = "";
    root.style.visibility = "hidden"; // until the frame that writes its words: what is seen does not move
    requestAnimationFrame(() => (root.style.visibility = ""));
    addElement("style", "", root).textContent = PAD_STYLE;
    this.guide = new SceneGuide(this, root);
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
    this.showsField = addElement("label", "scene-field", bar, "Show ");
    this.showsChoice = addElement("select", "scene-select scene-shows", this.showsField);
    for (const [name, words] of Object.entries(SCENE_SHOWS)) addElement("option", "", this.showsChoice, words).value = name;
    this.showsChoice.addEventListener("change", () => this.change({ shows: this.showsChoice.value }));
    this.levelField = addElement("label", "scene-field scene-level", bar, "Read to level ");
    this.levelSlider = addElement("input", "scene-levels", this.levelField);
    Object.assign(this.levelSlider, { type: "range", min: 0, step: 1 });
    this.levelSlider.setAttribute("aria-label", "Read to level");
    this.levelSlider.addEventListener("input", () => this.change({ level: Number(this.levelSlider.value) }));
    this.levelWords = addElement("output", "", this.levelField);
    this.shuffleButton = addElement("button", "scene-button scene-shuffle", bar);
    this.shuffleButton.addEventListener("click", () => this.shuffle());
    this.sectionField = addElement("label", "scene-field", bar, "Plane ");
    this.sectionChoice = addElement("select", "scene-select scene-section", this.sectionField);
    for (const [name, words] of Object.entries(SCENE_SECTIONS)) addElement("option", "", this.sectionChoice, words).value = name;
    this.sectionChoice.addEventListener("change", () => this.chooseSection());
    this.columnChoices = ["across", "up"].map((axis) => {
      const choice = addElement("select", "scene-select scene-column", bar);
      choice.setAttribute("aria-label", `Column ${axis}`);
      choice.addEventListener("change", () => this.chooseSection());
      return choice;
    });
    this.toolsNote = addElement("p", "scene-muted scene-tools-note", root);
    this.box = addElement("div", "scene-views", root);
    this.bars = new LoadBars(root);
    this.spoken = addElement("div", "scene-spoken", root);
    this.spoken.setAttribute("role", "status");
    const foot = (this.foot = addElement("details", "scene-foot", root));
    addElement("summary", "", foot, "Keys, and how this is computed");
    this.keysWords = addElement("p", "", foot);
    this.howWords = addElement("p", "scene-how", foot);
    this.frameWords = addElement("p", "scene-frames", foot);
    this.guide.addShow(foot);
  }

  // Data from Python.

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
    scenes.forEach((scene, i) => { this.views[i].setScene(scene, this.look); });
    this.prepare();
    if (isNew) this.enter();
    else if ((data.live && this.isFollowing) || ((data.live || this.wasLive) && wasAtEnd)) this.state.epoch = this.lastEpoch;
    else this.state.epoch = Math.min(this.state.epoch, this.lastEpoch);
    this.wasLive = data.live;
    const canPlay = data.autoplay && !this.isPlaced && !this.playButton.disabled && !this.isPlaying;
    if (canPlay && !sceneReplayed()) this.playFirst();
    this.move();
  }

  // What a first visitor sees unasked: a replay, where motion is wanted, and then what the net does with a point.
  playFirst() {
    this.holdsAtEnd = true;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.holdSample();
    sceneNoteReplay();
    this.state.epoch = this.firstEpoch;
    this.play(true, false);
    this.beginsAt = performance.now() + SCENE_LOOK;
  }

  holdSample() {
    if (this.holdsAtEnd) this.state.held ??= this.sample();
    this.holdsAtEnd = false;
  }

  // A training row that shows what leaves do, in raw features; null where there is no plane to hold it on.
  sample() {
    return this.views.find((view) => view.plane && view.model)?.sample() ?? null;
  }

  // If the page's theme changes, the scene follows here and asks Python to redraw the rest.
  lookNow() {
    return lookNow(this.root, this.data);
  }

  followTheme() {
    const look = this.data && this.lookNow();
    if (!look || look === this.look || look.dark === this.look.dark) return;
    this.setLook(look);
    for (const view of this.views) view.setScene(view.scene, look);
    this.move();
    this.host.tellScheme(look.dark ? "dark" : "light");
  }

  setLook(look) {
    this.look = look;
    applyLook(this.root, look);
  }

  rebuild(scenes) {
    for (const view of this.views) view.leave();
    this.box.textContent = "";
    this.box.classList.toggle("scene-two", scenes.length === 2);
    this.box.classList.toggle("scene-many", scenes.length > 2);
    this.box.style.setProperty("--scene-views", scenes.length);
    this.views = scenes.map((scene) => new SceneView(this, scene));
    this.hover = this.lit = null;
  }

  // Bounds of the sliders, and the available tools.
  prepare() {
    const models = this.views.map((view) => view.model).filter(Boolean);
    this.firstEpoch = Math.min(...this.views.map((view) => view.scene.epochs[0] ?? 0));
    this.lastEpoch = Math.max(0, ...this.views.map((view) => view.scene.epochs.at(-1) ?? 0));
    this.leading = this.views.reduce((a, b) => (b.scene.epochs.length > a.scene.epochs.length ? b : a));
    this.bar.hidden = this.foot.hidden = !models.length;
    const moves = this.leading.scene.epochs.length > 1;
    this.slider.min = this.leading.scene.epochs[0] ?? 0;
    this.slider.max = this.totalEpochs;
    this.slider.disabled = this.playButton.disabled = !moves;
    const isFitted = this.views.every((view) => view.scene.tree);
    for (const element of [this.playButton, this.slider, this.epochWords, this.speedField]) element.hidden = isFitted;
    const gated = models.filter((model) => model.gated && !model.scene.routed);
    const layers = Math.max(1, ...models.filter((model) => model.gated || model.scene.routed).map((model) => model.layers));
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
    this.showsField.hidden = !this.isMany;
    this.prepareSections(models);
    this.levelSlider.max = this.deepest;
    this.shuffleButton.hidden = !gated.length;
    this.tools = this.toolsSentence(gated, shuffles);
    setText(this.toolsNote, this.tools);
    this.toolsNote.hidden = !this.tools;
    setText(this.keysWords, this.keysSentence());
    setText(this.howWords, this.howSentence());
  }

  // The choice of a section, where there is no plane of two features, but a net that can be drawn on one.
  prepareSections(models) {
    const { scene } = this.views[0];
    const isOffered = !this.isMany && models.length > 0 && this.views.every((view) => !view.model || Section.offers(view.scene));
    this.sectionField.hidden = !isOffered;
    this.sectionChoice.options[1].hidden = !scene.section?.components;
    if (!isOffered) this.state.section = null;
    if (this.columnsOf === scene.id) return;
    this.columnsOf = scene.id;
    this.columnChoices.forEach((choice, axis) => {
      choice.textContent = "";
      if (isOffered) scene.features.forEach((name, f) => { addElement("option", "", choice, name).value = f; });
      choice.value = axis;
    });
  }

  chooseSection() {
    const [across, up] = this.columnChoices.map((choice) => choice.value);
    const other = up === across ? String(Number(across) === 0 ? 1 : 0) : up;
    const section = this.sectionChoice.value === "columns" ? `${across},${other}` : this.sectionChoice.value || null;
    this.hover = null;
    this.change({ section });
  }

  drawSection() {
    const { section } = this.state;
    const isColumns = Boolean(section) && section !== SECTION_COMPONENTS;
    this.sectionChoice.value = isColumns ? "columns" : (section ?? "");
    const columns = isColumns ? section.split(",") : [];
    this.columnChoices.forEach((choice, axis) => {
      choice.hidden = !isColumns;
      if (isColumns) choice.value = columns[axis];
    });
  }

  // Whether the nets stand side by side in a row, each with its numbers below.
  get isMany() {
    return this.views.length > 2;
  }

  // The last epoch that there will be.
  get totalEpochs() {
    return this.data.live ? this.leading.scene.total : this.lastEpoch;
  }

  toolsSentence(gated, shuffles) {
    if (!gated.length) return "";
    if (gated.some((model) => model.depth === 0)) return "At depth 0 there is one leaf and one level: nothing to shuffle.";
    const isReady = gated.some((model) => !model.computes);
    if (isReady && shuffles) return "For larger nets, levels and shuffling are available at the last epoch only, one at a time.";
    if (shuffles) return "";
    return this.data.live
      ? "For larger nets, levels and shuffling are available once the run has finished."
      : "Levels and shuffling are not available for this run.";
  }

  keysSentence() {
    const plane = "arrows move the point (Shift: further), Enter holds it, Esc releases it; ";
    const onPlane = this.views.some((view) => view.plane) ? `On the plane: ${plane}` : "";
    return `${onPlane}K plays and pauses, comma and full stop step through the epochs, S shuffles, [ and ] change the level; left and right arrows go through the guided minute. View in the sidebar turns keys of one letter off.`;
  }

  howSentence() {
    const computes = this.views.some((view) => view.model?.computes && !view.scene.tree);
    const parts = [];
    if (computes) {
      parts.push(
        "The browser computes the net from weights recorded during training. While the picture moves, weights are " +
          "interpolated between recorded epochs; it stops at a recorded one.",
      );
    }
    if (this.views.some((view) => view.model && !view.model.computes)) {
      const why = this.views.some((view) => view.scene.routed) ? "" : "This net is too large for the browser: its";
      parts.push(`${why || "The"} regions were computed on a grid during training.`);
    }
    if (this.views.some((view) => view.plane)) {
      const isNumber = this.views.every((view) => view.scene.target);
      parts.push(
        isNumber
          ? "Colour: the predicted number, on the scale above. Points: training rows, in the colour of their own number."
          : "Colour: the predicted class, paler where the net is less certain. Points: training rows.",
      );
      const routed = this.views.filter((view) => view.scene.routed);
      if (routed.length < this.views.length) parts.push("Lines: where a sign bit changes; the first bit has the thickest line.");
      if (routed.length) parts.push("Of a net with soft decisions or experts: cells of the likeliest one, paler at their soft edges.");
    }
    if (this.views.some((view) => view.model && (view.model.gated || view.scene.tree))) {
      parts.push("A node's colour and number are its share of the training rows; it is hatched if it has none.");
    }
    parts.push("Shuffling gives each leaf's matrix to another leaf, always in the same way, without retraining.");
    return parts.join(" ");
  }

  // A run that was not in the scene: begin at the place in the address, else where this window left the run. Only the
  // window knows that for certain: a person may go to another page before Python is told, and come back before it has run.
  enter() {
    const left = this.host.isPage ? window.leafscopeLeft : null;
    const named = this.host.isPage ? this.placeIn(new URLSearchParams(location.search)) : (this.data.place ?? null);
    this.begin(named ?? {});
    if (!named && left?.id === this.id) {
      const { told } = this;
      this.begin(left);
      this.told = told; // so that Python writes the place into the address
    }
    this.isPlaced = Boolean(named) || JSON.stringify(this.place()) !== this.told;
    this.isFollowing = Boolean(this.data.live) && this.place().epoch === null;
  }

  begin(named) {
    const deepest = this.deepest;
    const start = named.step && this.guide.isOwn ? this.guide.stateOf(named) : named;
    this.isPlaying = this.isFollowing = false;
    this.hover = this.lit = null;
    Object.assign(this.state, {
      epoch: start.epoch ?? this.lastEpoch,
      level: start.level ?? Infinity,
      shuffled: Boolean(start.shuffled) && !this.shuffleButton.disabled,
      layer: Math.min(start.layer ?? 0, this.layerChoice.options.length - 1),
      held: start.held ?? null,
      step: start.step ?? null,
      merged: Boolean(start.merged),
      shows: start.shows in SCENE_SHOWS ? start.shows : "scene",
      section: !this.sectionField.hidden && Section.isChoice(start.section, this.views[0].scene) ? start.section : null,
    });
    if (!start.held && start.held_at) this.state.held = this.section()?.expand(start.held_at) ?? null;
    if (this.state.level >= deepest) this.state.level = Infinity;
    if (this.state.shuffled || this.state.level < deepest) this.keepToEnd({ shuffled: this.state.shuffled });
    this.state.epoch = Math.min(this.lastEpoch, Math.max(this.firstEpoch, this.state.epoch));
    for (const view of this.views) view.begin();
    this.told = JSON.stringify({ ...this.place(), ...this.saidOf(named) });
  }

  // The section on which the first net is drawn; null where none is chosen or no net is here.
  section() {
    const [{ model }] = this.views;
    if (!model || !this.state.section) return null;
    return model.section?.key === this.state.section ? model.section : Section.of(this.state.section, model);
  }

  /** Go to a place, given as `host.tell` gets it, and draw it at once. */
  showPlace(place) {
    this.begin(place);
    this.draw(false);
    this.move();
  }

  // What the address of a step says of its place, which may be less than all: Python is told the rest.
  saidOf({ step, epoch, level, shuffled, held }) {
    return step ? { epoch: epoch ?? null, level: level ?? null, shuffled: Boolean(shuffled), held: held ?? null } : {};
  }

  // The place that an address names; null if it names none.
  placeIn(address) {
    if (!SCENE_PLACE.some((name) => address.has(name))) return null;
    const number = (name) => (/^[0-9]+$/.test(address.get(name) ?? "") ? Number(address.get(name)) : null);
    const isDrawn = this.views[0].mode === "pad";
    const read = (text) => (isDrawn ? [...text].map((sign) => parseInt(sign, 17)) : text.split(",").map(Number));
    const held = address.has("held") ? read(address.get("held")) : null;
    const isPoint = held?.length === this.views[0].scene.features.length && held.every(Number.isFinite);
    const heldAt = address.get("held_at")?.split(",").map(Number);
    return {
      epoch: number("epoch_at"),
      level: number("read_to"),
      shuffled: number("shuffled") === 1,
      layer: number("scene_layer"),
      held: isPoint ? held : null,
      step: number("step"),
      section: address.get("section"),
      held_at: heldAt?.length === 2 && heldAt.every(Number.isFinite) ? heldAt : null,
    };
  }

  // The browser's Back and Forward: restore the state in the address.
  goBack(address) {
    if (!this.views.length) return;
    const pad = this.views.find((view) => view.pad);
    this.begin(this.placeIn(address) ?? {});
    if (pad && !this.state.held) pad.pad.set(pad.pad.test.row(0));
    this.move();
  }

  // User actions.

  play(isOn, byHand = true) {
    if (this.playButton.disabled) return;
    if (isOn && this.state.epoch >= this.lastEpoch) this.state.epoch = this.firstEpoch;
    this.isPlaying = isOn;
    this.isFollowing = false;
    this.playedAt = null;
    this.beginsAt = 0;
    if (isOn) this.frames = { intervals: [], work: [] };
    if (byHand) {
      sceneNoteReplay();
      this.holdsAtEnd = false;
      this.state.step = null;
    }
    if (isOn) this.keepToEnd({ epoch: this.state.epoch });
    this.move();
  }

  scrub(epoch) {
    this.isPlaying = false;
    this.isFollowing = Boolean(this.data.live) && epoch >= this.lastEpoch;
    this.change({ epoch: Math.min(epoch, this.lastEpoch) });
  }

  // Go to the previous or next recorded epoch.
  step(by) {
    const { epochs } = this.leading.scene;
    const at = epochs.indexOf(this.leading.model?.nearest(this.state.epoch) ?? epochs[0]);
    this.scrub(epochs[Math.min(epochs.length - 1, Math.max(0, at + by))]);
  }

  // For nets whose regions the worker computed, levels and shuffling exist at the last epoch only, one at a time.
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
    Object.assign(this.state, { step: null }, part);
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
    this.holdsAtEnd = false;
    if (raw === null && this.hover?.by === "keys") this.hover = null;
    this.move();
  }

  // A point under the mouse or moved by keys; all views show it.
  lookAt(raw, by = "mouse") {
    if (raw === null && this.hover === null) return;
    this.hover = raw && { raw, by };
    this.wake();
  }

  lookAtLeaves(share) {
    if (share === this.leafShare) return;
    this.leafShare = share;
    this.wake();
  }

  lightNode(view, node) {
    if ((this.lit?.node ?? null) === node && (node === null || this.lit.view === view)) return;
    this.lit = node === null ? null : { view, node };
    this.wake();
  }

  nudge(across, up, isFar) {
    const section = this.views.find((view) => view.plane)?.model?.section;
    if (!section) return;
    const { low, high } = section;
    const before = this.hover?.raw ?? this.state.held;
    const from = before ? section.project(before) : low.map((value, i) => (value + high[i]) / 2);
    const size = isFar ? 5 * SCENE_NUDGE : SCENE_NUDGE;
    const to = from.map((value, i) => {
      const moved = value + size * (i ? up : across) * (high[i] - low[i]);
      return Math.min(high[i], Math.max(low[i], moved));
    });
    this.lookAt(section.expand(to), "keys");
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
      "<": () => this.step(-1),
      ">": () => this.step(1),
      Escape: () => {
        if (!this.views.some((view) => view.plane)) return; // keep the drawing
        this.hover = null;
        this.hold(null);
      },
    };
    let act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (target === this.slider && steps[event.key]) act = () => this.step(steps[event.key]);
    if (onPlane && arrows[event.key]) act = () => this.nudge(...arrows[event.key], event.shiftKey);
    if (onPlane && event.key === "Enter") act = () => this.hold(this.hover?.raw ?? this.state.held);
    if (onPlane && event.key === " ") act = acts.k;
    if (!act && !onPlane && !target.matches?.("input, select")) act = this.guide.acts(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  // The clock.

  move() {
    this.movedAt = performance.now();
    this.remember();
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
    if (this.isPlaying && began < this.beginsAt) {
      this.drawnAt = null; // the wait is no slow frame
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.wake(), this.beginsAt - began);
    } else if (this.isPlaying) this.wake();
    else if (isMoving) {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.wake(), SCENE_SETTLE);
    }
  }

  advance(now) {
    if (performance.now() < this.beginsAt) return; // the browser is busy with the rest of the page, and there is much to see
    const passed = this.playedAt === null ? 0 : Math.min(now - this.playedAt, 250);
    this.playedAt = now;
    const rate = (this.speed * (this.lastEpoch - this.firstEpoch)) / (1000 * SCENE_SECONDS);
    this.state.epoch = Math.min(this.lastEpoch, this.state.epoch + passed * rate);
    if (this.state.epoch >= this.lastEpoch) {
      this.isPlaying = false;
      this.movedAt = performance.now();
      this.holdSample();
    }
    this.remember();
  }

  // For a person who goes to another page and comes back before Python is told.
  remember() {
    if (this.host.isPage) window.leafscopeLeft = this.place();
  }

  // Stop at a recorded epoch, and tell Python which.
  settle() {
    this.state.epoch = this.leading.model?.nearest(this.state.epoch) ?? this.state.epoch;
    const place = JSON.stringify(this.place());
    if (place === this.told) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const now = this.place();
      if (JSON.stringify(now) === this.told || this.isPlaying) return;
      this.told = JSON.stringify(now);
      this.host.tell({ ...now, when: Date.now() }); // a place that is told again, after Back, is news too
    }, SCENE_COMMIT);
  }

  // The state for the address; null for a default.
  place() {
    const { epoch, level, shuffled, layer, held, step, shows, section } = this.state;
    const heldAt = held && this.section()?.placeOf(held, this.views[0].model.scale);
    return {
      id: this.id,
      epoch: epoch >= this.lastEpoch ? null : Math.round(epoch),
      level: level >= this.deepest ? null : level,
      shuffled,
      layer: layer || null,
      held: held && Array.from(held, (value) => Number(value.toPrecision(6))),
      step,
      ...(shows === "scene" ? {} : { shows }),
      ...(section && { section }),
      ...(heldAt && { held_at: heldAt }),
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
    const shows = this.isMany ? state.shows : "scene";
    this.box.dataset.shows = shows;
    this.showsChoice.value = shows;
    for (const view of this.views) view.draw(isMoving);
    this.bars.draw(this.isMany ? null : this.views[0], isMoving ? state.epoch : (this.views[0].model?.epoch ?? state.epoch), this.look);
    if (this.isPlaying) this.movingGrid = { ...this.views.find((view) => view.plane)?.plane.grid };
    this.playButton.textContent = this.isPlaying ? "❚❚ Pause" : this.state.epoch >= this.lastEpoch ? "▶ Replay" : "▶ Play";
    this.slider.value = state.epoch;
    const words = `epoch ${sceneThousands(Math.round(state.epoch))} of ${sceneThousands(this.totalEpochs)}`;
    setText(this.epochWords, words);
    this.slider.setAttribute("aria-valuetext", words);
    this.layerChoice.value = state.layer;
    this.drawSection();
    const level = this.level();
    this.levelSlider.value = level;
    setText(this.levelWords, `${level} of ${this.deepest}`);
    this.levelSlider.setAttribute("aria-valuetext", this.levelWords.textContent);
    setText(this.shuffleButton, state.shuffled ? "Undo shuffle" : "Shuffle leaves");
    this.shuffleButton.classList.toggle("scene-on", state.shuffled);
    this.guide.draw(isMoving);
    if (isMoving) return;
    const followsGrid = this.views.some((view) => view.plane?.isExact === false);
    const notes = [this.tools, followsGrid && "Exact sign lines would take too long here: these follow a grid."];
    setText(this.toolsNote, notes.filter(Boolean).join(" "));
    this.toolsNote.hidden = !this.toolsNote.textContent;
    this.writeFrames();
    setText(this.spoken, this.views.map((view) => view.spokenWords()).join(" "));
  }

  writeFrames() {
    const times = this.frameTimes();
    if (!times.frames) {
      setText(this.frameWords, "Frame times are measured during a replay.");
      return;
    }
    const moving = this.movingGrid?.cols ? ` on a grid of ${this.movingGrid.cols} x ${this.movingGrid.rows} points` : "";
    setText(
      this.frameWords,
      `Last replay: ${times.frames} frames${moving}, median ${times.median.toFixed(1)} ms apart, 95th percentile ` +
        `${times.p95.toFixed(1)} ms; computing and drawing took ${times.work.toFixed(1)} ms (${times.work95.toFixed(1)} ms).`,
    );
  }

  /** The numbers on the screen, for tests and the curious: the state, and each view's output for a point. */
  inspect(raw = this.hover?.raw ?? this.state.held) {
    return {
      state: { ...this.state, level: this.level(), isPlaying: this.isPlaying, isMoving: this.isMoving },
      frames: this.frameTimes(),
      views: this.views.map((view) => view.inspect(raw)),
    };
  }
}

// One net of the scene: its plane or pad, its tree of prefixes, its sentences and scores.

const SCENE_QUICK = 6e6; // most multiply-adds for accuracies per frame
const SCENE_LEVELS = 250; // ms between two drawings of the accuracies by level while the net moves, at least
const SCENE_SHARE = 20; // and so many times as long as one takes
const SCENE_PARTS =
  "What each matrix adds passes the ReLUs above it as the whole sum sets them. At another level that sum, and so the root's " +
  "part, is another.";
const SCENE_COLUMNS = 10; // most classes in the table of contributions; of more, those with the highest logits
const SCENE_LEGEND = 8; // most classes named above the plane
const SCENE_NEAR = 8; // CSS px

function scenePercent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "unknown";
}

function sceneNumber(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))).replace("-", "−") : "unknown";
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

// Whether a list of numbers comes after another one.
function viewIsMore(a, b) {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at >= 0 && a[at] > b[at];
}

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
    this.treeCanvas.setAttribute("aria-label", "Tree of prefixes");
    this.lorenzCanvas = addElement("canvas", "scene-lorenz", this.right);
    this.lorenzCanvas.setAttribute("role", "img");
    this.lorenz = new LorenzDrawing(this.lorenzCanvas);
    this.lorenzCanvas.addEventListener("pointermove", (event) => app.lookAtLeaves(this.lorenz.shareAt(event.offsetX)));
    this.lorenzCanvas.addEventListener("pointerleave", () => app.lookAtLeaves(null));
    this.loads = new TreeLegend(this.right);
    this.layerCanvas = addElement("canvas", "scene-layer-formula", this.right);
    this.layerCanvas.setAttribute("role", "img");
    this.layerCanvas.setAttribute("aria-label", "The layer's formula");
    this.layerDrawing = new LayerDrawing(this.layerCanvas);
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

  // Draw on a plane, or where there is none without a choice, show the row's values instead.
  cutAlong(choice) {
    if (this.mode === "plane" || !this.model) return;
    this.model.cutAlong(choice);
    const { section } = this.model;
    if (section && !this.canvas) this.addPlane();
    this.plane = section ? this.drawing : null;
    if (this.canvas) this.canvas.hidden = this.planeNote.hidden = !section;
    if (this.canvas) setText(this.planeNote, section?.note ?? "");
    this.padBox.hidden = Boolean(section);
  }

  addPlane() {
    const { app } = this;
    this.canvas = addElement("canvas", "scene-plane", this.left);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Plane of the data");
    this.plane = this.drawing = new PlaneDrawing(this.canvas);
    this.planeNote = addElement("p", "scene-muted scene-plane-note", this.left);
    this.planeNote.hidden = true;
    if (this.table.parentElement === this.left) this.left.append(this.table);
    const rawOf = (event) => (this.model && this.plane.frame ? this.plane.toRaw(event.offsetX, event.offsetY) : null);
    this.canvas.addEventListener("pointermove", (event) => app.lookAt(rawOf(event)));
    this.canvas.addEventListener("pointerleave", () => app.hover?.by === "mouse" && app.lookAt(null));
    this.canvas.addEventListener("blur", () => app.hover?.by === "keys" && app.lookAt(null));
    this.canvas.addEventListener("click", (event) => {
      const raw = rawOf(event);
      if (!raw) return;
      app.hold(this.isHeldAt(raw) ? null : raw);
    });
  }

  // Whether a point is within a few pixels of the held one.
  isHeldAt(raw) {
    const { held } = this.app.state;
    if (!held) return false;
    const [[x, y], [heldX, heldY]] = [this.plane.toPixels(raw), this.plane.toPixels(held)];
    return Math.hypot(x - heldX, y - heldY) < SCENE_NEAR;
  }

  // Whether the present elements can show another payload.
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
    this.loads.write(look, "training rows");
    setText(this.title, scene.title);
    setText(this.note, scene.note);
    this.note.hidden = !scene.note;
    this.pair.hidden = !this.model;
  }

  // Marker, colour and name of each class in the plane.
  writeLegend() {
    const { scene, look } = this;
    const key = [this.mark, look.dark, look.size, Boolean(this.plane)].join();
    this.legend.hidden = !this.model;
    if (key === this.legendKey) return;
    this.legendKey = key;
    this.legend.textContent = "";
    if (!this.plane) return;
    if (scene.target) return this.writeScale();
    scene.classes.slice(0, SCENE_LEGEND).forEach((name, c) => {
      const entry = addElement("span", "", this.legend);
      const canvas = addElement("canvas", "", entry);
      canvas.setAttribute("aria-hidden", "true");
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

  // The colours of numbers, with the numbers at both ends.
  writeScale() {
    const { scene: { target }, look } = this;
    this.legend.append(`${target.name}: `);
    const whole = addElement("span", "", this.legend);
    whole.style.whiteSpace = "nowrap"; // the ends of the scale stay beside it
    whole.append(`${sceneNumber(target.low)} `);
    const bar = addElement("span", "scene-scale", whole);
    const stops = sceneValues(look).map(([place, colour]) => `${colour} ${100 * place}%`);
    bar.style.cssText = `display:inline-block;width:8em;height:0.8em;background:linear-gradient(90deg, ${stops.join(", ")})`;
    bar.setAttribute("aria-hidden", "true");
    whole.append(` ${sceneNumber(target.high)}`);
  }

  isOutside() {
    const raw = this.plane && (this.app.hover?.raw ?? this.app.state.held);
    if (!raw) return false;
    const { project, low, high } = this.model.section;
    return project(raw).some((value, i) => value < low[i] || value > high[i]);
  }

  begin() {
    const { held } = this.app.state;
    if (this.pad && held) this.pad.set(held);
  }

  leave() {
    this.pad?.destroy();
  }

  // Whether there is nothing on the pad, which is no digit.
  isEmptyPad() {
    return this.mode === "pad" && Boolean(this.pad) && (this.app.state.held ?? this.pad.value()).every((ink) => ink === 0);
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
    this.cutAlong(state.section);
    this.writeLegend();
    const raw = this.plane ? (app.hover?.raw ?? state.held) : (state.held ?? this.pad?.value() ?? null);
    const found = raw && !this.isEmptyPad() ? model.point(raw, this.layer) : null;
    if (found && !model.computes && !app.hover) this.makeExact(found);
    this.found = found;
    const lit = app.lit?.view === this ? app.lit.node : null;
    if (this.plane) this.drawPlane(isMoving, raw, found, lit);
    if (this.pad && !this.plane) this.showPad(raw, found);
    this.drawTree(found, lit);
    if (app.isMany && state.shows === "lorenz") this.drawLorenz(found);
    this.drawLayer(lit === null ? found : (this.litPath(lit) ?? found));
    setText(this.sentence, this.words(found, lit));
    this.writeScore(isMoving);
    this.writeLevels(isMoving);
    this.writeTable();
    if (look && this.plane && !isMoving) this.canvas.setAttribute("aria-label", this.planeWords());
  }

  // A held point of a net whose grid was sent has the answer of the net itself, as the table beside it, where that is here.
  makeExact(found) {
    const logits = this.parts()?.logits;
    if (!logits) return;
    if (this.scene.target) found.value = this.model.number(logits[0]);
    else found.shares = softmax(logits);
  }

  drawPlane(isMoving, raw, found, lit) {
    const { app, model } = this;
    const planes = app.views.filter((view) => view.plane).length;
    const isOne = lit === null && found && (model.depth > 0 || this.scene.tree);
    const lights = lit !== null ? this.under(lit) : isOne ? (leaf) => leaf === found.leaf : null;
    this.plane.draw(model, {
      look: this.look,
      layer: this.layer,
      moving: isMoving || app.data.live, // the next epoch arrives before a finer picture would be seen
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
    const logits = found ? (found.logits ?? found.shares.map((share) => Math.log(share))) : this.scene.classes.map(() => NaN);
    if (this.scene.target) this.pad.showNumber(found?.value ?? NaN, this.scene.target.name, this.pad.truth());
    else this.pad.showScores(logits, this.scene.classes, this.pad.truth());
  }

  // A function that returns whether a leaf is below the node.
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
      scene.tree.left.forEach((left, id) => { if (left >= 0) parents.set(left, id).set(scene.tree.right[id], id); });
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
      style: scene.style,
      sums: scene.sums,
      routed: scene.routed,
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
      isIcicle: this.app.isMany && this.app.state.shows === "icicle",
      version: `${model.version} ${this.layer}`,
    };
    this.tree.draw(picture);
    if (!this.app.isMoving) {
      const label = treeSentence(picture);
      if (this.treeCanvas.getAttribute("aria-label") !== label) this.treeCanvas.setAttribute("aria-label", label);
    }
  }

  // The shares of the rows in the leaves alone; a net without gates is one leaf.
  leafShares() {
    const { model, scene } = this;
    const loads = Array.from(model.loads(this.layer));
    if (scene.tree) return loads.filter((_, node) => scene.tree.left[node] < 0);
    return model.gated && model.depth > 0 ? loads.slice(-(2 ** model.depth)) : [1];
  }

  drawLorenz(found) {
    const { app, look, scene } = this;
    const leaf = found && !scene.tree && this.model.depth > 0 ? found.leaf : null;
    const words = this.lorenz.draw({ look, shares: this.leafShares(), style: scene.style, at: app.leafShare, leaf });
    const label = `Lorenz curve of the leaf loads${words ? `; emptiest ${words}` : ""}`;
    if (!app.isMoving) this.lorenzCanvas.setAttribute("aria-label", label);
  }

  drawLayer(found) {
    const { model, scene } = this;
    this.layerCanvas.hidden = Boolean(scene.tree || scene.routed) || this.app.isMany;
    if (this.layerCanvas.hidden) return;
    const { isStill, state } = this.app;
    this.layerDrawing.draw({ look: this.look, scene, model, layer: this.layer, found, isMerged: state.merged, isStill });
    const words = layerSentence(scene, model, found?.bits.length === model.depth ? found : null);
    if (this.layerCanvas.getAttribute("aria-label") !== words) this.layerCanvas.setAttribute("aria-label", words);
  }

  // A lit node as the formula takes a point: its prefix and the matrices on its path. Null where no path belongs to it.
  litPath(node) {
    const { model, scene } = this;
    if (scene.tree || !model.gated || model.depth === 0) return null;
    const level = model.kind === "tree" ? 31 - Math.clz32(node + 1) : model.depth;
    const leaf = model.kind === "tree" ? node + 1 - 2 ** level : node;
    if (level < model.depth) return model.isShuffled ? null : { leaf, bits: bitsOf(leaf, level), uses: this.above(node) };
    const used = model.isShuffled ? model.permutation[leaf] : leaf;
    return { leaf, bits: bitsOf(leaf, level), uses: pathNodes(used, level, model.kind) };
  }

  // Which kind of unused a node without training rows is, as far as the scene knows; goes on from its name.
  unusedWords(node) {
    const { model, layer } = this;
    if (this.app.isMoving) return ": no training row uses it";
    const isBelow = this.under(node);
    const reached = model.testLeaves(layer);
    const rows = reached?.filter(isBelow).length ?? 0;
    if (rows) return `, test only: no training row uses it, ${sceneThousands(rows)} test ${rows === 1 ? "row does" : "rows do"}`;
    const cells = this.plane && model.planeLeaves(layer);
    if (cells && !cells.some(isBelow)) return ", impossible here: no point of the plane shown has such a sign pattern";
    return reached ? ", unseen: no training or test row uses it" : ": no training row uses it";
  }

  // The text for screen readers, once the scene is at rest.
  spokenWords() {
    if (!this.model) return "";
    const name = this.app.views.length > 1 ? `${this.scene.title}: ` : "";
    return `${name}${this.score.textContent}. ${this.sentence.textContent}`;
  }

  planeWords() {
    const { scene, model, model: { section: { names } } } = this;
    if (scene.target) {
      return (
        `Plane of ${names[0]} and ${names[1]}: colour is the predicted ${scene.target.name}. ` +
        `${sceneThousands(model.rows("train").n)} training rows, epoch ${sceneThousands(model.epoch)}. ` +
        "Arrow keys move a point, Enter holds it, Escape releases it."
      );
    }
    const parts = scene.classes.map((name, c) => [name, this.plane.classShare(c)]).filter(([, share]) => share > 0);
    const says = parts.map(([name, share]) => `${name} on ${scenePercent(share)}`).join(", ");
    const cells = scene.routed ? routedPlural(scene.routed) : `${sceneThousands(2 ** model.depth)} sign patterns`;
    const bits = model.depth || scene.routed ? `cells of ${cells}, ` : "";
    return (
      `Plane of ${names[0]} and ${names[1]}: regions of ${scene.classes.length} classes, ${bits}` +
      `${sceneThousands(model.rows("train").n)} training rows. At epoch ${sceneThousands(model.epoch)} the net predicts class ${says} of the plane. ` +
      "Arrow keys move a point, Enter holds it, Escape releases it."
    );
  }

  words(found, lit) {
    const { model, scene } = this;
    if (lit !== null) return this.nodeWords(lit);
    if (!found) return this.restWords();
    const best = argmax(found.shares);
    const name = scene.classes[best];
    const answer = `${/^[0-9]+$/.test(name) ? `class ${name}` : name} (${scenePercent(found.shares[best])})`;
    const says = `Prediction: ${scene.target ? `${name} ${sceneNumber(found.value)}` : answer}.`;
    const noun = this.pad && !this.plane ? (scene.mode === "pad" ? "digit" : "row") : "point";
    if (scene.tree) return `This ${noun} passes ${found.nodes.length} of ${sceneThousands(scene.tree.left.length)} nodes. ${says}`;
    if (scene.routed) return `${this.routedWords(found, noun)} ${says}`;
    if (!model.gated || model.depth === 0) return `This ${noun} uses the one matrix that all rows share. ${says}`;
    const { used, all } = layerSize(scene, model);
    const where = scene.layers > 1 ? ` of gated layer ${this.layer + 1}` : "";
    const taken = sceneBits(bitsOf(model.permutation[found.leaf], model.depth));
    const gets = model.isShuffled ? `, which now gets the matrix of ${taken}` : "";
    return (
      `Sign pattern ${sceneBits(found.bits)}${gets}: this ${noun} uses ${used} of ${sceneThousands(all)} matrices${where}; ` +
      `${layerWhy({ used })}. ${says}${this.isOutside() ? " It lies outside the plane shown." : ""}`
    );
  }

  nodeWords(node) {
    const { model, scene } = this;
    const load = model.loads(this.layer)[node];
    const share = scenePercent(load);
    if (scene.tree) {
      const { feature, threshold, left } = scene.tree;
      const rows = `${share} of the training rows pass it.`;
      if (left[node] < 0) return `Leaf ${node}: ${rows}`;
      const f = feature[node];
      return `Node ${node} tests whether ${scene.features[f]} is at most ${(threshold[node] * scene.scale[f] + scene.mean[f]).toPrecision(3)}; ${rows}`;
    }
    if (scene.routed) return this.routedNodeWords(node, share);
    if (!model.gated || model.depth === 0) return "One matrix, which all rows share.";
    if (model.kind === "flat") {
      const its = scene.sums ? `its sum of ${scene.sums.used} matrices` : "its matrix";
      const use = load === 0 ? this.unusedWords(node) : `: ${share} of the training rows use ${its}`;
      return `Leaf ${sceneBits(bitsOf(node, model.depth))}${use}.`;
    }
    const level = 31 - Math.clz32(node + 1);
    if (level === 0) return "The root's matrix: all rows use it.";
    const prefix = sceneBits(bitsOf(node + 1 - 2 ** level, level));
    const what = level === model.depth ? "pattern" : "patterns that begin with";
    const use = load === 0 ? this.unusedWords(node) : `: ${share} of the training rows use it`;
    return `Matrix of the ${what} ${prefix}, level ${level}${use}.`;
  }

  // Of a net that sends rows by soft decisions or by scores: where it sends this one.
  routedWords(found, noun) {
    const { routed } = this.scene;
    if (routed.isTree) return `Leaf ${sceneBits(found.bits)}: the one that this ${noun} uses of ${routed.leaves}.`;
    const others = routed.top > 1 ? `; the layer uses ${routed.top} experts` : "";
    return `Expert ${found.leaf} has the highest score of ${routed.leaves} for this ${noun}${others}.`;
  }

  routedNodeWords(node, share) {
    const { routed } = this.scene;
    if (!routed.isTree) return routedSentence(routed);
    const level = 31 - Math.clz32(node + 1);
    const what = level === this.model.depth ? "Leaf" : "Node";
    const name = level ? `${what} ${sceneBits(bitsOf(node + 1 - 2 ** level, level))}` : "The root";
    return `${name}: ${share} of the training rows go there by the harder side of each decision.`;
  }

  restWords() {
    const { model } = this;
    if (this.pad && !this.plane) return "The pad is empty: draw a digit, and the net says which one it sees.";
    if (!this.plane) return "";
    if (this.scene.tree) return "Point at the plane to see which nodes a point passes; click to hold it.";
    if (this.scene.routed) return `${routedSentence(this.scene.routed)} Point at the plane to see where a point goes; click to hold it.`;
    if (!model.gated || model.depth === 0) return "All points use the same matrix. Point at the plane to see the prediction there.";
    const { used, all } = layerSize(this.scene, model);
    return `A point uses ${used} of ${sceneThousands(all)} matrices; ${layerWhy({ used })}. Point at the plane to see which; click to hold a point.`;
  }

  // The recorded score if the net is unchanged; else counted here, while it moves only if that is quick.
  accuracy(split, isMoving) {
    const { model } = this;
    const recorded = this.isChanged() ? null : model.recordedScore(split, model.epoch);
    if (recorded !== null && !isMoving) return recorded;
    const price = model.multiplyAdds * (model.rows("train").n + model.rows("test").n);
    if (isMoving && price > SCENE_QUICK) return recorded;
    return model.accuracy(split);
  }

  // The accuracy of the unchanged net at a recorded epoch, on the rows that are reported on.
  scoreAt(epoch) {
    const { model } = this;
    const recorded = model?.recordedScore(model.judged, epoch) ?? null;
    if (recorded !== null || !model?.computes) return recorded ?? NaN;
    return this.keeping(() => {
      model.set(epoch, model.depth, false);
      return model.accuracy(model.judged);
    });
  }

  // Compute something that needs the net in other states, and put it back.
  keeping(compute) {
    const { model } = this;
    const { epoch, level, isShuffled, version } = model;
    const found = compute();
    model.set(epoch, level, isShuffled);
    model.version = version;
    return found;
  }

  // A training row whose answer depends on its leaf: right after training, and wrong in as many as possible of the untrained,
  // the shuffled and the cut net; among these, the row nearest to the middle of its own class and leaf.
  sample() {
    this.sampled ??= this.mark;
    if (this.sampled === this.mark && this.sampleRow) return this.sampleRow;
    this.sampled = this.mark;
    this.sampleRow = this.keeping(() => this.findSample());
    return this.sampleRow;
  }

  findSample() {
    const { model, scene } = this;
    const rows = model.rows("train");
    const { lastEpoch, depth } = model;
    model.set(lastEpoch, depth, false);
    const points = Array.from({ length: rows.n }, (_, i) => model.point(rows.row(i), this.layer));
    const isRight = points.map(({ shares }, i) => argmax(shares) === rows.y[i]);
    const changes = new Array(rows.n).fill(0);
    if (model.computes && model.kind === "tree" && depth > 0) {
      for (const [epoch, level, shuffled] of [[scene.epochs[0], depth, false], [lastEpoch, depth, true], [lastEpoch, 0, false]]) {
        model.set(epoch, level, shuffled);
        for (let i = 0; i < rows.n; i++) if (model.predict(rows.row(i)) !== rows.y[i]) changes[i]++;
      }
    }
    const groups = new Map();
    points.forEach(({ leaf }, i) => {
      if (!isRight[i]) return;
      const name = `${leaf} ${rows.y[i]}`;
      groups.set(name, [...(groups.get(name) ?? []), i]);
    });
    let best = null;
    for (const group of groups.values()) {
      const middle = [0, 1].map((f) => group.reduce((sum, i) => sum + rows.row(i)[f], 0) / group.length);
      for (const i of group) {
        const far = Math.hypot(...[0, 1].map((f) => (rows.row(i)[f] - middle[f]) / model.scale[f]));
        const found = [changes[i], group.length, -far, i];
        if (!best || viewIsMore(found, best)) best = found;
      }
    }
    return best ? Array.from(rows.row(best[3])) : null;
  }

  writeScore(isMoving) {
    const { model } = this;
    const key = `${model.version} ${isMoving} ${model.epoch}`;
    if (key === this.scoreKey) return;
    const [judged, train] = [this.accuracy(model.judged, isMoving), this.accuracy("train", isMoving)];
    if (judged === null || train === null) return;
    this.scoreKey = key;
    this.scores = { [model.judged]: judged, train };
    const read = model.level < model.depth ? `, level ${model.level}` : "";
    const how = `${model.isShuffled ? ", leaves shuffled" : ""}${read}`;
    this.score.innerHTML = "";
    if (this.app.isMany) return this.writeNumbers(judged);
    const isNumber = Boolean(this.scene.target);
    const words = isNumber ? sceneNumber : scenePercent;
    addElement("b", "", this.score, words(judged));
    const beside = model.judged === "test" ? ` test, ${words(train)}` : "";
    this.score.append(`${beside} training ${isNumber ? "RMSE" : "accuracy"}${how}${beside ? "" : "; there are no test rows"}`);
  }

  // Below one of many nets: its test error, and how many equally full leaves would be used as evenly as its own.
  writeNumbers(judged) {
    const { model } = this;
    const isNumber = Boolean(this.scene.target);
    addElement("b", "", this.score, isNumber ? sceneNumber(judged) : scenePercent(1 - judged));
    this.score.append(` ${model.judgedWord} ${isNumber ? "RMSE" : "error"}`);
    if (!model.gated) return;
    const shares = this.leafShares();
    const entropy = shares.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0);
    addElement("br", "", this.score);
    this.score.append(`${Number(Math.exp(entropy).toPrecision(3))} effective leaves`);
  }

  writeLevels(isMoving) {
    const { model } = this;
    const isShown = !this.app.isMany && model.kind === "tree" && model.depth > 0 && this.scene.mode !== "none" && !this.scene.target && !this.scene.routed;
    this.levels.hidden = !isShown;
    if (!isShown) return;
    const key = [model.epoch, model.isShuffled, this.look.dark, this.look.size].join();
    if (key !== this.levelsKey) {
      const now = performance.now();
      const pause = Math.max(SCENE_LEVELS, SCENE_SHARE * (this.levelsTook ?? 0));
      if (isMoving && (now - (this.levelsAt ?? 0) < pause || !this.levelsAreQuick())) return this.markLevel();
      this.levelsAt = now;
      this.levelsKey = key;
      this.byLevel = { [model.judged]: model.levelAccuracy(model.judged), train: model.levelAccuracy("train") };
      this.levels.innerHTML = this.byLevel.train ? this.levelsPicture() : "";
      this.levelsTook = performance.now() - now;
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

  // Accuracy by the level read to: test solid, training dotted, majority class dashed.
  levelsPicture() {
    const { model, look } = this;
    const byLevel = { judged: this.byLevel[model.judged], train: this.byLevel.train };
    const chance = model.majority(model.judged);
    const all = [...byLevel.judged, ...byLevel.train, chance];
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
    const names = byLevel.judged.map((_, l) =>
      l % every ? "" : `<text x="${this.levelX(l)}" y="128" text-anchor="middle">${l}</text>`,
    );
    const dots = byLevel.judged.map((value, l) => `<circle cx="${this.levelX(l)}" cy="${y(value)}" r="3.4" fill="${colour}"/>`);
    const [endTest, endTrain] = [y(byLevel.judged.at(-1)), y(byLevel.train.at(-1))];
    const apart = Math.abs(endTest - endTrain) < 13;
    const trainY = apart ? Math.min(endTrain, endTest) - 3 : endTrain + 4;
    const testY = apart ? trainY + 13 : endTest + 4;
    const chanceY = Math.max(y(chance) + 4, Math.max(testY, trainY) + 13);
    const isTested = model.judged === "test";
    const words = byLevel.judged
      .map((value, l) => `level ${l} ${scenePercent(value)}${isTested ? `, training ${scenePercent(byLevel.train[l])}` : ""}`)
      .join("; ");
    return (
      `<svg viewBox="0 -14 258 162" role="img" aria-label="${isTested ? "Test" : "Training"} accuracy by the level read to: ${words}; ` +
      `majority class ${scenePercent(chance)}.">` +
      `<text x="4" y="-3" class="scene-svg-title">Accuracy (%) by level read to</text>${ticks.join("")}${names.join("")}` +
      `<line class="scene-here" x1="0" x2="0" y1="12" y2="114" stroke="${look.text}" stroke-width="1.5"/>` +
      `<line x1="36" x2="192" y1="${y(chance)}" y2="${y(chance)}" stroke="${look.muted}" stroke-dasharray="6 4"/>` +
      `<polyline points="${points(byLevel.train)}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="1.5 4" stroke-linecap="round"/>` +
      `<polyline points="${points(byLevel.judged)}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}` +
      `${isTested ? `<text x="199" y="${testY}">test</text>` : ""}<text x="199" y="${isTested ? trainY : endTrain + 4}">training</text>` +
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

  // For a held point: what each node on its path adds to each class's logit, and the sum.
  parts() {
    const { app, model } = this;
    const raw = this.pad && !this.plane ? (app.state.held ?? this.pad.value()) : app.state.held;
    if (!raw || this.scene.tree || this.isEmptyPad()) return null;
    if (model.computes) return model.contributions(raw, this.layer);
    const { explained } = app.data;
    const isOf = explained && app.views[0] === this && explained.layer === this.layer && !this.isChanged();
    const isSame = isOf && explained.raw.every((value, i) => Math.abs(value - raw[i]) <= 1e-4 * (1 + Math.abs(raw[i])));
    return isSame && model.epoch === model.lastEpoch ? explained : null;
  }

  writeTable() {
    const { app, model } = this;
    this.table.classList.toggle("scene-behind", Boolean(this.plane && app.hover && !this.isHeldAt(app.hover.raw)));
    if (app.isMany) return;
    const key = [model.version, model.epoch, this.layer, Boolean(this.plane), app.state.held?.join(), this.pad?.value().join(), app.data.explained?.raw];
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
    const whole = scene.target ? `${what}, part of the predicted ${scene.target.name}` : `${what}, part of each logit`;
    const caption = wide ? `${what}, ${SCENE_COLUMNS} highest logits` : whole;
    addElement("caption", "", table, model.isShuffled ? `${what}, leaves shuffled` : caption).title = SCENE_PARTS;
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
    const add = scene.target ? this.numberLines(parts, line) : line;
    parts.nodes.forEach((node, i) => { add(this.nodeName(node, parts.levels[i]), parts.contributions[i], ""); });
    add("later biases", parts.rest, "scene-rest");
    if (!scene.target) line("Sum: logit", parts.logits, "scene-sum");
    else line("Sum: prediction", [model.number(parts.logits[0])], "scene-sum", (value) => this.written(value, parts));
    const best = argmax(parts.logits);
    const column = order.indexOf(best) + 1;
    for (const row of table.rows) row.cells[column].classList.add("scene-best");
  }

  // Lines of parts in the unit of the target, which begin at the mean of the training rows -> what writes one.
  numberLines(parts, line) {
    const { mean, deviation } = this.scene.target;
    line("training mean", [mean], "", (value) => this.written(value, parts));
    const signed = (value) => (value < 0 ? "" : "+") + this.written(value, parts);
    return (name, values, className) => line(name, values.map((value) => value * deviation), className, signed);
  }

  // A number with as many decimals as the largest part needs, so that all of a table add up on the screen.
  written(value, parts) {
    const most = this.scene.target.deviation * Math.max(...[...parts.contributions, parts.rest].map(([part]) => Math.abs(part)));
    const digits = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(most || 1))));
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  }

  nodeName(node, level) {
    const { model } = this;
    if (this.scene.routed) return "";
    if (!model.gated || model.depth === 0) return "one matrix";
    if (model.kind === "flat") return sceneBits(bitsOf(node, model.depth));
    if (level === 0) return "root";
    return sceneBits(bitsOf(node + 1 - 2 ** level, level)) + " ·".repeat(model.depth - level);
  }

  /** The matrices that are drawn for a point, and their sum: name, and values row by row where the weights are here. */
  formula(raw) {
    const { terms, sum } = layerParts(this.scene, this.model, this.layer, this.model.point(raw, this.layer));
    return [...terms, sum].map(({ name, values, isCut }) => ({ name, values: values && Array.from(values), isCut: Boolean(isCut) }));
  }

  inspect(raw) {
    const { model, scene } = this;
    if (!model) return { title: scene.title, note: scene.note, kind: scene.kind };
    const of = this.pad && !this.plane ? this.pad.value() : raw;
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

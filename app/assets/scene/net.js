// The nets of a run, recomputed in the browser from the recorded weights.
// P input features, w width, K depth, L = 2^K leaves, V nodes, C classes. Formulas: core/nets.py, core/inspection/contributions.py.

function decodeBytes(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function decodeFloats(text) {
  return new Float32Array(decodeBytes(text).buffer);
}

function decodeShorts(text) {
  return new Uint16Array(decodeBytes(text).buffer);
}

// One cycle through all leaves: each leaf gets another leaf's matrix. core/inspection/snapshots.py makes the same one.
function leafShuffle(depth) {
  const order = Int32Array.from({ length: 1 << depth }, (_, leaf) => leaf);
  let state = depth + 1;
  for (let i = order.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 4294967296) * i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

// Node ids (breadth-first) from the root to a leaf; for separate leaves, the leaf's own id.
function pathNodes(leaf, depth, kind) {
  if (kind !== "tree") return [leaf];
  return Array.from({ length: depth + 1 }, (_, level) => (1 << level) - 1 + (leaf >> (depth - level)));
}

function bitsOf(leaf, depth) {
  return depth === 0 ? "" : leaf.toString(2).padStart(depth, "0");
}

// Where the gates of one layer begin in flat weights; -1 for what they do not have.
function layoutOfGates({ gates, offsets, width }, depth, take) {
  const part = { gates: depth > 0 ? gates : "hidden", gate: -1, gateBias: -1, offset: -1 };
  if (part.gates !== "hidden") part.gate = take(depth * width);
  if (part.gates === "units") part.gateBias = take(depth);
  if (depth > 0 && offsets) part.offset = take(depth);
  return part;
}

// The rows of a split: raw features, and classes or numbers.
class SceneRows {
  constructor(rows, nFeatures, areNumbers) {
    this.raw = decodeFloats(rows.x);
    this.y = areNumbers ? decodeFloats(rows.y) : decodeShorts(rows.y);
    this.n = rows.n;
    this.nFeatures = nFeatures;
  }

  row(i) {
    return this.raw.subarray(i * this.nFeatures, (i + 1) * this.nFeatures);
  }
}

// Common to all models: rows, accuracy, and the place of an epoch among the recorded ones.
class Model {
  constructor(scene) {
    this.scene = scene;
    this.kind = scene.kind;
    this.depth = scene.kind === "tree" || scene.kind === "flat" ? scene.depth : 0;
    this.gated = scene.kind === "tree" || scene.kind === "flat";
    this.layers = scene.layers;
    this.nFeatures = scene.features.length;
    this.nClasses = scene.classes.length;
    this.mean = scene.mean;
    this.scale = scene.scale;
    this.epoch = null;
    this.level = this.depth;
    this.isShuffled = false;
    this.version = 0;
    this.split = {};
    this.known = new Map();
    this.permutation = leafShuffle(this.depth);
    this.section = scene.mode === "plane" ? Section.whole(scene) : null; // on which it is drawn
  }

  // Draw on another section: "components" or two columns, as Section.of takes them.
  cutAlong(choice) {
    if (this.section?.isWhole || (this.section?.key ?? null) === choice) return;
    this.section = Section.of(choice, this);
    this.version += 1;
    this.known.clear();
  }

  rows(split) {
    this.split[split] ??= new SceneRows(this.scene.rows[split], this.nFeatures, Boolean(this.scene.target));
    return this.split[split];
  }

  get lastEpoch() {
    return this.scene.epochs[this.scene.epochs.length - 1];
  }

  // Place among the recorded epochs, plus the fraction of the way to the next.
  place(epoch) {
    const epochs = this.scene.epochs;
    if (epoch <= epochs[0]) return 0;
    for (let i = 1; i < epochs.length; i++) {
      if (epoch <= epochs[i]) return i - 1 + (epoch - epochs[i - 1]) / (epochs[i] - epochs[i - 1]);
    }
    return epochs.length - 1;
  }

  // The nearest recorded epoch.
  nearest(epoch) {
    return this.scene.epochs[Math.round(this.place(epoch))];
  }

  recordedScore(split, epoch) {
    return this.scene.scores?.[split]?.[Math.round(this.place(epoch))] ?? null;
  }

  // A standardized output in the unit of the target.
  number(output) {
    const { mean, deviation } = this.scene.target;
    return output * deviation + mean;
  }

  // A number as a place on the scale of colours, from 0 to 1.
  shade(value) {
    const { low, high } = this.scene.target;
    return Math.min(1, Math.max(0, (value - low) / (high - low)));
  }

  // The share of rows with the right answer; of numbers the root of the mean squared error.
  accuracy(split) {
    return this._remember(`accuracy ${split}`, () => {
      const rows = this.rows(split);
      if (this.scene.target) {
        let sum = 0;
        for (let i = 0; i < rows.n; i++) sum += (this.predict(rows.row(i)) - rows.y[i]) ** 2;
        return rows.n ? Math.sqrt(sum / rows.n) : NaN;
      }
      let right = 0;
      for (let i = 0; i < rows.n; i++) if (this.predict(rows.row(i)) === rows.y[i]) right++;
      return rows.n ? right / rows.n : NaN;
    });
  }

  // The rows that are reported on: those for testing, or where there are none those that trained.
  get judged() {
    return this.rows("test").n ? "test" : "train";
  }

  get judgedWord() {
    return this.judged === "test" ? "test" : "training";
  }

  // Accuracy at the present epoch when the sum of matrices ends at each level from 0 to K.
  levelAccuracy(split) {
    if (this.kind !== "tree") return null;
    const { epoch, level, isShuffled, version } = this;
    const key = `levels ${split} ${epoch} ${isShuffled}`;
    if (!this.known.has(key)) {
      const found = [];
      for (let l = 0; l <= this.depth; l++) {
        this.set(epoch, l, isShuffled);
        found.push(this.accuracy(split));
      }
      this.set(epoch, level, isShuffled);
      this.version = version; // the net is back in its former state
      this.known.set(key, found);
    }
    return this.known.get(key);
  }

  // The share of a split's rows that have the commonest class of training; slides of an earlier version do not say it.
  majority(split) {
    if (this.scene.always) return this.scene.always[split];
    const train = this.rows("train");
    const counts = new Array(this.nClasses).fill(0);
    for (let i = 0; i < train.n; i++) counts[train.y[i]]++;
    const commonest = counts.indexOf(Math.max(...counts));
    const rows = this.rows(split);
    return rows.y.slice(0, rows.n).filter((y) => y === commonest).length / Math.max(1, rows.n);
  }

  // The leaf of each test row; null where the weights are not here.
  testLeaves() {
    return null;
  }

  // The leaves that points of the plane have, exactly; null where that is not known.
  planeLeaves(layer) {
    if (!this.gated || this.depth === 0 || !this.section?.isWhole) return null;
    return this._remember(`plane leaves ${layer}`, () => this.signLines(layer)?.leaves(layer) ?? null);
  }

  _remember(what, compute) {
    const key = `${what} ${this.epoch} ${this.level} ${this.isShuffled}`;
    if (!this.known.has(key)) {
      if (this.known.size > 400) this.known.clear();
      this.known.set(key, compute());
    }
    return this.known.get(key);
  }

  // Shares of training rows by node, from counts of leaves.
  _nodeShares(counts) {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1;
    if (this.kind !== "tree") return Float64Array.from(counts, (count) => count / total);
    const shares = new Float64Array(2 * counts.length - 1);
    for (let leaf = 0; leaf < counts.length; leaf++) {
      for (let level = 0; level <= this.depth; level++) {
        shares[(1 << level) - 1 + (leaf >> (this.depth - level))] += counts[leaf] / total;
      }
    }
    return shares;
  }

  _recordedShares(layer) {
    const counts = this.scene.counts?.[layer];
    if (!counts?.length) return null;
    const place = this.place(this.epoch);
    const low = Math.floor(place);
    const high = Math.ceil(place);
    const key = `shares ${layer} ${place}`;
    if (this.sharesKey !== key) {
      this.sharesKey = key;
      const mixed = counts[low].map((count, leaf) => count + (place - low) * (counts[high][leaf] - count));
      this.shares = this._nodeShares(mixed);
    }
    return this.shares;
  }
}

// A net whose weights were sent.
class WeightsModel extends Model {
  constructor(scene) {
    super(scene);
    this.snapshots = scene.weights.map(() => null);
    const { width: w, layers, nClasses: C } = Object.assign(this, { width: scene.width });
    this.nLeaves = 1 << this.depth;
    this.nNodes = scene.kind === "tree" ? 2 * this.nLeaves - 1 : this.nLeaves;
    this.z = new Float64Array(w);
    this.h = new Float64Array(w);
    this.logits = new Float64Array(C);
    this.leaves = new Int32Array(layers);
    this.gate = Array.from({ length: layers }, () => new Float64Array(this.depth));
    this.input = new Float64Array(this.nFeatures);
    this.leafWeight = Array.from({ length: layers }, () => new Float64Array(this.nLeaves * w * w)); // (L, in, out)
    this.leafBias = Array.from({ length: layers }, () => new Float64Array(this.nLeaves * w));
    this.parts = this._layout();
  }

  get computes() {
    return true;
  }

  // For one example, with collapsed leaves; gates of their own are computed too.
  get multiplyAdds() {
    const gates = this.gated && this.scene.gates !== "hidden" ? this.depth : 0;
    return this.width * (this.nFeatures + this.layers * (this.width + gates) + this.nClasses);
  }

  // Where each tensor begins in the flat weights.
  _layout() {
    const { width: w, layers, depth: K, nFeatures: P, nClasses: C } = this;
    let at = 0;
    const take = (size) => (at += size) - size;
    const parts = { hidden: take(w * P), hiddenBias: take(w), layers: [] };
    for (let i = 0; i < layers; i++) {
      const part = this.gated ? layoutOfGates(this.scene, K, take) : { gates: "hidden" };
      part.weight = take(this.nNodes * w * w);
      part.bias = take(this.nNodes * w);
      parts.layers.push(part);
    }
    parts.head = take(C * w);
    parts.headBias = take(C);
    parts.size = at;
    return parts;
  }

  _snapshot(place) {
    this.snapshots[place] ??= decodeFloats(this.scene.weights[place]);
    if (this.snapshots[place].length !== this.parts.size) {
      throw new Error(`weights must be ${this.parts.size} numbers, got ${this.snapshots[place].length}`);
    }
    return this.snapshots[place];
  }

  // Set the epoch; between two recorded ones the weights are interpolated, for a smooth replay.
  set(epoch, level = this.depth, isShuffled = false) {
    if (epoch === this.epoch && level === this.level && isShuffled === this.isShuffled) return;
    if (epoch !== this.epoch) {
      const place = this.place(epoch);
      const low = Math.floor(place);
      const share = place - low;
      const from = this._snapshot(low);
      if (share === 0) {
        this.weights = from;
      } else {
        const to = this._snapshot(low + 1);
        this.mixed ??= new Float32Array(this.parts.size);
        for (let i = 0; i < from.length; i++) this.mixed[i] = from[i] + share * (to[i] - from[i]);
        this.weights = this.mixed;
      }
    }
    Object.assign(this, { epoch, level, isShuffled, version: this.version + 1 });
    for (let i = 0; i < this.layers; i++) this._collapse(i);
  }

  // Sum the matrices of each leaf's path down to the level, transposed, so that columns are contiguous.
  _collapse(layer) {
    const { width: w, depth: K, nLeaves: L, weights } = this;
    const { weight, bias } = this.parts.layers[layer];
    const matrices = this.leafWeight[layer];
    const biases = this.leafBias[layer];
    for (let leaf = 0; leaf < L; leaf++) {
      const nodes = pathNodes(this.isShuffled ? this.permutation[leaf] : leaf, K, this.kind);
      if (this.kind === "tree") nodes.length = this.level + 1;
      for (let out = 0; out < w; out++) {
        for (let i = 0; i < w; i++) {
          let sum = 0;
          for (const node of nodes) sum += weights[weight + (node * w + out) * w + i];
          matrices[(leaf * w + i) * w + out] = sum;
        }
        let sum = 0;
        for (const node of nodes) sum += weights[bias + node * w + out];
        biases[leaf * w + out] = sum;
      }
    }
  }

  // How many of a layer's matrices are zero.
  zeroMatrices(layer) {
    let zero = 0;
    for (let node = 0; node < this.nNodes; node++) if (this.matrix(layer, node).every((value) => value === 0)) zero++;
    return zero;
  }

  // A node's matrix, row by row: (out, in).
  matrix(layer, node) {
    const size = this.width * this.width;
    const from = this.parts.layers[layer].weight + node * size;
    return this.weights.subarray(from, from + size);
  }

  _standardized(raw) {
    for (let f = 0; f < this.nFeatures; f++) this.input[f] = Math.fround((raw[f] - this.mean[f]) / this.scale[f]);
    return this.input;
  }

  _hidden(x) {
    const { width: w, nFeatures: P, weights, z } = this;
    const { hidden, hiddenBias } = this.parts;
    for (let out = 0; out < w; out++) {
      let sum = weights[hiddenBias + out];
      for (let f = 0; f < P; f++) sum += weights[hidden + out * P + f] * x[f];
      z[out] = sum;
    }
  }

  // From z below the first gated layer to the logits; fills the arrays of leaves, gates and logits.
  _pass(onLayer = null) {
    const { width: w, depth: K, nClasses: C, weights, z, h } = this;
    for (let layer = 0; layer < this.layers; layer++) {
      for (let i = 0; i < w; i++) h[i] = z[i] > 0 ? z[i] : 0;
      const leaf = this._read(layer, K);
      const matrices = this.leafWeight[layer];
      const biases = this.leafBias[layer];
      for (let out = 0; out < w; out++) z[out] = biases[leaf * w + out];
      for (let i = 0; i < w; i++) {
        const value = h[i];
        if (value === 0) continue;
        const at = (leaf * w + i) * w;
        for (let out = 0; out < w; out++) z[out] += matrices[at + out] * value;
      }
      if (onLayer) onLayer(layer);
    }
    const { head, headBias } = this.parts;
    for (let c = 0; c < C; c++) {
      let sum = weights[headBias + c];
      for (let i = 0; i < w; i++) if (z[i] > 0) sum += weights[head + c * w + i] * z[i];
      this.logits[c] = sum;
    }
  }

  // Read the sign bits of the K gates of a layer: a tie at 0 is bit 0.
  _read(layer, K) {
    if (!this.gated || K === 0) return (this.leaves[layer] = 0);
    const { width: w, weights, z, h } = this;
    const { gates, gate, gateBias, offset } = this.parts.layers[layer];
    const values = this.gate[layer];
    let leaf = 0;
    for (let k = 0; k < K; k++) {
      let value = z[k];
      if (gates !== "hidden") {
        value = gates === "units" ? weights[gateBias + k] : 0;
        for (let i = 0; i < w; i++) value += weights[gate + k * w + i] * h[i];
      }
      if (offset >= 0) value += weights[offset + k];
      values[k] = value;
      leaf = (leaf << 1) | (value > 0 ? 1 : 0);
    }
    this.leaves[layer] = leaf;
    return leaf;
  }

  _forward(raw, onLayer = null) {
    this._hidden(this._standardized(raw));
    this._pass(onLayer);
  }

  predict(raw) {
    this._forward(raw);
    return this.scene.target ? this.number(this.logits[0]) : argmax(this.logits);
  }

  // Where the sign of each gate of a layer changes in the plane (SignLines.of); null if that would take too long.
  lines(layer) {
    return this.signLines().of(layer);
  }

  signLines() {
    return new SignLines(this, this.weights, this.parts);
  }

  testLeaves(layer) {
    const rows = this.rows("test");
    return this._remember(`test leaves ${layer}`, () =>
      Array.from({ length: rows.n }, (_, i) => {
        this._forward(rows.row(i));
        return this.leaves[layer];
      }),
    );
  }

  // The net's output for raw features: leaves by layer, logits, softmax shares.
  point(raw, layer = 0) {
    this._forward(raw);
    const leaf = this.leaves[layer];
    const used = this.isShuffled ? this.permutation[leaf] : leaf;
    return {
      leaves: Array.from(this.leaves),
      leaf,
      bits: bitsOf(leaf, this.depth),
      gates: Array.from(this.gate[layer]),
      nodes: this.gated ? pathNodes(leaf, this.depth, this.kind) : [0],
      uses: this.gated ? pathNodes(used, this.depth, this.kind) : [0],
      logits: Array.from(this.logits),
      shares: softmax(this.logits),
      value: this.scene.target ? this.number(this.logits[0]) : null,
    };
  }

  // What each node on the path adds to each class's logit, with the ReLU masks of the full sum held fixed.
  contributions(raw, layer = 0) {
    const { width: w, nClasses: C, weights } = this;
    const through = [];
    let before = null;
    this._forward(raw, (at) => {
      if (at === layer) before = Float64Array.from(this.h);
      through.push({ z: Float64Array.from(this.z), leaf: this.leaves[at] });
    });
    const leaf = through[layer].leaf;
    const used = this.isShuffled ? this.permutation[leaf] : leaf;
    const nodes = this.gated ? pathNodes(used, this.depth, this.kind) : [0];
    const levels = nodes.map((_, i) => this.depth + 1 - nodes.length + i);
    if (this.kind === "tree") nodes.length = levels.length = this.level + 1;
    const { weight, bias } = this.parts.layers[layer];
    let parts = nodes.map((node) =>
      Float64Array.from({ length: w }, (_, out) => {
        let sum = weights[bias + node * w + out];
        for (let i = 0; i < w; i++) sum += weights[weight + (node * w + out) * w + i] * before[i];
        return sum;
      }),
    );
    let rest = new Float64Array(w);
    for (let later = layer + 1; later < this.layers; later++) {
      const mask = through[later - 1].z;
      const at = through[later].leaf;
      const carry = (vector, withBias) =>
        Float64Array.from({ length: w }, (_, out) => {
          let sum = withBias ? this.leafBias[later][at * w + out] : 0;
          for (let i = 0; i < w; i++) {
            if (mask[i] > 0) sum += this.leafWeight[later][(at * w + i) * w + out] * vector[i];
          }
          return sum;
        });
      parts = parts.map((part) => carry(part, false));
      rest = carry(rest, true);
    }
    const mask = through[this.layers - 1].z;
    const toLogits = (vector, withBias) =>
      Array.from({ length: C }, (_, c) => {
        let sum = withBias ? weights[this.parts.headBias + c] : 0;
        for (let i = 0; i < w; i++) if (mask[i] > 0) sum += weights[this.parts.head + c * w + i] * vector[i];
        return sum;
      });
    return {
      layer,
      nodes,
      levels,
      contributions: parts.map((part) => toLogits(part, false)),
      rest: toLogits(rest, true),
      logits: Array.from(this.logits),
    };
  }

  // At cols x rows points of the plane, top row first: softmax shares, leaves and gates of a layer.
  grid(cols, rows, layer, out) {
    const { width: w, depth: K, nClasses: C, weights, z, section } = this;
    const { low, high } = section;
    const units = section.units(weights, this.parts.hidden, this.parts.hiddenBias, w, this);
    const base = (this.base ??= new Float64Array(w));
    const { shares, leaf, gates } = out;
    const gate = this.gate[layer];
    for (let r = 0; r < rows; r++) {
      const v = high[1] - ((high[1] - low[1]) * r) / (rows - 1);
      for (let j = 0; j < w; j++) base[j] = units[3 * j + 2] + units[3 * j + 1] * v;
      for (let c = 0; c < cols; c++) {
        const u = low[0] + ((high[0] - low[0]) * c) / (cols - 1);
        for (let j = 0; j < w; j++) z[j] = base[j] + units[3 * j] * u;
        this._pass();
        const at = r * cols + c;
        leaf[at] = this.leaves[layer];
        for (let k = 0; k < K; k++) gates[at * K + k] = gate[k];
        this._shares(shares, at * C);
      }
    }
  }

  _shares(shares, at) {
    const { logits, nClasses: C } = this;
    if (this.scene.target) {
      shares[at] = this.shade(this.number(logits[0]));
      return;
    }
    if (C === 2) {
      const second = 1 / (1 + Math.exp(logits[0] - logits[1]));
      shares[at] = 1 - second;
      shares[at + 1] = second;
      return;
    }
    let most = -Infinity;
    for (let c = 0; c < C; c++) if (logits[c] > most) most = logits[c];
    let total = 0;
    for (let c = 0; c < C; c++) total += shares[at + c] = Math.exp(logits[c] - most);
    for (let c = 0; c < C; c++) shares[at + c] /= total;
  }

  // Shares of training rows by node: the recorded ones, unless cutting or shuffling a layer below moves rows to other leaves.
  loads(layer) {
    if (!this.gated) return Float64Array.of(1);
    const moved = layer > 0 && (this.level < this.depth || this.isShuffled);
    const recorded = moved ? null : this._recordedShares(layer);
    return recorded ?? this._remember(`loads ${layer}`, () => this._computedShares(layer));
  }

  _computedShares(layer) {
    const rows = this.rows("train");
    const counts = new Array(this.nLeaves).fill(0);
    for (let i = 0; i < rows.n; i++) {
      this._forward(rows.row(i));
      counts[this.leaves[layer]]++;
    }
    return this._nodeShares(counts);
  }
}

// A tree fitted by scikit-learn: thresholds on standardized features, x <= threshold goes left.
class DecisionTreeModel extends Model {
  get computes() {
    return true;
  }

  get multiplyAdds() {
    return 8;
  }

  set(epoch) {
    if (epoch === this.epoch) return;
    Object.assign(this, { epoch, version: this.version + 1 });
  }

  _path(raw) {
    const { feature, threshold, left, right } = this.scene.tree;
    const path = [0];
    let node = 0;
    while (left[node] >= 0) {
      const f = feature[node];
      // scikit-learn compares in float32
      node = Math.fround((raw[f] - this.mean[f]) / this.scale[f]) <= threshold[node] ? left[node] : right[node];
      path.push(node);
    }
    return path;
  }

  predict(raw) {
    const value = this.scene.tree.value[this._path(raw).at(-1)];
    return this.scene.target ? value[0] : argmax(value);
  }

  point(raw) {
    const nodes = this._path(raw);
    const leaf = nodes.at(-1);
    const shares = this.scene.tree.value[leaf];
    const value = this.scene.target ? shares[0] : null;
    return { leaves: [leaf], leaf, bits: "", gates: [], nodes, uses: nodes, logits: null, shares, value };
  }

  contributions() {
    return null;
  }

  grid(cols, rows, _layer, out) {
    const C = this.nClasses;
    const { low, high } = this.section;
    for (let r = 0; r < rows; r++) {
      const v = high[1] - ((high[1] - low[1]) * r) / (rows - 1);
      for (let c = 0; c < cols; c++) {
        const u = low[0] + ((high[0] - low[0]) * c) / (cols - 1);
        const leaf = this._path(this.section.expand([u, v])).at(-1);
        const at = r * cols + c;
        out.leaf[at] = leaf;
        const value = this.scene.tree.value[leaf];
        for (let k = 0; k < C; k++) out.shares[at * C + k] = this.scene.target ? this.shade(value[k]) : value[k];
      }
    }
  }

  loads() {
    return this._remember("loads", () => {
      const rows = this.rows("train");
      const shares = new Float64Array(this.scene.tree.left.length);
      for (let i = 0; i < rows.n; i++) for (const node of this._path(rows.row(i))) shares[node] += 1 / rows.n;
      return shares;
    });
  }
}

// A net too large for the browser: the worker computed its regions on a grid.
class ReadyModel extends Model {
  constructor(scene) {
    super(scene);
    this.side = scene.ready.side;
    this.width = scene.width;
    this.decoded = new Map();
  }

  get computes() {
    return false;
  }

  get multiplyAdds() {
    return 0;
  }

  // Between recorded epochs the nearest one is used. Levels and shuffling are available at the last epoch only.
  set(epoch, level = this.depth, isShuffled = false) {
    const wanted = this.hasLevels ? level : this.depth;
    const at = wanted < this.depth || isShuffled ? this.lastEpoch : this.nearest(epoch);
    if (at === this.epoch && wanted === this.level && isShuffled === this.isShuffled) return;
    Object.assign(this, { epoch: at, level: wanted, isShuffled, version: this.version + 1 });
  }

  get hasLevels() {
    return Boolean(this.scene.ready.levels?.probability?.length);
  }

  get hasShuffle() {
    return Boolean(this.scene.ready.levels?.shuffled);
  }

  _bytes(name, text) {
    if (!this.decoded.has(name)) {
      if (this.decoded.size > 60) this.decoded.clear();
      this.decoded.set(name, decodeBytes(text));
    }
    return this.decoded.get(name);
  }

  _probability() {
    const { levels, probability } = this.scene.ready;
    if (this.isShuffled) return this._bytes("shuffled", levels.shuffled);
    if (this.level < this.depth) return this._bytes(`level ${this.level}`, levels.probability[this.level]);
    const place = Math.round(this.place(this.epoch));
    return this._bytes(`epoch ${place}`, probability[place]);
  }

  _leaf(layer) {
    const texts = this.scene.ready.leaf;
    if (!texts.length) return null;
    const place = Math.round(this.place(this.epoch));
    const all = new Int32Array(this._bytes(`leaf ${place}`, texts[place]).buffer);
    return all.subarray(layer * this.side ** 2, (layer + 1) * this.side ** 2);
  }

  // How much of each grid point goes to its likeliest leaf, from 0 to 1; null for a net without soft decisions.
  softness(cols, rows, layer) {
    const texts = this.scene.ready.share ?? [];
    if (!texts.length) return null;
    const { side } = this;
    const place = Math.round(this.place(this.epoch));
    const all = this._bytes(`share ${place}`, texts[place]).subarray(layer * side ** 2, (layer + 1) * side ** 2);
    return Float32Array.from({ length: cols * rows }, (_, at) => all[this._source(at % cols, Math.floor(at / cols), cols, rows)] / 255);
  }

  // The recorded point nearest to a point of a grid whose first row is the top.
  _source(c, r, cols, rows) {
    const last = this.side - 1;
    return Math.round(((rows - 1 - r) * last) / (rows - 1)) * this.side + Math.round((c * last) / (cols - 1));
  }

  // Of the first gated layer, whose signs need few weights, unless the net is larger still; else null.
  lines(layer) {
    return this.signLines(layer)?.of(0) ?? null;
  }

  signLines(layer) {
    const { signs } = this.scene.ready;
    if (layer > 0 || !signs.length) return null;
    const place = Math.round(this.place(this.epoch));
    const weights = new Float32Array(this._bytes(`signs ${place}`, signs[place]).buffer);
    let at = 0;
    const take = (size) => (at += size) - size;
    const parts = { hidden: take(2 * this.width), hiddenBias: take(this.width) };
    parts.layers = [layoutOfGates(this.scene, this.depth, take)];
    return new SignLines(this, weights, parts);
  }

  _cell(raw) {
    const { low, high } = this.scene;
    const index = (i) => {
      const share = (raw[i] - low[i]) / (high[i] - low[i]);
      return Math.min(this.side - 1, Math.max(0, Math.round(share * (this.side - 1))));
    };
    return index(1) * this.side + index(0);
  }

  point(raw, layer = 0) {
    const at = this._cell(raw);
    const probability = this._probability();
    const shares = Array.from({ length: this.nClasses }, (_, c) => probability[at * this.nClasses + c] / 255);
    const leaves = this._leaf(layer);
    const leaf = leaves ? leaves[at] : 0;
    const nodes = this.gated ? pathNodes(leaf, this.depth, this.kind) : [0];
    const used = this.isShuffled ? this.permutation[leaf] : leaf;
    const uses = this.gated ? pathNodes(used, this.depth, this.kind) : [0];
    const { target } = this.scene;
    const value = target ? target.low + shares[0] * (target.high - target.low) : null;
    return { leaves: [leaf], leaf, bits: bitsOf(leaf, this.depth), gates: [], nodes, uses, logits: null, shares, value };
  }

  contributions() {
    return null;
  }

  accuracy(split) {
    const which = ["train", "validation", "test"].indexOf(split);
    const { levels } = this.scene.ready;
    if (this.isShuffled) return levels.shuffled_accuracy[which];
    if (this.level < this.depth) return levels.accuracy[this.level][which];
    return this.recordedScore(split, this.epoch) ?? NaN;
  }

  levelAccuracy(split) {
    const which = ["train", "validation", "test"].indexOf(split);
    if (!this.hasLevels || this.isShuffled || this.epoch !== this.lastEpoch) return null;
    return this.scene.ready.levels.accuracy.map((scores) => scores[which]);
  }

  grid(cols, rows, layer, out) {
    const { nClasses: C } = this;
    const probability = this._probability();
    const leaves = this._leaf(layer);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const at = r * cols + c;
        const source = this._source(c, r, cols, rows);
        out.leaf[at] = leaves ? leaves[source] : 0;
        for (let k = 0; k < C; k++) out.shares[at * C + k] = probability[source * C + k] / 255;
      }
    }
  }

  loads(layer) {
    if (!this.gated) return Float64Array.of(1);
    return this._recordedShares(layer) ?? new Float64Array(this.kind === "tree" ? (2 << this.depth) - 1 : 1 << this.depth);
  }
}

function makeModel(scene) {
  if (scene.tree) return new DecisionTreeModel(scene);
  if (scene.weights.length) return new WeightsModel(scene);
  if (scene.ready) return new ReadyModel(scene);
  return null;
}

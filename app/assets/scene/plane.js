// The plane: class regions, outlines of the sign-pattern cells, training rows, and the point looked at.
// Regions, outlines, rows and labels are cached and redrawn only when the net or the size changes.

const PLANE_MOVING_STEP = 4; // CSS px between grid points while the net moves
const PLANE_REST_STEP = 2;
const PLANE_SMALL = 13; // lines of text: a narrower plane has no axes and no patterns, as in a row of many nets
const PLANE_COARSEST_STEP = 9;
const PLANE_REST_BUDGET = 500; // ms for the grid of a plane at rest
const PLANE_BUDGET = 8; // ms for the grid of one frame, all planes together: the rest of the frame takes as long
const PLANE_LABELS_DEPTH = 8; // deeper patterns are too long for their cells
const PLANE_NAME = 40; // most characters of a column's name at its axis
const PLANE_FAINT = 0.12; // opacity of a class's colour where the net is undecided
const PLANE_FULL = 0.62; // opacity where it is certain

// Paths of the class markers, by name, around 0 with radius 1.
const PLANE_MARKERS = {
  circle: (path) => path.arc(0, 0, 1, 0, 2 * Math.PI),
  square: (path) => path.rect(-0.88, -0.88, 1.76, 1.76),
  diamond: (path) => planePolygon(path, [0, -1.2, 1.2, 0, 0, 1.2, -1.2, 0]),
  "triangle-up": (path) => planePolygon(path, [0, -1.2, 1.1, 0.85, -1.1, 0.85]),
  cross: (path) => {
    const [a, b] = [0.4, 1.15];
    planePolygon(path, [-a, -b, a, -b, a, -a, b, -a, b, a, a, a, a, b, -a, b, -a, a, -b, a, -b, -a, -a, -a]);
  },
  x: (path) => {
    const [a, b] = [0.55, 1.1];
    planePolygon(path, [-b, -a, -a, -b, 0, -a, a, -b, b, -a, a, 0, b, a, a, b, 0, a, -a, b, -b, a, -a, 0]);
  },
  star: (path) => planeRound(path, 10, (i) => (i % 2 ? 0.55 : 1.3)),
  pentagon: (path) => planeRound(path, 5, () => 1.15),
  hourglass: (path) => planePolygon(path, [-1, -1.05, 1, -1.05, -1, 1.05, 1, 1.05]),
  bowtie: (path) => planePolygon(path, [-1.05, -1, -1.05, 1, 1.05, -1, 1.05, 1]),
};

function planePolygon(path, points) {
  path.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
  path.closePath();
}

function planeRound(path, corners, radius) {
  const points = [];
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    points.push(radius(i) * Math.cos(angle), radius(i) * Math.sin(angle));
  }
  planePolygon(path, points);
}

// A number at an axis: short from a hundred thousand on, such as 200K.
function planeNumber(value, digits, most) {
  const words =
    most >= 1e5
      ? value.toLocaleString("en-US", { notation: most < 1e15 ? "compact" : "scientific", maximumSignificantDigits: 3 })
      : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return words.replace("-", "−");
}

function planeMarker(name) {
  const path = new Path2D();
  (PLANE_MARKERS[name] ?? PLANE_MARKERS.circle)(path);
  return path;
}

// Round numbers, about `count` of them, from low to high.
function planeTicks(low, high, count) {
  const rough = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5].find((factor) => factor * unit >= rough) ?? 10);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const ticks = [];
  const most = Math.max(Math.abs(low), Math.abs(high));
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push([i * step, planeNumber(i * step || 0, digits, most)]);
  return ticks;
}

class PlaneDrawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.kept = document.createElement("canvas"); // everything except the point
    this.pixels = document.createElement("canvas"); // one pixel per grid point
    this.mask = document.createElement("canvas");
    this.marks = document.createElement("canvas"); // training rows
    this.nsPerPoint = 0;
    this.grid = { cols: 0, rows: 0 };
  }

  // The rectangle of the plane in the canvas, in CSS px.
  _frame(look) {
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    const ratio = sceneRatio();
    this.isSmall = width < PLANE_SMALL * look.size;
    const left = this.isSmall ? 2 : this._leftOf(look);
    const bottom = this.isSmall ? 2 : Math.ceil(2.7 * look.size);
    const frame = { width, height, ratio, left, top: 2, w: width - left - 2, h: height - bottom - 2 };
    const key = [width, height, ratio, look.size, look.dark, left].join();
    if (key !== this.frameKey) {
      this.frameKey = key;
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.keptKey = this.marksKey = this.maskKey = null;
    }
    return (this.frame = frame);
  }

  // Room for the numbers of the upright axis, and for its name beside wide ones.
  _leftOf(look) {
    const { low, high } = this.section;
    this.context.font = `${look.size - 2}px ${look.font}`;
    const widths = planeTicks(low[1], high[1], 5).map(([, words]) => this.context.measureText(words).width);
    const widest = Math.max(0, ...widths);
    return Math.ceil(widest > 2 * look.size ? widest + 1.8 * look.size : 2.6 * look.size);
  }

  toRaw(x, y) {
    const { left, top, w, h } = this.frame;
    const { low, high } = this.section;
    const share = [(x - left) / w, 1 - (y - top) / h];
    if (share.some((s) => s < 0 || s > 1)) return null;
    return this.section.expand(share.map((s, i) => low[i] + s * (high[i] - low[i])));
  }

  toPixels(raw) {
    return this._place(...this.section.project(raw));
  }

  // Where a point of the section is drawn.
  _place(u, v) {
    const { left, top, w, h } = this.frame;
    const { low, high } = this.section;
    return [left + (w * (u - low[0])) / (high[0] - low[0]), top + h * (1 - (v - low[1]) / (high[1] - low[1]))];
  }

  // picture: look, layer, moving, share (of a frame's time, 0 to 1), point {raw, bits, isHeld} or null, held: raw of a second
  // point or null; lit: null or a function that returns whether to highlight a leaf, fade: how much the others fade.
  draw(model, picture) {
    this.model = model;
    this.scene = model.scene;
    this.section = model.section;
    const { look, layer, moving } = picture;
    const frame = this._frame(look);
    if (frame.w < 20 || frame.h < 20) return;
    const step = moving ? this._movingStep(picture.share ?? 1) : model.computes ? this._restStep() : 1;
    const cols = model.computes ? Math.max(8, Math.round(frame.w / step)) + 1 : model.side;
    const rows = model.computes ? Math.max(8, Math.round(frame.h / step)) + 1 : model.side;
    const key = [model.version, model.level, layer, cols, rows, moving].join();
    if (key !== this.keptKey || this.keptModel !== model) {
      this.keptKey = key;
      this.keptModel = model;
      this._compute(cols, rows, layer);
      this._keep(look, layer, moving);
    }
    const ctx = this.context;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.drawImage(this.kept, 0, 0);
    ctx.setTransform(frame.ratio, 0, 0, frame.ratio, 0, 0);
    if (picture.lit) this._dim(picture.lit, `${picture.litKey} ${picture.fade}`, picture.fade, look);
    if (picture.held) this._point({ raw: picture.held, bits: "", isHeld: true }, look);
    if (picture.point) this._point(this.isSmall ? { ...picture.point, bits: "" } : picture.point, look);
  }

  _restStep() {
    return Math.min(PLANE_COARSEST_STEP, Math.max(PLANE_REST_STEP, this._affordable(PLANE_REST_BUDGET)));
  }

  // CSS px between grid points that take so many ms to compute.
  _affordable(budget) {
    return this.nsPerPoint ? Math.sqrt((this.frame.w * this.frame.h * this.nsPerPoint) / (1e6 * budget)) : 0;
  }

  _movingStep(share) {
    if (!this.nsPerPoint || !this.model.computes) return PLANE_MOVING_STEP;
    const step = this._affordable(PLANE_BUDGET * share);
    return Math.min(PLANE_COARSEST_STEP, Math.max(PLANE_MOVING_STEP, Math.ceil(2 * step) / 2));
  }

  _compute(cols, rows, layer) {
    const { model } = this;
    const n = cols * rows;
    const C = model.nClasses;
    const K = model.depth;
    if (!this.out || this.out.size < n || this.out.C !== C || this.out.K !== K) {
      const size = Math.ceil(1.2 * n);
      this.out = {
        size, C, K,
        shares: new Float32Array(size * C),
        leaf: new Int32Array(size),
        gates: new Float32Array(size * K),
      };
    }
    const began = performance.now();
    model.grid(cols, rows, layer, this.out);
    const took = (1e6 * (performance.now() - began)) / n;
    this.nsPerPoint = this.nsPerPoint ? 0.7 * this.nsPerPoint + 0.3 * took : took;
    this.grid = { cols, rows };
    this.maskKey = null;
  }

  _keep(look, layer, moving) {
    const { frame, kept } = this;
    if (kept.width !== this.canvas.width || kept.height !== this.canvas.height) {
      kept.width = this.canvas.width;
      kept.height = this.canvas.height;
    }
    const ctx = (this.ctx = kept.getContext("2d"));
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, kept.width, kept.height);
    ctx.setTransform(frame.ratio, 0, 0, frame.ratio, 0, 0);
    ctx.save();
    ctx.beginPath();
    ctx.rect(frame.left, frame.top, frame.w, frame.h);
    ctx.clip();
    this.layer = layer;
    this._regions(look);
    this._image(ctx, this.pixels);
    this._outlines(look, layer, moving);
    this._rows(look);
    if (!moving && !this.isSmall) this._labels(look);
    ctx.restore();
    if (!this.isSmall) this._axes(look);
  }

  // Grid points also lie on the edges of the plane, so the image extends half a pixel beyond it on each side.
  _image(ctx, image) {
    const { frame, grid } = this;
    const [dx, dy] = [frame.w / (grid.cols - 1), frame.h / (grid.rows - 1)];
    ctx.imageSmoothingEnabled = true;
    const [w, h] = [frame.w + dx, frame.h + dy];
    ctx.drawImage(image, 0, 0, grid.cols, grid.rows, frame.left - dx / 2, frame.top - dy / 2, w, h);
  }

  _imageOf(canvas, name) {
    const { cols, rows } = this.grid;
    if (canvas.width !== cols || canvas.height !== rows) {
      canvas.width = cols;
      canvas.height = rows;
      this[name] = null;
    }
    this[name] ??= canvas.getContext("2d").createImageData(cols, rows);
    return this[name];
  }

  _regions(look) {
    const { cols, rows } = this.grid;
    const C = this.model.nClasses;
    const { shares } = this.out;
    const image = this._imageOf(this.pixels, "pixelData");
    const { data } = image;
    const ground = channels(look.background);
    const colours = Array.from({ length: C }, (_, c) => channels(look.regions[c % look.regions.length]));
    if (this.scene.target) {
      const scale = Array.from({ length: 256 }, (_, i) => channels(sceneColour(sceneValues(look), i / 255)));
      for (let i = 0; i < cols * rows; i++) {
        const colour = scale[Math.round(255 * shares[i]) || 0];
        for (let k = 0; k < 3; k++) data[4 * i + k] = colour[k];
        data[4 * i + 3] = 255;
      }
      this.pixels.getContext("2d").putImageData(image, 0, 0);
      return;
    }
    this.counts = new Int32Array(C);
    const soft = this.model.softness?.(cols, rows, this.layer);
    for (let i = 0; i < cols * rows; i++) {
      let top = 0;
      for (let c = 1; c < C; c++) if (shares[i * C + c] > shares[i * C + top]) top = c;
      this.counts[top]++;
      const sure = (shares[i * C + top] - 1 / C) / (1 - 1 / C);
      const edge = soft ? soft[i] : 1;
      const alpha = edge * (PLANE_FAINT + (PLANE_FULL - PLANE_FAINT) * (sure > 0 ? sure : 0));
      const colour = colours[top];
      for (let k = 0; k < 3; k++) data[4 * i + k] = ground[k] + alpha * (colour[k] - ground[k]);
      data[4 * i + 3] = 255;
    }
    this.pixels.getContext("2d").putImageData(image, 0, 0);
  }

  // The share of the plane with a class as the prediction, from 0 to 1.
  classShare(c) {
    return this.counts ? this.counts[c] / (this.grid.cols * this.grid.rows) : 0;
  }

  // One line per bit, the first the thickest; lines below the level read to are faint. They are exact where that is quick
  // enough, else read from the grid.
  _outlines(look, layer, moving) {
    const { model } = this;
    this.isExact = null;
    if (model.scene.tree) {
      this._stroke(look, 0, 1, this.section.isWhole ? this._boxes() : this._borders());
      return;
    }
    if (model.scene.routed ? model.scene.routed.leaves < 2 : !model.gated || !model.depth) return;
    const lines = moving && model.computes && layer > 0 ? null : model.lines(layer);
    if (!model.scene.routed) this.isExact = Boolean(lines);
    if (!lines && !model.computes) {
      this._stroke(look, 0, 1, this._borders());
      return;
    }
    const K = model.depth;
    const read = model.kind === "tree" ? model.level : K;
    for (let k = K - 1; k >= 0; k--) {
      this._stroke(look, k, K, lines ? this._segments(lines[k]) : this._contour(k), k >= read);
    }
  }

  // Segments between places given as shares of the plane.
  _segments(ends) {
    const { frame: { left, top, w, h } } = this;
    const path = new Path2D();
    for (let i = 0; i < ends.length; i += 4) {
      path.moveTo(left + w * ends[i], top + h * (1 - ends[i + 1]));
      path.lineTo(left + w * ends[i + 2], top + h * (1 - ends[i + 3]));
    }
    return path;
  }

  _stroke(look, k, K, path, faint = false) {
    const { ctx } = this;
    const thick = (look.projector ? 1.8 : 1.15) * (K > 1 ? 1.6 - (0.9 * k) / (K - 1) : 1.3);
    ctx.lineJoin = ctx.lineCap = "round";
    ctx.globalAlpha = faint ? 0.25 : 0.85;
    ctx.strokeStyle = look.background;
    ctx.lineWidth = thick + (look.projector ? 3 : 2);
    ctx.stroke(path);
    ctx.globalAlpha = faint ? 0.35 : 1;
    ctx.strokeStyle = look.text;
    ctx.lineWidth = thick;
    ctx.stroke(path);
    ctx.globalAlpha = 1;
  }

  // Where the sign of gate k changes: marching squares, with linear interpolation on each edge.
  _contour(k) {
    const { frame, grid: { cols, rows }, out: { gates, K } } = this;
    const path = new Path2D();
    const [dx, dy] = [frame.w / (cols - 1), frame.h / (rows - 1)];
    const at = (c, r) => gates[(r * cols + c) * K + k];
    for (let r = 0; r + 1 < rows; r++) {
      for (let c = 0; c + 1 < cols; c++) {
        const [nw, ne, sw, se] = [at(c, r), at(c + 1, r), at(c, r + 1), at(c + 1, r + 1)];
        const signs = (nw > 0 ? 8 : 0) | (ne > 0 ? 4 : 0) | (se > 0 ? 2 : 0) | (sw > 0 ? 1 : 0);
        if (signs === 0 || signs === 15) continue;
        const [x, y] = [frame.left + c * dx, frame.top + r * dy];
        const n = () => [x + (dx * nw) / (nw - ne), y];
        const s = () => [x + (dx * sw) / (sw - se), y + dy];
        const w = () => [x, y + (dy * nw) / (nw - sw)];
        const e = () => [x + dx, y + (dy * ne) / (ne - se)];
        const line = (from, to) => {
          path.moveTo(from[0], from[1]);
          path.lineTo(to[0], to[1]);
        };
        if (signs === 10 || signs === 5) {
          const isJoined = nw + ne + se + sw > 0; // whether the two positive corners join at the centre
          const cutsNorthEast = (signs === 10) === isJoined;
          line(n(), cutsNorthEast ? e() : w());
          line(s(), cutsNorthEast ? w() : e());
          continue;
        }
        const ends = [];
        if ((nw > 0) !== (ne > 0)) ends.push(n());
        if ((ne > 0) !== (se > 0)) ends.push(e());
        if ((sw > 0) !== (se > 0)) ends.push(s());
        if ((nw > 0) !== (sw > 0)) ends.push(w());
        line(ends[0], ends[1]);
      }
    }
    return path;
  }

  // Where neighbouring grid points lie in different leaves.
  _borders() {
    const { frame, grid: { cols, rows }, out: { leaf } } = this;
    const path = new Path2D();
    const [dx, dy] = [frame.w / (cols - 1), frame.h / (rows - 1)];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const [x, y, own] = [frame.left + c * dx, frame.top + r * dy, leaf[r * cols + c]];
        if (c + 1 < cols && leaf[r * cols + c + 1] !== own) {
          path.moveTo(x + dx / 2, y - dy / 2);
          path.lineTo(x + dx / 2, y + dy / 2);
        }
        if (r + 1 < rows && leaf[(r + 1) * cols + c] !== own) {
          path.moveTo(x - dx / 2, y + dy / 2);
          path.lineTo(x + dx / 2, y + dy / 2);
        }
      }
    }
    return path;
  }

  // The splits of a decision tree, each within the box of its node.
  _boxes() {
    const { scene } = this;
    const { feature, threshold, left, right } = scene.tree;
    const path = new Path2D();
    const open = [[0, [...scene.low], [...scene.high]]];
    while (open.length) {
      const [node, low, high] = open.pop();
      if (left[node] < 0) continue;
      const f = feature[node];
      const cut = threshold[node] * scene.scale[f] + scene.mean[f];
      const at = Math.min(high[f], Math.max(low[f], cut));
      const [from, to] = [[...low], [...high]];
      from[f] = to[f] = at;
      if (at > low[f] && at < high[f]) {
        path.moveTo(...this.toPixels(from));
        path.lineTo(...this.toPixels(to));
      }
      const [cutHigh, cutLow] = [[...high], [...low]];
      cutHigh[f] = cutLow[f] = at;
      open.push([left[node], low, cutHigh], [right[node], cutLow, high]);
    }
    return path;
  }

  _rows(look) {
    const { frame, model, marks } = this;
    const rows = model.rows("train");
    const key = [this.frameKey, rows.n, this.scene.id, look.projector, this.section.key].join();
    if (key !== this.marksKey) {
      this.marksKey = key;
      marks.width = this.canvas.width;
      marks.height = this.canvas.height;
      const ctx = marks.getContext("2d");
      const radius = (look.projector ? 5.5 : 3.4) * Math.min(1, Math.max(0.45, Math.sqrt(900 / Math.max(1, rows.n))));
      const paths = this.scene.classes.map((_, c) => planeMarker(look.markers[c % look.markers.length]));
      ctx.strokeStyle = look.background;
      for (let i = 0; i < rows.n; i++) {
        const [x, y] = this.toPixels(rows.row(i));
        ctx.setTransform(frame.ratio * radius, 0, 0, frame.ratio * radius, frame.ratio * x, frame.ratio * y);
        const isNumber = Boolean(this.scene.target);
        const path = paths[isNumber ? 0 : rows.y[i]];
        ctx.fillStyle = isNumber ? sceneColour(sceneValues(look), model.shade(rows.y[i])) : look.classes[rows.y[i] % look.classes.length];
        if (isNumber) ctx.strokeStyle = look.text;
        ctx.lineWidth = 0.55;
        ctx.stroke(path);
        ctx.fill(path);
      }
    }
    this.ctx.save();
    this.ctx.setTransform(1, 0, 0, 1, 0, 0);
    this.ctx.drawImage(marks, 0, 0);
    this.ctx.restore();
  }

  // Each pattern is written where its cell is widest, if it fits.
  _labels(look) {
    const { ctx, model, frame, grid: { cols, rows } } = this;
    const { routed } = model.scene;
    const hasExperts = Boolean(routed && !routed.isTree);
    if (!hasExperts && (!model.gated || !model.depth || model.depth > PLANE_LABELS_DEPTH)) return;
    const name = (leaf) => (hasExperts ? String(leaf) : bitsOf(leaf, model.depth));
    const size = look.size - 3;
    ctx.font = `600 ${size}px ${look.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const half = ctx.measureText(name(hasExperts ? routed.leaves - 1 : 0)).width / 2;
    const [dx, dy] = [frame.w / (cols - 1), frame.h / (rows - 1)];
    for (const [leaf, at, depth] of this._widest()) {
      if (depth * Math.min(dx, dy) < Math.max(0.72 * half, 0.9 * size)) continue;
      const [x, y] = [frame.left + (at % cols) * dx, frame.top + Math.floor(at / cols) * dy];
      this._words(ctx, name(leaf), x, y, half, size, look);
    }
  }

  _words(ctx, words, x, y, half, size, look) {
    ctx.globalAlpha = 0.82;
    ctx.fillStyle = look.background;
    ctx.beginPath();
    ctx.roundRect(x - half - 4, y - 0.68 * size, 2 * half + 8, 1.36 * size, 4);
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.fillStyle = look.text;
    ctx.fillText(words, x, y + 1);
  }

  // For each leaf, the grid point farthest from other leaves and the edge: [leaf, point, steps].
  _widest() {
    const { grid: { cols, rows }, out: { leaf } } = this;
    if (!this.far || this.far.length < cols * rows) this.far = new Int16Array(Math.ceil(1.2 * cols * rows));
    const { far } = this;
    const near = (i, j) => (leaf[i] === leaf[j] ? far[j] + 1 : 1);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const i = r * cols + c;
        far[i] = r === 0 || c === 0 || r === rows - 1 || c === cols - 1 ? 0 : Math.min(near(i, i - 1), near(i, i - cols));
      }
    }
    const best = new Map();
    for (let r = rows - 2; r > 0; r--) {
      for (let c = cols - 2; c > 0; c--) {
        const i = r * cols + c;
        far[i] = Math.min(far[i], near(i, i + 1), near(i, i + cols));
        const found = best.get(leaf[i]);
        if (found === undefined || far[i] > far[found]) best.set(leaf[i], i);
      }
    }
    return [...best].map(([one, at]) => [one, at, far[at]]);
  }

  _axes(look) {
    const { ctx, frame, section: { low, high } } = this;
    const names = this.section.names.map((name) => (name.length > PLANE_NAME ? `${name.slice(0, PLANE_NAME - 1)}…` : name));
    ctx.strokeStyle = look.muted;
    ctx.lineWidth = 1;
    ctx.strokeRect(frame.left, frame.top, frame.w, frame.h);
    ctx.fillStyle = look.text;
    ctx.font = `${look.size - 2}px ${look.font}`;
    const count = Math.max(2, Math.min(5, Math.floor(frame.w / (5 * look.size))));
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    const bottom = frame.top + frame.h;
    for (const [value, words] of planeTicks(low[0], high[0], count)) {
      const [x] = this._place(value, low[1]);
      ctx.fillRect(x - 0.5, bottom, 1, 4);
      ctx.fillText(words, x, bottom + 6);
    }
    ctx.textBaseline = "bottom";
    ctx.fillText(names[0], frame.left + frame.w / 2, frame.height);
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    for (const [value, words] of planeTicks(low[1], high[1], count)) {
      const [, y] = this._place(low[0], value);
      ctx.fillRect(frame.left - 4, y - 0.5, 4, 1);
      ctx.fillText(words, frame.left - 6, Math.min(bottom - 0.5 * look.size, Math.max(frame.top + 0.5 * look.size, y)));
    }
    ctx.save();
    ctx.translate(0.55 * look.size, frame.top + frame.h / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.textAlign = "center";
    ctx.fillText(names[1], 0, 0);
    ctx.restore();
  }

  // Fade everything but the highlighted leaves.
  _dim(lit, litKey, fade, look) {
    const { grid: { cols, rows }, out: { leaf }, frame, context: ctx } = this;
    if (litKey !== this.maskKey) {
      this.maskKey = litKey;
      const image = this._imageOf(this.mask, "maskData");
      const [red, green, blue] = channels(look.background);
      const ground = ((blue << 16) | (green << 8) | red) >>> 0;
      const pixels = new Uint32Array(image.data.buffer);
      const known = new Map();
      for (let i = 0; i < cols * rows; i++) {
        let pixel = known.get(leaf[i]);
        if (pixel === undefined) known.set(leaf[i], (pixel = lit(leaf[i]) ? ground : (ground | (fade << 24)) >>> 0));
        pixels[i] = pixel;
      }
      this.mask.getContext("2d").putImageData(image, 0, 0);
    }
    ctx.save();
    ctx.beginPath();
    ctx.rect(frame.left, frame.top, frame.w, frame.h);
    ctx.clip();
    this._image(ctx, this.mask);
    ctx.restore();
  }

  _point({ raw, bits, isHeld }, look) {
    const { context: ctx, frame } = this;
    const [x, y] = this.toPixels(raw);
    const radius = look.projector ? 11 : 7;
    for (const [colour, extra] of [[look.background, 2.5], [look.text, 0]]) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = (look.projector ? 4 : 2.5) + extra;
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
      ctx.stroke();
    }
    if (isHeld) {
      ctx.fillStyle = look.text;
      ctx.beginPath();
      ctx.arc(x, y, radius / 2.4, 0, 2 * Math.PI);
      ctx.fill();
    }
    if (!bits) return;
    const words = [...bits].join(" ");
    const size = look.size + 2;
    ctx.font = `700 ${size}px ${look.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const half = ctx.measureText(words).width / 2;
    const right = x + radius + 12 + 2 * half > frame.left + frame.w ? -1 : 1;
    const above = y - frame.top < 1.4 * size ? 1 : -1;
    this._words(ctx, words, x + right * (radius + half + 8), y + above * (0.5 * size + 4), half, size, look);
  }
}

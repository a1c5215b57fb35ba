// The tree of prefixes of a net, drawn on a canvas: the colour of a node, and its number where there is room, is its share of
// the rows, on one scale for all levels, nets and pages; a node without rows is hatched.
// Node ids are breadth-first in trees, leaf numbers in flat nets, scikit-learn's in decision trees.

const TREE_NODE_DEPTH = 5; // up to here nodes are separate boxes with links and room for text
const TREE_CELL_DEPTH = 8; // up to here each node is a cell; deeper, a row is a strip of pixels
const TREE_NODE_LEAVES = 64; // decision trees with more leaves are drawn as cells
const TREE_CROSSINGS = 64; // most lines that show a permutation
const TREE_SHADES = 256;
const TREE_FADED = 0.4; // opacity of the nodes beside a lit path
const TREE_PAD = 8;

// Colours

function treeFaded(hex, opacity) {
  return `rgba(${channels(hex).join(", ")}, ${opacity})`;
}

// An opaque pixel in the layout of image data on a little-endian machine.
function treePack(channels) {
  return ((255 << 24) | (channels[2] << 16) | (channels[1] << 8) | channels[0]) >>> 0;
}

function treeMix(low, high, share) {
  return low.map((c, i) => Math.round(c + share * (high[i] - c)));
}

// Black or white, not the theme's ink: only these two reach a contrast of 4.5 on every colour of the scale.
function treeInk(channels) {
  return luminance(channels) > 0.179 ? "#000000" : "#FFFFFF";
}

function treeScaleAt(scale, place) {
  let step = 1;
  while (step < scale.length - 1 && scale[step][0] < place) step += 1;
  const [[start, low], [end, high]] = [scale[step - 1], scale[step]];
  const share = end > start ? Math.min(1, Math.max(0, (place - start) / (end - start))) : 1;
  return treeMix(channels(low), channels(high), share);
}

// Values derived from a look, computed once per look: shades by share of the rows, faded ones beside a lit path, inks, widths.
function treePalette(look) {
  const shades = Array.from({ length: TREE_SHADES }, (_, i) => treeScaleAt(look.load, i / (TREE_SHADES - 1)));
  const page = channels(look.background);
  const faded = shades.map((shade) => treeMix(page, shade, TREE_FADED));
  const fills = (all) => all.map((shade) => `rgb(${shade.join(", ")})`);
  return {
    place: (share) => share ** look.share_power,
    fills: fills(shades),
    inks: shades.map(treeInk),
    pixels: Uint32Array.from(shades, treePack),
    fadedFills: fills(faded),
    fadedInks: faded.map(treeInk),
    fadedPixels: Uint32Array.from(faded, treePack),
    edge: treeFaded(look.muted, 0.85),
    edgeGrey: treeFaded(look.muted, 0.5),
    link: treeFaded(look.muted, 0.6),
    linkGrey: treeFaded(look.muted, 0.35),
    cut: treeFaded(look.muted, 0.4),
    hatch: treeFaded(look.muted, 0.45),
    surface: look.secondary ?? look.background,
    thin: look.projector ? 2 : 1.25,
    strong: look.projector ? 5 : 3,
    casing: look.projector ? 3 : 2,
    label: look.size - 3,
  };
}

function treeShade(palette, share) {
  return Math.round(palette.place(Math.min(1, Math.max(0, share))) * (TREE_SHADES - 1));
}

// Words

function treePercent(share) {
  return share > 0 && share < 0.01 ? "<1" : String(Math.round(100 * share));
}

function treeIsSingle(picture) {
  return picture.kind === "dense" || (picture.kind === "tree" && !picture.depth);
}

function treeFullest(loads, leaves) {
  const filled = leaves.filter((id) => loads[id] > 0);
  return { count: filled.length, id: filled.reduce((best, id) => (loads[id] > loads[best] ? id : best), filled[0]) };
}

function treeLeafWords(loads, leaves, first, depth, named) {
  if (!loads?.length) return "";
  const { count, id } = treeFullest(loads, leaves);
  const words = `${sceneThousands(count)} of ${sceneThousands(leaves.length)} leaves hold training rows`;
  if (!count) return words;
  const bits = named && depth ? ` ${[...bitsOf(id - first, depth)].join(" ")},` : "";
  return `${words}, the fullest,${bits} ${(100 * loads[id]).toFixed(1)} %`;
}

// What the leaves of a net drawn leaf by leaf are: `sums` says how many of how many matrices each sums, none for its own.
function treeLeafKind(sums) {
  return sums ? `leaves, each the sum of ${sums.used} of ${sceneThousands(sums.all)} matrices` : "separate leaves";
}

// The drawing in words, for screen readers.
function treeSentence(picture) {
  const { kind, depth, loads, tree, level } = picture;
  if (treeIsSingle(picture)) return picture.routed ? routedSentence(picture.routed) : "One matrix, which all rows share.";
  let start;
  let leaves;
  let first = 0;
  if (kind === "decision_tree") {
    const ids = Array.from(tree?.left ?? [], (_, id) => id);
    leaves = ids.filter((id) => tree.left[id] < 0);
    start = `${sceneThousands(ids.length)} nodes on ${tree ? treeGrow(tree).rows : 0} levels`;
  } else {
    const count = 2 ** depth;
    first = kind === "tree" ? count - 1 : 0;
    leaves = Array.from({ length: count }, (_, leaf) => first + leaf);
    start = kind === "tree" ? `${sceneThousands(2 * count - 1)} nodes on ${depth + 1} levels` : `${sceneThousands(count)} ${treeLeafKind(picture.sums)}`;
  }
  const parts = [start, treeLeafWords(loads, leaves, first, depth, kind !== "decision_tree")].filter(Boolean);
  const sentences = [`${parts.join("; ")}.`];
  if (kind === "tree" && level < depth) sentences.push(`Read to level ${level}.`);
  if (picture.shuffled) sentences.push("The leaves' matrices are shuffled.");
  if (picture.path && picture.bits) sentences.push(`The point's bits are ${[...picture.bits].join(" ")}.`);
  return sentences.join(" ");
}

// Layout: the box of each node, in CSS pixels. It depends on neither loads nor path, so nothing moves when they change.

// Depth-first without recursion, since a decision tree may be deep. Spans count leaves from the left.
function treeGrow(tree) {
  const count = tree.left.length;
  const grown = {
    start: new Float64Array(count),
    end: new Float64Array(count),
    row: new Int32Array(count),
    parent: new Int32Array(count).fill(-1),
    leaves: 0,
    rows: 1,
  };
  const open = [0];
  const order = [];
  while (open.length) {
    const id = open.pop();
    order.push(id);
    grown.rows = Math.max(grown.rows, grown.row[id] + 1);
    if (tree.left[id] < 0) {
      grown.start[id] = grown.leaves;
      grown.leaves += 1;
      grown.end[id] = grown.leaves;
      continue;
    }
    for (const child of [tree.right[id], tree.left[id]]) {
      grown.parent[child] = id;
      grown.row[child] = grown.row[id] + 1;
      open.push(child);
    }
  }
  for (const id of order.reverse()) {
    if (tree.left[id] < 0) continue;
    grown.start[id] = grown.start[tree.left[id]];
    grown.end[id] = grown.end[tree.right[id]];
  }
  return grown;
}

function treeBalanced(depth) {
  const count = 2 ** (depth + 1) - 1;
  const leaves = 2 ** depth;
  const grown = {
    start: new Float64Array(count),
    end: new Float64Array(count),
    row: new Int32Array(count),
    parent: new Int32Array(count).fill(-1),
    leaves,
    rows: depth + 1,
  };
  for (let id = 0; id < count; id += 1) {
    const row = 31 - Math.clz32(id + 1);
    const span = leaves / 2 ** row;
    grown.row[id] = row;
    grown.start[id] = (id + 1 - 2 ** row) * span;
    grown.end[id] = grown.start[id] + span;
    if (id) grown.parent[id] = (id - 1) >> 1;
  }
  return grown;
}

function treeRowOfLeaves(leaves) {
  return {
    start: Float64Array.from({ length: leaves }, (_, leaf) => leaf),
    end: Float64Array.from({ length: leaves }, (_, leaf) => leaf + 1),
    row: new Int32Array(leaves),
    parent: new Int32Array(leaves).fill(-1),
    leaves,
    rows: 1,
  };
}

function treeShape(picture) {
  const { kind, depth } = picture;
  if (treeIsSingle(picture)) return { mode: "single", grown: treeRowOfLeaves(1) };
  if (kind === "decision_tree") {
    if (!picture.tree?.left?.length) return { mode: "single", grown: treeRowOfLeaves(1) };
    const grown = treeGrow(picture.tree);
    return { mode: grown.leaves > TREE_NODE_LEAVES ? "cells" : "nodes", grown };
  }
  const rows = kind === "tree" ? depth + 1 : 1;
  const isCells = picture.isIcicle || depth > TREE_NODE_DEPTH;
  if (depth > TREE_CELL_DEPTH) return { mode: "strips", grown: { leaves: 2 ** depth, rows } };
  const grown = kind === "tree" ? treeBalanced(depth) : treeRowOfLeaves(2 ** depth);
  return { mode: isCells ? "cells" : "nodes", grown };
}

class TreeLayout {
  constructor(ctx, picture, palette, width, height, ratio) {
    const { look, kind, depth, prefix = "" } = picture;
    const { mode, grown } = treeShape(picture);
    Object.assign(this, { kind, depth, prefix, mode, grown, width, height, ratio, palette, font: look.font, size: look.size });
    this.first = kind === "tree" ? 2 ** depth - 1 : 0; // id of the first leaf of a net
    this.measure = (text, size = palette.label) => {
      ctx.font = `${size}px ${look.font}`;
      return ctx.measureText(text).width;
    };
    if (mode === "single") this.placeSingle();
    else this.placeRows();
  }

  placeSingle() {
    const w = Math.min(0.5 * this.width, 11 * this.size);
    const h = Math.min(0.45 * this.height, 7 * this.size);
    this.left = (this.width - w) / 2;
    this.right = this.left + w;
    this.rows = [{ y: Math.max(4, (this.height - h - 1.6 * this.size) / 2), h, count: 1, first: 0 }];
    this.boxes([w]);
    this.styleShares();
  }

  placeRows() {
    const words = this.labelWords();
    this.labelWord = words?.word ?? null;
    this.left = words ? Math.ceil(words.width) + 12 : TREE_PAD;
    this.right = this.width - TREE_PAD;
    // Strips and cells start on a whole device pixel, to avoid seams.
    this.left = Math.round(this.left * this.ratio) / this.ratio;
    this.right = Math.round(this.right * this.ratio) / this.ratio;
    this.slot = (this.right - this.left) / this.grown.leaves;
    this.placeBand();
    if (this.kind === "flat") this.placeFlat();
    else this.stackRows();
    const cap = (this.grown.rows < 4 ? 6.5 : 4.6) * this.size;
    if (this.mode === "nodes") this.boxes(Array(this.rows.length).fill(this.kind === "flat" ? Infinity : cap));
    if (this.mode === "cells") this.cells();
    this.styleShares();
  }

  labelWords() {
    if (this.kind === "flat") return null;
    const last = this.grown.rows - 1;
    const level = (l) => l + this.prefix.length;
    const words = [(l) => `level ${level(l)}`, (l) => String(level(l))];
    if (this.mode === "nodes") words.unshift((l, bare) => (bare ? `level ${level(l)}, %` : `level ${level(l)}`));
    for (const word of words) {
      const width = this.measure(word(last, true));
      if (width > 0.16 * this.width) continue;
      const shuffled = this.kind === "tree" ? this.measure("shuffled") : 0;
      return { word, width: shuffled <= 0.16 * this.width ? Math.max(width, shuffled - 4) : width };
    }
    return null;
  }

  // Below the last row: the leaves' patterns, and room for the lines of a permutation.
  placeBand() {
    const label = this.palette.label;
    const net = this.kind === "tree" || this.kind === "flat";
    const wide = this.measure("0".repeat(this.prefix.length + this.depth));
    const roomy = this.height >= 10 * this.size + 100;
    this.patterns = "none";
    let text = net ? 1.3 * label : 4;
    if (net && this.mode === "nodes" && wide + 3 <= this.slot) this.patterns = "level";
    else if (net && this.mode === "nodes" && roomy && 1.05 * label <= this.slot) {
      this.patterns = "turned";
      text = wide + 6;
    }
    this.textBand = text;
    this.crossBand = net && roomy ? 1.8 * this.size : 0;
    this.band = this.textBand + this.crossBand;
  }

  placeFlat() {
    const title = 1.5 * this.size;
    const room = this.height - this.band - title - 4;
    const h = Math.max(8, Math.min(room, 0.5 * this.height, 11 * this.size));
    const y = this.height - this.band - h;
    this.titleY = y - 0.45 * this.size;
    this.rows = [{ y, h, count: this.grown.leaves, first: 0 }];
  }

  stackRows() {
    const rows = this.grown.rows;
    const top = 5;
    const room = this.height - this.band - top;
    const share = this.mode === "nodes" ? (room / rows < 2.4 * this.size ? 0.7 : 0.58) : 0.8;
    const thick = Math.min((share * room) / rows, this.mode === "nodes" ? 3.4 * this.size : Infinity);
    const pitch = rows > 1 ? (room - thick) / (rows - 1) : 0;
    const snap = (y) => Math.round(y * this.ratio) / this.ratio;
    this.rows = Array.from({ length: rows }, (_, l) => {
      const y = snap(top + l * pitch);
      return { y, h: snap(y + thick) - y, count: 2 ** l, first: 2 ** l - 1 };
    });
  }

  boxes(caps) {
    const { start, end, row } = this.grown;
    const span = (this.right - this.left) / this.grown.leaves;
    const least = this.leastWidth();
    this.x = new Float64Array(start.length);
    this.w = new Float64Array(start.length);
    for (let id = 0; id < start.length; id += 1) {
      const wide = (end[id] - start[id]) * span;
      const share = 0.94 * wide >= least ? Math.max(0.82 * wide, least) : 0.82 * wide;
      this.w[id] = this.mode === "single" ? wide : Math.min(caps[row[id]], Math.max(1.5, share));
      this.x[id] = this.left + ((start[id] + end[id]) / 2) * span - this.w[id] / 2;
    }
  }

  // Of a box that a number of two digits fits.
  leastWidth() {
    return this.measure("88", this.palette.label) + 1;
  }

  cells() {
    const { start, end } = this.grown;
    const edge = (place) => Math.round((this.left + place * this.slot) * this.ratio) / this.ratio;
    this.x = Float64Array.from(start, edge);
    this.w = Float64Array.from(end, (place, id) => edge(place) - this.x[id]);
  }

  // The form of a row's shares: the largest that fits its narrowest node, so that it never flickers.
  styleShares() {
    const isStrips = this.mode === "strips";
    const narrow = this.rows.map((row) => (isStrips ? (this.right - this.left) / row.count : Infinity));
    for (let id = 0; !isStrips && id < this.x.length; id += 1) {
      const row = this.grown.row[id];
      narrow[row] = Math.min(narrow[row], this.w[id]);
    }
    const label = this.palette.label;
    const forms = [[this.size, " %"], [label, " %"], [this.size, ""], [label, ""]];
    this.rows.forEach((row, l) => {
      const fits = ([size, unit]) => row.h >= 1.02 * size && this.measure(`88${unit}`, size) + 3 <= narrow[l];
      const isTight = row.h >= 1.02 * label && this.leastWidth() <= narrow[l];
      const form = forms.find(fits) ?? (isTight ? forms[3] : null);
      row.share = form ? { size: form[0], unit: form[1], full: this.measure(`100${form[1]}`, form[0]) } : null;
    });
  }

  get bottom() {
    const last = this.rows[this.rows.length - 1];
    return last.y + last.h;
  }

  rowOf(id) {
    if (this.mode !== "strips") return this.grown.row[id];
    return this.kind === "tree" ? 31 - Math.clz32(id + 1) : 0;
  }

  // Left edge, top edge, width and height of a node.
  box(id) {
    const row = this.rows[this.rowOf(id)];
    if (this.mode !== "strips") return [this.x[id], row.y, this.w[id], row.h];
    const w = (this.right - this.left) / row.count;
    return [this.left + (id - row.first) * w, row.y, w, row.h];
  }

  centre(id) {
    const [x, , w] = this.box(id);
    return x + w / 2;
  }

  leafX(leaf) {
    return this.left + (leaf + 0.5) * this.slot;
  }

  nodeAt(x, y) {
    if (this.mode === "strips") return this.stripAt(x, y);
    const slack = this.mode === "nodes" ? 3 : 0;
    for (let id = 0; id < this.x.length; id += 1) {
      const [left, top, w, h] = this.box(id);
      if (x >= left - slack && x < left + w + slack && y >= top - slack && y < top + h + slack) return id;
    }
    return null;
  }

  stripAt(x, y) {
    if (x < this.left || x >= this.right) return null;
    const row = this.rows.find(({ y: top, h }) => y >= top && y < top + h);
    return row ? row.first + Math.floor(((x - this.left) / (this.right - this.left)) * row.count) : null;
  }
}

// Each pixel shows the fullest node under it: a single full leaf among thousands stays visible.
function treeStripRow(pixels, offset, width, loads, first, count, palette, shades) {
  const step = count / width;
  for (let column = 0; column < width; column += 1) {
    const start = first + Math.floor(column * step);
    const end = Math.max(start + 1, first + Math.floor((column + 1) * step));
    let load = 0;
    for (let id = start; id < end; id += 1) if (loads[id] > load) load = loads[id];
    if (load > 0) pixels[offset + column] = shades[treeShade(palette, load)];
  }
}

class TreeStrips {
  constructor(document) {
    this.canvas = document.createElement("canvas");
    this.ctx = this.canvas.getContext("2d");
    this.drawn = [];
  }

  // Paint one pixel row per level, only after a change.
  update(layout, loads, version, isFaded) {
    const key = [layout, loads, version, isFaded];
    if (key.every((part, i) => part === this.drawn[i])) return;
    this.drawn = key;
    const width = Math.max(1, Math.round((layout.right - layout.left) * layout.ratio));
    const height = layout.rows.length;
    if (this.image?.width !== width || this.image?.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.ctx.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(0);
    const { palette } = layout;
    const shades = isFaded ? palette.fadedPixels : palette.pixels;
    layout.rows.forEach((row, l) => { treeStripRow(this.pixels, l * width, width, loads, row.first, row.count, palette, shades); });
    this.ctx.putImageData(this.image, 0, 0);
  }
}

function treeHatch(ctx, palette, ratio) {
  const side = Math.round(6 * ratio);
  const tile = ctx.canvas.ownerDocument.createElement("canvas");
  tile.width = side;
  tile.height = side;
  const pen = tile.getContext("2d");
  pen.strokeStyle = palette.hatch;
  pen.lineWidth = ratio;
  pen.beginPath();
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift - 1, side + 1);
    pen.lineTo(shift + side + 1, -1);
  }
  pen.stroke();
  const pattern = ctx.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

class TreeDrawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.layout = null;
    this.strips = new TreeStrips(canvas.ownerDocument);
  }

  // Loads are compared by reference: pass a new array or another `picture.version` when they change.
  draw(picture) {
    const ratio = sceneRatio();
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width || !height) return;
    this.resize(Math.round(width * ratio), Math.round(height * ratio));
    this.prepare(picture, width, height, ratio);
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ctx.clearRect(0, 0, width, height);
    this.ctx.lineJoin = "round";
    this.drawLinks();
    this.drawNodes();
    this.drawCrossings();
    this.drawPath();
    this.drawShares();
    this.drawLinkBits();
    this.drawPatterns();
    this.drawLabels();
    this.drawCut();
  }

  nodeAt(x, y) {
    return this.layout ? this.layout.nodeAt(x, y) : null;
  }

  resize(width, height) {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  prepare(picture, width, height, ratio) {
    const { look, kind, depth, loads, prefix } = picture;
    this.picture = picture;
    if (this.look !== look) {
      // An equal look that was merely sent again keeps its palette and layout.
      const words = JSON.stringify(look);
      if (words !== this.lookWords) this.palette = treePalette(look);
      this.lookWords = words;
      this.look = look;
    }
    const key = [kind, depth, width, height, ratio, this.palette, picture.tree, prefix, picture.isIcicle];
    if (!this.layout || key.some((part, i) => part !== this.key[i])) {
      this.layout = new TreeLayout(this.ctx, picture, this.palette, width, height, ratio);
      this.hatch = treeHatch(this.ctx, this.palette, ratio);
      this.key = key;
    }
    this.known = Boolean(loads?.length);
    this.level = kind === "tree" && depth ? Math.min(picture.level ?? depth, depth) : Infinity;
    const path = Array.from(picture.path ?? []);
    this.lit = path.length > 0 && !picture.keepsColours;
    this.path = path.filter((id) => this.layout.rowOf(id) <= this.level);
    this.onPath = new Set(this.path);
    this.colour = look.models?.[picture.style] ?? look.models?.[kind] ?? look.muted;
  }

  setFont(size, bold = false) {
    this.ctx.font = `${bold ? "bold " : ""}${size}px ${this.layout.font}`;
  }

  // Links

  linkTo(id) {
    const { layout, ctx } = this;
    const parent = layout.grown.parent[id];
    const above = layout.rows[layout.grown.row[parent]];
    const [from, to] = [above.y + above.h, layout.rows[layout.grown.row[id]].y];
    const [x0, x1, middle] = [layout.centre(parent), layout.centre(id), (from + to) / 2];
    ctx.moveTo(x0, from);
    ctx.bezierCurveTo(x0, middle, x1, middle, x1, to);
  }

  drawLinks() {
    const { layout, ctx, palette } = this;
    if (layout.mode !== "nodes") return;
    const { parent, row } = layout.grown;
    for (const faint of [true, false]) {
      ctx.beginPath();
      for (let id = 0; id < parent.length; id += 1) {
        if (parent[id] >= 0 && row[id] > this.level === faint) this.linkTo(id);
      }
      ctx.setLineDash(faint ? [2, 4] : []);
      ctx.strokeStyle = faint ? palette.cut : this.lit ? palette.linkGrey : palette.link;
      ctx.lineWidth = palette.thin;
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }

  linkBitsShown(l) {
    const { layout, palette } = this;
    const [above, row] = [layout.rows[l - 1], layout.rows[l]];
    const gap = row.y - above.y - above.h;
    return gap >= 1.5 * palette.label && (layout.right - layout.left) / 2 ** l >= 3.2 * palette.label;
  }

  drawLinkBits() {
    const { layout, ctx, look, palette } = this;
    if (layout.mode !== "nodes" || layout.kind === "flat") return;
    const { parent, row } = layout.grown;
    const signs = layout.kind === "tree" ? ["0", "1"] : ["≤", ">"];
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    for (let id = 1; id < parent.length; id += 1) {
      if (row[id] > this.level || !this.linkBitsShown(row[id])) continue;
      const above = layout.rows[row[parent[id]]];
      const x = (layout.centre(parent[id]) + layout.centre(id)) / 2;
      const y = (above.y + above.h + layout.rows[row[id]].y) / 2;
      const lit = this.onPath.has(id);
      ctx.fillStyle = look.background;
      ctx.beginPath();
      ctx.arc(x, y, 0.66 * palette.label, 0, 2 * Math.PI);
      ctx.fill();
      this.setFont(palette.label, lit);
      ctx.fillStyle = lit ? look.text : look.muted;
      ctx.fillText(signs[layout.centre(id) > layout.centre(parent[id]) ? 1 : 0], x, y + 0.5);
    }
  }

  // Nodes

  drawNodes() {
    if (this.layout.mode === "strips") this.drawStrips();
    else if (this.layout.mode === "cells") this.drawCells();
    else this.drawBoxes();
  }

  radius(w, h) {
    return Math.min(0.3 * this.look.size, 0.25 * w, 0.25 * h);
  }

  drawBoxes() {
    const { layout, ctx, palette, look } = this;
    const edges = { full: new Path2D(), empty: new Path2D(), cut: new Path2D() };
    for (let id = 0; id < layout.x.length; id += 1) {
      const [x, y, w, h] = layout.box(id);
      const r = this.radius(w, h);
      const cut = layout.grown.row[id] > this.level;
      (cut ? edges.cut : this.isEmpty(id) ? edges.empty : edges.full).roundRect(x, y, w, h, r);
      if (cut) continue;
      ctx.beginPath();
      ctx.roundRect(x, y, w, h, r);
      ctx.fillStyle = look.background;
      ctx.fill();
      ctx.fillStyle = this.fillOf(id);
      ctx.fill();
    }
    ctx.lineWidth = palette.thin;
    ctx.strokeStyle = this.lit ? palette.edgeGrey : palette.edge;
    ctx.stroke(edges.full);
    ctx.setLineDash([3, 3]);
    ctx.stroke(edges.empty);
    ctx.setLineDash([2, 4]);
    ctx.strokeStyle = palette.cut;
    ctx.stroke(edges.cut);
    ctx.setLineDash([]);
  }

  isEmpty(id) {
    return this.known && !(this.picture.loads[id] > 0);
  }

  fillOf(id) {
    const { palette } = this;
    if (!this.known) return palette.surface;
    if (this.isEmpty(id)) return this.hatch;
    const shade = treeShade(palette, this.picture.loads[id]);
    return (this.lit && !this.onPath.has(id) ? palette.fadedFills : palette.fills)[shade];
  }

  drawCells() {
    const { layout, ctx, palette } = this;
    const edges = new Path2D();
    for (let id = 0; id < layout.x.length; id += 1) {
      const [x, y, w, h] = layout.box(id);
      if (layout.grown.row[id] > this.level || !w) continue;
      ctx.fillStyle = this.fillOf(id);
      ctx.fillRect(x, y, w, h);
      // Cells of a decision tree leave gaps where branches end, so each has its own frame.
      if (w >= 4) edges.rect(x, y, w, h);
    }
    this.frameRows();
    ctx.lineWidth = 1;
    ctx.strokeStyle = this.lit ? palette.linkGrey : palette.edgeGrey;
    ctx.stroke(edges);
  }

  drawStrips() {
    const { layout, ctx, picture } = this;
    if (this.known) this.strips.update(layout, picture.loads, picture.version, this.lit);
    const width = layout.right - layout.left;
    ctx.imageSmoothingEnabled = false;
    layout.rows.forEach((row, l) => {
      if (l > this.level || !this.known) return;
      ctx.fillStyle = this.hatch;
      ctx.fillRect(layout.left, row.y, width, row.h);
      ctx.drawImage(this.strips.canvas, 0, l, this.strips.canvas.width, 1, layout.left, row.y, width, row.h);
    });
    this.separateCells();
    this.frameRows();
  }

  // Hairlines in the page's colour separate the nodes of a strip that are wide enough.
  separateCells() {
    const { layout, ctx, look } = this;
    ctx.fillStyle = look.background;
    layout.rows.forEach((row, l) => {
      const w = (layout.right - layout.left) / row.count;
      if (w < 6 || l > this.level) return;
      for (let i = 1; i < row.count; i += 1) ctx.fillRect(layout.left + i * w - 0.5, row.y, 1, row.h);
    });
  }

  frameRows() {
    const { layout, ctx, palette } = this;
    if (layout.kind === "decision_tree") return;
    ctx.lineWidth = 1;
    layout.rows.forEach((row, l) => {
      const cut = l > this.level;
      ctx.setLineDash(cut ? [2, 4] : []);
      ctx.strokeStyle = cut ? palette.cut : palette.edgeGrey;
      ctx.strokeRect(layout.left, row.y, layout.right - layout.left, row.h);
    });
    ctx.setLineDash([]);
  }

  // Shares in percent

  drawShares() {
    const { layout, ctx } = this;
    if (!this.known) return;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    if (layout.mode !== "strips") {
      for (let id = 0; id < layout.x.length; id += 1) this.drawShare(id);
      return;
    }
    for (const row of layout.rows.filter((one) => one.share)) {
      for (let id = row.first; id < row.first + row.count; id += 1) this.drawShare(id);
    }
  }

  drawShare(id) {
    const { layout, ctx, palette, picture } = this;
    const { share } = layout.rows[layout.rowOf(id)];
    if (!share || layout.rowOf(id) > this.level || this.isEmpty(id)) return;
    const [x, y, w, h] = layout.box(id);
    const isOnPath = this.onPath.has(id);
    const number = treePercent(picture.loads[id]);
    const isTight = number.length > 2 && share.full + 2 > w;
    const words = number + (isTight ? "" : share.unit);
    const size = isTight ? palette.label : share.size;
    this.setFont(size, isOnPath);
    if (isOnPath && layout.mode !== "nodes") {
      // the path runs across a cell
      const wide = ctx.measureText(words).width + 6;
      ctx.fillStyle = this.fillOf(id);
      ctx.fillRect(x + (w - wide) / 2, y + Math.max(2, h / 2 - 0.7 * size), wide, Math.min(h - 4, 1.4 * size));
    }
    ctx.fillStyle = (this.lit && !isOnPath ? palette.fadedInks : palette.inks)[treeShade(palette, picture.loads[id])];
    ctx.fillText(words, x + w / 2, y + h / 2 + 0.06 * share.size);
  }

  // The path of a point

  drawPath() {
    if (!this.path.length) return;
    if (this.layout.mode === "nodes" || this.layout.mode === "single") this.drawPathNodes();
    else this.drawPathCells();
  }

  // A casing in the page's colour separates the line from equally dark fills.
  strokeLit() {
    const { ctx, palette, look } = this;
    ctx.lineWidth = palette.strong + 2 * palette.casing;
    ctx.strokeStyle = look.background;
    ctx.stroke();
    ctx.lineWidth = palette.strong;
    ctx.strokeStyle = this.colour;
    ctx.stroke();
  }

  drawPathNodes() {
    const { layout, ctx } = this;
    ctx.beginPath();
    for (const id of this.path) if (this.onPath.has(layout.grown.parent[id])) this.linkTo(id);
    this.strokeLit();
    for (const id of this.path) {
      const [x, y, w, h] = layout.box(id);
      ctx.beginPath();
      ctx.roundRect(x, y, w, h, this.radius(w, h));
      ctx.lineWidth = this.palette.strong;
      ctx.strokeStyle = this.colour;
      ctx.stroke();
    }
  }

  // A child lies under its parent: the line runs across in the parent and then straight down.
  drawPathCells() {
    const { layout, ctx, palette } = this;
    const least = 2 * palette.strong;
    const boxes = this.path.map((id) => {
      const [x, y, w, h] = layout.box(id);
      const wide = Math.max(w, least);
      return [Math.max(layout.left, Math.min(layout.right - wide, x + (w - wide) / 2)), y, wide, h];
    });
    ctx.beginPath();
    for (const [x, y, w, h] of boxes) ctx.rect(x, y, w, h);
    this.strokeLit();
    boxes.forEach((box, i) => { this.fillMarker(this.path[i], box); });
    ctx.beginPath();
    boxes.forEach(([x, y, w, h], i) => {
      const [centre, middle] = [x + w / 2, y + h / 2];
      if (!i) ctx.moveTo(centre, middle);
      else ctx.lineTo(centre, middle);
      const next = boxes[i + 1];
      if (next) ctx.lineTo(next[0] + next[2] / 2, middle);
    });
    this.strokeLit();
  }

  fillMarker(id, [x, y, w, h]) {
    const { ctx, look } = this;
    ctx.fillStyle = look.background;
    ctx.fillRect(x, y, w, h);
    if (!this.known) return;
    ctx.fillStyle = this.fillOf(id);
    ctx.fillRect(x, y, w, h);
  }

  litLeaf() {
    const { layout, path } = this;
    if (!path.length || layout.mode === "single" || layout.kind === "decision_tree") return -1;
    const leaf = path[path.length - 1] - layout.first;
    return layout.kind === "flat" || leaf >= 0 ? leaf : -1;
  }

  // Under the leaves

  get crossed() {
    const { picture, layout } = this;
    return Boolean(picture.shuffled && picture.permutation && layout.band && layout.mode !== "single");
  }

  crossBottom() {
    const { layout } = this;
    return layout.bottom + (layout.crossBand || layout.band) - 3;
  }

  crossTo(leaf) {
    const { layout, ctx, picture } = this;
    const [top, bottom] = [layout.bottom + 3, this.crossBottom()];
    const [x0, x1, middle] = [layout.leafX(leaf), layout.leafX(picture.permutation[leaf]), (top + bottom) / 2];
    ctx.moveTo(x0, top);
    ctx.bezierCurveTo(x0, middle, x1, middle, x1, bottom);
    if (layout.slot < 10) return;
    ctx.moveTo(x1 - 2.5, bottom - 4);
    ctx.lineTo(x1, bottom);
    ctx.lineTo(x1 + 2.5, bottom - 4);
  }

  drawCrossings() {
    if (!this.crossed) return;
    const { layout, ctx, palette } = this;
    const step = Math.max(1, layout.grown.leaves / TREE_CROSSINGS);
    ctx.beginPath();
    for (let leaf = 0; leaf < layout.grown.leaves; leaf += step) this.crossTo(leaf);
    ctx.lineWidth = palette.thin;
    ctx.strokeStyle = this.lit || step > 1 ? palette.linkGrey : palette.link;
    ctx.stroke();
    const leaf = this.litLeaf();
    if (leaf < 0) return;
    ctx.beginPath();
    this.crossTo(leaf);
    this.strokeLit();
  }

  // With shuffled leaves, a pattern names the leaf whose matrix arrives by the line above it.
  drawPatterns() {
    const { layout, picture } = this;
    if (layout.mode === "single" || layout.kind === "decision_tree") return;
    if (this.crossed && !layout.crossBand) return;
    const top = layout.bottom + (this.crossed ? layout.crossBand : 0);
    const leaf = this.litLeaf();
    const bold = leaf >= 0 && this.crossed ? picture.permutation[leaf] : leaf;
    if (layout.patterns !== "none") {
      for (let i = 0; i < layout.grown.leaves; i += 1) this.writePattern(i, top, i === bold);
    } else if (bold >= 0) this.writeLeafBits(bold, top);
  }

  writePattern(leaf, top, bold) {
    const { layout, ctx, look, palette } = this;
    const turned = layout.patterns === "turned";
    this.setFont(palette.label, bold);
    ctx.fillStyle = bold ? look.text : look.muted;
    ctx.textAlign = turned ? "right" : "center";
    ctx.textBaseline = "middle";
    ctx.save();
    ctx.translate(layout.leafX(leaf), top + (turned ? 4 : 0.75 * palette.label));
    if (turned) ctx.rotate(-Math.PI / 2);
    ctx.fillText(layout.prefix + bitsOf(leaf, layout.depth), 0, 0);
    ctx.restore();
  }

  writeLeafBits(leaf, top) {
    const { layout, ctx, look, palette } = this;
    const bits = layout.prefix + bitsOf(leaf, layout.depth);
    this.setFont(palette.label, true);
    const half = ctx.measureText(bits).width / 2;
    ctx.fillStyle = look.text;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    const x = Math.max(layout.left + half, Math.min(layout.right - half, layout.leafX(leaf)));
    ctx.fillText(bits, x, top + 0.8 * palette.label);
  }

  // Labels

  drawLabels() {
    const { layout, ctx, look } = this;
    ctx.textBaseline = "middle";
    if (layout.mode === "single") this.labelSingle();
    else if (layout.kind === "flat") this.labelFlat();
    else if (layout.labelWord) this.labelLevels();
    if (!this.crossed || layout.kind === "flat" || layout.measure("shuffled") + 4 > layout.left) return;
    ctx.textAlign = "left";
    ctx.fillStyle = look.muted;
    this.setFont(this.palette.label);
    ctx.fillText("shuffled", 2, (layout.bottom + this.crossBottom()) / 2);
  }

  labelSingle() {
    const { layout, ctx, look } = this;
    this.setFont(look.size);
    ctx.fillStyle = look.text;
    ctx.textAlign = "center";
    const { kind, routed } = this.picture;
    const words = kind === "decision_tree" ? "no tree yet" : routed ? routedPlural(routed) : "one matrix";
    ctx.fillText(words, layout.width / 2, layout.bottom + look.size);
  }

  labelFlat() {
    const { layout, ctx, look } = this;
    const { share } = layout.rows[0];
    const words = [this.picture.sums ? `sums of ${this.picture.sums.used} matrices` : "separate leaves"];
    if (share && !share.unit) words.push("% of rows");
    if (this.crossed) words.push("shuffled");
    this.setFont(look.size);
    ctx.fillStyle = look.text;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.fillText(words.join(", "), layout.left, layout.titleY);
  }

  labelLevels() {
    const { layout, ctx, look, palette } = this;
    const { rows, labelWord } = layout;
    const last = rows.length - 1;
    const pitch = last ? rows[1].y - rows[0].y : Infinity;
    const step = Math.max(1, Math.ceil((1.1 * palette.label) / pitch));
    this.setFont(palette.label);
    ctx.textAlign = "left";
    ctx.fillStyle = look.muted;
    rows.forEach((row, l) => {
      if (l !== last && (l % step || last - l < step)) return;
      ctx.fillText(labelWord(l, row.share?.unit === ""), 2, row.y + row.h / 2 + 0.5);
    });
  }

  // The line below which nothing is read; its label covers only faint parts.
  drawCut() {
    const { layout, ctx, look, palette } = this;
    if (!(this.level < layout.rows.length - 1)) return;
    const [row, next] = [layout.rows[this.level], layout.rows[this.level + 1]];
    const y = Math.min((row.y + row.h + next.y) / 2, row.y + row.h + 0.6 * palette.label + palette.strong);
    ctx.lineWidth = look.line ?? 2;
    ctx.strokeStyle = look.text;
    ctx.beginPath();
    ctx.moveTo(layout.left, y);
    ctx.lineTo(layout.right, y);
    ctx.stroke();
    const words = `read to level ${this.level}`;
    this.setFont(palette.label, true);
    const wide = ctx.measureText(words).width + 8;
    ctx.fillStyle = look.background;
    ctx.fillRect(layout.right - wide, y + 2, wide, 1.35 * palette.label);
    ctx.fillStyle = look.text;
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    ctx.fillText(words, layout.right - 2, y + 2 + 0.7 * palette.label);
  }
}

// What colour and hatching mean, beside the tree: the scale from no rows to all of them.
class TreeLegend {
  constructor(parent) {
    this.box = addElement("div", "scene-loads", parent);
  }

  // `rows`: whose share it is, in words.
  write(look, rows) {
    const key = JSON.stringify([look, rows]);
    if (key === this.key) return;
    this.key = key;
    const { box } = this;
    box.textContent = "";
    addElement("span", "", box, `Share of the ${rows}`);
    const scale = addElement("span", "scene-loads-scale", box);
    const stops = look.load.map(([place, colour]) => `${colour} ${100 * place}%`);
    addElement("span", "scene-loads-bar", scale).style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    for (const share of look.share_ticks) {
      const tick = addElement("span", "scene-loads-tick", scale, String(100 * share) + (share === 1 ? " %" : ""));
      tick.style.left = `${100 * share ** look.share_power}%`;
    }
    const none = addElement("span", "scene-loads-key", box);
    addElement("span", "scene-loads-none", none);
    none.append("none");
  }
}

// The layer of a net, drawn as its formula: the matrices along a point's path, and the one matrix that they add up to.
// w width, K depth, V nodes. Formula: core/tree.py. Colours: those of the page about leaves (app/figures/leaves/matrices.py).

const LAYER_MOST = 9; // most matrices drawn one by one; of more, the first and the last ones
const LAYER_ENDS = 4; // of these, so many at either end
const LAYER_GAP = 1.15; // room for a sign between two matrices, in font sizes
const LAYER_TILE = 3.8; // the largest edge of a matrix, in font sizes
const LAYER_SHADES = 255;
const LAYER_MERGE = 900; // ms in which the matrices move onto their sum

const LAYER_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

function layerNumber(count) {
  return LAYER_NUMBERS[count] ?? sceneThousands(count);
}

// What of the layer's matrices a point uses: how many are added, and how many there are.
function layerSize(scene, model) {
  if (scene.sums) return scene.sums;
  if (!model.gated || model.depth === 0) return { used: 1, all: 1 };
  return model.kind === "tree" ? { used: model.level + 1, all: 2 ** (model.depth + 1) - 1 } : { used: 1, all: 2 ** model.depth };
}

// Why prediction is cheap, in a clause about "these" matrices of the point.
function layerWhy({ used }) {
  if (used > 1) return "their sum is stored, one matrix for each leaf, so prediction costs one multiplication";
  return "prediction costs one multiplication, however many are stored";
}

/** Draws the formula of a layer on a canvas. */
class LayerDrawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.tiles = new Map();
    this.merged = 0; // how far the matrices are on their way to the sum, from 0 to 1
  }

  // `picture`: look, scene, model, layer, found (null without a point), isMerged (only the sum is left), isStill (no movement).
  draw(picture) {
    const { look, scene, model, layer, found } = picture;
    this.merge(picture);
    const ratio = sceneRatio();
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const key = [model.version, model.epoch, layer, found?.leaf, found?.bits, found?.uses, look.dark, look.size, width, height, ratio, this.merged].join();
    if (!width || !height || (this.key === key && this.look === look)) return;
    Object.assign(this, { key, look, width, height });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ctx.clearRect(0, 0, width, height);
    const parts = layerParts(scene, model, layer, found);
    this.lay(parts, picture);
  }

  // Goes on towards what the picture asks for, and draws it again until that is reached.
  merge(picture) {
    const now = performance.now();
    const target = Number(Boolean(picture.isMerged && picture.found));
    const isStill = picture.isStill || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = isStill ? 1 : this.mergedAt ? (now - this.mergedAt) / LAYER_MERGE : 0;
    this.merged += Math.sign(target - this.merged) * Math.min(step, Math.abs(target - this.merged));
    this.mergedAt = this.merged === target ? null : now;
    cancelAnimationFrame(this.next);
    if (this.mergedAt) this.next = requestAnimationFrame(() => this.draw(picture));
  }

  lay({ terms, sum }, { found, model }) {
    const { ctx, look, width, height } = this;
    const size = look.size - 1;
    const small = size - 2;
    const lead = terms.length > 1 ? `W(${layerArgument(found, model.depth)}) =` : "W =";
    this.font(size, true);
    const begin = ctx.measureText(lead).width + 0.6 * size;
    const gap = LAYER_GAP * size;
    const signs = terms.length > 1 ? terms.length : 0; // between them, and before the sum
    const count = terms.length + (signs ? 1 : 0);
    const room = (width - begin - signs * gap - 2) / count;
    const edge = Math.floor(Math.max(8, Math.min(LAYER_TILE * size, room, height - 2.9 * small)));
    const top = Math.round((height - edge - 1.5 * small) / 2);
    const middle = top + edge / 2;
    const most = layerMost([...terms, sum]);
    this.write(lead, 0, middle, { bold: true, align: "left", size });
    const share = this.merged * this.merged * (3 - 2 * this.merged); // slow at both ends
    const moved = (from) => from + share * (begin - from);
    const rest = Math.max(0, 1 - 2 * share); // signs and names go first
    const named = this.namesThatFit(terms, (i) => begin + i * (edge + gap) + edge / 2, small);
    let x = begin;
    terms.forEach((term, i) => {
      if (i > 0) this.write(term.isCut ? "" : "+", moved(x + gap / 2), middle, { bold: true, size, opacity: rest });
      if (i > 0) x += gap;
      if (share < 1) this.tile(term, moved(x), top, edge, most);
      if (named.has(i)) this.name(term, moved(x) + edge / 2, top + edge, small, rest);
      x += edge;
    });
    if (!signs) return this.write(sum.name, x + 0.7 * size, middle, { align: "left", size: small });
    this.write("=", moved(x + gap / 2), middle, { bold: true, size, opacity: rest });
    this.tile({ ...sum, isSum: true }, moved(x + gap), top, edge, most);
    const at = moved(x + gap) + edge / 2;
    if (share === 1) {
      const words = `one ${sum.side} × ${sum.side} matrix, the sum of ${layerNumber(terms.filter((term) => term.values && !term.isCut).length)}`;
      return this.write(words, begin + edge + 0.7 * size, middle, { align: "left", size: small });
    }
    const [before, own] = [this.nameBox(terms.at(-1), x - edge / 2, small), this.nameBox(sum, at, small)];
    const isNarrow = own.left < before.left + before.width + 0.4 * small;
    this.name(isNarrow ? { name: "sum" } : sum, at, top + edge, small);
  }

  font(size, bold = false) {
    this.ctx.font = `${bold ? "bold " : ""}${size}px ${this.look.font}`;
  }

  write(words, x, y, { bold = false, align = "center", size, colour = this.look.text, opacity = 1 }) {
    const { ctx } = this;
    this.font(size, bold);
    Object.assign(ctx, { textAlign: align, textBaseline: "middle", fillStyle: colour, globalAlpha: opacity });
    ctx.fillText(words, x, y);
    ctx.globalAlpha = 1;
    return ctx.measureText(words).width;
  }

  nameBox(term, x, size) {
    const { ctx } = this;
    const [start, last] = term.bit ? [term.name.slice(0, -1), term.name.at(-1)] : [term.name, ""];
    this.font(size);
    const first = ctx.measureText(start).width;
    this.font(size, true);
    const width = first + ctx.measureText(last).width;
    return { start, last, first, width, left: Math.min(this.width - width, Math.max(0, x - width / 2)) };
  }

  // The terms whose names fit side by side without overlapping, chosen from the last to the first.
  namesThatFit(terms, middle, size) {
    const named = new Set();
    let free = Infinity;
    for (let i = terms.length - 1; i >= 0; i--) {
      const { left, width } = this.nameBox(terms[i], middle(i), size);
      if (left + width > free) continue;
      named.add(i);
      free = left - 0.4 * size;
    }
    return named;
  }

  // The name below a matrix: its prefix, the bit that chose it in bold.
  name(term, x, y, size, opacity = 1) {
    const { start, last, first, left } = this.nameBox(term, x, size);
    const colour = term.isCut ? this.look.muted : this.look.text;
    this.write(start, left, y + size, { align: "left", size, colour, opacity });
    this.write(last, left + first, y + size, { align: "left", size, colour, opacity, bold: true });
  }

  tile(term, x, y, edge, most) {
    const { ctx, look } = this;
    if (term.isGap) return this.write("⋯", x + edge / 2, y + edge / 2, { size: look.size });
    ctx.globalAlpha = term.isCut ? 0.25 : 1;
    if (term.values) {
      ctx.imageSmoothingEnabled = term.side > edge;
      ctx.drawImage(this.picture(term, most), x, y, edge, edge);
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash(term.isCut || !term.values ? [3, 3] : []);
    ctx.strokeStyle = term.isSum || term.isSingle ? (look.models[term.style] ?? look.text) : look.muted;
    ctx.lineWidth = term.isSum || term.isSingle ? 3 : 1;
    ctx.strokeRect(x + 0.5, y + 0.5, edge - 1, edge - 1);
    ctx.setLineDash([]);
  }

  // A matrix as an image, from -most to most.
  picture({ values, side }, most) {
    const { look } = this;
    if (this.shadesOf !== look) {
      this.shades = Array.from({ length: LAYER_SHADES }, (_, i) => treeScaleAt(look.signed, i / (LAYER_SHADES - 1)));
      this.shadesOf = look;
    }
    const image = document.createElement("canvas");
    image.width = image.height = side;
    const pen = image.getContext("2d");
    const pixels = pen.createImageData(side, side);
    for (let i = 0; i < values.length; i++) {
      const share = most > 0 ? values[i] / most : 0;
      const [red, green, blue] = this.shades[Math.round(((share + 1) / 2) * (LAYER_SHADES - 1))] ?? [128, 128, 128];
      pixels.data.set([red, green, blue, 255], 4 * i);
    }
    pen.putImageData(pixels, 0, 0);
    return image;
  }
}

function layerMost(parts) {
  let most = 0;
  for (const { values } of parts) if (values) for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

// The matrices that a point uses, root first, and their sum. Without a point their names alone; values only of a net whose
// weights are here.
function layerParts(scene, model, layer, found) {
  const side = scene.width;
  const of = (node) => (model.matrix ? { values: model.matrix(layer, node), side } : {});
  const size = `${side} × ${side}`;
  if (model.kind !== "tree" || model.depth === 0) {
    const isRouted = model.gated && model.depth > 0;
    const values = found || !isRouted ? of(isRouted ? found.uses[0] : 0) : {};
    const name = isRouted ? `one ${size} matrix for each of ${sceneThousands(2 ** model.depth)} patterns` : `one ${size} matrix for all rows`;
    return { terms: [{ ...values, name: "", isSingle: true, style: scene.style }], sum: { name } };
  }
  const bits = found && model.isShuffled ? bitsOf(model.permutation[found.leaf], model.depth) : (found?.bits ?? "");
  const isWhole = !found || bits.length === model.depth;
  const last = isWhole ? model.level : Math.min(model.level, bits.length);
  const terms = Array.from({ length: model.depth + 1 }, (_, level) => ({
    ...(level < (found?.uses.length ?? 0) ? of(found.uses[level]) : {}),
    name: level === 0 ? "root" : level <= bits.length ? bits.slice(0, level) : layerName(level),
    bit: level > 0 && level <= bits.length,
    isCut: level > last,
  }));
  const added = terms.filter((term) => term.values && !term.isCut);
  const sum = { name: isWhole ? "one matrix" : "shared part", style: scene.style };
  if (added.length) {
    sum.side = side;
    sum.values = new Float64Array(side * side);
    for (const { values } of added) for (let i = 0; i < values.length; i++) sum.values[i] += values[i];
  }
  if (terms.length <= LAYER_MOST) return { terms, sum };
  return { terms: [...terms.slice(0, LAYER_ENDS), { name: "", isGap: true }, ...terms.slice(-LAYER_ENDS)], sum };
}

// What stands between the brackets of W: the pattern of a point or a leaf, or the beginning that the leaves below a node share.
function layerArgument(found, depth) {
  if (!found || !found.bits || found.bits.length > 8) return "b";
  return found.bits.length < depth ? `${found.bits}…` : found.bits;
}

// The name of a beginning of a pattern that is not known.
function layerName(level) {
  return level < 3 ? "b₁b₂".slice(0, 2 * level) : `b₁…b${layerBelow(level)}`;
}

function layerBelow(level) {
  return [...String(level)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
}

// The formula in words, for screen readers.
function layerSentence(scene, model, found) {
  const { used, all } = layerSize(scene, model);
  if (all === 1) return "The layer: one matrix, which all rows share.";
  const whose = found ? `of pattern ${sceneBits(found.bits)}` : "of a pattern";
  if (used === 1) return `The layer: W(b), the matrix ${whose}, is one of ${sceneThousands(all)}.`;
  return `The layer: W(b), the matrix ${whose}, is the sum of ${used} of ${sceneThousands(all)} matrices, one for each beginning of the pattern.`;
}

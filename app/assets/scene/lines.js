// Where the sign of each gate of a layer changes in the plane, exactly: the plane is cut into cells on which all that is below
// the gates is linear, and each cell by the gates. u and v are shares of the plane, from 0 to 1; a form a, b, c is the function
// a u + b v + c. w width, K depth.

const LINES_CELLS = 6000; // most cells; of a net with more the lines are read from the grid

// Part of the plane in which the net below a layer is linear: corners u, v; the edge from a corner to the next lies on the cut
// of its number, on the side of its sign, or on none; `z` are the w forms of the units before their ReLU.
class LinesCell {
  constructor(corners, edges, z, leaf = 0) {
    Object.assign(this, { corners, edges, z, leaf });
  }

  at(forms, k, corner) {
    return forms[3 * k] * this.corners[2 * corner] + forms[3 * k + 1] * this.corners[2 * corner + 1] + forms[3 * k + 2];
  }

  // The parts where a form is above 0 and where it is not; null where there is none.
  cut(forms, k, number = 0) {
    const { corners, edges } = this;
    const n = edges.length;
    const [a, b, c] = [forms[3 * k], forms[3 * k + 1], forms[3 * k + 2]];
    let above = 0;
    for (let i = 0; i < n; i++) if (a * corners[2 * i] + b * corners[2 * i + 1] + c > 0) above++;
    if (above === n) return [this, null];
    if (above === 0) return [null, this];
    const values = edges.map((_, corner) => this.at(forms, k, corner));
    const parts = [0, 1].map(() => new LinesCell([], [], this.z, this.leaf));
    for (let i = 0; i < n; i++) {
      const j = (i + 1) % n;
      const side = values[i] > 0 ? 0 : 1;
      parts[side].corners.push(corners[2 * i], corners[2 * i + 1]);
      parts[side].edges.push(edges[i]);
      if (values[i] > 0 === values[j] > 0) continue;
      const share = values[i] / (values[i] - values[j]);
      const u = corners[2 * i] + share * (corners[2 * j] - corners[2 * i]);
      const v = corners[2 * i + 1] + share * (corners[2 * j + 1] - corners[2 * i + 1]);
      parts[side].corners.push(u, v);
      parts[side].edges.push(side === 0 ? number : -number);
      parts[1 - side].corners.push(u, v);
      parts[1 - side].edges.push(edges[i]);
    }
    return parts;
  }

  // The forms after the ReLU, in a cell that no unit's zero cuts.
  bent() {
    const { corners, edges, z } = this;
    let [u, v] = [0, 0];
    for (let i = 0; i < edges.length; i++) {
      u += corners[2 * i] / edges.length;
      v += corners[2 * i + 1] / edges.length;
    }
    const h = new Float64Array(z.length);
    for (let i = 0; i < z.length; i += 3) {
      if (z[i] * u + z[i + 1] * v + z[i + 2] > 0) h.set(z.subarray(i, i + 3), i);
    }
    return h;
  }
}

// Cells in which no unit changes its sign; null if there are too many.
function linesAtKinks(cells, width) {
  let found = cells;
  for (let unit = 0; unit < width; unit++) {
    const parts = [];
    for (const cell of found) for (const part of cell.cut(cell.z, unit)) if (part) parts.push(part);
    if (parts.length > LINES_CELLS) return null;
    found = parts;
  }
  return found;
}

class SignLines {
  // `weights` as `parts` lays them out; the matrices of leaves, where a layer below needs them, are the model's.
  constructor(model, weights, parts) {
    Object.assign(this, { model, weights, parts, width: model.width, depth: model.depth });
    this.cuts = [null]; // forms of the cuts along which a layer below changes its matrices
  }

  // The units of the first layer as forms.
  first() {
    const { weights, parts, width, model } = this;
    const { low, high } = model.section;
    const forms = model.section.units(weights, parts.hidden, parts.hiddenBias, width, model);
    for (let i = 0; i < forms.length; i += 3) {
      forms[i + 2] += forms[i] * low[0] + forms[i + 1] * low[1];
      for (const axis of [0, 1]) forms[i + axis] *= high[axis] - low[axis];
    }
    return forms;
  }

  gates(layer, z, h) {
    const { weights, depth, width } = this;
    const { gates, gate, gateBias, offset } = this.parts.layers[layer];
    const forms = new Float64Array(3 * depth);
    for (let k = 0; k < depth; k++) {
      if (gates === "hidden") forms.set(z.subarray(3 * k, 3 * k + 3), 3 * k);
      else this.sum(forms, k, h, gate + k * width, 1);
      forms[3 * k + 2] += (gates === "units" ? weights[gateBias + k] : 0) + (offset >= 0 ? weights[offset + k] : 0);
    }
    return forms;
  }

  sum(forms, k, h, at, step, weights = this.weights) {
    let [a, b, c] = [0, 0, 0];
    for (let i = 0; i < this.width; i++) {
      const weight = weights[at + i * step];
      a += weight * h[3 * i];
      b += weight * h[3 * i + 1];
      c += weight * h[3 * i + 2];
    }
    forms[3 * k] += a;
    forms[3 * k + 1] += b;
    forms[3 * k + 2] += c;
  }

  // The units above a gated layer: the matrix of the leaf times what comes in.
  above(layer, h, leaf) {
    const { width, model: { leafWeight, leafBias } } = this;
    const forms = new Float64Array(3 * width);
    for (let out = 0; out < width; out++) {
      this.sum(forms, out, h, leaf * width * width + out, width, leafWeight[layer]);
      forms[3 * out + 2] += leafBias[layer][leaf * width + out];
    }
    return forms;
  }

  // For each gate of a layer: u, v of the ends of its segments, one after another; null if there are too many cells.
  of(layer) {
    const cells = this.cells(layer);
    return cells && Array.from({ length: this.depth }, (_, k) => [...this.inside(cells, k), ...this.between(cells, k)]);
  }

  // The leaves of a layer that have a part of the plane; null if there are too many cells.
  leaves(layer) {
    const cells = this.cells(layer);
    return cells && [...new Set(cells.flatMap((cell) => this.byLeaf(cell)).map((part) => part.leaf))];
  }

  // Cells on which the gates of a layer, `g`, are linear; null if there are too many.
  cells(layer) {
    const { width } = this;
    let cells = [new LinesCell([0, 0, 1, 0, 1, 1, 0, 1], [0, 0, 0, 0], this.first())];
    for (let at = 0; cells; at++) {
      const isBent = this.parts.layers[at].gates !== "hidden";
      if (isBent) cells = linesAtKinks(cells, width);
      if (!cells) return null;
      for (const cell of cells) cell.g = this.gates(at, cell.z, isBent ? cell.bent() : null);
      if (at === layer) return cells;
      cells = cells.flatMap((cell) => this.byLeaf(cell));
      if (!isBent) cells = linesAtKinks(cells, width);
      for (const cell of cells ?? []) Object.assign(cell, { z: this.above(at, cell.bent(), cell.leaf), leaf: 0 });
    }
    return null;
  }

  // Cut a cell by the gates; each part has one leaf.
  byLeaf(cell) {
    let parts = [cell];
    for (let k = 0; k < this.depth; k++) {
      parts = parts.flatMap((part) => {
        const [above, below] = part.cut(cell.g, k, this.cuts.length);
        if (above && below) this.cuts.push(cell.g.slice(3 * k, 3 * k + 3));
        if (above) above.leaf = (part.leaf << 1) | 1;
        if (below) below.leaf = above === part ? below.leaf : part.leaf << 1;
        return [above, below].filter(Boolean);
      });
    }
    return parts;
  }

  // Where a gate is 0 within cells.
  inside(cells, k) {
    const found = [];
    for (const cell of cells) {
      const n = cell.edges.length;
      let from = cell.at(cell.g, k, 0);
      for (let i = 0; i < n; i++) {
        const to = cell.at(cell.g, k, (i + 1) % n);
        if (from > 0 !== to > 0) {
          const [a, b] = [2 * i, 2 * ((i + 1) % n)];
          const share = from / (from - to);
          for (const axis of [0, 1]) {
            found.push(cell.corners[a + axis] + share * (cell.corners[b + axis] - cell.corners[a + axis]));
          }
        }
        from = to;
      }
    }
    return found;
  }

  // Where a gate jumps over 0, since the layers below change their matrices: parts of a cut with other signs on its two sides.
  between(cells, k) {
    const spans = this.cuts.map(() => null);
    for (const cell of cells) {
      cell.edges.forEach((edge, i) => {
        if (edge === 0) return;
        const number = Math.abs(edge);
        const axis = this.axisOf(number);
        const j = (i + 1) % cell.edges.length;
        const [from, to] = [cell.at(cell.g, k, i), cell.at(cell.g, k, j)];
        let [start, end] = [cell.corners[2 * i + axis], cell.corners[2 * j + axis]];
        const zero = start + (from / (from - to)) * (end - start);
        if (from > 0 && to <= 0) end = zero;
        else if (from <= 0 && to > 0) start = zero;
        else if (from <= 0) return;
        spans[number] ??= [[], []];
        spans[number][edge > 0 ? 0 : 1].push([Math.min(start, end), Math.max(start, end)]);
      });
    }
    return spans.flatMap((sides, number) => (sides ? this.unlike(sides, number) : []));
  }

  axisOf(number) {
    const [a, b] = this.cuts[number];
    return Math.abs(b) >= Math.abs(a) ? 0 : 1;
  }

  // The parts of a cut that belong to the spans of one side only.
  unlike(sides, number) {
    const [a, b, c] = this.cuts[number];
    const axis = this.axisOf(number);
    const place = (s) => (axis === 0 ? [s, -(a * s + c) / b] : [-(b * s + c) / a, s]);
    const ends = [...new Set(sides.flat(2))].sort((one, other) => one - other);
    const found = [];
    for (let i = 0; i + 1 < ends.length; i++) {
      const middle = (ends[i] + ends[i + 1]) / 2;
      const [here, there] = sides.map((spans) => spans.some(([start, end]) => start < middle && middle < end));
      if (here !== there) found.push(...place(ends[i]), ...place(ends[i + 1]));
    }
    return found;
  }
}

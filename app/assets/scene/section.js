// The plane on which a net is drawn: both features where there are two; else a section through the space of all features, along
// two columns with the others at their median, or along the first two principal components of the training rows.
// P features. A point of the section is u, v; raw = origin + u * across + v * up.

const SECTION_MARGIN = 0.06; // of the span of the training rows, on each side
const SECTION_COMPONENTS = "components";
const SECTION_NEAR = 1e-4; // of a feature's deviation or size: how far rounding moves a point

class Section {
  constructor(key, parts) {
    Object.assign(this, { key, ...parts });
  }

  /** Both features of a plane. */
  static whole({ features, low, high }) {
    const parts = { origin: [0, 0], across: [1, 0], up: [0, 1], low, high, names: features, note: "", isWhole: true };
    return new Section("whole", { ...parts, project: (raw) => raw });
  }

  /** The section that a choice names: "components", or the numbers of two columns, as in "0,3"; null for any other. */
  static of(choice, model) {
    const { scene, scale, mean } = model;
    if (!Section.offers(scene) || !choice) return null;
    const { median, components, explained } = scene.section;
    if (choice === SECTION_COMPONENTS) {
      if (!components) return null;
      const along = (axis) => (raw) => raw.reduce((sum, value, f) => sum + (axis[f] * (value - mean[f])) / scale[f], 0);
      const [u, v] = components.map(along);
      const [across, up] = components.map((axis) => axis.map((value, f) => value * scale[f]));
      const shares = explained.map(scenePercent);
      return Section.around(model, choice, {
        origin: mean,
        across,
        up,
        project: (raw) => [u(raw), v(raw)],
        names: ["principal component 1", "principal component 2"],
        note:
          `Principal components 1 and 2 of the standardized training rows: ${shares[0]} and ${shares[1]} of their variance. ` +
          "The plane goes through the mean; rows are drawn where they fall on it, and their own pattern may be another.",
      });
    }
    const [a, b] = choice.split(",").map(Number);
    const unit = (f) => median.map((_, at) => (at === f ? 1 : 0));
    const others = median.length - 2;
    return Section.around(model, choice, {
      origin: median.map((value, f) => (f === a || f === b ? 0 : value)),
      across: unit(a),
      up: unit(b),
      project: (raw) => [raw[a], raw[b]],
      names: [scene.features[a], scene.features[b]],
      note:
        `The other ${others === 1 ? "column stands" : `${others} columns stand`} at the median of the training rows; rows are drawn ` +
        "at their own two values, and their own pattern may be another.",
    });
  }

  /** Whether a scene has sections to choose. */
  static offers(scene) {
    return Boolean(scene.section) && scene.weights.length + (scene.tree ? 1 : 0) > 0;
  }

  /** Whether a text names two different columns of a scene, or its principal components. */
  static isChoice(choice, scene) {
    if (!scene.section) return false;
    if (choice === SECTION_COMPONENTS) return Boolean(scene.section.components);
    const pair = /^([0-9]+),([0-9]+)$/.exec(choice ?? "");
    const columns = pair?.slice(1).map(Number) ?? [];
    return columns.length === 2 && columns[0] !== columns[1] && columns.every((at) => at < scene.features.length);
  }

  /** Large enough for all training rows. */
  static around(model, key, parts) {
    const rows = model.rows("train");
    const low = [Infinity, Infinity];
    const high = [-Infinity, -Infinity];
    for (let i = 0; i < rows.n; i++) {
      parts.project(rows.row(i)).forEach((value, axis) => {
        low[axis] = Math.min(low[axis], value);
        high[axis] = Math.max(high[axis], value);
      });
    }
    for (const axis of [0, 1]) {
      const margin = SECTION_MARGIN * (high[axis] - low[axis]) || 1;
      low[axis] -= margin;
      high[axis] += margin;
    }
    return new Section(key, { ...parts, low, high, isWhole: false });
  }

  /** The coordinates u, v of a point on the section, to six digits; null for a point that is not on it. */
  placeOf(raw, scale) {
    const at = this.project(raw).map((value) => Number(value.toPrecision(6)));
    const isOn = this.expand(at).every((value, f) => Math.abs(value - raw[f]) <= SECTION_NEAR * Math.max(scale[f], Math.abs(raw[f])));
    return isOn ? at : null;
  }

  /** The raw features of a point of the section. */
  expand([u, v]) {
    return Array.from(this.origin, (value, f) => value + u * this.across[f] + v * this.up[f]);
  }

  /** The units of a net's first layer as a u + b v + c, three numbers a unit; `at`, `bias`: where weights and biases begin. */
  units(weights, at, bias, width, { mean, scale }) {
    const P = mean.length;
    const forms = new Float64Array(3 * width);
    for (let unit = 0; unit < width; unit++) {
      let [a, b, c] = [0, 0, weights[bias + unit]];
      for (let f = 0; f < P; f++) {
        const weight = weights[at + unit * P + f] / scale[f];
        a += weight * this.across[f];
        b += weight * this.up[f];
        c += weight * (this.origin[f] - mean[f]);
      }
      forms.set([a, b, c], 3 * unit);
    }
    return forms;
  }
}

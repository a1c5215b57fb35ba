// The load of each leaf at the scene's epoch: bars in the order of the patterns or, of many leaves, a curve, the fullest first.

const BARS_MOST = 64; // most leaves with a bar each
const BARS_GAP = 0.12; // share of a bar's place that stays empty

// A round number of percent at or above a value, in steps that an axis can be divided by.
function barsTop(percent) {
  const size = 10 ** Math.floor(Math.log10(Math.max(percent, 0.1)));
  return [1, 2, 4, 5, 10].map((step) => step * size).find((top) => top >= percent - 1e-9);
}

function barsNumber(value) {
  return String(Number(value.toPrecision(2)));
}

// What the bars show of a view; null for a model without leaves.
function barsOf(view, epoch) {
  if (!view?.model) return null;
  const { model, scene, layer } = view;
  const counts = scene.counts?.[layer];
  const recorded = counts?.length ? counts[Math.round(model.place(epoch))] : null;
  const hasExperts = Boolean(scene.routed && !scene.routed.isTree);
  if (hasExperts ? !recorded : !model?.gated || model.depth === 0) return null;
  const n = hasExperts ? scene.routed.leaves : 2 ** model.depth;
  const shares = hasExperts ? barsShares(recorded) : Array.from(model.loads(layer)).slice(-n);
  const name = (leaf) => (hasExperts ? String(leaf) : bitsOf(leaf, model.depth));
  const total = recorded ? recorded.reduce((sum, count) => sum + count, 0) : model.rows("train").n;
  const rows = recorded ?? shares.map((share) => Math.round(share * total));
  const fullest = argmax(rows);
  const words =
    `Epoch ${sceneThousands(Math.round(epoch))}: ${sceneThousands(rows.filter((count) => count > 0).length)} of ${sceneThousands(n)} ` +
    (hasExperts
      ? `experts get the ${sceneThousands(total)} choices of the training rows; the fullest, expert ${fullest}, gets `
      : `leaves hold the ${sceneThousands(total)} training rows; the fullest, ${sceneBits(name(fullest))}, holds `) +
    `${scenePercent(rows[fullest] / total)}. Uniform would be ${scenePercent(1 / n)} each.`;
  const where = scene.layers > 1 ? `, gated layer ${layer + 1}` : "";
  const title = `${hasExperts ? "Expert" : "Leaf"} load at epoch ${sceneThousands(Math.round(epoch))} (% of ${hasExperts ? "choices" : "training rows"})${where}`;
  const what = hasExperts ? "expert" : "leaf";
  const axis = hasExperts ? "expert" : scene.routed ? "leaf" : "sign pattern (leaf)";
  const most = Math.max(...shares, ...(counts ?? []).map((of) => Math.max(...of) / Math.max(1, total)));
  return { title, words, shares, n, top: barsTop(100 * most), name, what, axis };
}

function barsShares(counts) {
  const total = Math.max(1, counts.reduce((sum, count) => sum + count, 0));
  return counts.map((count) => count / total);
}

/** Title, sentence and drawing below the nets. */
class LoadBars {
  constructor(root) {
    this.box = addElement("section", "scene-bars", root);
    this.title = addElement("div", "scene-bars-title", this.box);
    this.words = addElement("p", "scene-bars-words", this.box);
    this.canvas = addElement("canvas", "scene-bars-picture", this.box);
    this.canvas.setAttribute("aria-hidden", "true"); // the sentence says it, and the page has the numbers
    this.ctx = this.canvas.getContext("2d");
  }

  draw(view, epoch, look) {
    const shown = barsOf(view, epoch);
    this.box.hidden = !shown;
    if (!shown) return;
    const ratio = sceneRatio();
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const key = [view.mark, view.model.version, epoch, view.layer, look.dark, look.size, width, height, ratio].join();
    if (key === this.key || !width) return;
    this.key = key;
    setText(this.title, shown.title);
    setText(this.words, shown.words);
    Object.assign(this, { look, width, height });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ctx.clearRect(0, 0, width, height);
    this.ctx.fillStyle = look.models[view.scene.style] ?? look.models.tree;
    this.paint(shown, this.ctx.fillStyle);
  }

  paint(shown, colour) {
    const { ctx, look, width, height } = this;
    const size = look.size - 2;
    const left = 2.8 * size;
    const bottom = height - 2.9 * size;
    ctx.font = `${size}px ${look.font}`;
    const right = width - ctx.measureText("uniform").width - 0.7 * size;
    const y = (percent) => bottom - ((bottom - 0.7 * size) * percent) / shown.top;
    for (const share of [0, 0.5, 1]) {
      this.line([left, right], y(share * shown.top), look.grid, []);
      this.write(barsNumber(share * shown.top), left - 0.5 * size, y(share * shown.top), "right");
    }
    ctx.fillStyle = colour;
    const isMany = shown.n > BARS_MOST;
    const values = isMany ? [...shown.shares].sort((a, b) => b - a) : shown.shares;
    const step = (right - left) / shown.n;
    const gap = isMany ? 0 : BARS_GAP * step;
    values.forEach((share, i) => {
      ctx.fillRect(left + i * step + gap / 2, y(100 * share), step - gap, bottom - y(100 * share));
    });
    this.line([left, right], y(100 / shown.n), look.muted, [6, 4]);
    this.write("uniform", right + 0.4 * size, y(100 / shown.n), "left", look.muted);
    if (isMany) {
      for (const rank of [1, shown.n]) this.write(sceneThousands(rank), rank === 1 ? left : right, bottom + 0.9 * size, rank === 1 ? "left" : "right");
    } else {
      const every = Math.ceil((ctx.measureText(shown.name(shown.n - 1)).width + 0.5 * size) / step);
      for (let leaf = 0; leaf < shown.n; leaf += every) {
        this.write(shown.name(leaf), left + (leaf + 0.5) * step, bottom + 0.9 * size, "center");
      }
    }
    this.write(isMany ? `${shown.what}, the fullest first` : shown.axis, (left + right) / 2, bottom + 2.2 * size, "center");
  }

  line([from, to], y, colour, dash) {
    const { ctx } = this;
    ctx.setLineDash(dash);
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(from, y);
    ctx.lineTo(to, y);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  write(words, x, y, align, colour = this.look.text) {
    Object.assign(this.ctx, { textAlign: align, textBaseline: "middle", fillStyle: colour });
    this.ctx.fillText(words, x, y);
  }
}

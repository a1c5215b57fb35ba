// The Lorenz curve of a net's leaf loads, drawn on a canvas: the share of the rows that the emptiest leaves hold.

const LORENZ_MARGIN = { left: 2.6, right: 0.8, top: 0.7, bottom: 2.4 }; // in font sizes

/** Draws the curve of one net; the place that is looked at is shared by all nets of a row. */
class LorenzDrawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
  }

  // The share of the leaves below a place of the canvas, in CSS px; null beside the panel.
  shareAt(x) {
    const share = this.panel ? (x - this.panel.left) / this.panel.width : -1;
    return share < 0 || share > 1 ? null : share;
  }

  // `picture`: look, shares of the rows in each leaf, style of the model, at (share of the leaves looked at, or null),
  // leaf (that of the point looked at or held, or null). Returns what the curve says at a place.
  draw(picture) {
    const { look, shares, style, at, leaf } = picture;
    const ratio = sceneRatio();
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return "";
    const { ctx } = this;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const size = look.size - 3;
    const { left, right, top, bottom } = LORENZ_MARGIN;
    const panel = { left: left * size, top: top * size, width: width - (left + right) * size, height: height - (top + bottom) * size };
    Object.assign(this, { panel, look, size });
    const order = Array.from(shares.keys()).sort((a, b) => shares[a] - shares[b]);
    const held = [0];
    for (const i of order) held.push(held.at(-1) + shares[i]);
    this.axes();
    const colour = look.models[style] ?? look.text;
    const point = (i) => [panel.left + (panel.width * i) / shares.length, panel.top + panel.height * (1 - held[i])];
    ctx.beginPath();
    held.forEach((_, i) => { ctx.lineTo(...point(i)); });
    Object.assign(ctx, { strokeStyle: colour, lineWidth: look.projector ? 5 : 3, lineJoin: "round" });
    ctx.stroke();
    if (leaf !== null && leaf < shares.length) this.dot(...point(order.indexOf(leaf) + 1), colour, true);
    if (at === null) return "";
    const i = Math.round(at * shares.length);
    this.dot(...point(i), colour, false);
    const words = `${scenePercent(i / shares.length)} of the leaves: ${scenePercent(held[i])} of the rows`;
    this.write(words, panel.left + 0.3 * size, panel.top + 0.6 * size, "left");
    return words;
  }

  axes() {
    const { ctx, panel, look, size } = this;
    Object.assign(ctx, { strokeStyle: look.grid, lineWidth: 1 });
    ctx.strokeRect(panel.left, panel.top, panel.width, panel.height);
    ctx.setLineDash([4, 4]);
    ctx.strokeStyle = look.muted;
    ctx.beginPath();
    ctx.moveTo(panel.left, panel.top + panel.height);
    ctx.lineTo(panel.left + panel.width, panel.top);
    ctx.stroke();
    ctx.setLineDash([]);
    for (const share of [0, 0.5, 1]) {
      const y = panel.top + panel.height * (1 - share);
      this.write(String(100 * share), panel.left - 0.3 * size, y, "right");
      this.write(String(100 * share), panel.left + panel.width * share, panel.top + panel.height + 0.8 * size, "center");
    }
    this.write("% of leaves, emptiest first", panel.left + panel.width / 2, panel.top + panel.height + 1.9 * size, "center");
  }

  dot(x, y, colour, isHeld) {
    const { ctx, look, size } = this;
    ctx.beginPath();
    ctx.arc(x, y, 0.35 * size, 0, 2 * Math.PI);
    Object.assign(ctx, { fillStyle: isHeld ? look.background : colour, strokeStyle: isHeld ? look.text : colour, lineWidth: 2 });
    ctx.fill();
    ctx.stroke();
  }

  write(words, x, y, align) {
    const { ctx, look, size } = this;
    ctx.font = `${size}px ${look.font}`;
    Object.assign(ctx, { textAlign: align, textBaseline: "middle", fillStyle: look.muted });
    ctx.fillText(words, x, y);
  }
}

// Figures that answer: one control with a drawing for each of its states, and a curve that is guessed before it is shown.

const GUESS_LEAST = 3; // px of the figure between two points of a drawn line

window.deckParts = {
  ...window.deckParts,

  // One figure in several states, a slider and buttons to choose among them. "next" goes through the states in order.
  async states(box, { goTo }) {
    const { control, states, at = states.length - 1, beside = false } = JSON.parse(box.querySelector("script").textContent);
    if (!states.length || !states.every(({ figure }) => Array.isArray(figure?.data))) throw new Error("a state has no data");
    const scale = Number(box.dataset.scale);
    if (beside === true && states.length === 2) return drawBeside(box, states, control, scale);
    const bar = box.appendChild(document.createElement("div"));
    bar.className = "states-bar";
    const label = bar.appendChild(document.createElement("label"));
    label.append(control || "State");
    const slider = label.appendChild(document.createElement("input"));
    Object.assign(slider, { type: "range", min: 0, max: states.length - 1, step: 1, value: 0 });
    const said = bar.appendChild(document.createElement("output"));
    const plot = box.appendChild(document.createElement("div"));
    plot.className = "plot states-plot";
    const width = Math.floor(box.clientWidth / scale);
    const height = Math.floor((box.clientHeight - bar.offsetHeight) / scale);
    plot.style.cssText = `top:${bar.offsetHeight}px;width:${width}px;height:${height}px;transform:scale(${scale})`;
    const sized = states.map(({ figure: { data, layout } }) => ({
      data,
      layout: { ...layout, width, height, autosize: false, dragmode: false },
    }));
    const texts = { title: ".heading bdi", caption: ".caption bdi" }; // a state may have its own
    for (const name of Object.keys(texts)) texts[name] = box.closest(".slide")?.querySelector(texts[name]);
    let shown = -1;
    let wanted = -1;
    let onScreen = null; // while it is printed: the state that the screen shows
    let busy = Promise.resolve();
    const frame = (state, moves) => {
      const { data, layout } = sized[state];
      const isAlike = shown >= 0 && data.length === sized[shown].data.length && data.every((trace) => trace.type === "scatter");
      const isStill = !moves || !isAlike || matchMedia("(prefers-reduced-motion: reduce)").matches;
      const transition = { duration: isStill ? 0 : 450, easing: "cubic-in-out" };
      return Plotly.react(plot, data, { ...layout, transition }, STATES_CONFIG);
    };
    const show = (state, moves = true) => {
      if (state === wanted) return busy;
      wanted = state;
      busy = busy.then(() => frame(state, moves)).then(() => { shown = state; });
      slider.value = state;
      slider.setAttribute("aria-valuetext", states[state].name);
      said.textContent = states[state].name;
      for (const [name, place] of Object.entries(texts)) {
        if (place && states[state][name]) place.textContent = states[state][name];
      }
      return busy;
    };
    await statesAxes(sized);
    await show(0, false);
    slider.addEventListener("input", () => goTo(Number(slider.value)));
    slider.addEventListener("change", () => slider.blur());
    return {
      steps: states.length - 1,
      at: (step) => { show(step); },
      key(event) {
        const by = { "[": -1, "]": 1 }[event.key];
        if (!by) return false;
        event.preventDefault();
        goTo(Math.min(states.length - 1, Math.max(0, Number(slider.value) + by)));
        return true;
      },
      print: () => {
        onScreen ??= wanted;
        show(Math.min(at, states.length - 1), false);
      },
      printed: () => {
        if (onScreen !== null) show(onScreen, false);
        onScreen = null;
      },
      figure: () => sized[Math.max(0, shown)],
    };
  },

  // A series that is hidden until somebody has drawn what they expect; "next" shows it, with the error of the guess in words.
  guess(box, { series }) {
    const name = box.dataset.guess;
    const hidden = series.find((one) => one.names.has(name));
    const plot = box.querySelector(".plot");
    if (!hidden || !plot) throw new Error(`it has no series named ${name}`);
    const pad = new GuessPad(plot, hidden.traces);
    const words = box.appendChild(document.createElement("p"));
    words.className = "guess-words";
    let isShown = null;
    const at = (step) => {
      if (isShown === step > 0) return;
      isShown = step > 0;
      hidden.show(isShown);
      pad.close(isShown);
      const short = name.length > 60 ? `${name.slice(0, 59)}…` : name;
      words.textContent = isShown ? pad.verdict() : `Draw what you expect of ${short}. The next step shows it.`;
    };
    at(0);
    return { steps: 1, at };
  },
};

const STATES_CONFIG = { displayModeBar: false, displaylogo: false, scrollZoom: false, doubleClick: false, showAxisDragHandles: false };
const BESIDE_GAP = 36; // px of the stage between figures side by side

// All states at once, side by side; figures with the same axes get the same ranges.
async function drawBeside(box, states, control, scale) {
  const width = Math.floor((box.clientWidth - BESIDE_GAP * (states.length - 1)) / states.length / scale);
  const places = states.map(({ name }, number) => {
    const left = number * (width * scale + BESIDE_GAP);
    const heading = box.appendChild(document.createElement("p"));
    heading.className = "beside-name";
    heading.textContent = control && control !== "state" ? `${control} ${name}` : name;
    heading.style.cssText = `left:${left}px;width:${width * scale}px`;
    const plot = box.appendChild(document.createElement("div"));
    plot.className = "plot";
    return { plot, left, top: heading.offsetHeight };
  });
  const top = Math.max(...places.map((place) => place.top));
  const height = Math.floor((box.clientHeight - top) / scale);
  const sized = states.map(({ figure: { data, layout = {} } }) => ({
    data,
    // the legend stands above the data: at the right it would take half of a half
    layout: { ...layout, width, height, autosize: false, dragmode: false, legend: { ...layout.legend, ...BESIDE_LEGEND } },
  }));
  const titles = sized.map(({ layout }) => Object.keys(layout).filter((name) => /^[xy]axis/.test(name)).sort()
    .map((name) => [name, layout[name]?.title?.text ?? layout[name]?.title]));
  if (new Set(titles.map((one) => JSON.stringify(one))).size === 1) await statesAxes(sized);
  for (const [number, { plot, left }] of places.entries()) {
    plot.style.cssText = `left:${left}px;top:${top}px;width:${width}px;height:${height}px;transform:scale(${scale})`;
    await Plotly.newPlot(plot, sized[number].data, sized[number].layout, STATES_CONFIG);
  }
  return { steps: 0, at() {} };
}

const BESIDE_LEGEND = { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom" };

// Axes of numbers get one range for all states, so that what moves is the data.
async function statesAxes(sized) {
  const probe = document.createElement("div");
  document.body.append(probe);
  const ranges = new Map();
  for (const { data, layout } of sized) {
    await Plotly.newPlot(probe, data, layout, { staticPlot: true });
    for (const [name, axis] of Object.entries(probe._fullLayout)) {
      if (!/^[xy]axis\d*$/.test(name) || !["linear", "log"].includes(axis.type) || axis.matches) continue;
      const [low, high] = axis.range;
      const [from, to] = ranges.get(name) ?? [low, high];
      const isDown = high < low;
      ranges.set(name, isDown ? [Math.max(from, low), Math.min(to, high)] : [Math.min(from, low), Math.max(to, high)]);
    }
    Plotly.purge(probe);
  }
  probe.remove();
  for (const { layout } of sized) {
    for (const [name, range] of ranges) layout[name] = { ...layout[name], range, autorange: false };
  }
}

/** A line that is drawn over the panel of a series, and how far it is from the series. */
class GuessPad {
  constructor(plot, traces) {
    this.plot = plot;
    const full = traces.map((index) => plot._fullData[index]);
    this.trace = full.find((trace) => trace.mode?.includes("lines") && trace.x?.length > 1 && trace.fill !== "toself") ?? full[0];
    const layout = plot._fullLayout;
    const axisOf = (letter) => layout[`${letter}axis${(this.trace[`${letter}axis`] ?? letter).slice(1)}`];
    this.x = axisOf("x");
    this.y = axisOf("y");
    this.points = []; // [x, y] in px of the panel, by x
    const svg = (this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    svg.setAttribute("class", "guess-pad");
    svg.style.cssText = `left:${this.x._offset}px;top:${this.y._offset}px;width:${this.x._length}px;height:${this.y._length}px`;
    this.line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
    plot.append(svg);
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      this.last = null;
      this.add(event);
    });
    svg.addEventListener("pointermove", (event) => { if (svg.hasPointerCapture(event.pointerId)) this.add(event); });
  }

  // The line is a function of x: what is drawn again replaces what was there.
  add(event) {
    const box = this.svg.getBoundingClientRect();
    const at = [
      ((event.clientX - box.left) / box.width) * this.x._length,
      ((event.clientY - box.top) / box.height) * this.y._length,
    ];
    if (at[0] < 0 || at[0] > this.x._length) return;
    const from = this.last?.[0] ?? at[0];
    const [low, high] = [Math.min(from, at[0]), Math.max(from, at[0])];
    this.points = this.points.filter(([x]) => x < low - GUESS_LEAST || x > high + GUESS_LEAST || x === from);
    this.points = [...this.points.filter(([x]) => x !== at[0]), at].sort((a, b) => a[0] - b[0]);
    this.last = at;
    this.line.setAttribute("points", this.points.map((point) => point.map((value) => value.toFixed(1)).join()).join(" "));
  }

  close(isClosed) {
    this.svg.classList.toggle("closed", isClosed);
  }

  // The height of the drawn line, in units of the axis, where it covers x; else null.
  height(x) {
    const at = this.x.d2p(x);
    const { points } = this;
    const after = points.findIndex((point) => point[0] >= at);
    if (after < 0 || !Number.isFinite(at)) return null;
    const [x1, y1] = points[after];
    const [x0, y0] = points[Math.max(0, after - 1)];
    if (after === 0 && x1 > at + 2 * GUESS_LEAST) return null;
    const y = x1 > x0 ? y0 + ((y1 - y0) * (at - x0)) / (x1 - x0) : y1;
    return this.y.p2d(y);
  }

  verdict() {
    const { x, y } = this.trace;
    const errors = [];
    Array.from(x).forEach((place, i) => {
      const drawn = y[i] === null || Number.isNaN(y[i]) ? null : this.height(place);
      if (drawn !== null) errors.push({ place, error: drawn - y[i] });
    });
    if (!errors.length) return "No curve was drawn.";
    const isShare = String(this.y.tickformat).includes("%");
    const isPercent = isShare || /%|percent/.test(this.y.title?.text ?? "");
    const points = (error) => `${((isShare ? 100 : 1) * error).toFixed(1)} points`;
    const size = (error) => (isPercent ? points(Math.abs(error)) : String(Number(Math.abs(error).toPrecision(3))));
    const mean = errors.reduce((sum, { error }) => sum + Math.abs(error), 0) / errors.length;
    const worst = errors.reduce((one, other) => (Math.abs(other.error) > Math.abs(one.error) ? other : one));
    const side = worst.error > 0 ? "too high" : "too low";
    const n = errors.length === 1 ? "1 place" : `${errors.length} places`;
    return `The guess is off by ${size(mean)} on average over ${n}, most at ${worst.place}: ${size(worst.error)} ${side}.`;
  }
}

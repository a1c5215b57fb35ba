"use strict";
// Draws the slides of a deck, and turns them by keyboard.
(() => {
  const WIDTH = 1920, HEIGHT = 1080, LARGEST = 36, SMALLEST = 28, FORMULA = 84, PRINTED = 2;
  const deck = JSON.parse(byId("deck").textContent);
  const stage = byId("stage"), toolbar = byId("toolbar");
  const slides = [...document.querySelectorAll(".slide")];
  const figures = slides.map((slide) => slide.querySelector(".figure"));
  const steps = slides.map(() => null);  // for each drawn slide: functions that show or hide one part each
  const drawn = slides.map(() => null);  // for each slide drawn or being drawn: a promise
  const series = slides.map(() => []);  // for each figure: its groups of traces, with a function that shows or hides each
  const parts = slides.map(() => null);  // for each slide that lives: what a function of `deckParts` gave (deck_scene.js)
  let current = 0, step = 0, typed = "";

  function byId(id) { return document.getElementById(id); }

  // Drawing

  function draw(index) {
    drawn[index] ??= Promise.resolve(attempt(index)).then(() => { if (index === current) apply(); });
    return drawn[index];
  }

  // The drawing library is read by the browser when the first figure is drawn: words and scenes do not wait for it.
  function readPlotly() {
    const text = byId("plotly");
    if (!text) return;
    const script = document.createElement("script");
    script.textContent = text.textContent;
    text.replaceWith(script);
  }

  async function attempt(index) {
    const slide = slides[index];
    if (slide.querySelector(".figure, .states")) readPlotly();
    slide.querySelectorAll(".text.room").forEach(fitText);
    slide.querySelectorAll(".formula .fit").forEach(fitFormula);
    if (slide.hasAttribute("data-reveal") && !figures[index]) {
      steps[index] = [...slide.querySelectorAll(".step")].map((line) => (shown) => line.classList.toggle("unrevealed", !shown));
    }
    if (figures[index]) {
      try {
        await drawFigure(index);
      } catch (error) {
        fail(figures[index], error);
      }
    }
    const box = slide.querySelector("[data-part]");
    if (box) {
      try {
        const goTo = (at) => { step = at; apply(); };
        const look = { looks: deck.looks, dark: slide.classList.contains("dark") };
        parts[index] = await window.deckParts[box.dataset.part](box, { ...look, goTo, series: series[index] });
        steps[index] = Array.from({ length: parts[index].steps ?? 0 }, () => () => {});
        if (parts[index].figure) figures[index] = box;
      } catch (error) {
        fail(box, error);
      }
    }
    steps[index] ??= [];
  }

  function fail(box, error) {
    const words = document.createElement("p");
    words.className = "error";
    words.textContent = `This ${box.dataset.part === "scene" ? "scene" : "figure"} cannot be drawn: ${String(error?.message || error).slice(0, 300)}`;
    box.querySelectorAll(".plot, .scene, .states-bar").forEach((plot) => { plot.remove(); });
    box.append(words);
  }

  function figureOf(index) {
    if (parts[index]?.figure) return parts[index].figure();
    const figure = JSON.parse(figures[index].querySelector("script").textContent);
    if (!figure || !Array.isArray(figure.data)) throw new Error("it has no data");
    return { data: figure.data, layout: figure.layout || {} };
  }

  function size(box) {
    const scale = Number(box.dataset.scale);
    return { scale, width: Math.floor(box.clientWidth / scale), height: Math.floor(box.clientHeight / scale) };
  }

  async function drawFigure(index) {
    const box = figures[index], { data, layout } = figureOf(index), { scale, width, height } = size(box);
    const groups = slides[index].hasAttribute("data-reveal") ? groupTraces(data, layout) : [];
    const plot = document.createElement("div");
    plot.className = "plot";
    plot.style.cssText = `width:${width}px;height:${height}px;transform:scale(${scale})`;
    box.append(plot);
    const config = { displayModeBar: false, displaylogo: false, responsive: false, scrollZoom: false, doubleClick: false,
      showAxisDragHandles: false };
    const sized = { ...layout, width, height, autosize: false, dragmode: false };
    await Plotly.newPlot(plot, data, sized, config);
    series[index] = groupTraces(data, layout).map((traces) => ({
      traces,
      names: new Set(traces.map((at) => bare(data[at].name))),
      show: revealing(plot, [traces], data)[0],
    }));
    if (groups.length) {
      steps[index] = revealing(plot, groups, data);
      plot.on("plotly_afterplot", () => { if (index === current) apply(); });
    }
  }

  function fitText(room) {
    let pixels = LARGEST;
    room.style.fontSize = `${pixels}px`;
    while (pixels > SMALLEST && room.scrollHeight > room.clientHeight) room.style.fontSize = `${pixels -= 2}px`;
    if (room.scrollHeight <= room.clientHeight) return;
    const more = document.createElement("p");
    more.className = "step";
    more.textContent = "…";
    room.append(more);
    const lines = [...room.querySelectorAll("li, p")].filter((line) => line !== more);
    while (lines.length > 1 && room.scrollHeight > room.clientHeight) lines.pop().remove();
  }

  function fitFormula(box) {
    if (document.documentElement.classList.contains("plain-math")) {
      box.querySelectorAll('mo[stretchy="true"]').forEach((fence) => {
        const tall = fence.parentElement.getBoundingClientRect().height / fence.getBoundingClientRect().height;
        if (tall > 1.2) fence.style.transform = `scaleY(${tall})`;
      });
    }
    const room = box.parentElement;
    const across = room.clientWidth / box.scrollWidth, down = room.clientHeight / box.scrollHeight;
    box.style.fontSize = `${Math.max(SMALLEST, Math.floor(FORMULA * Math.min(1, 0.98 * across, 0.98 * down)))}px`;
  }

  // Without a mathematical font, a sum sign is no taller than a letter and touches its limits.
  function lacksMathFont() {
    const probe = document.createElement("div");
    probe.className = "unseen";
    probe.innerHTML = '<math display="block"><mo id="tall">∑</mo><mtext id="plain">∑</mtext></math>';
    document.body.append(probe);
    const tall = (id) => byId(id).getBoundingClientRect().height;
    const lacks = tall("tall") < 1.15 * tall("plain");
    probe.remove();
    return lacks;
  }

  // Revealing changes opacity only: axes, legend and margins stay in place

  // Traces of one legend group or name appear together; bands and thin lines appear with their line.
  function groupTraces(data, layout) {
    const legend = (trace) => trace.showlegend !== false && layout.showlegend !== false;
    const colour = (trace) => [trace.line, trace.marker].map((part) => part?.color).find((c) => typeof c === "string");
    const aside = (trace) => !trace.legendgroup && (!trace.name || (trace.hoverinfo === "skip" && !legend(trace)));
    const key = (trace, index) => trace.legendgroup || trace.name || `trace ${index}`;
    const main = data.map((_trace, index) => index).filter((index) => !aside(data[index]));
    const owners = main.length ? main : data.map((_trace, index) => index);
    const groups = new Map();
    data.forEach((trace, index) => {
      let owner = index;
      if (!owners.includes(index)) {
        const alike = (other) => colour(data[other]) === colour(trace);
        const after = owners.filter((other) => other > index), before = owners.filter((other) => other < index).reverse();
        owner = after.find(alike) ?? before.find(alike) ?? after[0] ?? before[0];
      }
      const name = key(data[owner], owner);
      if (!groups.has(name)) groups.set(name, { first: owner, traces: [] });
      groups.get(name).traces.push(index);
    });
    return [...groups.values()].sort((one, other) => one.first - other.first).map((group) => group.traces);
  }

  function traceOf(node) {
    let bound = node.__data__;
    while (Array.isArray(bound)) bound = bound[0];
    const trace = bound && (bound.trace || bound);
    return trace && Number.isInteger(trace.index) && "_input" in trace ? trace.index : -1;
  }

  // A Plotly text without its tags, on one line
  function bare(text) {
    const parsed = new DOMParser().parseFromString(String(text ?? "").replace(/<br>/g, " "), "text/html");
    return parsed.body.textContent.replace(/\s+/g, " ").trim();
  }

  function revealing(plot, groups, data) {
    const hover = plot._fullData.map((trace) => trace.hoverinfo);
    return groups.map((traces) => (shown) => {
      const names = new Set(traces.map((index) => bare(data[index].name)).filter(Boolean));
      plot.querySelectorAll("svg g, svg image").forEach((node) => {
        if (traces.includes(traceOf(node))) node.classList.toggle("unrevealed", !shown);
      });
      // the label at a line's end is an annotation with the line's name
      plot.querySelectorAll("g.annotation").forEach((node) => {
        const note = plot.layout.annotations[Number(node.dataset.index)];
        if (note && names.has(bare(note.text))) node.classList.toggle("unrevealed", !shown);
      });
      traces.forEach((index) => { plot._fullData[index].hoverinfo = shown ? hover[index] : "skip"; });
    });
  }

  // Turning

  const stepsOf = (index) => (steps[index] || []).length;

  async function show(index, at) {
    parts[current]?.leave?.();
    current = Math.min(slides.length - 1, Math.max(0, index));
    slides.forEach((slide, other) => { slide.classList.toggle("current", other === current); });
    document.body.style.setProperty("--page", getComputedStyle(slides[current]).getPropertyValue("--background"));
    const figure = figures[current] !== null;
    byId("svg").disabled = byId("png").disabled = !figure;
    byId("back").disabled = current === 0;
    step = at;
    presenter.hide();
    byId("said").textContent = `${current + 1} of ${slides.length}: ${deck.slides[current].title}`;
    if (!deck.embedded && placeOf(location.hash) !== current) location.replace(`#${current + 1}`);
    apply();
    await draw(current);
  }

  // A slide's steps are known once it is drawn; until then Infinity means the last one.
  function apply() {
    (steps[current] || []).forEach((reveal, part) => { reveal(part < step); });
    parts[current]?.at?.(Math.min(step, stepsOf(current)));
    presenter.tell();
  }

  function openSpeaker() { return presenter.open(); }

  function next() {
    if (presenter.isOpen()) return presenter.hide();
    if (!byId("black").hidden) return black(false);
    if (!steps[current]) return undefined;  // not drawn yet: its steps are unknown
    if (step < stepsOf(current)) { step += 1; apply(); }
    else if (current < slides.length - 1) show(current + 1, 0);
  }

  function back() {
    if (presenter.isOpen()) return presenter.hide();
    if (!byId("black").hidden) return black(false);
    const here = Math.min(step, stepsOf(current));
    if (here > 0) { step = here - 1; apply(); }
    else if (current > 0) show(current - 1, Infinity);
  }

  function leave() {
    const wasBlack = !byId("black").hidden || presenter.isOpen();
    presenter.hide();
    black(false); toast(""); typed = "";
    if (!deck.embedded || wasBlack || document.fullscreenElement) return;
    try {
      window.parent.document.querySelector(".st-key-deck_close button").click();
    } catch { /* not in a frame of the app */ }
  }

  function black(on) { byId("black").hidden = !on; }

  function placeOf(hash) {
    const place = /^#\d{1,4}$/.test(hash) ? Number(hash.slice(1)) - 1 : 0;
    return Math.min(slides.length - 1, Math.max(0, place));
  }

  let toastTimer = 0;
  function toast(words, milliseconds = 4000) {
    byId("toast").textContent = words;
    clearTimeout(toastTimer);
    if (words) toastTimer = setTimeout(() => { byId("toast").textContent = ""; typed = ""; }, milliseconds);
  }

  const KEYS = {
    ArrowRight: next, ArrowDown: next, PageDown: next, " ": next,
    ArrowLeft: back, ArrowUp: back, PageUp: back, Backspace: back,
    Home: () => show(0, 0), End: () => show(slides.length - 1, 0),
    b: () => black(byId("black").hidden), ".": () => black(byId("black").hidden),
    f: fullScreen, p: openSpeaker, s: openSpeaker,
    q: () => presenter.questions(), a: () => presenter.address(), l: () => presenter.point(),
    Escape: leave,
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (byId("black").hidden && parts[current]?.key?.(event)) return;
    if (event.target instanceof Object && event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^\d$/.test(key)) {
      typed = (typed + key).slice(-4);
      toast(`Go to slide ${typed}: press Enter`, 3000);
      return;
    }
    const number = typed;
    typed = "";
    if (number) toast("");
    if (key === "Enter") {
      event.preventDefault();
      if (number) show(Number(number) - 1, 0); else next();
      return;
    }
    const act = key === " " && event.shiftKey ? back : KEYS[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  function fullScreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    const asked = document.documentElement.requestFullscreen?.();
    const refused = () => toast("This window cannot go full screen. Open the saved deck file, or press F11.");
    return asked ? asked.catch(refused) : refused();
  }

  const presenter = deckPresenter({
    name: deck.name, talk: deck.talk, told: deck.slides, slides, stage, draw, next, back, toast, onKey,
    state: () => ({ current, step: Math.min(step, stepsOf(current)), count: stepsOf(current) }),
    black: () => black(byId("black").hidden),
  });

  // Saving a figure: with the slide's background, which its colours are made for

  async function save(format) {
    const index = current;
    try {
      const { data, layout } = figureOf(index), { width, height } = size(figures[index]);
      const background = getComputedStyle(slides[index]).getPropertyValue("--background").trim();
      const name = deck.slides[index].title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
      const figure = { data, layout: { ...layout, paper_bgcolor: background, width, height, autosize: false } };
      const scale = format === "png" ? 3 : 1;
      await Plotly.downloadImage(figure, { format, width, height, scale, filename: `${index + 1}-${name || "figure"}` });
    } catch (error) {
      toast(`This figure cannot be saved: ${String(error?.message || error).slice(0, 200)}`);
    }
  }

  // The window

  function fit() {
    const scale = Math.min(innerWidth / WIDTH, innerHeight / HEIGHT) || 1;
    const left = (innerWidth - WIDTH * scale) / 2, top = (innerHeight - HEIGHT * scale) / 2;
    stage.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    rescale(scale);
  }

  // What draws its own pixels needs to know how large they become.
  function rescale(scale) {
    window.leafscopeScale = scale;
    parts.forEach((part) => { part?.redraw?.(); });
  }

  let hideTimer = 0;
  function showToolbar() {
    toolbar.classList.add("shown");
    clearTimeout(hideTimer);
    hideTimer = setTimeout(() => { if (!toolbar.matches(":hover")) toolbar.classList.remove("shown"); }, 2500);
  }

  const BUTTONS = {
    back, next, full: fullScreen, speaker: openSpeaker, ask: () => presenter.questions(),
    address: () => presenter.address(), svg: () => save("svg"), png: () => save("png"),
    print: () => {
      isUrgent = true;
      return window.deckReady.then(() => print());
    },
  };
  for (const [id, act] of Object.entries(BUTTONS)) {
    byId(id).addEventListener("click", (event) => {
      if (event.detail) byId(id).blur();  // so that space turns slides again
      act();
    });
  }

  let touch = null;
  addEventListener("touchstart", (event) => {
    const isPart = event.target.closest("canvas, input, select, button, .guess-pad");  // a finger draws or chooses there
    const one = event.touches.length === 1 && !isPart ? event.touches[0] : null;
    touch = one && { x: one.clientX, y: one.clientY };
  }, { passive: true });
  addEventListener("touchend", (event) => {
    if (!touch) return;
    const across = event.changedTouches[0].clientX - touch.x, down = event.changedTouches[0].clientY - touch.y;
    touch = null;
    if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(down)) (across < 0 ? next : back)();
  }, { passive: true });

  addEventListener("keydown", onKey);
  addEventListener("resize", fit);
  addEventListener("mousemove", showToolbar);
  addEventListener("hashchange", () => { if (placeOf(location.hash) !== current) show(placeOf(location.hash), 0); });
  addEventListener("beforeprint", () => {
    slides.forEach((_slide, index) => { draw(index); });
    window.leafscopeScale = PRINTED;
    parts.forEach((part) => { part?.print?.(); });
  });
  addEventListener("afterprint", () => {
    parts.forEach((part) => { part?.printed?.(); });
    fit();
  });
  if (deck.embedded) {
    const focus = () => { window.focus(); document.body.focus({ preventScroll: true }); };
    document.body.tabIndex = -1;
    addEventListener("load", focus);
    addEventListener("click", (event) => { if (!event.target.closest("button, input, select")) focus(); });
  }

  // Drawing takes a moment in which no key is heard, so it waits while somebody acts, or a scene plays.
  const QUIET = 800;
  let actedAt = -QUIET, isUrgent = false;
  for (const name of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    addEventListener(name, () => { actedAt = performance.now(); }, { passive: true, capture: true });
  }
  const isBusy = () => !isUrgent && (performance.now() - actedAt < QUIET || parts[current]?.isPlaying?.());
  const later = () => new Promise((done) => {
    const look = () => (isBusy() ? setTimeout(look, 200) : (window.requestIdleCallback || setTimeout)(done, { timeout: 300 }));
    look();
  });
  const nearest = () => {
    const far = (index) => (index > current ? index - current : 2 * (current - index));
    return slides.map((_slide, index) => index).filter((index) => !drawn[index]).sort((a, b) => far(a) - far(b))[0];
  };

  fit();
  document.documentElement.classList.toggle("plain-math", lacksMathFont());
  window.deckReady = (async () => {
    await document.fonts.ready;
    await show(deck.embedded ? 0 : placeOf(location.hash), 0);
    document.documentElement.dataset.opened = "true";
    for (let index = nearest(); index !== undefined; index = nearest()) {
      await later();
      await draw(index);
    }
    await Promise.all(drawn);
    document.documentElement.dataset.ready = "true";
  })();
})();

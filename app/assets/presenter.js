"use strict";
// What a lecturer has beside the slides: a window with notes, the next slide, timer and pace; answers to questions about a
// figure; the address of its page; a pointer. `deck` gives the slides' data and elements, and turns them.
function deckPresenter(deck) {
  const MINUTES_PER_SLIDE = 1.5, SVG = "http://www.w3.org/2000/svg", WIDTH = 1920, HEIGHT = 1080;
  const sheet = document.getElementById("sheet"), dot = document.getElementById("pointer");
  let speaker = null, shown = "", pointing = false, planned = recalled() ?? Math.max(1, Math.round(MINUTES_PER_SLIDE * deck.talk));
  let started = 0, counted = 0;

  const told = (place) => deck.told[place];
  const here = () => deck.state().current;

  function add(parent, tag, words = "", more = {}) {
    const node = parent.appendChild(parent.ownerDocument.createElement(tag));
    node.textContent = words;
    Object.assign(node, more);
    return node;
  }

  // On the slides, for everyone

  // Fill the window with answers or an address; the same key, Escape and turning take it away.
  function show(kind) {
    const isNew = shown !== kind;
    shown = isNew ? kind : "";
    sheet.replaceChildren();
    sheet.hidden = !isNew;
    if (!isNew) return;
    const { title, answers, view } = told(here());
    sheet.className = deck.slides[here()].classList.contains("dark") ? "dark" : "light";
    add(sheet, "h1", kind === "questions" ? "About this figure" : "This view in Leafscope");
    add(sheet, "h2", title, { dir: "auto" });
    if (kind === "address") return address(view);
    for (const words of answers.length ? answers : ["This slide shows no run."]) add(sheet, "p", words, { dir: "auto" });
  }

  function address(view) {
    if (!view) return add(sheet, "p", "This slide was not taken from a page.");
    if (view.path) sheet.append(code(document, view));
    add(sheet, "p", view.address, { className: "address" });
    return add(sheet, "p", view.note);
  }

  // A QR code: dark on white in both themes, with the margin of four cells that readers need.
  function code(page, { path, cells, address }) {
    const drawing = page.createElementNS(SVG, "svg"), dark = page.createElementNS(SVG, "path");
    drawing.setAttribute("viewBox", `-4 -4 ${cells + 8} ${cells + 8}`);
    drawing.setAttribute("class", "code");
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", `QR code of ${address}`);
    dark.setAttribute("d", path);
    drawing.append(dark);
    return drawing;
  }

  function hide() {
    if (shown) show(shown);
  }

  function point() {
    pointing = !pointing;
    dot.hidden = true;
    document.documentElement.classList.toggle("pointing", pointing);
    deck.toast(pointing ? "Pointer on: move the mouse. L takes it away." : "");
    tell();
  }

  function pointAt(x, y) {
    if (!pointing) return;
    dot.hidden = false;
    dot.style.transform = `translate(${x}px, ${y}px)`;
  }

  addEventListener("mousemove", (event) => pointAt(event.clientX, event.clientY));

  // The lecturer's window: built from here, so that it also works when the deck is a file

  const STYLE = `
    html { color-scheme: light dark; } body { font: 20px/1.4 sans-serif; margin: 0; padding: 14px 20px; box-sizing: border-box;
    height: 100vh; display: grid; grid-template: auto auto minmax(0, 1fr) auto / minmax(0, 3fr) minmax(0, 2fr); gap: 10px 20px; }
    header, footer { grid-column: 1 / 3; display: flex; flex-wrap: wrap; gap: 8px 28px; align-items: center; }
    header { font-size: 26px; font-variant-numeric: tabular-nums; } #clock { margin-left: auto; } footer { gap: 8px; }
    .pictures { grid-row: 2 / 4; display: flex; flex-direction: column; gap: 8px; min-height: 0; overflow: hidden; }
    .picture { position: relative; overflow: hidden; border: 1px solid #888; flex: none; } #picture { cursor: crosshair; }
    h1, p { margin: 0; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; flex: none;
    overflow-wrap: anywhere; } h1 { font-size: 24px; } #then { opacity: 0.8; }
    main { min-height: 0; overflow: auto; overflow-wrap: anywhere; } #notes { white-space: pre-wrap; font-size: 25px; }
    #answers { font-size: 19px; padding-left: 1.1em; } .behind { color: #d1481f; font-weight: 600; }
    button, input { font: inherit; padding: 3px 12px; } input { width: 3.5em; }`;

  function open() {
    if (speaker && !speaker.closed) return speaker.focus();
    speaker = window.open("", "", "popup,width=1180,height=760");
    if (!speaker) return deck.toast("The browser blocked the speaker window. Allow pop-ups for this file.");
    const page = speaker.document;
    page.documentElement.lang = "en";
    page.title = `Speaker: ${deck.name}`;
    add(page.head, "style", STYLE);
    const head = add(page.body, "header");
    add(head, "strong", "", { id: "place" });
    add(head, "span", "", { id: "elapsed" });
    add(head, "span", "", { id: "pace" });
    add(head, "span", "", { id: "clock" });
    const pictures = add(page.body, "div", "", { className: "pictures" });
    add(pictures, "div", "", { id: "picture", className: "picture" }).addEventListener("mousemove", follow);
    add(pictures, "p", "", { id: "then", dir: "auto" });
    add(pictures, "div", "", { id: "following", className: "picture" });
    add(page.body, "h1", "", { id: "now", dir: "auto" });
    const main = add(page.body, "main", "", { tabIndex: 0 });
    add(main, "div", "", { id: "notes", dir: "auto" });
    add(main, "h3", "If they ask", { id: "asked" });
    add(main, "ul", "", { id: "answers" });
    const foot = add(page.body, "footer");
    const button = (id, words, act) => add(foot, "button", words, { id, onclick: act, type: "button" });
    button("back", "Back", deck.back);
    button("next", "Next", deck.next);
    button("run", "Start timer", () => {
      if (started) { counted = elapsed(); started = 0; } else started = Date.now();
      tick();
    });
    button("reset", "Reset timer", () => { counted = 0; if (started) started = Date.now(); tick(); });
    const label = add(foot, "label", "Minutes planned ");
    const minutes = { id: "planned", type: "number", min: 1, max: 600, value: planned };
    add(label, "input", "", minutes).addEventListener("input", (event) => plan(Number(event.target.value)));
    button("blank", "Blank screen", deck.black);
    button("point", "Pointer", point);
    button("ask", "Questions on screen", () => show("questions"));
    button("address", "Address on screen", () => show("address"));
    page.addEventListener("keydown", (event) => { if (event.target.tagName !== "INPUT") deck.onKey(event); });
    speaker.setInterval(tick, 500);
    speaker.addEventListener("resize", () => pictured(page));
    tick();
    tell();
    return speaker.focus();
  }

  // The mouse over the picture of the slide points at the same place of the slide.
  function follow(event) {
    const box = event.currentTarget.getBoundingClientRect(), stage = deck.stage.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    pointAt(stage.left + across * stage.width, stage.top + down * stage.height);
  }

  const elapsed = () => counted + (started ? Date.now() - started : 0);
  const pair = (number) => String(number).padStart(2, "0");
  const clock = (units) => `${pair(Math.floor(units / 60))}:${pair(units % 60)}`;  // mm:ss of seconds, hh:mm of minutes

  function recalled() {
    try {
      return Number(localStorage.getItem("leafscope.minutes")) || null;
    } catch {
      return null;  // storage may be forbidden
    }
  }

  function plan(minutes) {
    if (!(minutes >= 1 && minutes <= 600)) return;
    planned = minutes;
    try {
      localStorage.setItem("leafscope.minutes", String(minutes));
    } catch { /* then only until the window is closed */ }
    tick();
  }

  // Every slide has an equal share of the planned time; within the present slide's share the talk is on time.
  function pace() {
    const seconds = elapsed() / 1000, share = (60 * planned) / deck.talk, place = Math.min(here(), deck.talk - 1);
    if (!seconds) return ["", false];
    const behind = Math.round(seconds - share * (place + 1)), ahead = Math.round(share * place - seconds);
    if (behind > 0) return [`${clock(behind)} behind`, true];
    return [ahead > 0 ? `${clock(ahead)} ahead` : "on time", false];
  }

  function tick() {
    if (!speaker || speaker.closed) return;
    const page = speaker.document, [words, behind] = pace();
    page.getElementById("elapsed").textContent = `${clock(Math.floor(elapsed() / 1000))} of ${clock(60 * planned)}`;
    page.getElementById("pace").textContent = words;
    page.getElementById("pace").className = behind ? "behind" : "";
    page.getElementById("clock").textContent = clock(new Date().getHours() * 60 + new Date().getMinutes());
    page.getElementById("run").textContent = started ? "Pause timer" : elapsed() ? "Resume timer" : "Start timer";
  }

  function tell() {
    if (!speaker || speaker.closed) return;
    const page = speaker.document, { current, step, count } = deck.state(), after = told(current + 1);
    const set = (id, words) => { page.getElementById(id).textContent = words; };
    const { title, notes, answers } = told(current);
    set("place", `${current + 1} / ${deck.slides.length}${count ? `, step ${step} of ${count}` : ""}`);
    set("now", title);
    set("notes", notes || "No notes for this slide.");
    set("then", after ? `Next: ${after.title}` : "This is the last slide.");
    page.getElementById("asked").hidden = !answers.length;
    page.getElementById("answers").replaceChildren();
    for (const words of answers) add(page.getElementById("answers"), "li", words, { dir: "auto" });
    page.getElementById("point").setAttribute("aria-pressed", String(pointing));
    pictured(page);
    tick();
    if (after) deck.draw(current + 1).then(() => { if (here() === current) picture(page.getElementById("following"), current + 1, 0.24); });
  }

  function pictured(page) {
    picture(page.getElementById("picture"), here(), 0.44);
    picture(page.getElementById("following"), here() + 1, 0.24);
  }

  // A slide as it stands, copied and made small; its style is the deck's, and stays within.
  function picture(box, place, share) {
    if (!speaker || speaker.closed) return;
    const slide = deck.slides[place], room = box.parentElement.clientWidth;
    const width = Math.min(room, (share * speaker.innerHeight * WIDTH) / HEIGHT);
    box.style.cssText = `width:${width}px;height:${(width * HEIGHT) / WIDTH}px;visibility:${slide ? "visible" : "hidden"}`;
    if (!slide) return;
    const root = box.shadowRoot ?? box.attachShadow({ mode: "open" }), page = box.ownerDocument;
    const copy = page.importNode(slide, true), scale = width / WIDTH;
    copy.querySelectorAll("script").forEach((script) => { script.remove(); });
    const drawn = slide.querySelectorAll("canvas");
    copy.querySelectorAll("canvas").forEach((canvas, number) => {
      if (drawn[number].width && drawn[number].height) canvas.getContext("2d")?.drawImage(drawn[number], 0, 0);
    });
    copy.classList.add("current");
    copy.setAttribute("aria-hidden", "true");
    copy.inert = true;
    copy.style.cssText = `transform:scale(${scale});transform-origin:0 0;inset:auto;left:0;top:0`;
    const style = page.createElement("style");
    style.textContent = document.querySelector("style").textContent;
    root.replaceChildren(style, copy);
  }

  addEventListener("pagehide", () => { if (speaker && !speaker.closed) speaker.close(); });

  return { open, tell, point, hide, questions: () => show("questions"), address: () => show("address"), isOpen: () => shown !== "" };
}

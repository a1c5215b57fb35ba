// The slides of a deck in order, each with a small picture: chosen, and moved by mouse, finger or keys.
// Python is told `open`, the slide that was chosen, and `order`, the slides in their new order.

const SVG = "http://www.w3.org/2000/svg";
const FAR = 5; // px that the pointer moves before a slide is dragged

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".slides");
  root.leafscope ??= new SlideList(root);
  root.leafscope.show(data, setTriggerValue);
}

class SlideList {
  constructor(root) {
    this.root = root;
    this.open = null;
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("pointerdown", (event) => this.press(event));
    root.addEventListener("pointermove", (event) => this.drag(event));
    root.addEventListener("pointerup", () => this.drop());
    root.addEventListener("pointercancel", () => this.cancel());
  }

  show({ slides, open, word }, tell) {
    this.tell = tell;
    this.slides = slides;
    const isOther = this.open !== open;
    this.open = open;
    this.root.setAttribute("aria-label", word);
    this.draw();
    if (isOther) this.root.children[this.place()]?.scrollIntoView({ block: "nearest" });
  }

  place() {
    return this.slides.findIndex(({ id }) => id === this.open);
  }

  draw() {
    const hadFocus = this.root.contains(this.root.getRootNode().activeElement);
    this.root.replaceChildren(...this.slides.map((slide, number) => this.item(slide, number)));
    if (hadFocus) this.root.children[this.place()]?.focus({ preventScroll: true });
  }

  item(slide, number) {
    const item = document.createElement("li");
    item.role = "option";
    item.tabIndex = slide.id === this.open ? 0 : -1;
    item.ariaSelected = String(slide.id === this.open);
    item.dataset.id = slide.id;
    item.ariaLabel = `${number + 1}. ${slide.title}`;
    const count = add(item, "span", "count", String(number + 1));
    count.ariaHidden = "true";
    const picture = item.appendChild(document.createElementNS(SVG, "svg"));
    picture.setAttribute("viewBox", "0 0 160 90");
    picture.setAttribute("class", slide.dark ? "picture dark" : "picture");
    picture.setAttribute("aria-hidden", "true");
    for (const mark of slide.marks) drawMark(picture, mark);
    if (!slide.marks.length) drawWords(picture, slide);
    add(item, "span", "title", slide.title);
    const handle = add(item, "span", "handle", "⠿");
    handle.ariaHidden = "true";
    return item;
  }

  key(event) {
    const by = { ArrowUp: -1, ArrowDown: 1, Home: -this.slides.length, End: this.slides.length }[event.key];
    if (!by || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = this.place();
    const to = Math.min(this.slides.length - 1, Math.max(0, from + by));
    if (to === from) return;
    if (event.altKey) this.move(from, to);
    else this.choose(this.slides[to].id);
  }

  choose(id) {
    this.open = id;
    this.draw();
    const item = this.root.children[this.place()];
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
    this.tell("open", id);
  }

  move(from, to) {
    this.slides.splice(to, 0, ...this.slides.splice(from, 1));
    this.draw();
    this.root.children[to].scrollIntoView({ block: "nearest" });
    this.tell("order", this.slides.map(({ id }) => id));
  }

  press(event) {
    const item = event.target.closest("li");
    if (!item || event.button) return;
    const canDrag = event.pointerType === "mouse" || event.target.closest(".handle"); // a finger scrolls elsewhere
    this.held = { item, from: [...this.root.children].indexOf(item), at: event.clientY, id: event.pointerId, canDrag };
  }

  drag(event) {
    const { held } = this;
    if (!held?.canDrag) return;
    const by = event.clientY - held.at;
    if (!held.isMoved && Math.abs(by) < FAR) return;
    if (!held.isMoved) {
      held.isMoved = true;
      this.root.setPointerCapture(held.id);
      held.item.classList.add("dragged");
    }
    held.item.style.transform = `translateY(${by}px)`;
    const others = [...this.root.children].filter((one) => one !== held.item);
    held.to = others.filter((one) => {
      const box = one.getBoundingClientRect();
      return box.top + box.height / 2 < event.clientY;
    }).length;
    for (const [place, one] of others.entries()) {
      one.classList.toggle("before", place === held.to);
      one.classList.toggle("behind", held.to === others.length && place === others.length - 1);
    }
    const list = this.root.parentElement.getBoundingClientRect();
    if (event.clientY > list.bottom - 20 || event.clientY < list.top + 20) held.item.scrollIntoView({ block: "nearest" });
  }

  drop() {
    const { held } = this;
    this.held = null;
    if (!held) return;
    if (!held.isMoved) this.choose(held.item.dataset.id);
    else if (held.to !== held.from) {
      this.open = held.item.dataset.id;
      this.move(held.from, held.to);
    } else this.draw();
  }

  cancel() {
    this.held = null;
    this.draw();
  }
}

function add(parent, tag, name, text) {
  const made = parent.appendChild(document.createElement(tag));
  made.className = name;
  made.textContent = text;
  return made;
}

function drawMark(picture, [kind, colour, numbers]) {
  const put = (tag, attributes) => {
    const made = picture.appendChild(document.createElementNS(SVG, tag));
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (colour) made.style.setProperty("--mark", colour);
    made.classList.add(kind);
  };
  const size = { dots: 2, boxes: 4 }[kind];
  if (!size) put(kind === "area" ? "polygon" : "polyline", { points: numbers.join(" ") });
  else {
    for (let i = 0; i + size <= numbers.length; i += size) {
      const [x, y, width, height] = numbers.slice(i, i + size);
      put(...(kind === "dots" ? ["circle", { cx: x, cy: y, r: 1.6 }] : ["rect", { x, y, width: Math.max(0, width), height: Math.max(0, height) }]));
    }
  }
}

// Words are drawn as lines of their lengths, a formula by its sign.
function drawWords(picture, { kind, lengths }) {
  if (kind === "formula") {
    const sign = picture.appendChild(document.createElementNS(SVG, "text"));
    sign.setAttribute("x", 80);
    sign.setAttribute("y", 60);
    sign.textContent = "Σ";
    return;
  }
  for (const [row, length] of lengths.entries()) {
    const width = Math.min(130, 12 + 2.2 * length);
    const x = kind === "title" ? (160 - width) / 2 : 14;
    drawMark(picture, ["boxes", "", [x, (kind === "title" ? 34 : 14) + 12 * row, width, row ? 4 : 6]]);
  }
}

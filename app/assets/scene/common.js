// Helpers for all parts of the scene: elements, text, colours.

function addElement(tag, name, parent, words = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (words) element.textContent = words;
  parent.append(element);
  return element;
}

// Write only new text: the browser repeats its layout after each write.
function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

// Pixels of the screen in one of the page's: a stage that is scaled to its window says by how much.
function sceneRatio() {
  return (window.devicePixelRatio || 1) * (window.leafscopeScale ?? 1);
}

// Red, green and blue of "#RRGGBB", from 0 to 255.
function channels(hex) {
  return [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
}

// The colour at a place of a scale of [place, colour], as #rrggbb.
function sceneColour(scale, at) {
  const next = Math.max(1, scale.findIndex(([place]) => place >= at));
  const [[low, from], [high, to]] = [scale[next - 1], scale[next]];
  const share = Math.min(1, Math.max(0, (at - low) / (high - low)));
  const [a, b] = [channels(from), channels(to)];
  return `#${a.map((c, k) => Math.round(c + share * (b[k] - c)).toString(16).padStart(2, "0")).join("")}`;
}

// The scale of predicted numbers; looks of older decks have none of their own.
function sceneValues(look) {
  return look.values ?? look.signed;
}

// Of red, green and blue, by WCAG: from 0, black, to 1, white.
function luminance(colour) {
  const [red, green, blue] = colour.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// The look of the theme that the page has: its ground is a colour of the root.
function lookNow(root, { looks, dark }) {
  const ground = getComputedStyle(root).getPropertyValue("--st-background-color").trim();
  if (!/^#[0-9a-f]{6}$/i.test(ground)) return looks[Number(dark)];
  return looks[Number(luminance(channels(ground)) < 0.3)];
}

// What a style sheet takes from a look.
function applyLook(root, look) {
  for (const name of ["text", "muted", "grid", "background", "secondary", "primary", "font"]) {
    root.style.setProperty(`--scene-${name}`, look[name]);
  }
  root.style.setProperty("--scene-size", `${look.size}px`);
  root.style.colorScheme = look.dark ? "dark" : "light";
  root.classList.toggle("scene-projector", look.projector);
}

function sceneThousands(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

// What a layer that sends rows by soft decisions or scores sends them to, in the plural: "16 experts".
function routedPlural({ leaves, isTree }) {
  return `${sceneThousands(leaves)} ${isTree ? (leaves === 1 ? "leaf" : "leaves") : leaves === 1 ? "expert" : "experts"}`;
}

function routedSentence(routed) {
  if (routed.isTree) return `Each row goes to one of ${routedPlural(routed)}, on the harder side of each soft decision; training mixes all.`;
  return `Each row uses the ${routed.top} with the highest scores of ${routedPlural(routed)}.`;
}

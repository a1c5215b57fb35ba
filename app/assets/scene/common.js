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

// Red, green and blue of "#RRGGBB", from 0 to 255.
function channels(hex) {
  return [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
}

function sceneThousands(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

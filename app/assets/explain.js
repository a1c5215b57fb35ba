// The explanation: its numbers, computed by the scene's own models, and a scene in each chapter.

const explained = JSON.parse(document.getElementById("explanation").textContent);
const { scenes } = explained;
for (const scene of Object.values(scenes)) scene.rows ??= scenes.tree.rows;
const models = Object.fromEntries(Object.entries(scenes).map(([name, scene]) => [name, makeModel(scene)]));

const isShare = (value) => scenePercent(value);
const isCount = (value) => sceneThousands(value);
const isSigned = (value) => sceneSigned(value);
const isSize = (value) => String(Number(value.toPrecision(3)));
const isText = (value) => value;

// Shares of the training rows in each leaf of a model's first gated layer.
function leafShares(model) {
  return Array.from(model.loads(0)).slice(-(2 ** model.depth));
}

function effectiveLeaves(shares) {
  return Math.exp(-shares.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0));
}

function trained(model) {
  model.set(model.lastEpoch, model.depth, false);
  return model;
}

// Everything that is said, by name: a number, and how it is written.
function valuesOf(held) {
  const values = {};
  const say = (name, value, write) => { values[name] = { value, words: write(value) }; };
  for (const [name, model] of Object.entries(models)) {
    trained(model);
    const [train, test] = ["train", "test"].map((split) => model.accuracy(split));
    say(`${name}.train`, train, isShare);
    say(`${name}.test`, test, isShare);
    say(`${name}.always`, model.majority("test"), isShare);
    say(`${name}.gap`, 100 * (train - test), (gap) => `${gap.toFixed(1)} points`);
    say(`${name}.nTrain`, model.rows("train").n, isCount);
    say(`${name}.nTest`, model.rows("test").n, isCount);
    say(`${name}.wrong`, Math.round((1 - test) * model.rows("test").n), isCount);
    say(`${name}.width`, model.width, isCount);
    say(`${name}.parameters`, model.parts.size, isCount);
    say(`${name}.multiplyAdds`, model.multiplyAdds, isCount);
  }
  const { tree, dense } = models;
  const shares = leafShares(trained(tree));
  say("tree.depth", tree.depth, isCount);
  say("tree.leaves", shares.length, isCount);
  say("tree.nodes", tree.nNodes, isCount);
  say("tree.uses", tree.depth + 1, isCount);
  say("tree.reached", shares.filter((share) => share > 0).length, isCount);
  say("tree.unused", shares.filter((share) => share === 0).length, isCount);
  say("tree.fullest", Math.max(...shares), isShare);
  say("tree.effective", effectiveLeaves(shares), isSize);
  say("ratio", tree.parts.size / dense.parts.size, isSize);
  tree.set(tree.scene.epochs[0], tree.depth, false);
  say("tree.effectiveBefore", effectiveLeaves(leafShares(tree)), isSize);
  for (let level = 0; level <= tree.depth; level++) {
    tree.set(tree.lastEpoch, level, false);
    say(`level.${level}`, tree.accuracy("test"), isShare);
  }
  tree.set(tree.lastEpoch, tree.depth, true);
  say("shuffled", tree.accuracy("test"), isShare);
  sayPoint(held, say);
  return values;
}

function sayPoint(held, say) {
  const tree = trained(models.tree);
  const point = tree.point(held, 0);
  const { contributions, rest, logits } = tree.contributions(held, 0);
  say("point.bits", point.leaf, () => sceneBits(point.bits));
  say("point.gates", Array.from(point.gates), (gates) => gates.map(isSigned).join(", "));
  say("point.root", contributions[0][1], isSigned);
  say("point.deeper", contributions.slice(1).reduce((sum, part) => sum + part[1], 0), isSigned);
  say("point.rest", rest[1], isSigned);
  say("point.logit", logits[1], isSigned);
}

function write(values) {
  for (const element of document.querySelectorAll("[data-value]")) {
    const found = values[element.dataset.value];
    if (found) setText(element, found.words);
  }
}

const values = valuesOf(explained.held);
write(values);
window.leafscopeValues = values; // for tests and the curious

// A scene is drawn once its chapter comes into view.
const dark = matchMedia("(prefers-color-scheme: dark)");
const mounted = new Map();

function tell({ held }) {
  if (held?.length !== 2) return;
  sayPoint(held, (name, value, words) => { values[name] = { value, words: words(value) }; });
  write(values);
}

function mountChapter(root) {
  const names = explained.chapters[root.dataset.chapter];
  const place = scenes[names[0]].mode === "plane" ? { held: explained.held } : {};
  const data = {
    scenes: names.map((name) => scenes[name]),
    looks: explained.looks,
    dark: dark.matches,
    place,
    explained: null,
    live: false,
    preview: false,
    autoplay: false,
    guide: null,
  };
  mounted.set(root, data);
  mountScene(root, data, { tell, tellScheme() {}, isPage: false });
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    mountChapter(target);
  }
}, { rootMargin: "300px" });
for (const root of document.querySelectorAll(".scene[data-chapter]")) seen.observe(root);
dark.addEventListener("change", () => {
  for (const [root, data] of mounted) root.leafscope.update({ ...data, dark: dark.matches });
});

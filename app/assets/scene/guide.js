// The guided minute: five steps, each a link that sets the scene and says one sentence with a number computed from the run.
// The address names the step (`step`) beside the scene's place. Left and right arrows go from one step to the next.

const GUIDE_DENSE = "dense"; // the value of `beside` in the address
const GUIDE_LEVELS = 8; // most levels that have links of their own; arrows reach the others
const GUIDE_HIDDEN = "leafscope.guide";
const GUIDE_STEPS = ["Untrained", "Trained", "Shuffle leaves", "Read to level", "Against a dense net"];
const GUIDE_INVITES = "Five steps show why its predictions are cheap: choose one, or press the right arrow.";
const GUIDE_WAITS = "Train this net first: the five steps show what training does.";
const GUIDE_TRAINS = "This run still trains: the five steps show it once it has ended or is paused.";

function guideIsHidden() {
  try {
    return localStorage.getItem(GUIDE_HIDDEN) === "hidden";
  } catch {
    return false;
  }
}

function guideHide(isHidden) {
  try {
    localStorage.setItem(GUIDE_HIDDEN, isHidden ? "hidden" : "shown");
  } catch {
    // storage may be forbidden; the choice then lasts for this page
  }
}

/** The links above the scene, and the sentence of the step that it shows. */
class SceneGuide {
  constructor(app, root) {
    this.app = app;
    this.nav = addElement("nav", "scene-guide", root);
    this.nav.setAttribute("aria-label", "Guided minute");
    this.links = addElement("div", "scene-guide-links", this.nav);
    this.words = addElement("p", "scene-guide-words", this.nav);
    this.isHidden = guideIsHidden();
  }

  // The button below the scene that brings the steps back.
  addShow(parent) {
    this.show = addElement("button", "scene-button scene-guide-show", parent, "Show the guided minute");
    this.show.addEventListener("click", () => this.hide(false));
  }

  hide(isHidden) {
    this.isHidden = isHidden;
    guideHide(isHidden);
    if (isHidden && this.app.state.step) this.app.change({ step: null });
    this.app.move();
  }

  // A run can be guided through if its net has levels and leaves; the links of any other lead to the example.
  get isOwn() {
    const [view] = this.app.views;
    return !this.app.data.live && view?.model?.kind === "tree" && view.model.depth > 0 && view.scene.epochs.length > 1 && !view.scene.target && !view.scene.routed;
  }

  // A net that is not trained yet, or still trains: its steps wait, as any other run would take the place of the person's own.
  get waits() {
    return Boolean(this.app.data.preview || this.app.data.live);
  }

  get run() {
    return this.isOwn || this.waits ? this.app.id : this.app.data.guide;
  }

  get invites() {
    if (!this.waits) return GUIDE_INVITES;
    return this.app.data.preview ? GUIDE_WAITS : GUIDE_TRAINS;
  }

  // All that the arrows go through: each step, and the fourth at each level.
  places() {
    const depth = this.isOwn ? this.app.views[0].model.depth : 0;
    const levels = Array.from({ length: depth + 1 }, (_, level) => ({ step: 4, level }));
    return [{ step: 1 }, { step: 2 }, { step: 3 }, ...levels, { step: 5 }];
  }

  // The place in `places` of what the scene shows; -1 for none of them.
  at() {
    const { step } = this.app.state;
    const level = step === 4 && this.isOwn ? this.app.level() : 0;
    return this.places().findIndex((place) => place.step === step && (place.level ?? level) === level);
  }

  // The state that a step sets, over what the address says besides.
  stateOf({ step, level, held }) {
    const state = { step, level, held: held ?? this.app.sample(), epoch: null, shuffled: step === 3, layer: 0 };
    if (step === 1) state.epoch = this.app.firstEpoch;
    if (step !== 4) state.level = null;
    return state;
  }

  address({ step, level }) {
    const { app } = this;
    const query = new URLSearchParams(location.search);
    const isAlone = this.isOwn && step !== 5 && !query.has("beside");
    for (const name of [...SCENE_PLACE, "beside", ...(isAlone ? [] : ["plan"])]) query.delete(name); // Python writes the plan
    query.set("run", this.run);
    query.set("step", step);
    if (step === 1) query.set("epoch_at", this.isOwn ? app.firstEpoch : 0);
    if (step === 3) query.set("shuffled", 1);
    if (step === 4 && level < (this.isOwn ? app.views[0].model.depth : Infinity)) query.set("read_to", level);
    if (step === 5) query.set("beside", GUIDE_DENSE);
    const held = this.isOwn ? (app.state.held ?? app.sample()) : null;
    if (held && app.views[0].plane) query.set("held", Array.from(held, (value) => Number(value.toPrecision(6))).join());
    return `${location.pathname}?${query}`;
  }

  // As the browser's Back does, so that the whole page follows.
  go(place) {
    const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
    history.pushState({ ...history.state, scrolled }, "", this.address(place));
    dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  }

  // What a key does; null where it does nothing.
  acts(key) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (!by || this.nav.hidden || this.waits) return null;
    const places = this.places();
    const next = places[this.at() + by];
    return next ? () => this.go(next) : null;
  }

  draw(isMoving) {
    const { app } = this;
    const isHere = app.host.isPage && Boolean(this.run);
    this.nav.hidden = this.isHidden || !isHere;
    this.show.hidden = !this.isHidden || !isHere;
    if (this.nav.hidden) return;
    const at = this.at();
    const key = [this.run, this.isOwn, this.waits, this.places().length, at, app.state.held?.join(), location.search].join();
    if (key !== this.key) this.write(at);
    this.key = key;
    if (!isMoving || !this.said) this.say(isMoving ? this.invites : this.sentence());
  }

  write(at) {
    const focused = this.links.getRootNode().activeElement?.dataset?.at;
    this.links.textContent = "";
    addElement("span", "scene-guide-title", this.links, "One minute:");
    const places = this.places();
    const link = (place, words, parent = this.links) => {
      const element = addElement("a", "scene-guide-link", parent, words);
      if (this.waits) {
        element.setAttribute("role", "link");
        element.setAttribute("aria-disabled", "true");
        return element;
      }
      element.href = this.address(place);
      element.dataset.at = places.findIndex((one) => one.step === place.step && one.level === place.level);
      if (Number(element.dataset.at) === at) element.setAttribute("aria-current", "step");
      element.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.go(place);
      });
      return element;
    };
    for (const [i, words] of GUIDE_STEPS.entries()) {
      const step = i + 1;
      const levels = places.filter((place) => place.step === step && place.level !== undefined);
      if (levels.length < 2 || levels.length > GUIDE_LEVELS + 1) {
        link(levels[0] ?? { step }, `${step} ${words}`);
        continue;
      }
      const group = addElement("span", "scene-guide-levels", this.links, `${step} ${words}`);
      for (const place of levels) link(place, String(place.level), group).setAttribute("aria-label", `${words} ${place.level}`);
    }
    const skip = addElement("button", "scene-guide-skip", this.links, "Hide");
    skip.setAttribute("aria-label", "Hide the guided minute");
    skip.addEventListener("click", () => this.hide(true));
    if (focused !== undefined) this.links.querySelector(`[data-at="${at >= 0 ? at : focused}"]`)?.focus();
  }

  // Writes a sentence in which `*` stands around the number.
  say(sentence) {
    if (sentence === this.said) return;
    this.said = sentence;
    this.words.textContent = "";
    sentence.split("*").forEach((part, i) => { addElement(i % 2 ? "b" : "span", "", this.words, part); });
  }

  sentence() {
    const { app } = this;
    const [view, beside] = app.views;
    const { step } = app.state;
    if (!step || !this.isOwn) return this.invites;
    const { model } = view;
    const rows = `of ${sceneThousands(model.rows(model.judged).n)} ${model.judgedWord} rows`;
    const [untrained, trained] = [app.firstEpoch, model.lastEpoch].map((epoch) => scenePercent(view.scoreAt(epoch)));
    const all = model.depth + 1;
    const shown = scenePercent(view.scores?.[model.judged] ?? NaN);
    if (step === 1) {
      const zero = model.zeroMatrices?.(view.layer) ?? 0;
      const why = zero ? `${sceneThousands(zero)} of the ${sceneThousands(2 ** all - 1)} matrices are zero, so every leaf computes the same: ` : "";
      return `Before training, ${why}*${untrained}* ${rows} are classified correctly.`;
    }
    if (step === 2) {
      const added = `each leaf adds up its own ${all} matrices: `;
      return `After ${model.lastEpoch} epochs ${added}*${trained}* ${rows} are classified correctly, ${untrained} before training.`;
    }
    if (step === 3) return `Each leaf gets another leaf's matrix, nothing is retrained: *${shown}* ${rows} instead of ${trained}.`;
    if (step === 4) {
      const level = app.level();
      const what = level ? `each row adds ${level < model.depth ? `the first ${level + 1}` : "all"} of its ${all} matrices` : "all rows share the root's matrix";
      return `Read to level ${level}, ${what}: *${shown}* ${rows} are classified correctly${level < model.depth ? `, ${trained} at level ${model.depth}` : ""}.`;
    }
    if (beside?.scene.kind !== "dense") return "Beside it comes a dense net of the same computation, with the same seeds and training.";
    return this.besideDense(model, trained, beside, rows);
  }

  besideDense(model, trained, beside, rows) {
    const dense = `*${scenePercent(beside.scoreAt(beside.model?.lastEpoch))}*`;
    const other = beside.model;
    if (!other?.computes || !model.computes) return `A dense net of the same computation classifies ${dense} ${rows} correctly, the tree net ${trained} (one seed).`;
    const [own, its] = [model, other].map((one) => sceneThousands(one.multiplyAdds));
    const costs = own === its ? `${own} multiply-adds each` : `${its} multiply-adds against ${own}`;
    return (
      `With ${costs}, the dense net classifies ${dense} ${rows} correctly, the tree net ${trained} (one seed); ` +
      `they store ${sceneThousands(other.parts.size)} and ${sceneThousands(model.parts.size)} parameters.`
    );
  }
}

// A slide that is a scene. deck.js asks a part for: `steps`, the number of states that "next" goes through; `at(step)`, which
// shows one of them; `key(event)`, which says whether it used a key; `leave`, `redraw`, `print` and, after it, `printed`.

const DECK_SCENE_KEYS = new Set(["k", "s", "[", "]", "<", ">"]); // comma and full stop: clickers send the latter for black

window.deckParts = {
  ...window.deckParts,

  scene(box, { looks, dark }) {
    const { scenes, place, steps = [], at = steps.length, explained = null } = JSON.parse(box.querySelector("script").textContent);
    for (const scene of scenes) scene.rows ??= scenes[0].rows;
    const root = box.appendChild(document.createElement("div"));
    root.className = "scene";
    const data = { scenes, looks, dark, place, explained, live: false, preview: false, autoplay: false, guide: null };
    const scene = mountScene(root, data, { tell() {}, tellScheme() {}, isPage: false });
    // space and arrows turn slides again after the mouse; a list keeps the focus while it is open
    root.addEventListener("click", (event) => event.detail && event.target.tagName !== "SELECT" && document.activeElement.blur());
    root.addEventListener("change", () => document.activeElement.blur());
    let shown = 0;
    let onScreen = null; // while it is printed: what the screen shows
    const stateAt = (step) => Object.assign({}, place, ...steps.slice(0, step));
    const rest = () => {
      scene.isPlaying = false;
    };
    const texts = [".heading bdi", ".subtitle bdi"].map((name) => box.closest(".slide")?.querySelector(name));
    const first = texts.map((text) => text?.textContent);
    // a step may have its own title and line below it
    const say = (step) => {
      ["title", "text"].forEach((name, i) => {
        const own = steps.slice(0, step).findLast((one) => one[name] !== undefined)?.[name];
        if (texts[i]) texts[i].textContent = own ?? first[i];
      });
    };
    return {
      steps: steps.length,
      at(step) {
        if (step === shown) return;
        shown = step;
        scene.isStill = false;
        say(step);
        scene.showPlace(stateAt(step));
        if (step > 0 && steps[step - 1].plays) scene.play(true);
      },
      key(event) {
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const isHeld = key === "Escape" && scene.state.held && scene.views.some((view) => view.plane);
        if (!DECK_SCENE_KEYS.has(key) && !isHeld) return false;
        scene.key(event);
        return event.defaultPrevented;
      },
      leave() {
        rest();
        scene.wake();
      },
      redraw: () => scene.wake(),
      isPlaying: () => scene.isPlaying,
      print() {
        rest();
        onScreen ??= { shown, place: scene.place() };
        scene.isStill = true;
        shown = Math.min(at, steps.length);
        say(shown);
        scene.showPlace(stateAt(shown));
      },
      printed() {
        if (!onScreen) return;
        scene.isStill = false;
        shown = onScreen.shown;
        say(shown);
        scene.showPlace(onScreen.place);
        onScreen = null;
      },
      scene, // for tests and the curious
    };
  },
};

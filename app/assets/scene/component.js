// How Streamlit draws the scene: it calls the default function at each change of `data`.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".scene");
  const room = root.closest(".scene-room");
  if (room && !root.leafscope) fitSceneRoom(room);
  mountScene(root, data, {
    tell: (place) => setStateValue("place", place),
    tellScheme: (scheme) => setStateValue("scheme", scheme),
    isPage: !data.place, // a slide has a place of its own, no address
  });
  return () =>
    setTimeout(() => {
      if (root.isConnected) return;
      root.leafscope?.leave();
      if (room) delete window.leafscopeScale;
    });
}

/** Scale the part of a slide that a scene has to the width that there is. */
function fitSceneRoom(room) {
  const fit = () => {
    const scale = room.parentElement.clientWidth / room.offsetWidth;
    room.style.transform = `scale(${scale})`;
    window.leafscopeScale = scale;
    room.querySelector(".scene").leafscope?.wake();
  };
  new ResizeObserver(fit).observe(room.parentElement);
  fit();
}

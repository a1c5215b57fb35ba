// How Streamlit draws the scene: it calls the default function at each change of `data`.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".scene");
  mountScene(root, data, {
    tell: (place) => setStateValue("place", place),
    tellScheme: (scheme) => setStateValue("scheme", scheme),
    isPage: !data.place, // a slide has a place of its own, no address
  });
  return () => setTimeout(() => root.isConnected || root.leafscope?.leave());
}

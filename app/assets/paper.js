// Draws a figure for a column of a paper with Plotly, which comes before this text, shows it, and tells Python its SVG.

const PAPER_FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"; // texts are measured in what other programs have too

export default function ({ data, parentElement, setStateValue }) {
  const place = parentElement.querySelector(".paper");
  const { figure, width, height, name } = data;
  if (place.firstChild) return; // Python was told, and asks again
  place.style.cssText = `width:${width}px;max-width:100%;background:#fff;overflow:hidden`;
  const font = { ...figure.layout.font, family: PAPER_FONT };
  const layout = { ...figure.layout, font, width, height, autosize: false };
  window.Plotly.toImage({ data: figure.data, layout }, { format: "svg", width, height, imageDataOnly: true }).then(
    (svg) => {
      const shown = new Image();
      shown.alt = name;
      shown.style.cssText = "display:block;max-width:100%";
      shown.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
      place.replaceChildren(shown);
      setStateValue("svg", svg);
    },
    (error) => setStateValue("fault", String(error?.message || error)),
  );
}

"use strict";
// Draws each chart in the page's light or dark colours, and again when those or the width change.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  // A finger on a chart scrolls the page; only a mouse zooms.
  const touch = matchMedia("(pointer: coarse)").matches;
  const config = { responsive: true, displayModeBar: false, displaylogo: false };
  const charts = [...document.querySelectorAll("[data-chart]")].map((div) => ({
    div,
    figure: JSON.parse(document.getElementById(`${div.id}-figure`).textContent),
  }));

  const coloured = (value, style) => {
    if (typeof value === "string") {
      return value.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, coloured(item, style)]),
    );
  };

  const dressed = (layout, style) => {
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = {
      gridcolor: color("--rule"), linecolor: color("--rule"), zeroline: false,
      spikecolor: color("--muted"), spikethickness: 1,
      automargin: true, fixedrange: touch, nticks: narrow.matches ? 5 : 0,
    };
    const dress = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      font: { family: style.fontFamily, size: narrow.matches ? 11 : 12, color: color("--muted") },
      margin: { l: narrow.matches ? 50 : 62, r: 8, t: 8, b: 40 },
      dragmode: touch ? false : "zoom",
      hoverlabel: {
        bgcolor: color("--card"), bordercolor: color("--rule"), namelength: -1,
        font: { color: color("--text") },
      },
      legend: {
        orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal",
        font: { color: color("--text"), size: narrow.matches ? 11 : 12 },
        ...(narrow.matches && { entrywidth: 0.5, entrywidthmode: "fraction" }),
      },
    };
    const axes = Object.keys(layout).filter((name) => /^[xy]axis/.test(name));
    const dressedAxes = axes.map((name) => [name, {
      ...axis, ...(name.startsWith("y") && { fixedrange: true }), ...layout[name],
    }]);
    return { ...dress, ...layout, ...Object.fromEntries(dressedAxes) };
  };

  const draw = () => {
    const style = getComputedStyle(document.body);
    for (const { div, figure } of charts) {
      const { data, layout } = coloured(figure, style);
      Plotly.react(div, data, dressed(layout, style), config);
    }
  };

  // Zooming one chart over time zooms them all.
  const timed = charts.filter(({ figure }) => figure.layout.hovermode === "x unified");
  let following = false;
  const follow = (leader, change) => {
    if (following || !Object.keys(change).some((key) => key.startsWith("xaxis."))) return;
    following = true;
    const range = [...leader.layout.xaxis.range];
    const others = timed.filter(({ div }) => div !== leader);
    Promise.all(others.map(({ div }) => Plotly.relayout(div, { "xaxis.range": range }))).then(
      () => { following = false; },
    );
  };

  draw();
  for (const { div } of timed) div.on("plotly_relayout", (change) => follow(div, change));
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();

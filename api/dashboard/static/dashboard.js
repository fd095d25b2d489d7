// Light or dark as chosen last, cluster time as text, and a clock that goes on between two updates.

const root = document.documentElement;
if (localStorage.arylTheme) root.dataset.theme = localStorage.arylTheme;

function arylMoment(time_s) {
  const two = (number) => String(number).padStart(2, "0");
  if (time_s >= 1e9) return new Date(time_s * 1e3).toISOString().slice(0, 16).replace("T", " ");
  const minutes = Math.floor(time_s / 60);
  return `day\u00a0${Math.floor(minutes / 1440)} ${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
}

const told = { time_s: "", at_ms: 0 };
setInterval(() => {
  window.socket?.io.reconnectionDelayMax(1_500); // a service that comes back is noticed soon
  const clock = document.querySelector("time[data-speed]");
  if (!clock || document.getElementById("popup")?.ariaHidden === "false") return; // connection lost
  const { time, speed } = clock.dataset;
  if (told.time_s !== time) Object.assign(told, { time_s: time, at_ms: performance.now() });
  const text = arylMoment(Number(time) + (Number(speed) * (performance.now() - told.at_ms)) / 1e3);
  if (clock.textContent !== text) clock.textContent = text;
}, 500);

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const is_dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (is_dark ? "dark" : "light");
  root.dataset.theme = localStorage.arylTheme = now === "dark" ? "light" : "dark";
});

function arylTip(series) {
  const rows = series.map(({ seriesName, value, color }) => {
    const swatch = `<span class="swatch" style="--tone:${color}"></span>`;
    const number = value[1] == null ? "–" : Number(value[1]).toLocaleString("en", { maximumFractionDigits: 1 });
    return `<div class="tip-row">${swatch}${seriesName}<b>${number}</b></div>`;
  });
  return `<b>${arylMoment(series[0].value[0])}</b>${rows.join("")}`;
}

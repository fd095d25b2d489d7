// What keeps people out of a page, as a list of sentences: names, structure and contrast.
() => {
  const faults = [];
  const shown = (el) => el.checkVisibility() && !el.closest("[aria-hidden=true]");
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const what = (el) => `${el.tagName.toLowerCase()}.${el.className || el.id}: ${el.textContent.trim().slice(0, 40)}`;
  const blame = (selector, is_faulty, fault) =>
    all(selector).filter(is_faulty).forEach((el) => faults.push(`${fault}: ${what(el)}`));

  if (!document.documentElement.lang) faults.push("the page has no language");
  if (!document.title) faults.push("the page has no title");
  if (all("h1").length !== 1) faults.push(`${all("h1").length} first headings`);
  const levels = all("h1, h2, h3").map((heading) => Number(heading.tagName[1]));
  levels.forEach((level, at) => at && level > levels[at - 1] + 1 && faults.push(`h${level} follows h${levels[at - 1]}`));
  const mains = all("main, [role=main]").filter((el) => el.getAttribute("role") !== "none");
  if (mains.length !== 1) faults.push(`${mains.length} main parts`);
  const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => faults.push(`id ${id} twice`));

  const named = (el) => el.getAttribute("aria-label") || el.getAttribute("aria-labelledby") || el.title;
  blame("img", (el) => !el.hasAttribute("alt"), "no text instead of an image");
  blame("input, select, textarea", (el) => !named(el) && !el.labels.length, "a field without a label");
  blame("a[href], button", (el) => !named(el) && !el.textContent.trim(), "nothing to call it by");
  blame("table", (el) => !el.caption, "a table without a caption");
  blame("th", (el) => !el.scope, "a heading that heads nothing");
  blame("[tabindex]", (el) => el.tabIndex > 0, "out of the natural order");
  const scrolls = (el) => el.scrollHeight > el.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(el).overflowY);
  blame("main *", (el) => scrolls(el) && el.tabIndex < 0, "scrolls by mouse only");

  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  const lightness = () => {
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const fill = (color) => {
    paint.fillStyle = color;
    paint.fillRect(0, 0, 1, 1);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const el = texts.currentNode.parentElement;
    if (!texts.currentNode.nodeValue.trim() || seen.has(el) || !shown(el) || el.closest("script, style, svg, .unseen, .skip")) continue;
    seen.add(el);
    fill("white");
    const around = [];
    for (let at = el; at; at = at.parentElement) around.unshift(getComputedStyle(at).backgroundColor);
    around.forEach(fill);
    const back = lightness();
    const style = getComputedStyle(el);
    fill(style.color);
    const front = lightness();
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const is_large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
    if (contrast < (is_large ? 3 : 4.5)) faults.push(`contrast ${contrast.toFixed(2)}: ${what(el)}`);
  }
  return faults;
}

// What a reader with weak eyes, a keyboard or a small screen would stumble over on this page. An expression: its value is told.
(() => {
  const linear = (part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; // WCAG 2.2, "relative luminance"
  };
  const luminance = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const colour = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return parts.length === 4 ? parts : [...parts, 1];
  };
  const over = (top, below) => [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
  const behind = new Map();
  const ground = (element) => {
    if (!element) return [255, 255, 255, 1];
    if (!behind.has(element)) {
      behind.set(element, over(colour(getComputedStyle(element).backgroundColor), ground(element.parentElement)));
    }
    return behind.get(element);
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });

  const faint = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const element = nodes.currentNode.parentElement;
    const words = nodes.currentNode.data.trim();
    if (!words || !visible(element)) continue;
    const back = ground(element);
    const found = contrast(over(colour(getComputedStyle(element).color), back), back);
    if (found < 4.5) faint.push(`${words.slice(0, 30)}: ${found.toFixed(2)}`);
  }
  // WCAG 2.2, 1.4.11: what tells a field, and what a plot draws, is seen too.
  for (const field of document.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), select")) {
    const found = contrast(colour(getComputedStyle(field).borderTopColor), ground(field.parentElement));
    if (found < 3) faint.push(`border of ${field.name}: ${found.toFixed(2)}`);
  }
  for (const shape of document.querySelectorAll("svg rect, svg polyline")) {
    const style = getComputedStyle(shape);
    const drawn = shape.tagName === "rect" ? style.fill : style.stroke;
    const found = contrast(colour(drawn), ground(shape.closest("section")));
    if (found < 3) faint.push(`${shape.getAttribute("class")}: ${found.toFixed(2)}`);
  }

  const unnamed = [...document.querySelectorAll("input:not([type=hidden]), select, button, a, iframe, svg")]
    .filter((one) => visible(one) && !(one.labels?.length || one.innerText?.trim() || one.ariaLabel || one.title))
    .map((one) => one.outerHTML.slice(0, 80));
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const small = [...document.querySelectorAll("button, input:not([type=hidden]), select")]
    .filter((one) => visible(one) && Math.min(one.offsetHeight, one.offsetWidth) < 20)
    .map((one) => one.outerHTML.slice(0, 80));
  return {
    faint,
    unnamed,
    small,
    twice: ids.filter((id, place) => ids.indexOf(id) !== place),
    headings: document.querySelectorAll("h1").length,
    wide: document.documentElement.scrollWidth > innerWidth,
    focusable: [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, iframe, [tabindex='0']")]
      .filter(visible).length,
  };
})();

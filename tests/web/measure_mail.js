// Measures the mails with these keys, each in the frame that has the key for its title. A function: it returns what it found.
(keys) => {
  function luminance([red, green, blue]) {
    // WCAG 2.2, "relative luminance"
    const linear = [red, green, blue].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  }

  function colour(text) {
    const parts = text.match(/[\d.]+/g).map(Number);
    return parts.length === 4 ? parts : [...parts, 1];
  }

  function over(top, below) {
    return [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
  }

  const behind = new Map();

  function background(element) {
    if (!element) return [255, 255, 255, 1];
    if (!behind.has(element)) {
      const own = element.ownerDocument.defaultView.getComputedStyle(element).backgroundColor;
      behind.set(element, over(colour(own), background(element.parentElement)));
    }
    return behind.get(element);
  }

  function contrast(element, style) {
    const back = background(element);
    const light = [luminance(over(colour(style.color), back)), luminance(back)].sort((a, b) => b - a);
    return (light[0] + 0.05) / (light[1] + 0.05);
  }

  function visible(element) {
    return element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  }

  function texts(document) {
    const found = [];
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
      const element = nodes.currentNode.parentElement;
      const words = nodes.currentNode.data.trim();
      if (!words || !visible(element)) continue;
      const style = document.defaultView.getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      if (size === 0) continue;
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      found.push({ words: words.slice(0, 40), contrast: contrast(element, style), large });
    }
    return found;
  }

  function link(element) {
    const box = element.getBoundingClientRect();
    const button = element.classList.contains("t-button");
    return { words: element.innerText.trim(), button, height: box.height };
  }

  function measure(frame) {
    const document = frame.contentDocument;
    const root = document.documentElement;
    const view = frame.contentWindow;
    return {
      scheme: view.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
      marked: root.hasAttribute("data-ogsc"),
      width: Math.max(root.scrollWidth, document.body.scrollWidth),
      room: root.clientWidth,
      lang: root.lang,
      dir: root.dir,
      background: luminance(background(document.body.querySelector("h1"))),
      texts: texts(document),
      images: [...document.images].map((image) => ({
        alt: image.getAttribute("alt"),
        shown: image.complete && image.naturalWidth > 0,
      })),
      links: [...document.links].map(link),
      preheader_hidden: !visible(document.body.firstElementChild),
      scripts: document.querySelectorAll("script, [onmouseover]").length,
      fetched: view.performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => !name.startsWith("data:")),
    };
  }

  const frames = new Map([...document.querySelectorAll("iframe")].map((frame) => [frame.title, frame]));
  return Object.fromEntries(keys.map((key) => [key, measure(frames.get(key))]));
}

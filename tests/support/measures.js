// What the tests ask of a page that stands in a frame of some width.

const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const channels = colour => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
};
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
const luminance = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) =>
  sum + weight * (colour[i] <= 10 ? colour[i] / 3295 : ((colour[i] / 255 + 0.055) / 1.055) ** 2.4), 0);
const ancestors = element => element ? [element, ...ancestors(element.parentElement)] : [];
const ground = element => ancestors(element)
  .map(each => channels(getComputedStyle(each).backgroundColor))
  .reduceRight((below, top) => over(top, below), [255, 255, 255]);
const contrast = element => {
  const below = ground(element), [red, green, blue, alpha] = channels(getComputedStyle(element).color);
  const share = ancestors(element).reduce((all, each) => all * getComputedStyle(each).opacity, alpha);
  const [low, high] = [over([red, green, blue, share], below), below].map(luminance).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const path = element => ancestors(element).slice(0, 3).reverse()
  .map(each => [each.localName, ...each.classList].slice(0, 4).join(".")).join(" > ");
const beside = (one, other) => one.right <= other.left || other.right <= one.left
  || one.bottom <= other.top || other.bottom <= one.top;

async function measure(frame, dark) {
  const page = frame.contentDocument, body = page.body, all = selector => [...body.querySelectorAll(selector)];
  const pause = time => new Promise(done => setTimeout(done, time));
  const shown = element => element.checkVisibility({visibilityProperty: true});
  page.head.append(Object.assign(page.createElement("style"), {textContent: "* {transition: none !important}"}));
  if (dark && !body.classList.contains("quarto-dark")) frame.contentWindow.quartoToggleColorScheme?.();
  await page.fonts.ready;
  await pause(300);
  all("details").forEach(each => each.open = true);
  const texts = all("*").filter(each => shown(each) && !each.matches("script, style, noscript")
    && (each.matches("input") || [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())));
  const button = code => (code.closest(".code-copy-outer-scaffold") ?? code.closest("div, pre")).querySelector("button");
  const lines = code => {
    const range = page.createRange();
    range.selectNodeContents(code);
    return [...range.getClientRects()].filter(line => line.width > 1);
  };
  return {
    dark: luminance(ground(body)) < 0.1,
    texts: texts.length,
    pale: texts.filter(each => contrast(each) < 4.5).map(each => [contrast(each), path(each)]),
    sideways: page.scrollingElement.scrollWidth - page.scrollingElement.clientWidth,
    unreachable: all("*").filter(box => ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
      && box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0 && !box.querySelector("a, button, [tabindex]"))
      .map(path),
    cut: all("pre, pre code").filter(box => box.scrollWidth > box.clientWidth + 1)
      .map(box => [path(box), box.clientWidth, box.scrollWidth]),
    covered: all("pre code").filter(code => button(code)
      && !lines(code).every(line => beside(line, button(code).getBoundingClientRect()))).map(path),
    fonts: [...page.fonts].filter(font => font.family.includes("STIX")).map(font => font.status),
    summaries: all("summary").map(each => each.textContent.trim()),
    titles: all("h1").length,
    papers: all("a[href$='.pdf']").length,
  };
}

// The page itself then holds what was found in each of its frames.
function show(dark) {
  onload = async () => {
    const found = [];
    for (const frame of document.querySelectorAll("iframe")) {
      found.push({width: frame.clientWidth, ...await measure(frame, dark)});
    }
    document.body.replaceChildren(Object.assign(document.createElement("pre"), {id: "found"}));
    document.body.firstChild.textContent = JSON.stringify(found);
  };
}

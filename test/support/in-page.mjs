// Runs in the pages of a browser, before their own scripts: what tests measure there.
globalThis.probe = {
  /** How far the page is wider than the window. */
  overflow: () => document.documentElement.scrollWidth - document.documentElement.clientWidth,

  focused: () => document.activeElement?.textContent?.trim() ?? "",

  /** How much has moved by itself since the page was opened (web-vitals' CLS). */
  layoutShift: () =>
    new Promise((resolve) => {
      let sum = 0;
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum += entry.value;
      });
      observer.observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 50);
    }),

  /** Texts whose contrast is below WCAG AA: 4.5, or 3 for large ones. */
  faintTexts: () => {
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const element = node.parentElement;
      const isShown = element !== null && node.textContent.trim() !== "" && element.getClientRects().length > 0;
      if (!isShown) continue;
      const { color, fontSize, fontWeight } = getComputedStyle(element);
      const [brighter, darker] = [luminance(numbersOf(color)), luminance(behind(element))].toSorted((a, b) => b - a);
      const contrast = (brighter + 0.05) / (darker + 0.05);
      const size = Number.parseFloat(fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
      if (contrast < (isLarge ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${node.textContent.trim().slice(0, 40)}`);
    }
    return faint;
  },
};

function numbersOf(color) {
  return (color.match(/[\d.]+/gu) ?? []).map(Number);
}

/** By WCAG 2, relative luminance. */
function luminance([red = 0, green = 0, blue = 0]) {
  const [r, g, b] = [red, green, blue].map((value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function behind(element) {
  for (let at = element; at !== null; at = at.parentElement) {
    const color = numbersOf(getComputedStyle(at).backgroundColor);
    if ((color[3] ?? 1) > 0.99) return color;
  }
  return [255, 255, 255];
}

/* Makes static charts interactive when they come near the viewport. One bundle, loaded once, from this site. */
(() => {
  "use strict";
  const here = document.currentScript.src;
  let bundle;

  function loadBundle() {
    bundle ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("vega-bundle.js", here).href;
      script.onload = () => resolve(window.vegaEmbed);
      script.onerror = () => reject(new Error(`could not load ${script.src}`));
      document.head.append(script);
    });
    return bundle;
  }

  // Parameters whose names begin with page_ are one parameter for all charts of the page.
  const shared = new Map();
  const listeners = [];
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  function join(view, spec) {
    for (const { name } of spec.params ?? []) {
      if (!name.startsWith("page_")) continue;
      if (shared.has(name) && !same(view.signal(name), shared.get(name))) view.signal(name, shared.get(name));
      view.addSignalListener(name, (_, value) => {
        if (same(shared.get(name), value)) return;
        shared.set(name, value);
        for (const [known, other] of listeners) {
          if (known === name && other !== view && !same(other.signal(name), value)) other.signal(name, value).runAsync();
        }
      });
      listeners.push([name, view]);
    }
  }

  async function enliven(chart) {
    const spec = JSON.parse(chart.querySelector(".vega-chart__spec").textContent);
    // The picture as a whole has a name; thousands of named marks inside it would only be noise.
    spec.config = { ...spec.config, aria: false, mark: { ...spec.config?.mark, aria: false } };
    const live = document.createElement("div");
    live.className = "vega-chart__live";
    // Laid out at full width but unseen until it is ready, so that the page does not jump.
    live.style.cssText = "visibility:hidden;position:absolute;left:0;right:0;top:0";
    chart.append(live);
    try {
      const embed = await loadBundle();
      const { view } = await embed(live, spec, {
        actions: false,
        renderer: "svg",
        tooltip: { disableDefaultStyle: true },
      });
      join(view, spec);
      await view.resize().runAsync(); // legends that depend on the width are laid out before it is known
      const picture = live.querySelector("svg.marks");
      if (picture && spec.description) {
        picture.setAttribute("role", "img");
        picture.setAttribute("aria-label", spec.description);
        picture.removeAttribute("aria-roledescription");
      }
      live.style.cssText = "";
      measured.observe(chart);
      chart.dataset.live = "";
    } catch (error) {
      live.remove(); // the static picture stays
      console.error("vega-figure:", error);
    }
  }

  // Vega measures its container when the window changes, which may be before a sidebar has come or gone.
  const widths = new WeakMap();
  const measured = new ResizeObserver((entries) => {
    const changed = entries.filter((entry) => {
      const width = Math.round(entry.contentRect.width);
      const before = widths.get(entry.target);
      widths.set(entry.target, width);
      return before !== undefined && before !== width;
    });
    if (changed.length) requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
  });

  const charts = document.querySelectorAll(".vega-chart:has(> .vega-chart__spec)");
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        enliven(entry.target);
      }
    }
  }, { rootMargin: "400px" });
  for (const chart of charts) seen.observe(chart);
})();

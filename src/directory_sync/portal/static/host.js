// The only file that touches Airflow's own page around the frame. Runs before the first paint. Each fact it depends on has a
// fallback: a parent of the same origin, the class `dark` on its <html>, its theme tokens, the path /plugin/<route>/….
(() => {
  "use strict";
  const PREFIX = "--chakra-colors-";
  const root = document.documentElement;
  let host = null;
  try {
    if (window.parent !== window && window.parent.document) host = window.parent;
  } catch {
    // Another origin frames this page: it is shown on its own.
  }

  const osDark = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = (key) => {
    try {
      return window.localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const isDark = () => {
    if (host) return host.document.documentElement.classList.contains("dark");
    const theme = stored("theme");
    return theme === "dark" || (theme !== "light" && osDark.matches);
  };
  const applyTheme = () => {
    root.classList.toggle("dark", isDark());
    if (!host) return;
    const computed = host.getComputedStyle(host.document.documentElement);
    for (const name of TOKENS) {
      const value = computed.getPropertyValue(PREFIX + name).trim();
      if (value) root.style.setProperty(PREFIX + name, value);
    }
  };
  const shades = (colour) => ["solid", "contrast", "fg", "muted", "subtle", "emphasized"].map((shade) => `${colour}-${shade}`);
  const TOKENS = [
    "bg", "bg-subtle", "bg-muted", "bg-emphasized", "bg-panel", "fg", "fg-muted", "border", "border-emphasized",
    "brand-focus-ring", ...["brand", "danger", "warning", "success", "info"].flatMap(shades),
  ];

  applyTheme();
  if (host) {
    new MutationObserver(applyTheme).observe(host.document.documentElement, { attributes: true, attributeFilter: ["class"] });
  } else {
    osDark.addEventListener("change", applyTheme);
  }

  // The frame's sandbox does not let links leave it, so Airflow's own document follows them.
  const follow = (href) => {
    if (!host) {
      window.location.assign(href);
      return;
    }
    const link = host.document.createElement("a");
    link.href = href;
    host.document.body.append(link);
    link.click();
    link.remove();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-airflow]");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    follow(link.href);
  });

  // Airflow's address bar follows loads of the frame, but not what a script does to the frame's own history.
  const mirror = () => {
    const match = host?.location.pathname.match(/^(.*\/plugin\/dirsync)(\/|$)/);
    if (match) {
      const inner = window.location.pathname + window.location.search + window.location.hash;
      host.history.replaceState(host.history.state, "", match[1] + inner);
    }
  };

  const timezone = () => {
    const setting = stored("timezone");
    if (!setting) return "UTC";
    let zone = setting;
    try {
      zone = JSON.parse(setting);
    } catch {
      // An older Airflow stores the name as it is.
    }
    if (zone === "local") return undefined;
    try {
      new Intl.DateTimeFormat("en", { timeZone: zone });
      return zone;
    } catch {
      return "UTC";
    }
  };

  // Where this page is found again: Airflow's address where Airflow frames it, with the frame's own page in it.
  const address = () => {
    mirror();
    const place = host ? host.location : window.location;
    return place.pathname + place.search + place.hash;
  };

  window.directorySyncHost = { framed: Boolean(host), address, mirror, timezone };
})();

// The card on Airflow's Home. Airflow imports this file as a module and shows what it finds under this name among the globals.
// It uses only the React that Airflow shares. Whatever is missing or fails, the card stays away: an error that left it would
// take Airflow's whole page with it.
(() => {
  "use strict";
  const PAUSE = 60_000;
  const address = new URL("../api/v1/home", import.meta.url);
  const React = globalThis.React;
  const nothing = () => null;
  if (!React?.createElement || !React.Component || !React.useState || !React.useEffect) {
    globalThis.DirectorySyncCards = nothing;
    return;
  }
  const make = React.createElement;
  const colour = (name, otherwise) => `var(--chakra-colors-${name}, ${otherwise})`;
  const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  // What would reorder or hide text is spelled out, as our own pages do.
  const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
  const shown = (text) => String(text).replace(HARMFUL, (found) => `\\u{${found.codePointAt(0).toString(16)}}`);
  // Only our own paths are followed, whatever answers.
  const link = (path, text) => make("a", { href: /^\/(?![/\\])/.test(path) ? path : "#",
    style: { color: colour("info-fg", "#173da6"), textDecoration: "underline" } }, make("bdi", null, shown(text)));
  const muted = (text) => make("span", { style: { color: colour("fg-muted", "#4a5568") } }, shown(text));
  const when = (time) => new Date(time).toLocaleString();

  const part = (key, tone, title, rows, more) => make("section", { key, "aria-label": title, style: { minWidth: "240px", flex: "1 1 280px" } },
    make("h3", { style: { fontWeight: 600, margin: "0 0 4px", color: colour(tone, "inherit") } }, title),
    make("ul", { style: { listStyle: "none", margin: 0, padding: 0 } }, rows),
    more);
  const row = (key, ...inside) => make("li", { key, style: { margin: "2px 0", overflowWrap: "anywhere" } }, ...inside);
  const runs = (found) => found.map((run) => row(`${run.collection} ${run.run_id}`, link(run.path, run.collection), " ",
    muted(`${run.text}${run.preview_only ? " (preview)" : ""}, ${when(run.at)}`)));
  const rest = (total, named, text) => total > named ? make("p", { style: { margin: "4px 0 0" } }, text) : null;

  const parts = (news) => [
    news.waiting > 0 && part("requests", "fg", `${count(news.waiting, "request waits", "requests wait")} for you`,
      news.requests.map((each) => row(each.id, link(each.path, `${each.collection} / ${each.job}`), " ", muted(each.text))),
      rest(news.waiting, news.requests.length, link(news.inbox_path, "See all requests"))),
    news.failed > 0 && part("failed", "danger-fg", `${count(news.failed, "run", "runs")} failed or had errors since yesterday`,
      runs(news.failed_runs), rest(news.failed, news.failed_runs.length, muted(`and ${count(news.failed - news.failed_runs.length, "more", "more")}`))),
    news.running > 0 && part("running", "fg", `${count(news.running, "collection runs", "collections run")} now`,
      runs(news.running_runs), rest(news.running, news.running_runs.length, muted(`and ${count(news.running - news.running_runs.length, "more", "more")}`))),
  ].filter(Boolean);

  const Card = () => {
    const [news, setNews] = React.useState(null);
    React.useEffect(() => {
      let gone = false;
      const look = async () => {
        if (document.hidden) return;
        try {
          const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
          const found = answer.ok ? await answer.json() : null;
          if (!gone) setNews(found);
        } catch {
          if (!gone) setNews(null);
        }
      };
      look();
      const timer = setInterval(look, PAUSE);
      return () => {
        gone = true;
        clearInterval(timer);
      };
    }, []);
    const found = news === null ? [] : parts(news);
    return found.length === 0 ? null : make("section", { "aria-label": "Directory Sync", "data-directory-sync": "card",
      style: { width: "100%", padding: "16px", border: `1px solid ${colour("border", "#dde3ea")}`, borderRadius: "8px", fontSize: "14px" } },
      make("h2", { style: { fontSize: "16px", fontWeight: 600, margin: "0 0 8px" } }, "Directory Sync"),
      make("div", { style: { display: "flex", flexWrap: "wrap", gap: "16px 32px" } }, found));
  };

  class Contained extends React.Component {
    constructor(props) {
      super(props);
      this.state = { failed: false };
    }

    static getDerivedStateFromError() {
      return { failed: true };
    }

    render() {
      return this.state.failed ? null : make(Card);
    }
  }

  globalThis.DirectorySyncCards = Contained;
})();

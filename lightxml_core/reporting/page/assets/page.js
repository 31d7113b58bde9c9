"use strict";
(() => {
  const PAGE = 10;
  const byId = (id) => document.getElementById(id);

  function element(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  // Tables: figures sort best first, names from A; a cell without a figure goes last either way.
  // A cell's first figure counts: the reproduced one, else the published one.
  const DURATION = /^(?:(\d+) h )?(?:(\d+) min)?\s?(?:(\d+) s)?$/;

  function figure(text) {
    const time = text && DURATION.exec(text);
    if (time) return (+time[1] || 0) * 3600 + (+time[2] || 0) * 60 + (+time[3] || 0);
    const found = /-?\d[\d,]*\.?\d*/.exec(text);
    return found ? Number(found[0].replaceAll(",", "")) : NaN;
  }

  function compare(a, b, numeric, sign) {
    if (!numeric) return sign * a.localeCompare(b, "en", { numeric: true });
    const [x, y] = [figure(a), figure(b)];
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
    return sign * (x - y);
  }

  function sort(table, column) {
    const head = table.tHead.rows[0].cells[column];
    const numeric = head.classList.contains("r");
    const before = head.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const order = before === "none" ? first : before === "ascending" ? "descending" : "ascending";
    for (const cell of table.tHead.rows[0].cells) cell.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const text = (row) => row.cells[column].textContent;
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => compare(text(a), text(b), numeric, sign)));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      cell.firstElementChild.addEventListener("click", () => sort(table, column));
    });
  }

  // Documents: only the page in view is in the DOM; text reaches it as text, never as markup.
  const data = JSON.parse(byId("data").textContent);
  let found = [];
  let page = 0;
  const current = () => data[byId("dataset").value];

  function labelItem(name, score, hit) {
    const item = element("li", undefined, hit ? "hit" : "");
    item.append(element("span", (hit ? "✓ " : "") + name));
    if (score !== undefined) item.append(element("span", score.toFixed(3)));
    return item;
  }

  function column(title, items, ordered) {
    const part = element("div");
    const list = element(ordered ? "ol" : "ul");
    list.append(...items);
    part.append(element("h4", title), list);
    return part;
  }

  function predictions(set, entry, i) {
    const items = [];
    for (let at = 0; at < entry.p[i].length; at += 2) {
      const label = entry.p[i][at];
      items.push(labelItem(set.labels[label], entry.p[i][at + 1], entry.y.includes(label)));
    }
    return column(set.columns[i], items.length ? items : [element("li", "no prediction")], true);
  }

  function folding(text) {
    const more = element("button", "whole text", "more");
    more.type = "button";
    more.addEventListener("click", () => {
      more.textContent = text.classList.toggle("long") ? "whole text" : "less";
    });
    return more;
  }

  function card(set, entry) {
    const made = element("article");
    const text = element("p", entry.t || "(empty text)", "text");
    text.dir = "auto";
    made.append(element("h3", `Document ${(entry.n + 1).toLocaleString("en")}`), text);
    if (entry.t.length > 500) {
      text.classList.add("long");
      made.append(folding(text));
    }
    const columns = element("div", undefined, "columns");
    const truth = entry.y.map((label) => labelItem(set.labels[label]));
    columns.append(column("True labels", truth.length ? truth : [element("li", "none")], false));
    columns.append(...set.columns.map((_, i) => predictions(set, entry, i)));
    made.append(columns);
    return made;
  }

  function haystack(set, entry) {
    const labels = [...entry.y, ...entry.p.flatMap((row) => row.filter((_, i) => i % 2 === 0))];
    return [entry.t, ...labels.map((label) => set.labels[label])].join("\n").toLowerCase();
  }

  const first = (entry, i) => entry.p[i].length > 0 && entry.y.includes(entry.p[i][0]);

  function wanted(entry, filter) {
    if (filter === "all") return true;
    if (filter === "differ") return new Set(entry.p.map((_, i) => first(entry, i))).size > 1;
    if (filter === "nobody") return entry.p.every((_, i) => !first(entry, i));
    return !first(entry, Number(filter));
  }

  function draw() {
    const set = current();
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    byId("cards").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map((entry) => card(set, entry)));
    const number = (value) => value.toLocaleString("en");
    const held = set.documents.length;
    const share = held < set.total ? ` here, spread over all ${number(set.total)}` : "";
    byId("count").textContent = `${number(found.length)} of ${number(held)} documents${share}`;
    byId("page").textContent = `${number(page + 1)} / ${number(pages)}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === pages - 1;
  }

  function search() {
    const set = current();
    const words = byId("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const filter = byId("filter").value;
    found = set.documents.filter((entry) => {
      if (!wanted(entry, filter)) return false;
      if (!words.length) return true;
      entry.h ??= haystack(set, entry);
      return words.every((word) => entry.h.includes(word));
    });
    page = 0;
    draw();
  }

  function option(value, text) {
    const made = element("option", text);
    made.value = value;
    return made;
  }

  function choose() {
    const set = current();
    const missed = set.columns.map((name, i) => option(String(i), `first label wrong: ${name}`));
    const general = [option("all", "all documents")];
    if (set.columns.length > 1) {
      general.push(option("differ", "methods differ on the first label"), option("nobody", "first label wrong everywhere"));
    }
    byId("filter").replaceChildren(...general, ...missed);
    search();
  }

  function turn(by) {
    page += by;
    draw();
    byId("count").focus(); // above the new page, for eyes and keys: a button that is now disabled would lose it
    byId("count").scrollIntoView({ block: "start" });
  }

  if (!data.length) {
    byId("browser").querySelector("form").hidden = true;
    document.querySelector(".pager").hidden = true;
    byId("count").textContent = "No test documents were found beside the statistics.";
    return;
  }
  byId("dataset").append(...data.map((set, i) => option(String(i), set.title)));
  byId("dataset").addEventListener("change", choose);
  byId("filter").addEventListener("change", search);
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  let waiting = 0;
  byId("query").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  choose();
})();

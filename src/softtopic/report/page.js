"use strict";
// One map, one list of topics, one panel. All texts are set by textContent: none is ever markup.
(() => {
  const UNIT = 10000, GRID = 100;
  let data, docs, topics, n, sampled;
  const $ = (id) => document.getElementById(id);
  const canvas = $("canvas"), context = canvas.getContext("2d");
  const format = new Intl.NumberFormat("en");

  // What is shown: a topic, a document, a query and filters.
  const state = { topic: -1, document: -1, query: "", class: -1, from: 0, to: Infinity, tab: "typical" };
  const view = { x: 0, y: 0, scale: 1, width: 1, height: 1, ratio: 1 };
  // Of each document: 0 is filtered out, 1 in the background, 2 in front.
  let shown, counts, total, matches = null, lower = null, frame = 0;
  // Rows of each cell of a grid, to find the documents near a place; rows and columns in other orders; where points are.
  let grid, byTopic, biggest, bounds;
  // What a served page adds to the panel of a topic.
  const extensions = [];

  function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key === "color") made.style.background = value;
      else if (key === "width") made.style.width = value;
      else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }
  function drawn(name, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  // A line may end after each word of 3_car_engine, rather than within one.
  const breakable = (name) => name.split(/(?<=_)/).flatMap((part) => [part, element("wbr")]);
  const percent = (share) => (share === 0 ? "0 %" : share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);
  const plural = (count, word) => `${format.format(count)} ${word}${count === 1 ? "" : "s"}`;
  const dark = () => document.documentElement.dataset.theme === "dark";
  const colorOf = (topic) => data.palette[dark() ? "dark" : "light"][topics[topic].color];
  const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const filtered = () => state.class >= 0 || state.from > 0 || state.to < lastPeriod();
  const lastPeriod = () => (data.trends ? data.trends.labels.length - 1 : Infinity);

  // ---- What is shown -------------------------------------------------------------------------------------------

  function normal(text) {
    return text.normalize("NFKC").toLowerCase();
  }
  function search() {
    matches = null;
    const words = normal(state.query).split(/\s+/).filter(Boolean);
    if (!words.length) return;
    lower ??= docs.text.map((text, row) => normal(`${text} ${docs.id[row]}`));
    matches = new Set();
    for (let row = 0; row < n; row++) if (words.every((word) => lower[row].includes(word))) matches.add(row);
  }
  function topicMatches(topic) {
    const words = normal(state.query).split(/\s+/).filter(Boolean);
    const text = normal([topic.name, topic.number, ...topic.words.map((word) => word[0])].join(" "));
    return words.every((word) => text.includes(word));
  }
  function passes(row) {
    if (state.class >= 0 && docs.class[row] !== state.class) return false;
    if (data.trends && (state.from > 0 || state.to < lastPeriod())) {
      const period = docs.period[row];
      return period >= state.from && period <= state.to;
    }
    return true;
  }
  function update() {
    search();
    const active = filtered(), found = topics.map(() => 0);
    let passed = 0;
    for (let row = 0; row < n; row++) {
      if (!passes(row)) shown[row] = 0;
      else {
        passed++;
        found[docs.topic[row]]++;
        shown[row] = (matches && !matches.has(row)) || (state.topic >= 0 && !matches && docs.topic[row] !== state.topic) ? 1 : 2;
      }
    }
    // Without filters, numbers are of all documents, also of those without a point.
    counts = active ? found : topics.map((topic) => topic.count);
    total = active ? passed : data.n_documents;
    $("reset").hidden = !active && !state.query;
    say(active, passed);
    list();
    detail();
    redraw();
  }
  function say(active, passed) {
    const parts = [];
    if (active) parts.push(`${plural(passed, "document")} of ${format.format(n)}${sampled ? " in a sample" : ""}`);
    if (matches) {
      let visible = 0;
      for (const row of matches) if (shown[row]) visible++;
      parts.push(`${plural(visible, "document")} and ${plural(topics.filter(topicMatches).length, "topic")} match “${state.query.trim()}”`);
    }
    $("status").textContent = parts.join("; ");
  }

  // ---- List of topics ------------------------------------------------------------------------------------------

  function ordered() {
    const places = topics.map((_, place) => place).filter((place) => !matches || topicMatches(topics[place]));
    const order = $("order").value;
    const collator = new Intl.Collator(undefined, { numeric: true });
    if (order === "count") places.sort((a, b) => counts[b] - counts[a] || a - b);
    if (order === "name") places.sort((a, b) => collator.compare(topics[a].name, topics[b].name));
    return places;
  }
  function list() {
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.topic : undefined;
    const items = ordered().map((place) => {
      const topic = topics[place], share = total ? counts[place] / total : 0;
      return element("li", {}, element("button",
        { type: "button", "data-topic": place, "aria-pressed": String(place === state.topic), onclick: () => choose(place === state.topic ? -1 : place) },
        element("span", { class: "swatch", color: colorOf(place), "aria-hidden": "true" }),
        element("span", { class: "name", dir: "auto" }, ...breakable(topic.name)),
        element("span", { class: "share" }, percent(share)),
        element("span", { class: "words", dir: "auto" }, topic.words.map((word) => word[0]).join(" ")),
        data.trends ? spark(place) : null));
    });
    $("topic-list").replaceChildren(...items);
    if (!items.length) $("topic-list").append(element("li", { class: "muted bar" }, "No topic matches."));
    if (focused !== undefined) $("topic-list").querySelector(`[data-topic="${Number(focused)}"]`)?.focus();
  }
  function spark(place) {
    const shares = data.trends.share[place], top = Math.max(...shares.filter((share) => share !== null), 1);
    const svg = drawn("svg", { class: "spark", viewBox: `0 0 100 20`, preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(drawn("path", { d: line(shares, (share) => 18 - 16 * share / top, 100), fill: "none", stroke: colorOf(place), "stroke-width": "2", "vector-effect": "non-scaling-stroke" }));
    return svg;
  }
  function line(values, height, width, left = 0) {
    let path = "", pen = "M";
    values.forEach((value, place) => {
      if (value === null) { pen = "M"; return; }
      path += `${pen}${(left + width * (values.length > 1 ? place / (values.length - 1) : 0.5)).toFixed(1)} ${height(value).toFixed(1)}`;
      pen = "L";
    });
    return path;
  }
  $("topic-list").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const buttons = [...$("topic-list").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) { next.focus(); event.preventDefault(); }
  });

  // ---- Panel of a topic, a document or a search ----------------------------------------------------------------

  function detail() {
    const panel = $("detail");
    panel.replaceChildren();
    if (state.document >= 0) panel.append(element("h3", {}, "Document"), documentList([state.document], true));
    if (matches) found(panel);
    if (state.topic >= 0) topicDetail(panel, state.topic);
    if (!panel.children.length && window.innerWidth > 720) {
      panel.append(
        element("p", { class: "muted" }, "Choose a topic in the list, or a document on the map."),
        element("p", { class: "muted" }, "Drag the map to move it, scroll to zoom. Press / to search, Escape to go back."));
    }
  }
  function found(panel) {
    const rows = [...matches].filter((row) => shown[row] && (state.topic < 0 || docs.topic[row] === state.topic));
    panel.append(element("h3", {}, `${plural(rows.length, "matching document")}${state.topic >= 0 ? " of this topic" : ""}`));
    panel.append(documentList(rows.slice(0, 60)));
    if (rows.length > 60) panel.append(element("p", { class: "muted" }, "The first 60 are listed."));
  }
  function topicDetail(panel, place) {
    const topic = topics[place];
    panel.append(element("div", { class: "title" },
      element("span", { class: "swatch", color: colorOf(place), "aria-hidden": "true" }),
      element("h2", { dir: "auto" }, ...breakable(topic.name)),
      element("button", { type: "button", "aria-label": "Close the topic", onclick: () => choose(-1) }, "✕")));
    panel.append(element("p", { class: "muted" }, `topic ${topic.number}, ${plural(counts[place], "document")}, ${percent(total ? counts[place] / total : 0)}`));
    for (const extend of extensions) extend(panel, place);
    panel.append(element("h3", {}, "Words"), bars(topic.words.map(([word, probability]) => [word, probability, probability.toFixed(4)]), colorOf(place)));
    if (data.trends) panel.append(element("h3", {}, "Share over time, with 95 % intervals"), chart(place));
    if (data.classes) {
      const rows = data.classes.names.map((name, number) => [name, data.classes.share[place][number] / 1000]);
      rows.sort((a, b) => b[1] - a[1]);
      while (rows.length > 2 && rows.at(-1)[1] === 0) rows.pop();
      panel.append(element("h3", {}, "Share of classes"), bars(rows.slice(0, 12).map(([name, share]) => [name, share, percent(share)]), colorOf(place)));
    }
    if (topic.neighbours.length) {
      panel.append(element("h3", {}, "Topics with similar words"), element("div", { class: "buttons" },
        ...topic.neighbours.map((other) => element("button", { type: "button", dir: "auto", onclick: () => choose(other, true) }, topics[other].name))));
    }
    if (!matches) topicDocuments(panel, place);
  }
  function topicDocuments(panel, place) {
    const rows = [];
    for (let row = 0; row < n; row++) if (docs.topic[row] === place && shown[row]) rows.push(row);
    const key = state.tab === "typical" ? (row) => -docs.share[row] : (row) => docs.share[row] - docs.second_share[row];
    rows.sort((a, b) => key(a) - key(b) || a - b);
    panel.append(element("h3", {}, "Documents"), element("div", { class: "buttons", role: "group", "aria-label": "Which documents" },
      ...[["typical", "Typical"], ["borderline", "Borderline"]].map(([tab, name]) => element("button",
        { type: "button", "aria-pressed": String(tab === state.tab), "data-tab": tab, onclick: () => { state.tab = tab; detail(); $("detail").querySelector(`[data-tab="${tab}"]`).focus(); } }, name))));
    panel.append(documentList(rows.slice(0, 12)));
  }
  function bars(rows, color) {
    const top = Math.max(...rows.map((row) => row[1]), 1e-9);
    return element("div", { class: "bars" }, ...rows.flatMap(([name, value, text]) => [
      element("span", { dir: "auto" }, name),
      element("div", { class: "bar-track", "aria-hidden": "true" }, element("div", { class: "bar-fill", color, width: `${100 * value / top}%` })),
      element("span", { class: "muted share" }, text)]));
  }
  function chart(place) {
    const trends = data.trends, shares = trends.share[place], last = trends.labels.length - 1;
    const top = Math.max(...trends.high[place].filter((value, period) => value !== null && shares[period] !== null), 1);
    const height = (share) => 116 - 104 * share / top;
    const svg = drawn("svg", { class: "chart", viewBox: "0 0 340 140", role: "img", "aria-label": `Share from ${trends.labels[0]} to ${trends.labels[last]}, at most ${percent(Math.max(...shares.filter((share) => share !== null), 0) / 1000)}` });
    for (const share of [0, top / 2, top]) {
      const label = drawn("text", { x: 36, y: height(share) + 4, "text-anchor": "end" });
      label.textContent = `${(share / 10).toFixed(top < 100 ? 1 : 0)} %`;
      svg.append(drawn("line", { class: "grid", x1: 42, x2: 336, y1: height(share), y2: height(share) }), label);
    }
    [0, last].filter((period, order) => order === 0 || last > 0).forEach((period, order) => {
      const label = drawn("text", { x: order ? 336 : 42, y: 134, "text-anchor": order ? "end" : "start" });
      label.textContent = trends.labels[period];
      svg.append(label);
    });
    const known = (values) => values.map((value, period) => (shares[period] === null ? null : value));
    let start = 0;
    while (start <= last) {
      let stop = start;
      while (stop <= last && shares[stop] !== null) stop++;
      if (stop > start) {
        const at = (period) => (42 + 294 * (last ? period / last : 0.5)).toFixed(1);
        const corners = [];
        for (let period = start; period < stop; period++) corners.push(`${at(period)},${height(trends.high[place][period]).toFixed(1)}`);
        for (let period = stop - 1; period >= start; period--) corners.push(`${at(period)},${height(trends.low[place][period]).toFixed(1)}`);
        svg.append(drawn("polygon", { points: corners.join(" "), fill: colorOf(place), opacity: ".25" }));
      }
      start = stop + 1;
    }
    svg.append(drawn("path", { d: line(known(shares), height, 294, 42), fill: "none", stroke: colorOf(place), "stroke-width": "2.5" }));
    return svg;
  }
  function documentList(rows, one = false) {
    return element("ul", { class: "documents" }, ...rows.map((row) => {
      const second = docs.second_share[row] >= 100 ? `, ${topics[docs.second[row]].name} ${percent(docs.second_share[row] / 1000)}` : "";
      const where = [data.trends && docs.period[row] >= 0 ? data.trends.labels[docs.period[row]] : "", data.classes && docs.class[row] >= 0 ? data.classes.names[docs.class[row]] : ""].filter(Boolean);
      const about = `${topics[docs.topic[row]].name} ${percent(docs.share[row] / 1000)}${second} · ${[...where, docs.id[row]].join(" · ")}`;
      const text = element("span", { dir: "auto" });
      marked(text, docs.text[row] || `document ${docs.id[row]}`);
      return element("li", one ? { class: "now" } : {},
        element("button", { type: "button", onclick: () => show(row) }, text, element("span", { class: "about", dir: "auto" }, about)));
    }));
  }
  function marked(into, text) {
    const low = text.toLowerCase();
    // In some scripts letters have other lengths in lower case.
    const words = low.length === text.length ? state.query.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const spans = words.map((word) => [low.indexOf(word), word.length]).filter((span) => span[0] >= 0).sort((one, other) => one[0] - other[0]);
    let end = 0;
    for (const [start, length] of spans) {
      if (start < end) continue;
      into.append(text.slice(end, start), element("mark", {}, text.slice(start, start + length)));
      end = start + length;
    }
    into.append(text.slice(end));
  }

  // ---- Choosing ------------------------------------------------------------------------------------------------

  function choose(topic, focus = false) {
    state.topic = topic;
    state.document = -1;
    state.tab = "typical";
    try { history.replaceState(null, "", topic < 0 ? "#" : `#topic=${topics[topic].number}`); } catch { /* Some viewers forbid it. */ }
    update();
    $("detail").scrollTop = 0;
    if (topic >= 0) {
      $("topic-list").querySelector(`[data-topic="${topic}"]`)?.scrollIntoView({ block: "nearest" });
      if (window.innerWidth <= 720) $("detail").scrollIntoView({ block: "start" });
      if (focus) $("detail").focus();
    }
  }
  function show(row) {
    state.document = row;
    state.topic = docs.topic[row];
    update();
    $("detail").scrollTop = 0;
    $("topic-list").querySelector(`[data-topic="${state.topic}"]`)?.scrollIntoView({ block: "nearest" });
  }
  function fromAddress() {
    const number = /^#topic=(\d+)$/.exec(location.hash);
    const place = number ? topics.findIndex((topic) => topic.number === Number(number[1])) : -1;
    if (place !== state.topic) choose(place);
  }

  // ---- Map -----------------------------------------------------------------------------------------------------

  function take(values) {
    data = values;
    ({ documents: docs, topics } = data);
    n = docs.x.length;
    sampled = n < data.n_documents;
    shown = new Uint8Array(n).fill(2);
    lower = null;
    counts = topics.map((topic) => topic.count);
    total = data.n_documents;
    grid = new Map();
    byTopic = topics.map(() => []);
    bounds = { left: UNIT, right: -UNIT, low: UNIT, high: -UNIT };
    for (let row = 0; row < n; row++) {
      const x = docs.x[row], y = docs.y[row], cell = cellOf(x, y);
      if (grid.has(cell)) grid.get(cell).push(row); else grid.set(cell, [row]);
      byTopic[docs.topic[row]].push(row);
      bounds = { left: Math.min(bounds.left, x), right: Math.max(bounds.right, x), low: Math.min(bounds.low, y), high: Math.max(bounds.high, y) };
    }
    biggest = topics.map((_, place) => place).sort((a, b) => topics[b].count - topics[a].count);
    $("summary").textContent = `${plural(topics.length, "topic")}, ${plural(data.n_documents, "document")}${sampled ? `; texts and points of a sample of ${format.format(n)}` : ""}`;
  }
  function cellOf(x, y) {
    return Math.floor((x + UNIT) / (2 * UNIT) * GRID) * GRID + Math.floor((y + UNIT) / (2 * UNIT) * GRID);
  }
  // The scale at which the whole map is shown.
  function fitting() {
    const room = (pixels) => Math.max(pixels - 50, 60);
    return Math.min(room(view.width) / Math.max(bounds.right - bounds.left, 1), room(view.height) / Math.max(bounds.high - bounds.low, 1), 1);
  }
  function whole() {
    view.scale = fitting();
    view.x = view.width / 2 - (bounds.left + bounds.right) / 2 * view.scale;
    view.y = view.height / 2 + (bounds.low + bounds.high) / 2 * view.scale;
    redraw();
  }
  function resize() {
    const box = canvas.getBoundingClientRect(), first = view.width === 1;
    const middle = [(view.width / 2 - view.x) / view.scale, (view.height / 2 - view.y) / view.scale];
    view.width = Math.max(box.width, 1);
    view.height = Math.max(box.height, 1);
    view.ratio = Math.min(window.devicePixelRatio || 1, 2);
    canvas.width = Math.round(view.width * view.ratio);
    canvas.height = Math.round(view.height * view.ratio);
    if (first) whole();
    else { view.x = view.width / 2 - middle[0] * view.scale; view.y = view.height / 2 - middle[1] * view.scale; }
    // At once: the canvas is blank now.
    draw();
  }
  function redraw() {
    if (!frame) frame = requestAnimationFrame(draw);
  }
  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    const zoom = view.scale / fitting();
    const size = Math.max(2, Math.min(11, (n > 8000 ? 2.4 : n > 3000 ? 3.6 : 5) * Math.sqrt(zoom)));
    if (sampled) drawCells();
    drawPoints(1, size);
    drawPoints(2, size);
    if (state.document >= 0) ring(state.document, size + 5);
    drawNames(zoom);
  }
  function drawCells() {
    if (filtered() || matches) return;
    const [x, y, topic, count] = data.cells, side = Math.max(2, view.scale * 2 * UNIT / 160);
    for (let cell = 0; cell < x.length; cell++) {
      if (state.topic >= 0 && topic[cell] !== state.topic) continue;
      context.globalAlpha = Math.min(0.12 + 0.05 * count[cell], 0.5);
      context.fillStyle = colorOf(topic[cell]);
      context.fillRect(view.x + x[cell] * view.scale - side / 2, view.y - y[cell] * view.scale - side / 2, side, side);
    }
    context.globalAlpha = 1;
  }
  function drawPoints(layer, size) {
    const half = size / 2, { x: left, y: top, scale, width, height } = view;
    const behind = cssColor("--muted");
    context.globalAlpha = layer === 1 ? 0.15 : 0.75;
    for (let topic = 0; topic < topics.length; topic++) {
      context.fillStyle = layer === 1 ? behind : colorOf(topic);
      context.beginPath();
      for (const row of byTopic[topic]) {
        if (shown[row] !== layer) continue;
        const x = left + docs.x[row] * scale, y = top - docs.y[row] * scale;
        if (x < -size || y < -size || x > width + size || y > height + size) continue;
        if (size < 3.5) context.rect(x - half, y - half, size, size);
        else { context.moveTo(x + half, y); context.arc(x, y, half, 0, 6.2832); }
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }
  function ring(row, radius) {
    context.beginPath();
    context.arc(view.x + docs.x[row] * view.scale, view.y - docs.y[row] * view.scale, radius, 0, 6.2832);
    context.lineWidth = 3;
    context.strokeStyle = cssColor("--text");
    context.stroke();
  }
  function drawNames(zoom) {
    const boxes = [], order = state.topic >= 0 ? [state.topic, ...biggest.filter((place) => place !== state.topic)] : biggest;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    for (const place of order) {
      const topic = topics[place], bold = place === state.topic;
      if (!counts[place] || (matches && !topicMatches(topic) && !bold)) continue;
      const font = Math.min(17, 12 + 18 * Math.sqrt(topic.count / data.n_documents) * Math.min(zoom, 1.5));
      context.font = `${bold ? 700 : 600} ${font}px system-ui, "Noto Sans", Arial, sans-serif`;
      const name = topic.label.length > 28 ? `${topic.label.slice(0, 27)}…` : topic.label;
      const half = context.measureText(name).width / 2 + 3;
      const center = view.x + topic.at[0] * view.scale, at = view.y - topic.at[1] * view.scale;
      if (center < 0 || at < 0 || center > view.width || at > view.height) continue;
      const x = Math.max(half, Math.min(center, view.width - half));
      const y = [0, -1, 1, -2, 2].map((shift) => at + shift * font).find((place) =>
        boxes.every(([left, top, wide, high]) => Math.abs(x - left) >= half + wide || Math.abs(place - top) >= (font + high) / 2 + 1));
      if (y === undefined) continue;
      boxes.push([x, y, half, font]);
      context.globalAlpha = state.topic >= 0 && !bold ? 0.55 : 1;
      context.strokeStyle = cssColor("--ground");
      context.strokeText(name, x, y);
      context.fillStyle = cssColor("--text");
      context.fillText(name, x, y);
    }
    context.globalAlpha = 1;
  }
  function nearest(x, y, reach) {
    const [px, py] = [(x - view.x) / view.scale, (view.y - y) / view.scale], far = reach / view.scale;
    let best = -1, least = far * far;
    const step = 2 * UNIT / GRID;
    for (let cx = px - far; cx <= px + far + step; cx += step) for (let cy = py - far; cy <= py + far + step; cy += step) {
      for (const row of grid.get(cellOf(Math.min(cx, px + far), Math.min(cy, py + far))) ?? []) {
        if (shown[row] !== 2) continue;
        const distance = (docs.x[row] - px) ** 2 + (docs.y[row] - py) ** 2;
        if (distance < least) { least = distance; best = row; }
      }
    }
    return best;
  }
  function zoomAt(x, y, factor) {
    const fit = fitting(), scale = Math.min(Math.max(view.scale * factor, fit * 0.5), fit * 60);
    view.x = x - (x - view.x) * scale / view.scale;
    view.y = y - (y - view.y) * scale / view.scale;
    view.scale = scale;
    redraw();
  }
  function hover(x, y) {
    const row = nearest(x, y, 9), box = $("hover");
    box.hidden = row < 0;
    if (row < 0) return;
    box.replaceChildren(element("strong", { dir: "auto" }, topics[docs.topic[row]].name), element("span", { dir: "auto" }, docs.text[row] || `document ${docs.id[row]}`));
    box.style.left = `${Math.max(4, Math.min(x + 14, view.width - box.offsetWidth - 4))}px`;
    box.style.top = `${y + 18 + box.offsetHeight > view.height ? Math.max(4, y - box.offsetHeight - 10) : y + 18}px`;
  }

  const fingers = new Map();
  let moved = 0;
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, place(event));
    moved = 0;
    try { canvas.setPointerCapture(event.pointerId); } catch { /* Not a pointer of this device. */ }
    $("hover").hidden = true;
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event), before = fingers.get(event.pointerId);
    if (!before) { if (event.pointerType !== "touch") hover(...at); return; }
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const span = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      if (span(before) > 0) zoomAt(other[0], other[1], span(at) / span(before));
    } else { view.x += at[0] - before[0]; view.y += at[1] - before[1]; }
    moved += Math.abs(at[0] - before[0]) + Math.abs(at[1] - before[1]);
    fingers.set(event.pointerId, at);
    redraw();
  });
  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    if (moved > 6) return;
    const row = nearest(...place(event), event.pointerType === "touch" ? 20 : 9);
    if (row >= 0) show(row); else if (state.topic >= 0) choose(-1);
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => { $("hover").hidden = true; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoomAt(...place(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015))); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }, zooms = { "+": 1.3, "=": 1.3, "-": 1 / 1.3 };
    if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; redraw(); }
    else if (zooms[event.key]) zoomAt(view.width / 2, view.height / 2, zooms[event.key]);
    else if (event.key === "0") whole();
    else return;
    event.preventDefault();
  });
  $("in").addEventListener("click", () => zoomAt(view.width / 2, view.height / 2, 1.5));
  $("out").addEventListener("click", () => zoomAt(view.width / 2, view.height / 2, 1 / 1.5));
  $("all").addEventListener("click", whole);

  // ---- Controls ------------------------------------------------------------------------------------------------

  function options(id, names, values) {
    $(id).replaceChildren(...names.map((name, place) => element("option", { value: values ? values[place] : place }, name)));
    $(`${id}-control`).hidden = false;
  }
  function prepare() {
    if (data.classes) options("class", ["all", ...data.classes.names], [-1, ...data.classes.names.keys()]);
    if (data.trends) {
      options("from", data.trends.labels);
      options("to", data.trends.labels);
      state.to = lastPeriod();
      $("to").value = String(state.to);
    }
    let typing = 0;
    $("query").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => { state.query = $("query").value; state.document = -1; update(); }, 120); });
    $("controls").addEventListener("submit", (event) => event.preventDefault());
    $("class").addEventListener("change", () => { state.class = Number($("class").value); update(); });
    $("from").addEventListener("change", () => { state.from = Number($("from").value); if (state.from > state.to) { state.to = state.from; $("to").value = String(state.to); } update(); });
    $("to").addEventListener("change", () => { state.to = Number($("to").value); if (state.to < state.from) { state.from = state.to; $("from").value = String(state.from); } update(); });
    $("order").addEventListener("change", list);
    $("reset").addEventListener("click", () => {
      Object.assign(state, { query: "", class: -1, from: 0, to: lastPeriod() });
      $("query").value = "";
      if (data.classes) $("class").value = "-1";
      if (data.trends) { $("from").value = "0"; $("to").value = String(state.to); }
      update();
      $("query").focus();
    });
    $("theme").addEventListener("click", () => theme(dark() ? "light" : "dark"));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && state.topic >= 0) { const back = state.topic; choose(-1); $("topic-list").querySelector(`[data-topic="${back}"]`)?.focus(); }
      if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); $("query").focus(); }
    });
    window.addEventListener("hashchange", fromAddress);
    new ResizeObserver(resize).observe(canvas);
  }
  function theme(name) {
    document.documentElement.dataset.theme = name;
    $("theme").textContent = name === "dark" ? "Light" : "Dark";
    list();
    detail();
    redraw();
  }

  // The same documents under other topics: what is chosen stays chosen, by the number of the topic.
  function refresh(values, number = topics[state.topic]?.number) {
    take(values);
    state.topic = topics.findIndex((topic) => topic.number === number);
    state.document = -1;
    update();
  }

  take(JSON.parse($("data").textContent));
  prepare();
  document.documentElement.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  $("theme").textContent = dark() ? "Light" : "Dark";
  resize();
  update();
  fromAddress();
  window.softtopic = {
    $, element, bars, percent, plural, choose, refresh, extensions, colorOf, redraw: () => { list(); detail(); redraw(); },
    get topics() { return topics; }, get settings() { return data.settings; },
  };
})();

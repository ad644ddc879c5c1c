
// What a served page does beside that of a file: it asks its own server for topics of texts, and sends edits.
(() => {
  const { $, element, bars, percent, plural, choose, refresh, extensions, colorOf } = window.softtopic;
  const page = window.softtopic;
  const TYPES = { txt: "text/plain", csv: "text/csv", tsv: "text/tab-separated-values", jsonl: "application/jsonl", ndjson: "application/jsonl", json: "application/jsonl" };
  const COLUMNS = ["csv", "tsv", "jsonl", "ndjson", "json"];
  const LISTED = 30;
  let asked = 0, file = null, editing = false;

  async function call(path, options = {}) {
    let answer;
    try { answer = await fetch(path, options); } catch { throw new Error("The server does not answer; run softtopic serve again, and reload this page."); }
    const value = await answer.json();
    if (!answer.ok) throw new Error(value.error);
    return value;
  }
  const json = (value, method = "POST") => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
  function say(message, wrong = false) {
    $("live-status").textContent = message;
    $("live-status").classList.toggle("wrong", wrong);
  }
  const placeOf = (number) => page.topics.findIndex((topic) => topic.number === number);
  const labelOf = (number) => page.topics[placeOf(number)]?.label ?? `topic ${number}`;

  // ---- Topics of new texts -------------------------------------------------------------------------------------

  async function ask(request, show) {
    const number = ++asked;
    say("Reading…");
    $("live").setAttribute("aria-busy", "true");
    try {
      const found = await request();
      if (number !== asked) return;
      say("");
      $("answer").replaceChildren();
      show(found, $("answer"));
      $("answer").hidden = false;
    } catch (error) {
      if (number === asked) say(error.message, true);
    } finally {
      if (number === asked) $("live").removeAttribute("aria-busy");
    }
  }
  function askText() {
    const text = $("new-text").value;
    file = null;
    $("column-control").hidden = true;
    if (!text.trim()) { say("There is no text yet; paste or write one.", true); return; }
    ask(() => call("/transform", json({ texts: [text], nearest: 5 })), showText);
  }
  function askFile() {
    const suffix = file.name.toLowerCase().split(".").at(-1), type = TYPES[suffix];
    $("column-control").hidden = !COLUMNS.includes(suffix);
    if (!type) { say(`${file.name} is no .txt, .csv, .tsv or .jsonl file; save it as one of these.`, true); return; }
    if (file.size > page.settings.max_bytes) { say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; this server takes ${page.settings.max_bytes / 1e6} MB. Use softtopic transform for it.`, true); return; }
    const name = file.name, query = COLUMNS.includes(suffix) ? `?text=${encodeURIComponent($("column").value.trim() || "text")}` : "";
    ask(() => call(`/transform${query}`, { method: "POST", headers: { "Content-Type": type }, body: file }), (found, panel) => showFile(found, panel, name));
  }
  function heading(text) {
    return element("div", { class: "title" }, element("h2", { dir: "auto" }, text),
      element("button", { type: "button", "aria-label": "Close the answer", onclick: close }, "✕"));
  }
  function close() {
    asked++;
    say("");
    $("answer").hidden = true;
    $("new-text").focus();
  }
  // Bars whose names lead to the topics.
  function topicBars(rows) {
    const drawn = bars(rows.map(([, , name, value, text]) => [name, value, text]), "");
    rows.forEach(([number, place, name], row) => {
      const [label, track] = [drawn.children[3 * row], drawn.children[3 * row + 1]];
      if (place >= 0) label.replaceChildren(element("button", { type: "button", "data-number": number, onclick: () => choose(placeOf(number), true) }, name));
      track.firstChild.style.background = place >= 0 ? colorOf(place) : "currentColor";
    });
    return drawn;
  }
  function showText(found, panel) {
    const one = found.documents[0];
    const rows = one.mixture.map((share, column) => [found.topics[column], placeOf(found.topics[column]), share])
      .filter(([, , share]) => share >= 0.01).sort((a, b) => b[2] - a[2]).slice(0, 6)
      .map(([number, place, share]) => [number, place, labelOf(number), share, percent(share)]);
    panel.append(heading(one.topic === null ? "No topic: the text is blank" : labelOf(one.topic)), topicBars(rows));
    if (one.novelty !== null && one.novelty > 0.95) panel.append(element("p", { class: "muted" }, "It is unlike most documents of the model: no topic may fit it."));
    if (one.nearest.length) {
      panel.append(element("h3", {}, "Nearest documents"), element("ol", { class: "documents" }, ...one.nearest.map((hit) => element("li", {},
        element("span", { dir: "auto" }, hit.text || `document ${hit.id}`),
        element("span", { class: "about", dir: "auto" }, labelOf(hit.topic))))));
    }
  }
  function showFile(found, panel, name) {
    const counts = new Map();
    for (const one of found.documents) if (one.topic !== null) counts.set(one.topic, (counts.get(one.topic) ?? 0) + 1);
    const rows = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12)
      .map(([number, count]) => [number, placeOf(number), labelOf(number), count, String(count)]);
    const lines = found.documents.map((one) => JSON.stringify({ text: one.text, topic: one.topic, name: one.name, share: one.share, novelty: one.novelty }));
    panel.append(heading(`${plural(found.documents.length, "text")} of ${name}`), topicBars(rows),
      element("p", { class: "actions" }, element("button", { type: "button", id: "keep", onclick: () => keep(lines, name) }, "Save topics as .jsonl")),
      element("ol", { class: "documents" }, ...found.documents.slice(0, LISTED).map((one) => element("li", {},
        element("span", { dir: "auto" }, one.text || "(blank)"),
        element("span", { class: "about", dir: "auto" }, one.topic === null ? "no topic" : `${labelOf(one.topic)}, ${percent(one.share)}`)))));
    if (found.documents.length > LISTED) panel.append(element("p", { class: "muted" }, `The first ${LISTED} are listed.`));
  }
  function keep(lines, name) {
    const address = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "application/jsonl" }));
    element("a", { href: address, download: `${name.replace(/\.[^.]*$/, "")}-topics.jsonl` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  $("ask").addEventListener("submit", (event) => { event.preventDefault(); askText(); });
  $("new-text").addEventListener("paste", () => setTimeout(askText));
  $("new-text").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) askText(); });
  $("open").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { [file] = $("file").files; if (file) askFile(); $("file").value = ""; });
  $("column").addEventListener("change", () => { if (file) askFile(); });
  $("column").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); if (file) askFile(); } });
  const hasFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  window.addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); $("live").classList.add("dropping"); } });
  window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("live").classList.remove("dropping"); });
  window.addEventListener("drop", (event) => {
    $("live").classList.remove("dropping");
    if (!hasFiles(event)) return;
    event.preventDefault();
    [file] = event.dataTransfer.files;
    if (file) askFile();
  });

  // ---- Edits ---------------------------------------------------------------------------------------------------

  async function edit(request, done, number) {
    say("Saving…");
    try {
      await request();
      refresh(await call("/data"), number);
      showUndo();
      say(done);
      ($("undo").hidden ? $("topics") : $("undo")).focus();
    } catch (error) { say(error.message, true); }
  }
  function showUndo() {
    $("undo").hidden = page.settings.read_only || !page.settings.edits;
  }
  const send = (value) => () => call("/edits", json(value));
  function merge(one, other) {
    const [kept, name] = [Math.min(one.number, other.number), other.name];
    edit(send({ merge: [one.number, other.number] }), `“${one.name}” and “${name}” are one topic, saved to the model.`, kept);
  }
  function editPanel(panel, place) {
    if (page.settings.read_only) return;
    const topic = page.topics[place];
    const others = [...topic.neighbours, ...page.topics.keys()].filter((other, order, all) => other !== place && all.indexOf(other) === order);
    const name = element("input", { id: "new-name", value: topic.name, maxlength: 200, autocomplete: "off", dir: "auto" });
    const partner = element("select", { id: "partner" }, ...others.map((other) => element("option", { value: other }, page.topics[other].name)));
    const group = element("details", { ontoggle: () => { editing = group.open; } }, element("summary", {}, "Edit this topic"));
    group.open = editing;
    panel.append(group);
    group.append(
      element("form", { class: "edit-row", id: "rename", onsubmit: (event) => { event.preventDefault(); edit(send({ rename: { [topic.number]: name.value } }), `Topic ${topic.number} is named “${name.value.trim()}”, saved to the model.`, topic.number); } },
        element("label", {}, "Name ", name), element("button", { type: "submit" }, "Rename")));
    if (!others.length) return;
    group.append(
      element("form", { class: "edit-row", id: "merge", onsubmit: (event) => { event.preventDefault(); merge(topic, page.topics[Number(partner.value)]); } },
        element("label", {}, "Merge with ", partner), element("button", { type: "submit" }, "Merge")),
      element("div", { class: "edit-row" }, element("button", { type: "button", id: "drop", onclick: () => edit(send({ drop: [topic.number] }), `“${topic.name}” is dropped; its documents went to their next topics. Saved to the model.`, -1) }, "Drop the topic")));
  }
  extensions.push(editPanel);
  $("undo").addEventListener("click", () => edit(() => call("/edits/last", { method: "DELETE" }), "The last edit is taken back, saved to the model.", undefined));

  // Topics of the list can be dragged onto each other.
  let dragged = -1;
  const item = (event) => event.target.closest?.("#topic-list li");
  const at = (one) => Number(one?.querySelector("[data-topic]")?.dataset.topic ?? -1);
  const over = (one) => { for (const li of $("topic-list").children) li.classList.toggle("over", li === one); };
  $("topic-list").addEventListener("pointerdown", (event) => { const one = item(event); if (one) one.draggable = !page.settings.read_only; });
  $("topic-list").addEventListener("dragstart", (event) => { dragged = at(item(event)); event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", page.topics[dragged]?.name ?? ""); });
  $("topic-list").addEventListener("dragover", (event) => { const one = item(event), ok = dragged >= 0 && at(one) >= 0 && at(one) !== dragged; over(ok ? one : null); if (ok) event.preventDefault(); });
  $("topic-list").addEventListener("drop", (event) => { const other = at(item(event)); over(null); if (dragged >= 0 && other >= 0 && other !== dragged) { event.preventDefault(); merge(page.topics[dragged], page.topics[other]); } });
  $("topic-list").addEventListener("dragend", () => { dragged = -1; over(null); });

  showUndo();
  page.redraw();
})();

// What a page does beside being read: draw its figures, ask what changed, and keep forms tidy.
// Every page works without it, but for the drawings; no request leaves the server it came from.

const here = document.querySelector("script[data-vega]");
const dark = matchMedia("(prefers-color-scheme: dark)");

// --- figures: drawn when they come near the window, by Vega from our own server -----------------

let vega = null;
const views = new Map();

function tooltip() {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  return (_, event, __, value) => {
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    tip.textContent =
      typeof value === "object"
        ? Object.entries(value).map(([name, one]) => `${name}: ${one}`).join("\n")
        : String(value);
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
  };
}
let tip = null;

async function drawFigure(figure) {
  const canvas = figure.querySelector(".canvas");
  const address = new URL(figure.dataset.figure, location.href);
  address.searchParams.set("theme", dark.matches ? "dark" : "light");
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(await answer.text());
    const of = answer.headers.get("X-Drawn-Of");
    const specification = await answer.json();
    if (specification.nothing) {
      say(canvas, specification.nothing);
      figure.classList.add("nothing");
      figure.querySelector(".files").hidden = true;
      figure.parentElement.append(figure);  // behind those that show something
    } else {
      vega ??= import(here.dataset.vega);
      tip ??= tooltip();
      const { draw } = await vega;
      views.get(figure)?.finalize();
      const place = document.createElement("div");
      canvas.replaceChildren(place);
      specification.background = "transparent";
      views.set(figure, await draw(place, specification, tip));
      asOneImage(place.querySelector("svg"), figure);
      figure.classList.remove("nothing");
      figure.querySelector(".files").hidden = false;
      figure.classList.toggle("wide", place.querySelector("svg")?.viewBox.baseVal.width > 720);
      if (of) note(figure, of);
    }
    figure.dataset.done = "yes";
  } catch (error) {
    say(canvas, `This could not be drawn: ${error.message.trim()}`);
    figure.dataset.done = "no";
  }
}

// A screen reader is told what is drawn, in words; the numbers are in the tables and files.
function asOneImage(svg, figure) {
  if (!svg) return;
  for (const part of svg.querySelectorAll("[role], [aria-label], [aria-roledescription]")) {
    for (const name of ["role", "aria-label", "aria-roledescription"]) part.removeAttribute(name);
  }
  svg.setAttribute("role", "img");
  const words = [figure.querySelector("h3"), figure.querySelector("figcaption")];
  svg.setAttribute("aria-label", words.map((part) => part.textContent).join(". "));
}

function say(canvas, words) {
  const line = document.createElement("p");
  line.className = "waiting";
  line.textContent = words;
  canvas.replaceChildren(line);
}

function note(figure, words) {
  const line = figure.querySelector("p.note.of") ?? document.createElement("p");
  line.className = "note of";
  line.textContent = words;
  figure.append(line);
}

const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      drawFigure(entry.target);
    }
  },
  { rootMargin: "300px" },
);

function watchFigures() {
  for (const figure of document.querySelectorAll("figure[data-figure]")) near.observe(figure);
}

dark.addEventListener("change", () => {
  for (const figure of document.querySelectorAll("figure[data-done]")) drawFigure(figure);
});

// --- a running sweep: ask what changed since the cursor, and take over the parts that did -------

const EVERY_MS = 3000;
const SLOWEST_MS = 60000;

function watchChanges() {
  let pause = EVERY_MS;
  const ask = async () => {
    const place = document.querySelector("[data-changes]");
    if (!place) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(place.dataset.changes);
        if (!answer.ok) throw new Error(String(answer.status));
        const found = await answer.json();
        if (found.changed) await takeOver(found);
        pause = EVERY_MS;
      } catch {
        pause = Math.min(2 * pause, SLOWEST_MS);
      }
    }
    setTimeout(ask, pause);
  };
  setTimeout(ask, pause);
}

async function takeOver(found) {
  const answer = await fetch(location.href);
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const ticked = new Set([...document.querySelectorAll("input[name=c]:checked")].map((i) => i.value));
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || part.contains(document.activeElement)) continue;
    part.replaceWith(document.importNode(other, true));
  }
  for (const box of document.querySelectorAll("input[name=c]")) box.checked = ticked.has(box.value);
  const place = document.querySelector("[data-changes]");
  if (place && place.dataset.changes.indexOf(found.cursor) < 0) {
    const address = new URL(place.dataset.changes, location.href);
    address.searchParams.set("since", found.cursor);
    place.dataset.changes = address.pathname + address.search;
  }
  const { finished, running } = found.counts;
  const said = document.getElementById("said");
  if (said) said.textContent = `${finished} trials finished, ${running} running`;
  for (const figure of document.querySelectorAll("figure[data-done]")) drawFigure(figure);
}

// --- forms --------------------------------------------------------------------------------------

function tidyForms() {
  for (const form of document.querySelectorAll("form[method=get]")) {
    form.addEventListener("submit", () => {
      for (const field of form.querySelectorAll("input, select")) {
        if (field.value === "") field.disabled = true;
      }
    });
  }
  addEventListener("pageshow", () => {
    for (const field of document.querySelectorAll("form[method=get] :disabled")) {
      if (field.type !== "submit") field.disabled = false;
    }
  });
  document.querySelector("form.filter")?.addEventListener("change", (event) => {
    if (event.target.matches("select")) event.currentTarget.requestSubmit();
  });
}

function countChosen() {
  const form = document.getElementById("compare");
  if (!form) return;
  const usual = form.querySelector(".count").textContent;
  const count = () => {
    const chosen = new Set([...document.querySelectorAll("input[name=c]:checked")].map((i) => i.value));
    form.querySelector("button").disabled = chosen.size < 2 || chosen.size > 8;
    form.querySelector(".count").textContent = chosen.size ? `${chosen.size} of 8 chosen` : usual;
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[name=c]")) count();
  });
  count();
}

// --- the token: from the part of an address that is never sent, or typed ------------------------

async function open(token) {
  const answer = await fetch("/session", { headers: { Authorization: `Bearer ${token}` } });
  return answer.ok;
}

async function askForToken() {
  const form = document.querySelector("form.token");
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(null, "", location.pathname + location.search);
  if (!form) return;
  if (given && (await open(given))) location.reload();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await open(form.elements.token.value)) location.reload();
    else form.querySelector(".note").textContent = "This is not the token; try again.";
  });
}

askForToken();
tidyForms();
countChosen();
watchFigures();
watchChanges();
document.documentElement.dataset.ready = "yes";
performance.mark("ready");

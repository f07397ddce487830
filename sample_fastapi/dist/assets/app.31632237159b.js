// One page for all paths: "/" asks for a label, and "/parcels/LABEL" shows where that parcel is.
const main = document.querySelector("main");

function show(name, text) {
  const line = document.createElement(name);
  line.textContent = text;
  main.append(line);
}

async function describeOffice() {
  const office = await (await fetch("/api/office")).json();
  show("p", `${office.delivered} letters delivered. You have been here ${office.visits} times before.`);
}

function follow(label) {
  show("h2", label);
  const events = new EventSource(`/api/parcels/${encodeURIComponent(label)}/events`);
  events.onmessage = (event) => show("p", event.data);
  events.onerror = () => events.close();
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  history.pushState(null, "", `/parcels/${encodeURIComponent(event.target.label.value)}`);
  route();
});
addEventListener("popstate", route);

function route() {
  main.replaceChildren();
  const label = location.pathname.match(/^\/parcels\/([^/]+)$/);
  return label ? follow(decodeURIComponent(label[1])) : describeOffice();
}

route();

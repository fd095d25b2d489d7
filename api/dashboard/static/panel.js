// A part of the page that the server renders. What differs is changed in place, so that focus,
// selection and scrolling stay where they are; `data-key` tells which child is which.

function sync(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !(name === "open" && old.tagName === "DETAILS")) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  syncChildren(old, fresh);
}

function syncChildren(old, fresh) {
  const keys = new Set([...fresh.children].map((child) => child.dataset.key));
  for (const child of [...old.children]) if (child.dataset.key && !keys.has(child.dataset.key)) child.remove();
  const keyed = new Map([...old.children].map((child) => [child.dataset.key, child]));
  let place = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const key = node.dataset?.key;
    const alike = key ? keyed.get(key) : sameKind(place, node) ? place : null;
    if (!alike) old.insertBefore(node, place);
    else {
      if (alike === place) place = place.nextSibling;
      else old.moveBefore ? old.moveBefore(alike, place) : old.insertBefore(alike, place);
      sync(alike, node);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function sameKind(old, fresh) {
  return old && !old.dataset?.key && old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName;
}

export default {
  template: `<div @click="clicked" @submit="submitted" @change="changed"></div>`,
  props: { html: String },
  mounted() {
    this.$el.innerHTML = this.html;
  },
  watch: {
    html(fresh) {
      const holder = document.createElement("template");
      holder.innerHTML = fresh;
      syncChildren(this.$el, holder.content);
    },
  },
  methods: {
    act(name, fields) {
      this.$emit("act", { name, fields });
    },
    clicked(event) {
      const button = event.target.closest("button[data-act]");
      if (button) {
        if (!button.dataset.confirm || confirm(button.dataset.confirm)) this.act(button.dataset.act, { value: button.value });
        return;
      }
      const row = event.target.closest("[data-href]");
      if (row && !event.target.closest("a, button") && !String(getSelection())) location.href = row.dataset.href;
    },
    submitted(event) {
      const form = event.target;
      if (!form.dataset.act) return; // an ordinary form: the browser sends it
      event.preventDefault();
      this.act(form.dataset.act, Object.fromEntries(new FormData(form)));
    },
    changed(event) {
      const field = event.target.closest("select[data-act]");
      if (field) this.act(field.dataset.act, { value: field.value });
    },
  },
};

// Every server as a cell. One stop in the tab order a pool: arrow keys go from cell to cell.

const STATES = {
  free: "free",
  partly: "partly used",
  full: "fully used",
  loan: "on loan",
  reclaiming: "asked back",
  inference: "serves inference",
};

export default {
  template: `
    <div class="map" @keydown="moved" @click="picked" @mouseover="shown" @mouseleave="tip = null"
         @focusin="shown" @focusout="tip = null">
      <section v-for="pool in pools" :key="pool.name" :aria-label="pool.title">
        <h3>{{ pool.title }} <small>{{ pool.note }}</small></h3>
        <div class="cells" :class="pool.size" role="group" :aria-label="pool.title + ': arrow keys move'">
          <button v-for="(cell, place) in pool.cells" :key="cell[0]" type="button" class="cell"
                  :class="[by === 'job' && cell[5] !== null ? 'job' : cell[1], { picked: cell[0] === picked_id }]"
                  :style="{ '--used': cell[3] ? cell[2] / cell[3] : 0, '--gpus': cell[3], '--hue': cell[5] }"
                  :data-id="cell[0]" :tabindex="place === (stops[pool.name] ?? 0) ? 0 : -1"
                  :aria-pressed="cell[0] === picked_id" :aria-label="words(cell).join(', ')"><i v-if="pool.size === 'named'">{{ cell[0] }}</i></button>
        </div>
      </section>
      <div v-if="tip" class="tip" :style="tip.place" aria-hidden="true">
        <b>{{ tip.words[0] }}</b><span v-for="word in tip.words.slice(1)">{{ word }}</span>
      </div>
    </div>`,
  props: { pools: Array, by: String, picked_id: String },
  data: () => ({ tip: null, stops: {} }),
  methods: {
    words([id, state, used, gpus, jobs]) {
      const hosted = jobs.length ? [jobs.slice(0, 4).join(", ") + (jobs.length > 4 ? " …" : "")] : [];
      return [id, STATES[state], `${used} of ${gpus} GPUs used`, ...hosted];
    },
    cell(event) {
      return event.target.closest?.(".cell");
    },
    picked(event) {
      const cell = this.cell(event);
      if (cell) this.$emit("pick", cell.dataset.id);
    },
    shown(event) {
      const cell = this.cell(event);
      if (!cell) return (this.tip = null);
      const found = this.pools.flatMap((pool) => pool.cells).find(([id]) => id === cell.dataset.id);
      const [map, box] = [this.$el.getBoundingClientRect(), cell.getBoundingClientRect()];
      const left = Math.max(0, Math.min(box.left - map.left, map.width - 220));
      this.tip = { words: this.words(found), place: { left: `${left}px`, top: `${box.bottom - map.top + 6}px` } };
    },
    moved(event) {
      const cell = this.cell(event);
      if (event.key === "Escape") this.tip = null;
      if (!cell) return;
      const cells = [...cell.parentElement.children];
      const columns = cells.findIndex((other) => other.offsetTop > cells[0].offsetTop);
      const down = columns === -1 ? cells.length : columns;
      const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: down, ArrowUp: -down, Home: -Infinity, End: Infinity };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const place = cells.indexOf(cell) + steps[event.key];
      const next = Math.abs(steps[event.key]) === Infinity ? Math.max(0, Math.min(place, cells.length - 1)) : place;
      if (!cells[next]) return;
      const pool = this.pools.find((one) => one.cells.some(([id]) => id === cells[next].dataset.id));
      this.stops = { ...this.stops, [pool.name]: next };
      cells[next].focus();
    },
  },
};

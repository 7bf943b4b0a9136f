import { batch, computed, effect, signal } from "@preact/signals-core";
import { apiErrorOf } from "../protocol/api.js";
import * as commands from "../protocol/commands.js";
import { Latest } from "./latest.js";
import { NO_PICTURES, nextPictures } from "./loop.js";
import { Pending } from "./pending.js";
import { Rarely } from "./rarely.js";
import { SeriesStore } from "./series.js";
import { isSlow } from "./speed.js";
import { Turns, until } from "./turns.js";
import { isOfWeights, joined, partOf } from "./weight-parts.js";

/**
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").Command} Command
 * @typedef {import("../protocol/types.js").Hello} Hello
 * @typedef {import("../protocol/types.js").Look} Look
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../protocol/types.js").ViewDescription} ViewDescription
 * @typedef {import("../protocol/frames.js").Frame} Frame
 * @typedef {import("./loop.js").Pictures} Pictures
 */

/**
 * @template T
 * @typedef {import("@preact/signals-core").Signal<T>} Signal
 */

/**
 * @typedef {object} Link what the model needs of the run's socket
 * @property {(command: Command) => Promise<RunState>} command
 * @property {(look: Look) => void} look
 * @property {(frame: number) => void} ack
 */

/** @typedef {"connecting" | "open" | "away" | "gone"} Connection */

/**
 * @typedef {object} WeightView
 * @property {Uint8Array} codes (units here, inputs)
 * @property {number} first the first unit here; units that the page does not show may be missing
 * @property {[number, number]} shape of the whole: units, inputs
 * @property {number} scale
 * @property {"signed" | "unsigned"} coding
 * @property {number} batch the batch it is from
 */

/**
 * @typedef {object} SeenView a view's last message that held something
 * @property {ReadonlyMap<string, import("../protocol/safetensors.js").Tensor>} tensors
 * @property {{ readonly [name: string]: string }} metadata
 * @property {boolean} fresh whether it is from the present moment, as far as a study can be
 */

/** Only a step longer than this turns Play into Pause. */
const LONG_STEP_MS = 300;

/** The metadata that every message has, even one with nothing to show. */
const COMMON_METADATA = new Set([
  ...["frame", "view", "run", "batch", "phase"],
  ...["study.batch", "study.phase"],
]);

/** The time between two news while nobody can read each: short enough to see numbers move. */
const READING_GAP_MS = 100;
/** The longest that news wait for texts and numbers of the same moment, if such came lately. */
const LONGEST_READING_GAP_MS = 250;

const FRAMES_PER_SECOND = 30;
const FRAMES_PER_SECOND_UNSEEN = 1;

/** What the page knows of a run. Elements read the signals; the socket writes them. */
export class RunModel {
  /** @type {Signal<RunState | null>} */
  state = signal(null);
  /** The version of the newest state of this connection. */
  #version = 0;
  writable = signal(true);
  /** @type {Signal<Connection>} */
  connection = signal("connecting");
  /** While away: why the server lets nobody else watch, if it has said so. */
  /** @type {Signal<ApiError | null>} */
  refusal = signal(null);
  /** The last refusal, shown for a while. */
  /** @type {Signal<ApiError | null>} */
  notice = signal(null);
  /** Says that a file is being opened to replace this run; "" if none is. */
  opening = signal("");
  /** What is wrong now: the last refusal, else the failure that stopped the run. */
  trouble = computed(() => this.notice.value ?? this.state.value?.error ?? null);
  /** Why there is no run to show, if there is none. */
  /** @type {Signal<ApiError | null>} */
  gone = signal(null);
  /** @type {Signal<Pictures>} */
  pictures = signal(NO_PICTURES);
  series = new SeriesStore();
  seriesVersion = signal(0);
  /** The state of the last frame, which brought series and pictures; `state` may be newer. */
  /** @type {Signal<RunState | null>} */
  shown = signal(null);
  /**
   * Changes with all news of the run, but only ten times a second while it trains faster than
   * anyone reads. What is read (numbers, words, curves) follows it; images follow the pictures.
   */
  news = signal(0);
  /** The followed sample of the batch. */
  sample = signal(0);
  /** Whether anything that shows this run can be seen. */
  pageVisible = signal(true);
  pending = new Pending();

  /** @type {Signal<"phase" | "batch" | "epoch" | null>} */
  #lastUnit = signal(null);
  #longStep = signal(false);
  #steps = new Turns();
  /** Streams of dragged values, whose last value may still wait. @type {Latest<any>[]} */
  #latest = [];
  #nowAndThen = new Rarely(() => this.#announce(), READING_GAP_MS);
  /** When texts or numbers last came. */
  #readAt = -Infinity;
  /** @type {Map<string, Signal<WeightView | null>>} */
  #weights = new Map();
  /** @type {Map<string, Signal<SeenView | null>>} */
  #views = new Map();
  /** @type {Signal<ReadonlyMap<string, readonly string[]>>} */
  #wanted = signal(new Map());
  /** @type {Signal<Link | null>} */
  #link = signal(null);
  #afterPaint;
  #rate;

  /** Whether a person can follow the phases now; if so, the last phase's station is lit. */
  following = computed(() => {
    const state = this.state.value;
    if (!state || state.phase === null) return false;
    if (state.state === "playing") return isSlow(state.speed);
    return state.phase !== "update" || isSlow(state.speed) || this.#lastUnit.value === "phase";
  });

  /** Whether it trains faster than anyone reads, also within a long step. */
  hurrying = computed(() => {
    const state = this.state.value;
    if (state?.state === "stepping") return this.#longStep.value;
    return state?.state === "playing" && !isSlow(state.speed);
  });

  /**
   * Whether it trains as fast as possible. At a set pace, views sent less often than they change
   * would show the same phase again and again.
   */
  #isUnpaced = computed(() => {
    const state = this.state.value;
    return this.hurrying.value && (state?.state !== "playing" || state.speed === null);
  });

  /** Whether it runs, as the play button shows it; a step counts only if it takes a while. */
  running = computed(() => {
    if (this.connection.value === "gone") return false;
    const state = this.state.value?.state;
    const served = state === "playing" || (state === "stepping" && this.#longStep.value);
    return this.pending.shown("running", served);
  });

  /**
   * @param {(callback: () => void) => void} afterPaint
   * @param {number} [rate] frames a second, at most
   */
  constructor(afterPaint, rate = FRAMES_PER_SECOND) {
    this.#afterPaint = afterPaint;
    this.#rate = rate;
  }

  /**
   * @param {Link} link
   * @returns {() => void} detaches it
   */
  attach(link) {
    this.#link.value = link;
    return effect(() => {
      const look = this.#look();
      this.#forgetPicked();
      link.look(look);
    });
  }

  /**
   * A stream of dragged values for this run. Its last value is sent before any later command.
   *
   * @template T
   * @param {(value: T) => Promise<unknown>} send
   * @param {number} gapMs
   * @returns {Latest<T>}
   */
  latest(send, gapMs) {
    const latest = new Latest(send, gapMs);
    this.#latest.push(latest);
    return latest;
  }

  /**
   * Sends the dragged values at once, so that a command can follow them.
   *
   * @returns {Promise<unknown>} resolved once they are answered
   */
  flush() {
    return Promise.all(this.#latest.map((latest) => latest.flush()));
  }

  /**
   * Sends a person's command, after any values dragged before it.
   *
   * @param {Command} command
   * @param {{ [name: string]: unknown }} [asked]
   * @returns {Promise<ApiError | null>} what went wrong, if anything did
   */
  act(command, asked) {
    this.flush();
    return this.tell(command, asked);
  }

  /**
   * Sends a command. The values in `asked` are shown by the controls until the answer is there.
   *
   * @param {Command} command
   * @param {{ [name: string]: unknown }} [asked]
   * @returns {Promise<ApiError | null>} what went wrong, if anything did
   */
  async tell(command, asked = {}) {
    if (this.gone.peek()) return this.gone.peek();
    const settled = this.pending.ask(asked);
    try {
      const link = this.#link.peek() ?? (await this.#opened());
      await link.command(command);
      return null;
    } catch (error) {
      return this.gone.peek() ?? apiErrorOf(error);
    } finally {
      settled();
    }
  }

  /**
   * The link, as soon as there is one: a person may act before the run has been made.
   *
   * @returns {Promise<Link>}
   */
  #opened() {
    let stop = () => {};
    const opened = new Promise((resolve, reject) => {
      stop = effect(() => {
        const [link, gone] = [this.#link.value, this.gone.value];
        if (link) resolve(link);
        else if (gone) reject(gone);
      });
    });
    return opened.finally(stop);
  }

  /**
   * `act`, with the error shown as the page's notice.
   *
   * @param {Command} command
   * @param {{ [name: string]: unknown }} [asked]
   */
  async do(command, asked) {
    const error = await this.act(command, asked);
    if (error) this.notice.value = error;
    return error;
  }

  play() {
    this.#steps.drop();
    this.#lastUnit.value = null;
    return this.do(commands.play(), { running: true });
  }

  pause() {
    this.#steps.drop();
    return this.do(commands.pause(), { running: false });
  }

  /**
   * Steps one after another: each waits for the answer to the one before.
   *
   * @param {"phase" | "batch" | "epoch"} unit
   */
  step(unit) {
    return this.#steps.add(() => this.#step(unit));
  }

  /** Whether a step is under way or waits for its turn. */
  get isStepping() {
    return this.#steps.busy;
  }

  /** @param {"phase" | "batch" | "epoch"} unit */
  async #step(unit) {
    this.#lastUnit.value = unit;
    this.#longStep.value = false;
    const timer = setTimeout(() => {
      this.#longStep.value = true;
    }, LONG_STEP_MS);
    // Steps waiting behind a failed one are dropped: nobody would expect them any more.
    if (await this.do(commands.step(unit))) this.#steps.drop();
    clearTimeout(timer);
  }

  reset() {
    this.#steps.drop();
    this.#lastUnit.value = null;
    return this.do(commands.reset());
  }

  /** Goes back to the start of the batch under way, else to the batch before. */
  back() {
    return this.#steps.add(() => this.#back());
  }

  async #back() {
    await this.flush(); // goes back from where a drag has led
    const state = this.state.peek();
    if (!state) return;
    if (state.state === "playing") await this.do(commands.pause(), { running: false });
    const { batch: completed, phase } = this.state.peek() ?? state;
    const inBatch = phase !== null && phase !== "update";
    const batch = inBatch ? completed : Math.max(completed - 1, 0);
    if (await this.do(commands.seek(batch))) this.#steps.drop();
    // If it takes more than a second, the answer comes before it ends.
    await until(() => this.state.value?.state !== "stepping" || this.connection.value === "gone");
  }

  /**
   * @param {string} view
   * @returns {Signal<WeightView | null>}
   */
  weights(view) {
    let found = this.#weights.get(view);
    if (!found) {
      found = signal(/** @type {WeightView | null} */ (null));
      this.#weights.set(view, found);
    }
    return found;
  }

  /**
   * Any other view, by its exact name: "curve", "inside/3/137/406". If a later moment has nothing
   * to show, it keeps what it had and is no longer `fresh`.
   *
   * @param {string} name
   * @returns {Signal<SeenView | null>}
   */
  view(name) {
    let found = this.#views.get(name);
    if (!found) {
      found = signal(/** @type {SeenView | null} */ (null));
      this.#views.set(name, found);
    }
    return found;
  }

  /**
   * Sets the views that a part of the page shows now; an empty list if it is out of sight.
   *
   * @param {string} part
   * @param {readonly string[]} views
   */
  want(part, views) {
    const before = this.#wanted.peek();
    if (String(before.get(part)) === String(views)) return;
    const wanted = new Map(before);
    wanted.set(part, views);
    this.#wanted.value = wanted;
  }

  /**
   * Forgets views of earlier picks, so that they do not pile up. This happens when the server is
   * told, which will send a view again if it is wanted again.
   */
  #forgetPicked() {
    const all = new Set([...this.#wanted.peek().values()].flat());
    for (const [name, view] of this.#views) {
      if (name.includes("/") && !all.has(name)) view.value = null;
    }
  }

  /**
   * A study that nobody looks at is not repeated. Its result is forgotten as the run goes on;
   * otherwise the next reader would take it for the present.
   *
   * @param {RunState} state
   */
  #forgetLeftBehind({ batch }) {
    const { views } = this.#look();
    for (const [name, view] of this.#views) {
      const of = view.peek()?.metadata["study.batch"];
      if (of && Number(of) !== batch && !views.includes(name)) view.value = null;
    }
  }

  /** The part of the series missing after a reconnect; null if nothing has arrived yet. */
  missing() {
    const shown = this.shown.peek();
    if (!shown || this.series.length === 0) return null;
    return { from_batch: this.series.length + 1, timeline: shown.timeline };
  }

  /** @param {Hello} hello */
  hello({ state, writable }) {
    batch(() => {
      this.connection.value = "open";
      this.writable.value = writable;
      this.#version = 0;
      this.#take(state);
      this.shown.value ??= state;
      this.#longStep.value = state.state === "stepping";
      // A restored run may be behind what this page has seen.
      this.series.cutTo(state.furthest);
    });
  }

  /** Sets the run's name, which no frame brings. @param {string} name */
  rename(name) {
    for (const told of [this.state, this.shown]) {
      const state = told.peek();
      if (state) told.value = { ...state, name };
    }
  }

  /** @param {RunState} state */
  reply(state) {
    // An answer that comes before a step ends comes after a second, so the step is long.
    if (state.state === "stepping" && !this.#isOld(state)) this.#longStep.value = true;
    this.#take(state);
  }

  /** @param {Frame} frame */
  frame({ frame, state, series, views }) {
    batch(() => {
      this.#forgetBefore(state);
      const hasRead = [...views.values()].some(({ metadata }) => isRead(metadata));
      this.#take({ ...state, actions: this.#actionsAfter(series.metadata) }, hasRead);
      this.shown.value = { ...this.state.peek(), ...state };
      this.#takeSeries(series, state);
      for (const [name, file] of views) {
        if (name === "loop") this.pictures.value = nextPictures(this.pictures.peek(), file);
        else if (file.metadata.coding === undefined) this.#takeView(name, file);
        else this.#takeWeights(name, file);
      }
      this.#forgetLeftBehind(state);
    });
    this.#afterPaint(() => this.#link.peek()?.ack(frame));
  }

  /** @returns {Look} */
  #look() {
    const visible = this.pageVisible.value;
    const views = visible ? joined([...this.#wanted.value.values()].flat()) : [];
    const rate = visible ? this.#rate : FRAMES_PER_SECOND_UNSEEN;
    const read = this.#isUnpaced.value ? views.filter((view) => !isOfWeights(view)) : [];
    const rates = Object.fromEntries(read.map((view) => [view, 1000 / READING_GAP_MS]));
    return { views, rate, rates, sample: this.sample.value, repeat: false };
  }

  /** Whether a state is older than the newest one received. @param {RunState} state */
  #isOld(state) {
    return state.version < this.#version;
  }

  /**
   * @param {RunState} state
   * @param {boolean} [hasRead] whether it comes with texts or numbers to read
   */
  #take(state, hasRead = false) {
    if (this.#isOld(state)) return;
    this.#version = state.version;
    if (state.state !== "stepping") this.#longStep.value = false;
    this.state.value = { ...this.state.peek(), ...state };
    const now = performance.now();
    const isExpected = now - this.#readAt < LONGEST_READING_GAP_MS;
    if (hasRead) this.#readAt = now;
    if (!this.hurrying.peek()) this.#announce();
    else if (hasRead && this.#isUnpaced.peek()) this.#nowAndThen.pass();
    else this.#nowAndThen.ask(isExpected && !hasRead ? LONGEST_READING_GAP_MS : READING_GAP_MS);
  }

  #announce() {
    this.news.value += 1;
  }

  /**
   * Forgets what is shown if a frame's state says that it belongs to a discarded past.
   *
   * @param {RunState} state
   */
  #forgetBefore({ timeline, batch, phase }) {
    const before = this.shown.peek();
    const isSame = before?.phase === null && before.batch === batch;
    if (timeline === before?.timeline && (phase !== null || isSame)) return;
    this.pictures.value = NO_PICTURES;
    for (const view of this.#weights.values()) view.value = null;
    for (const view of this.#views.values()) view.value = null;
  }

  /**
   * The log of changes, updated from a frame.
   *
   * @param {{ readonly [name: string]: string }} metadata
   */
  #actionsAfter(metadata) {
    const first = Number(metadata.from_batch) - 1;
    const kept = (this.state.peek()?.actions ?? []).filter((action) => action.batch < first);
    return [...kept, ...JSON.parse(metadata.actions ?? "[]")];
  }

  /**
   * @param {import("../protocol/safetensors.js").SafetensorsFile} file
   * @param {RunState} state
   */
  #takeSeries({ tensors, metadata }, state) {
    const values = (/** @type {string} */ name) =>
      /** @type {Float64Array} */ (tensors.get(name)?.data ?? new Float64Array());
    this.series.apply({
      fromBatch: Number(metadata.from_batch),
      testsFrom: Number(metadata.tests_from),
      loss: values("loss"),
      accuracy: values("accuracy"),
      test: values("test"),
    });
    this.series.cutTo(state.furthest);
    this.seriesVersion.value += 1;
  }

  /**
   * @param {string} name
   * @param {import("../protocol/safetensors.js").SafetensorsFile} file
   */
  #takeWeights(name, { tensors, metadata }) {
    const values = tensors.get("values");
    if (!values) return;
    const { whole, first } = partOf(name);
    const description = this.state.peek()?.views.find(({ view }) => view === whole);
    if (!description) return;
    this.weights(whole).value = {
      codes: /** @type {Uint8Array} */ (values.data),
      first,
      shape: description.shape,
      scale: Number(metadata.scale),
      coding: metadata.coding === "unsigned" ? "unsigned" : "signed",
      batch: Number(metadata.batch),
    };
  }

  /**
   * @param {string} name
   * @param {import("../protocol/safetensors.js").SafetensorsFile} file
   */
  #takeView(name, { tensors, metadata }) {
    const seen = this.view(name);
    const before = seen.peek();
    // Metadata counts like tensors: some studies have no tensors.
    const figures = Object.keys(metadata).filter((key) => !COMMON_METADATA.has(key));
    if (tensors.size > 0 || figures.length > 0) seen.value = { tensors, metadata, fresh: true };
    else if (before) seen.value = { ...before, fresh: false };
  }
}

/**
 * Whether a view is read together with its state: weights come more often, studies later.
 *
 * @param {{ readonly [name: string]: string }} metadata
 */
function isRead(metadata) {
  return metadata.coding === undefined && metadata["study.batch"] === undefined;
}

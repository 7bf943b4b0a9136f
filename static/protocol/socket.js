import { Backoff } from "./backoff.js";
import { FrameAssembler } from "./frames.js";

/**
 * @typedef {import("./types.js").ApiError} ApiError
 * @typedef {import("./types.js").Command} Command
 * @typedef {import("./types.js").Hello} Hello
 * @typedef {import("./types.js").Look} Look
 * @typedef {import("./types.js").RunState} RunState
 * @typedef {import("./frames.js").Frame} Frame
 */

/**
 * @typedef {object} SocketHandlers
 * @property {(hello: Hello) => void} hello
 * @property {(frame: Frame) => void} frame
 * @property {(state: RunState) => void} reply
 * @property {(error: ApiError) => void} trouble called with an error that no command has caused
 * @property {(refusal: ApiError | null) => void} away the connection is lost, or refused for
 *   now; another attempt will follow
 * @property {() => { from_batch: number, timeline: number } | null} resume what is missing, or null at first
 * @property {() => Promise<boolean>} stillThere asks whether the run exists, after a refused connection
 * @property {() => void} gone
 */

/**
 * @typedef {object} SocketOptions
 * @property {string} url
 * @property {SocketHandlers} handlers
 * @property {Backoff} [backoff]
 * @property {typeof WebSocket} [WebSocketClass]
 */

/** A command that was refused, or that could not be sent. */
export class CommandError extends Error {
  /** @override */
  name = "CommandError";

  /** @param {ApiError} error */
  constructor(error) {
    super(error.message);
    this.code = error.code;
    this.hint = error.hint ?? null;
  }
}

const LONGEST_WAIT_FOR_CONNECTION_MS = 8000;

const LISTEN_EVERY_MS = 4000;
/** After this many quiet times, the page pings the server. */
const QUIET_TIMES = 2;
/**
 * After this many, the connection counts as lost: even at 150 kbit/s, a 400 kB picture takes less.
 */
const LOST_TIMES = 6;

const LOST = {
  code: "connection_lost",
  message: "The connection was lost before the answer came.",
  hint: "The page reconnects by itself; then check whether the change was made.",
};

const NOT_CONNECTED = {
  code: "not_connected",
  message: "There is no connection to the server.",
  hint: "Try again once it is back.",
};

const CLOSED = { code: "closed", message: "This page has closed the connection." };

/**
 * Whether a command failed because there was no connection; once there is one, that is no longer
 * news.
 *
 * @param {ApiError} error
 */
export function isUnconnected({ code }) {
  return [LOST, NOT_CONNECTED, CLOSED].some((error) => error.code === code);
}

/**
 * The page's end of `WS /ws/runs/{id}`. It connects and reconnects by itself, each time telling the
 * server which views the page shows and which part of the series is missing, and it matches replies
 * to commands. It never touches the document.
 */
export class RunSocket {
  #options;
  #backoff;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Look | null} */
  #look = null;
  #nextId = 1;
  #closed = false;
  #open = false;
  /** Why the server accepts no more viewers at the moment. @type {ApiError | null} */
  #refusal = null;
  /** How many times in a row nothing was heard. */
  #quiet = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #listening;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {Map<string, { resolve: (state: RunState) => void, reject: (error: Error) => void }>} */
  #awaited = new Map();
  /** @type {{ command: Command, id: string, timer: ReturnType<typeof setTimeout> }[]} */
  #waiting = [];

  /** @param {SocketOptions} options */
  constructor(options) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
  }

  connect() {
    const { url, handlers, WebSocketClass = WebSocket } = this.#options;
    const assembler = new FrameAssembler();
    const socket = new WebSocketClass(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#refusal = null;
    this.#quiet = 0;
    this.#listening = setInterval(() => this.#listen(), LISTEN_EVERY_MS);
    socket.addEventListener("message", ({ data }) => {
      // Messages that arrive after this end has closed are ignored: it could not answer them.
      if (socket !== this.#socket || this.#closed) return;
      this.#quiet = 0;
      if (typeof data === "string") {
        this.#receive(JSON.parse(data));
        return;
      }
      const frame = assembler.add(data);
      if (frame) handlers.frame(frame);
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.#lost();
    });
  }

  /**
   * Sends a command and gives the state after it. While there is no connection, the command waits a
   * few seconds for one.
   *
   * @param {Command} command
   * @returns {Promise<RunState>}
   */
  command(command) {
    const id = String(this.#nextId++);
    return new Promise((resolve, reject) => {
      this.#awaited.set(id, { resolve, reject });
      if (this.#open) {
        this.#send({ ...command, id });
        return;
      }
      const timer = setTimeout(() => this.#giveUp(id), LONGEST_WAIT_FOR_CONNECTION_MS);
      this.#waiting.push({ command, id, timer });
    });
  }

  /** @param {Look} look */
  look(look) {
    this.#look = look;
    if (this.#open) this.#send({ type: "look", ...look });
  }

  /** @param {number} frame */
  ack(frame) {
    if (this.#open) this.#send({ type: "ack", frame });
  }

  close() {
    this.#closed = true;
    this.#open = false;
    clearTimeout(this.#retry);
    clearInterval(this.#listening);
    this.#socket?.close();
    this.#rejectAll(CLOSED);
  }

  /** @param {object} message */
  #send(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /**
   * Checks that the server is still heard. A network that disappears (the WLAN changes, a laptop
   * sleeps) closes no connection, and the browser would wait for minutes.
   */
  #listen() {
    this.#quiet += 1;
    if (this.#quiet === QUIET_TIMES && this.#open) this.#send({ type: "ping" });
    if (this.#quiet < LOST_TIMES) return;
    const socket = this.#socket;
    this.#lost();
    socket?.close();
  }

  /** @param {any} message */
  #receive(message) {
    const { handlers } = this.#options;
    switch (message.type) {
      case "hello":
        this.#greet(message);
        break;
      case "reply": {
        handlers.reply(message.state);
        this.#settle(message.id)?.resolve(message.state);
        break;
      }
      case "error":
        if (message.id === null) handlers.trouble(message.error);
        else this.#settle(message.id)?.reject(new CommandError(message.error));
        break;
      case "closing":
        if (!this.#open) this.#refusal = message.error;
        handlers.away(this.#refusal);
        break;
      default: // a newer server may send types that this page does not know
    }
  }

  /** @param {Hello} hello */
  #greet(hello) {
    this.#open = true;
    this.#backoff.reset();
    this.#options.handlers.hello(hello);
    const missing = this.#options.handlers.resume();
    if (missing) this.#send({ type: "resume", ...missing });
    if (this.#look) this.#send({ type: "look", ...this.#look });
    for (const { command, id, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      this.#send({ ...command, id });
    }
  }

  async #lost() {
    const refused = !this.#open;
    this.#open = false;
    this.#socket = null;
    clearInterval(this.#listening);
    const waiting = new Set(this.#waiting.map(({ id }) => id));
    this.#rejectAll(LOST, waiting);
    if (this.#closed) return;
    this.#options.handlers.away(this.#refusal);
    if (refused && !this.#refusal && !(await this.#options.handlers.stillThere())) {
      this.#options.handlers.gone();
      this.close(); // rejects the commands still waiting for a connection
      return;
    }
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.connect(), this.#backoff.next());
  }

  /** @param {string} id */
  #settle(id) {
    const awaited = this.#awaited.get(id);
    this.#awaited.delete(id);
    return awaited;
  }

  /** @param {string} id */
  #giveUp(id) {
    this.#waiting = this.#waiting.filter((entry) => entry.id !== id);
    this.#settle(id)?.reject(new CommandError(NOT_CONNECTED));
  }

  /**
   * @param {ApiError} error
   * @param {Set<string>} [except]
   */
  #rejectAll(error, except = new Set()) {
    for (const [id, { reject }] of [...this.#awaited]) {
      if (except.has(id)) continue;
      this.#awaited.delete(id);
      reject(new CommandError(error));
    }
  }
}

import { legendPainter, legendText } from "../draw/legend.js";
import { Picture } from "./picture.js";

/** The colour scale beside images, drawn and in words. */
export class Legend {
  #picture;
  /** What it is the scale of, as the page was served. */
  #title;
  /** What it has been said to be. */
  #said = "";

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#picture = new Picture(canvas, legendPainter());
    this.#title = canvas.getAttribute("aria-label");
  }

  /** Draws in any case at the next paint: the canvas may have lost its picture. */
  invalidate() {
    this.#picture.invalidate();
  }

  /**
   * @param {{ scale: number, coding: "signed" | "unsigned" }} legend
   * @param {import("../draw/colours.js").Theme} theme
   */
  paint({ scale, coding }, theme) {
    this.#picture.paint({ scale, coding }, theme);
    const said = `${this.#title} ${legendText(scale, coding)}`;
    if (said !== this.#said) this.#picture.canvas.setAttribute("aria-label", said);
    this.#said = said;
  }
}

import { legendPainter, legendText } from "../draw/legend.js";
import { Picture } from "./picture.js";
import { writeAttribute } from "./run-element.js";

/** The colour scale beside images, drawn and in words. */
export class Legend {
  #picture;
  /** What it is the scale of, as the page was served. */
  #title;

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
    const text = `${this.#title} ${legendText(scale, coding)}`;
    writeAttribute(this.#picture.canvas, "aria-label", text);
  }
}

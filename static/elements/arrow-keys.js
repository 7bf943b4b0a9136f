/**
 * The cell that an arrow key, Home or End moves to, in cells laid out row by row; null for other
 * keys.
 *
 * @param {KeyboardEvent} press
 * @param {{ now: number, count: number, columns: number }} cells `columns` is −1 for a
 *   single row, in which up means further on
 */
export function movedBy({ key, ctrlKey, altKey, metaKey }, { now, count, columns }) {
  const moved = {
    ArrowRight: now + 1,
    ArrowLeft: now - 1,
    ArrowDown: now + columns,
    ArrowUp: now - columns,
    Home: 0,
    End: count - 1,
  }[key];
  if (moved === undefined || count === 0 || ctrlKey || altKey || metaKey) return null;
  return Math.min(Math.max(moved, 0), count - 1);
}

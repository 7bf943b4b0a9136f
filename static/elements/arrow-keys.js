/**
 * Where an arrow key, Home or End leads among cells that lie row by row; null where it leads nowhere.
 *
 * @param {KeyboardEvent} press
 * @param {{ now: number, count: number, columns: number }} cells `columns` −1: of one row, in which
 *   up is further
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

/** Lets everything that is already resolved go on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

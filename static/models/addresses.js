/** The page that watches a run. @param {string} id */
export const runAddress = (id) => `/?run=${encodeURIComponent(id)}`;

/** A run's recipe, as JSON. @param {string} id */
export const recipeAddress = (id) => `/api/runs/${encodeURIComponent(id)}/recipe`;

/** A run's network, as safetensors. @param {string} id */
export const weightsAddress = (id) => `/api/runs/${encodeURIComponent(id)}/weights`;

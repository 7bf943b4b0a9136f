// The types of what is sent and received, as in docs/protocol.md. Types only.

/**
 * @typedef {"draw" | "forward" | "loss" | "backward" | "update"} Phase
 * @typedef {{ code: string, message: string, hint?: string | null }} ApiError
 * @typedef {{ units: number, activation: string }} LayerConfig
 * @typedef {{ name: string, learning_rate: number, momentum?: number, [key: string]: unknown }} OptimizerConfig
 */

/**
 * @typedef {object} RunConfig
 * @property {string} dataset
 * @property {LayerConfig[]} layers
 * @property {string} loss
 * @property {OptimizerConfig} optimizer
 * @property {number} batch_size
 * @property {number} seed
 * @property {string} dtype
 */

/** @typedef {{ batch: number, set: { [key: string]: unknown } }} Action */

/**
 * @typedef {object} Edit a change by hand
 * @property {"weight" | "drawing"} kind
 * @property {number | null} loss_before null where it was not finite
 * @property {number} loss_after
 * @property {number | null} value_before of a weight
 * @property {number | null} value_after
 */

/**
 * @typedef {object} ViewDescription
 * @property {string} view
 * @property {number} layer
 * @property {string} kind
 * @property {[number, number]} shape units, inputs
 * @property {number} scale
 * @property {"signed" | "unsigned"} coding
 */

/**
 * @typedef {object} Restored how a run was restored from what was kept of it
 * @property {number} batch
 * @property {"worker_lost" | "server_restarted" | "checkpoint_damaged"} reason
 * @property {string[]} set_aside damaged files
 */

/**
 * @typedef {object} RunState
 * @property {string} id
 * @property {RunConfig} config
 * @property {Action[]} actions
 * @property {number} version grows: of two states, the older has the smaller
 * @property {"paused" | "playing" | "stepping" | "failed"} state
 * @property {number} batch
 * @property {number} epoch
 * @property {Phase | null} phase
 * @property {Phase | null} next_phase
 * @property {number} batch_in_epoch
 * @property {number} batches_per_epoch
 * @property {number | null} loss
 * @property {number | null} accuracy
 * @property {number | null} test_loss
 * @property {number | null} test_accuracy
 * @property {number | null} test_batch
 * @property {OptimizerConfig} optimizer
 * @property {OptimizerConfig} step_optimizer
 * @property {number} learning_rate
 * @property {number} batch_size
 * @property {number | null} speed phases a second; null: as fast as the machine allows
 * @property {number} batches_per_second
 * @property {number} furthest
 * @property {number} timeline
 * @property {number} parameters
 * @property {string[]} tensors names of the tensors that can be asked for now
 * @property {boolean} trained_apart whether the last step was on a drawing, whose gradient is kept
 * @property {Edit | null} edit what the last change by hand did; null after anything else
 * @property {boolean} can_undo
 * @property {{ batches: number, changes: number, pending: number | null } | null} discarded by a reset; undo brings it back
 * @property {ApiError | null} error
 * @property {number | null} sound if the run has exploded, the last batch before the loss rose
 * @property {ViewDescription[]} views
 * @property {string} name
 * @property {number | null} pending the last batch of the recipe that it follows; null if nothing lies ahead
 * @property {{ id: string, batch: number } | null} branched_from
 * @property {ApiError | null} saved why it cannot be saved at the moment; null if it can
 * @property {Restored | null} restored how it was restored, until the next command
 */

/**
 * @typedef {object} RunEntry a run in the list of the visitor's own
 * @property {string} id
 * @property {string} name
 * @property {number} batch
 * @property {number} furthest
 * @property {RunState["phase"]} phase the last phase run in the batch under way
 * @property {number} epoch
 * @property {RunState["state"]} state
 * @property {number | null} loss
 * @property {number | null} accuracy
 * @property {number | null} test_accuracy
 * @property {string} optimizer its name
 * @property {number} learning_rate
 * @property {number} batch_size
 * @property {LayerConfig[]} layers
 * @property {number} changes
 * @property {number} created seconds since 1970, like the other times
 * @property {number} used
 * @property {number} expires
 * @property {[number, number][]} curve batch, mean loss
 */

/** @typedef {{ runs: RunEntry[], expires_after_s: number }} RunList */

/**
 * @typedef {object} Recipe
 * @property {string} format
 * @property {number} version
 * @property {string} [name]
 * @property {RunConfig} config
 * @property {Action[]} actions
 * @property {number} batches
 */

/** @typedef {RunState & { key: string }} NewRun */

/** @typedef {{ type: "hello", writable: boolean, state: RunState }} Hello */

/** @typedef {{ type: string, [key: string]: unknown }} Command */

/**
 * @typedef {{ views: string[], rate: number, rates: { [view: string]: number }, sample: number,
 *   repeat: boolean }} Look
 */

/** @typedef {{ digit: number, probabilities: number[], pixels: number[][] }} Reading */

/** @typedef {{ ready: boolean, progress: number, epoch: number, epochs: number }} TrainedNetwork */

/** @typedef {{ a: string, b: string, c: string, weights: number[], step: number }} ChainQuestion */

/**
 * @typedef {object} ChainFactor one factor of the chain rule
 * @property {string} name "∂b/∂v"
 * @property {string} formula
 * @property {string} numpy
 * @property {number} value
 * @property {{ name: string, value: number }} product of all factors up to it: "∂f/∂v"
 */

/**
 * @typedef {object} ChainGradient
 * @property {string} name "∂f/∂W3"
 * @property {ChainFactor[]} factors from f back to the weight
 * @property {string} formula
 * @property {number} value
 * @property {number} numerical
 * @property {string} numerical_numpy
 * @property {number | null} relative_difference null if too small beside f to measure
 * @property {boolean} at_kink whether a relu bends between W − h and W + h
 */

/**
 * @typedef {object} ChainAnswer
 * @property {string} formula
 * @property {number[]} weights
 * @property {number} value
 * @property {{ u: number, v: number }} values
 * @property {{ f: string, u: string, v: string }} numpy
 * @property {{ [weight: string]: ChainGradient }} gradients
 * @property {{ weights: number[], value: number, numpy: string } | { weights: null, value: null, numpy: null }} after
 */

export {};

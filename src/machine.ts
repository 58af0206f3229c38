/**
 * The lifecycle as an xstate machine: for diagrams, actors and path generation. Nothing else of Waybill loads xstate.
 *
 * @packageDocumentation
 */
export { lifecycleMachine } from "./core/job/machine.js";

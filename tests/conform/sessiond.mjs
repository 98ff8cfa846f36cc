// Holds a sessiond against PROTOCOL.md: the kit is its gateways, agents,
// cleanupd, and whoever else connects.
import store from './sessiond_store.mjs';
import turns from './sessiond_turns.mjs';
import wire from './sessiond_wire.mjs';

export default [...wire, ...store, ...turns];

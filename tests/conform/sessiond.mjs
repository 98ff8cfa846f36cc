// Holds a sessiond against PROTOCOL.md: the kit is its gateways, agents,
// cleanupd, and whoever else connects.
import events from './sessiond_events.mjs';
import reads from './sessiond_reads.mjs';
import store from './sessiond_store.mjs';
import turns from './sessiond_turns.mjs';
import wire from './sessiond_wire.mjs';

export default [...wire, ...store, ...reads, ...events, ...turns];

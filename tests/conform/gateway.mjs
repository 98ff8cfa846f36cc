// Holds a gateway against PROTOCOL.md: the kit is its sessiond and its
// browsers.
import edge from './gateway_edge.mjs';
import events from './gateway_events.mjs';
import sends from './gateway_sends.mjs';

export default [...sends, ...events, ...edge];

// Package media moves the sound of calls: RTP in and out, playing, recording,
// mixing, DTMF and RTCP.
//
// A session is one leg's pair of UDP ports. What it sends comes from exactly one
// source at a time; what it receives goes to every tap.
//
//	                 +-- taps: RFC 4733 detector, recorders
//	socket --> receive --> peer (Bridge) | mixer (Join) | itself (Echo)
//	socket <-- send   <-- source: nothing | player | echo | peer | mixer
//
// Sessions live on shards, one per core: a locked thread whose 5 ms tick sweeps
// the sockets of its sessions, runs whatever is due and sends. There is no
// goroutine, ticker or timer per session. Sessions that hear each other share a
// shard, so a packet never crosses from one thread to another. Control calls
// (Play, Bridge, ...) are posted to the shard and take effect at its next tick;
// events (digits, time-outs) come from one dispatcher goroutine per shard.
package media

// Package sip is the signalling of the exchange: registrar, digest gate, calls, trunks and subscriptions.
//
// It stands on sipgo's parser and on the packages transport and transaction (RFC 3261 sections 7, 18 and 17). What lies
// above them is here: dialogs, the INVITE usage with its races, reliable provisional responses (RFC 3262), session timers (RFC
// 4028), REFER and Replaces (RFC 3515, 3891), message-summary (RFC 3842), dialog (RFC 4235), presence (RFC 3856).
//
// A [Server] owns the sockets. Each call to it appears as a [Leg] in Options.Invite; [Server.Dial] makes legs towards
// phones, trunks and URIs. A Leg is one side of a call and nothing else: joining two is the business of the engine.
package sip

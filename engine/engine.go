// Package engine is the exchange as a library: it takes calls from SIP phones and
// trunks, hands each to a Handler, and gives the handler primitives with which to
// answer, play, record, bridge and confer. It knows nothing of Lua or the web.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/engine/workers"
)

// Options say what an exchange is made of. Store is required, and Data, but for a simulation.
type Options struct {
	Store   store.Store
	Data    string  // folder for messages, greetings, recordings and keys; "": nothing of it is kept, for a Network that is simulated
	Prompts Prompts // nil: none but tones
	Handler Handler // may be set later by SetHandler

	UDP, TCP   []string // SIP listen addresses, "0.0.0.0:5060"; port 0 picks a free one
	Realm      string   // of digest authentication; also a domain of this exchange
	Domains    []string // further names that mean this exchange
	Advertise  string   // the address to put in SIP and SDP when it is not the interface's own
	Trunks     []Trunk
	NAT        bool // let lines that announce a private address be reached where their sound comes from
	RTPPorts   [2]uint16
	RTPTimeout time.Duration // a call whose sound has stopped this long is ended; 0: 60 s
	Shards     int           // media threads; 0: one per core
	Driver     string        // media driver: "" or "auto", "io_uring", "epoll", "portable"
	Codecs     []codec.Codec // spoken, best first; nil: all, G.722 first and Opus last
	MaxCalls   int           // beyond this, calls that are not emergencies get 503; 0: 5000
	SIPHosts   []string      // hosts that targets "sip:user@host" may name
	Timers     sip.Timers
	Network    Network        // what calls come and go by; nil: SIP and RTP
	Runner     workers.Runner // of what waits; nil: goroutines. Close closes it
	NewID      func() string  // of calls; nil: random ones
	Trace      trace.Recorder // takes down what happens in each call; nil: nobody
	MailDisk   mailbox.FS     // what messages are kept on; nil: the folder Data. For tests whose disk fails
	Mail       *post.Settings // by which messages go to the lines' e-mail; nil: they do not. A simulation notes that they would
	// Like is a directory of whose store this one is a clone; see directory.Options. nil: there is none
	Like *directory.Directory

	Clock   clock.Clock
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// emergencyLegs is how many legs there may be beyond those that MaxCalls calls are likely to have.
const emergencyLegs = 1000

// gatherRecords is how long the record of a call that has ended may wait to share a flush of the disk with those of
// others. It can be read at once; a crash loses the records of the last second.
const gatherRecords = time.Second

// Trunk is a way to and from the public network.
type Trunk struct {
	Name         string
	Host         string // "host" or "host:port", looked up by RFC 3263
	User, Secret string // digest credentials for calls out and registration; may be empty
	Transport    string // "udp", "tcp" or "" for what RFC 3263 says
	Register     bool   // keep a registration there
	From         []netip.Prefix
	Codecs       []codec.Codec // spoken there, best first; nil: Options.Codecs
}

// Engine is a running exchange.
type Engine struct {
	opts      Options
	log       *slog.Logger
	clock     clock.Clock
	network   Network
	sip       Signalling
	media     Media
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	post      *post.Post // nil: messages do not go by mail
	callLog   *callog.Log
	metrics   metrics
	lent      lent
	lists     codecLists

	mu          sync.Mutex
	handler     Handler
	calls       map[string]*Call
	legs        map[Dialog]*leg // every leg that stands, so that a transfer finds the one it names
	rooms       map[string]*Room
	trunkCodecs map[string][]codec.Codec // of trunks that have codecs of their own
	draining    bool
	idle        chan struct{} // closed when the last call ends while draining

	transfers sync.Mutex     // held while legs change calls, so that two transfers cannot cross
	pretended map[string]int // files that a simulation has not made, by the path without number; with mu
	lines     lineCounts
	lamps     lamps
	work      workers.Runner // what no SIP leg waits for, and what would make a call's own stack large
}

// New opens the data and binds the sockets; Run serves.
func New(ctx context.Context, o Options) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxCalls == 0 {
		o.MaxCalls = 5000
	}
	if o.Codecs == nil {
		o.Codecs = defaultCodecs()
	}
	if o.Network == nil {
		if o.Data == "" {
			return nil, errors.New("open the exchange: no data folder")
		}
		o.Network = newNetwork(o.Clock)
	}
	if o.Runner == nil {
		o.Runner = &workers.Pool{}
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.Prompts == nil {
		o.Prompts = prompt.New(prompt.Options{})
	}
	e := &Engine{
		opts: o, log: o.Log, clock: o.Clock, handler: o.Handler,
		calls: map[string]*Call{}, legs: map[Dialog]*leg{}, rooms: map[string]*Room{}, pretended: map[string]int{},
		network: o.Network, work: o.Runner,
	}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) (err error) {
	o := e.opts
	e.directory, err = directory.Open(ctx, o.Store, directory.Options{
		KeyFile: filepath.Join(o.Data, "node.key"), Simulated: e.simulated(), Like: o.Like, Realm: o.Realm, Clock: o.Clock, Log: o.Log, Runner: o.Runner,
	})
	if err != nil {
		return fmt.Errorf("open the directory: %w", err)
	}
	e.mailboxes, err = mailbox.Open(ctx, mailbox.Options{
		Dir: filepath.Join(o.Data, "voicemail"), FS: o.MailDisk, Simulated: e.simulated(), Store: o.Store, Clock: o.Clock, Log: o.Log, Runner: o.Runner,
		Added: e.enqueue(),
	})
	if err != nil {
		return fmt.Errorf("open the mailboxes: %w", err)
	}
	if err := e.openPost(); err != nil {
		return err
	}
	if e.callLog, err = callog.Open(ctx, o.Store, callog.Options{Clock: o.Clock, Log: o.Log, Gather: gatherRecords}); err != nil {
		return fmt.Errorf("open the call log: %w", err)
	}
	e.media, err = e.network.Media(media.Options{
		Shards: o.Shards, Driver: o.Driver, MinPort: o.RTPPorts[0], MaxPort: o.RTPPorts[1],
		RTPTimeout: o.RTPTimeout, Clock: o.Clock, Log: o.Log,
	})
	if err != nil {
		return fmt.Errorf("start the media engine: %w", err)
	}
	e.log.Info("media", "driver", e.media.Driver())
	e.sip, err = e.network.Signalling(sip.Options{
		UDP: o.UDP, TCP: o.TCP, Advertise: o.Advertise, Realm: o.Realm, Domains: o.Domains, UserAgent: "Belfry",
		Clock: o.Clock, Log: o.Log, Metrics: o.Metrics, Timers: o.Timers, Trace: o.Trace, Trunks: e.keepTrunks(o.Trunks),
		Lines: e.credentials, Bindings: e.bindingStore(), Guest: e.admitsGuest,
		MessageWaiting: e.waiting, Dialogs: e.watch, Presence: e.present,
		MaxLegs: 4*o.MaxCalls + emergencyLegs,
	}, e.invite)
	if err != nil {
		return fmt.Errorf("open the SIP sockets: %w", err)
	}
	e.directory.Watch(e.sip.NotifyLine)
	e.mailboxes.OnWaiting(func(number string, w mailbox.Waiting) { e.sip.NotifyWaiting(number, sip.Waiting(w)) })
	e.metrics = newMetrics(e, o.Metrics)
	e.finishRecordings()
	return nil
}

// simulated tells whether nothing is kept in files.
func (e *Engine) simulated() bool { return e.opts.Data == "" }

// Run serves calls until ctx ends, then hangs up those that still stand. Drain first to let them finish.
// It returns when all handlers have, and every call is written down.
func (e *Engine) Run(ctx context.Context) error {
	stop := e.runPost(ctx)
	defer stop()
	err := e.sip.Run(ctx)
	e.hangUpAll()
	e.work.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // it ended before it had begun
		err = nil
	}
	return errors.Join(err, e.callLog.Flush(context.WithoutCancel(ctx)))
}

// Drain takes no new calls but emergencies, and returns when the last call has ended or ctx is over.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	e.draining = true
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	e.noteIdle()
	idle := e.idle
	e.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// noteIdle tells Drain that no call is left. e.mu is held.
func (e *Engine) noteIdle() {
	if e.idle != nil && len(e.calls) == 0 && !closed(e.idle) {
		close(e.idle)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (e *Engine) hangUpAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.calls {
		c.cancel(ErrEnded)
	}
}

// Close releases what New opened. Call it after Run has returned. The store is its opener's to close.
func (e *Engine) Close() error {
	var errs []error
	if e.sip != nil {
		errs = append(errs, e.sip.Close())
	}
	e.work.Close()
	if e.media != nil {
		errs = append(errs, e.media.Close())
	}
	if e.mailboxes != nil {
		errs = append(errs, e.mailboxes.Close())
	}
	if e.directory != nil {
		e.directory.Close()
	}
	return errors.Join(errs...)
}

// SetHandler makes h take every call from now on; calls under way keep theirs.
func (e *Engine) SetHandler(h Handler) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.handler = h
}

func (e *Engine) currentHandler() Handler {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.handler
}

// Addrs are the addresses at which a transport ("udp", "tcp") listens.
func (e *Engine) Addrs(transport string) []string {
	var all []string
	for _, a := range e.sip.Addrs(transport) {
		all = append(all, a.String())
	}
	return all
}

// Directory keeps lines, groups and lists.
func (e *Engine) Directory() *directory.Directory { return e.directory }

// Mailboxes keeps messages, greetings and PINs.
func (e *Engine) Mailboxes() *mailbox.Mailboxes { return e.mailboxes }

// CallLog keeps what happened.
func (e *Engine) CallLog() *callog.Log { return e.callLog }

// Prompts finds sounds by name.
func (e *Engine) Prompts() Prompts { return e.opts.Prompts }

// Store is where everything is kept.
func (e *Engine) Store() store.Store { return e.opts.Store }

// Clock is the exchange's time.
func (e *Engine) Clock() clock.Clock { return e.clock }

// Log is the exchange's log.
func (e *Engine) Log() *slog.Logger { return e.log }

// MediaDriver says which media driver runs.
func (e *Engine) MediaDriver() string { return e.media.Driver() }

// Trunks tells how each trunk stands.
func (e *Engine) Trunks() []sip.TrunkStatus { return e.sip.Trunks() }

// SetTrunks replaces the trunks; calls under way stay.
func (e *Engine) SetTrunks(t []Trunk) {
	e.sip.SetTrunks(e.keepTrunks(t))
}

// keepTrunks notes the codecs of trunks, and returns what the SIP side needs to know of them.
func (e *Engine) keepTrunks(trunks []Trunk) []sip.Trunk {
	spoken := map[string][]codec.Codec{}
	all := make([]sip.Trunk, len(trunks))
	for i, t := range trunks {
		if t.Codecs != nil {
			spoken[t.Name] = t.Codecs
		}
		all[i] = sip.Trunk{Name: t.Name, Host: t.Host, User: t.User, Secret: t.Secret, Transport: t.Transport, Register: t.Register, From: t.From}
	}
	e.mu.Lock()
	e.trunkCodecs = spoken
	e.mu.Unlock()
	return all
}

// Devices are the phones registered for a line.
func (e *Engine) Devices(line string) []sip.Binding { return e.sip.Bindings(line) }

// Registered tells whether any phone is registered for a line.
func (e *Engine) Registered(line string) bool { return len(e.sip.Bindings(line)) > 0 }

// Busy tells whether a line has a call.
func (e *Engine) Busy(line string) bool {
	return e.lines.busy(line)
}

// Calls lists the live calls, oldest first.
func (e *Engine) Calls() []CallInfo {
	e.mu.Lock()
	calls := make([]*Call, 0, len(e.calls))
	for _, c := range e.calls {
		calls = append(calls, c)
	}
	e.mu.Unlock()
	return describe(calls, e.clock.Now())
}

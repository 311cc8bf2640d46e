package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/workers"
)

// dialog is a call between the exchange and one telephone, as the exchange has it. What crosses it is there at once.
//
// Call control may call its methods with locks held: they tell the telephone what has happened and no more. What the
// telephone then does it does in a turn of its own.
type dialog struct {
	s      *signalling
	far    *Caller
	callID string
	ctx    context.Context
	cancel context.CancelCauseFunc

	// Of the INVITE.
	peer       sip.Peer
	from       sip.Address
	asserted   sip.Address
	private    bool
	dialled    string
	diversion  []sip.Diversion
	replaces   *dialog
	dialledOut bool // the exchange calls

	handler   engine.DialogHandler
	port      uint16 // where the exchange receives sound; 0: it has not said
	remote    []byte // the telephone's
	confirmed bool
	final     bool // the INVITE has its final response
	ended     bool
	reason    string // the Reason header of what ended it
	onEnd     []func()

	// Where the exchange calls: what its Dial has to be told.
	news   []provisional
	refuse error
	waiter workers.Waiter
}

type provisional struct {
	code int
	sdp  []byte
}

// newDialog makes a dialog with a Call-ID; "": a new one.
func (s *signalling) newDialog(far *Caller, callID string) *dialog {
	if callID == "" {
		s.count++
		callID = "dialog-" + strconv.Itoa(s.count)
	}
	d := &dialog{s: s, far: far, callID: callID}
	d.ctx, d.cancel = context.WithCancelCause(context.Background())
	s.dialogs = append(s.dialogs, d)
	far.dialog = d
	return d
}

func (d *dialog) CallID() string                { return d.callID }
func (d *dialog) Peer() sip.Peer                { return d.peer }
func (d *dialog) From() sip.Address             { return d.from }
func (d *dialog) AssertedIdentity() sip.Address { return d.asserted }
func (d *dialog) Privacy() bool                 { return d.private || strings.EqualFold(d.from.User, "anonymous") }
func (d *dialog) Dialled() string               { return d.dialled }
func (d *dialog) Diversion() []sip.Diversion    { return d.diversion }
func (d *dialog) RemoteSDP() []byte             { return d.remote }
func (d *dialog) Context() context.Context      { return d.ctx }
func (d *dialog) EndReason() string             { return d.reason }

func (d *dialog) Replaces() engine.Dialog {
	if d.replaces == nil {
		return nil
	}
	return d.replaces
}

func (d *dialog) Handle(h engine.DialogHandler) {
	if !d.ended {
		d.handler = h
	}
}

func (d *dialog) OnEnd(fn func()) {
	if d.ended {
		d.s.world.Go(fn)
		return
	}
	d.onEnd = append(d.onEnd, fn)
}

// Progress implements engine.Dialog; see sip.Leg.
func (d *dialog) Progress(_ context.Context, code int, sdp []byte) error {
	if code <= 100 || code > 199 || d.dialledOut {
		return fmt.Errorf("%w: progress %d", sip.ErrInvalid, code)
	}
	if d.final {
		return d.over("progress")
	}
	d.describes(sdp)
	d.far.sent(false, "%d %s", code, sip.ReasonPhrase(code))
	d.far.progress(code)
	return nil
}

// Answer implements engine.Dialog; see sip.Leg. An acknowledgement comes with it.
func (d *dialog) Answer(_ context.Context, sdp []byte) error {
	if d.dialledOut {
		return fmt.Errorf("%w: answering a leg that we dialled", sip.ErrState)
	}
	if d.final {
		return d.over("answering")
	}
	d.final, d.confirmed = true, true
	d.describes(sdp)
	if d.remote == nil {
		d.remote = d.description(true) // a late offer: the ACK brings the answer
	}
	d.far.sent(false, "200 OK")
	d.far.sent(true, "ACK")
	d.far.answered()
	if d.replaces != nil {
		d.replaces.end(sip.ErrReplaced)
	}
	return nil
}

// Reject implements engine.Dialog; see sip.Leg.
func (d *dialog) Reject(code int, reason string, _ ...sip.Header) error {
	if code < 300 || code > 699 {
		return fmt.Errorf("%w: rejecting with %d", sip.ErrInvalid, code)
	}
	if d.dialledOut || d.final {
		return fmt.Errorf("%w: rejecting", sip.ErrState)
	}
	d.reject(code, reason, sip.ErrHungUp)
	return nil
}

func (d *dialog) reject(code int, reason string, cause error) {
	if reason == "" {
		reason = sip.ReasonPhrase(code)
	}
	d.far.sent(false, "%d %s", code, reason)
	d.finish(cause)
	d.far.refused(code, reason)
}

// Hangup implements engine.Dialog; see sip.Leg.
func (d *dialog) Hangup(h ...sip.Header) { d.end(sip.ErrHungUp, h...) }

// end is Hangup with a cause.
func (d *dialog) end(cause error, h ...sip.Header) {
	switch {
	case d.ended:
	case d.confirmed:
		d.far.sent(false, "BYE")
		d.far.sent(true, "200 OK")
		d.finish(cause)
		d.far.hungUp(reasonOf(h))
	case d.dialledOut: // nobody has it yet but Dial
		d.refuse = cause
		d.far.cancelled(cause)
	default:
		code := 480
		if errors.Is(cause, sip.ErrReplaced) {
			code = 487
		}
		d.reject(code, "", cause)
	}
}

// finish ends the dialog.
func (d *dialog) finish(cause error) {
	if d.ended {
		return
	}
	d.ended, d.final = true, true
	d.handler = engine.DialogHandler{}
	d.s.forget(d)
	d.cancel(cause)
	for _, fn := range d.onEnd {
		d.s.world.Go(fn)
	}
	d.onEnd = nil
	if d.waiter != nil {
		d.waiter.Wake()
	}
}

// describes takes the exchange's description of sound, if there is one.
func (d *dialog) describes(sdp []byte) {
	if sdp != nil {
		d.port = portOf(sdp)
	}
}

// over explains why something is too late.
func (d *dialog) over(doing string) error {
	if err := context.Cause(d.ctx); err != nil {
		return fmt.Errorf("sip: %s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s", sip.ErrState, doing)
}

func reasonOf(h []sip.Header) string {
	for _, one := range h {
		if strings.EqualFold(one.Name, "Reason") {
			return one.Value
		}
	}
	return ""
}

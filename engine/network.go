package engine

import (
	"context"
	"net/netip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/routes"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// The network that an exchange has unless it is told otherwise: SIP and RTP.

type network struct{ routes *routes.Table }

func newNetwork(c clock.Clock) network { return network{routes.New(c)} }

func (n network) Facing(ctx context.Context, host string) (netip.Addr, error) {
	return n.routes.To(ctx, host)
}

func (n network) Signalling(o sip.Options, invite func(context.Context, Dialog)) (Signalling, error) {
	o.Invite = func(ctx context.Context, l *sip.Leg) { invite(ctx, dialog{l}) }
	s, err := sip.New(o)
	if err != nil {
		return nil, err
	}
	return signalling{s}, nil
}

type signalling struct{ *sip.Server }

func (s signalling) Dial(ctx context.Context, r sip.DialRequest, h DialogHandler) (Dialog, error) {
	r.Handler = h.sip()
	l, err := s.Server.Dial(ctx, r)
	if err != nil {
		return nil, err
	}
	return dialog{l}, nil
}

type dialog struct{ *sip.Leg }

func (d dialog) Handle(h DialogHandler) { d.Leg.Handle(h.sip()) }

func (d dialog) OnEnd(fn func()) { context.AfterFunc(d.Context(), fn) }

func (d dialog) Replaces() Dialog { return dialogOf(d.ReplacesLeg()) }

// dialogOf keeps nil what is nil.
func dialogOf(l *sip.Leg) Dialog {
	if l == nil {
		return nil
	}
	return dialog{l}
}

func (h DialogHandler) sip() sip.LegHandler {
	own := sip.LegHandler{Offer: h.Offer, Answered: h.Answered, Digit: h.Digit}
	if h.Refer != nil {
		own.Refer = func(r *sip.Refer) {
			h.Refer(&Refer{To: r.To, Attended: r.Replaces != "", Replaces: dialogOf(r.ReplacesLeg), Notify: r.Notify})
		}
	}
	return own
}

func (n network) Media(o media.Options) (Media, error) {
	m, err := media.New(o)
	if err != nil {
		return nil, err
	}
	return rtp{m}, nil
}

type rtp struct{ *media.Engine }

func (m rtp) NewSession(bind netip.Addr, near Session, events media.Events) (Session, error) {
	o := media.SessionOptions{Bind: bind, Events: events}
	if near, ok := near.(session); ok {
		o.Near = near.Session
	}
	s, err := m.Engine.NewSession(o)
	if err != nil {
		return nil, err
	}
	return session{s}, nil
}

func (m rtp) NewMixer() Mixer     { return mixer{m.Engine.NewMixer()} }
func (m rtp) Bridge(a, b Session) { media.Bridge(a.(session).Session, b.(session).Session) }

func (m rtp) NewPlayer(clips []*media.Clip, o media.PlayOptions) Player {
	return media.NewPlayer(clips, o)
}

func (m rtp) NewRecorder(o media.RecordOptions) Recorder { return media.NewRecorder(o) }
func (m rtp) NewTape(o media.TapeOptions) Tape           { return tape{media.NewTape(o)} }

type session struct{ *media.Session }

func (s session) Play(p Player)     { s.Session.Play(p.(*media.Player)) }
func (s session) Record(r Recorder) { s.Session.Record(r.(*media.Recorder)) }

type tape struct{ *media.Tape }

func (t tape) Move(to Session, swapped bool) { t.Tape.Move(to.(session).Session, swapped) }

type mixer struct{ *media.Mixer }

func (m mixer) Play(p Player) { m.Mixer.Play(p.(*media.Player)) }

func (m mixer) Join(s Session, o media.MemberOptions) Member {
	return mixed{m.Mixer.Join(s.(session).Session, o)}
}

type mixed struct{ *media.Member }

func (m mixed) Play(p Player) { m.Member.Play(p.(*media.Player)) }

package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sdp"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Which codecs a leg is offered and answered with. Two legs that share a codec are relayed, which costs next to nothing
// and loses nothing: so whoever a leg will talk to comes first, then the order of the settings.

// defaultCodecs put wideband first, since it sounds better and G.722 costs little, and Opus last, since it costs the most
// to make. Between two phones that both prefer Opus it costs nothing, and is what they get.
func defaultCodecs() []codec.Codec {
	return []codec.Codec{codec.G722, codec.PCMA, codec.PCMU, codec.Opus}
}

// spoken are the codecs of the site, or those that a trunk has of its own, best first.
func (e *Engine) spoken(trunk string) (all []codec.Codec, own bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if all, own = e.trunkCodecs[trunk]; own {
		return all, true
	}
	return e.opts.Codecs, false
}

var inSDP = [codec.Count]sdp.Codec{codec.PCMU: sdp.PCMU, codec.PCMA: sdp.PCMA, codec.G722: sdp.G722, codec.Opus: sdp.Opus}

// named is the codec of an SDP one; None: the exchange does not speak it.
func named(c sdp.Codec) codec.Codec {
	for own := codec.None + 1; own.Valid(); own++ {
		if inSDP[own].Same(c) {
			return own
		}
	}
	return codec.None
}

// sound is how a leg speaks and hears, or could: what another leg should do likewise. The zero value asks for nothing.
type sound struct {
	codecs []codec.Codec // best first
	noise  bool          // it knows comfort noise
	ptime  time.Duration // of the packets it asks for; 0: any
}

// sound is what was agreed with the phone, or what its offer allows.
func (l *leg) sound() sound {
	if l == nil {
		return sound{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.offered
	s := sound{}
	if l.agreed.Codec.Name != "" {
		a = l.agreed
		s.codecs = append(s.codecs, named(a.Codec))
	}
	for _, c := range a.Receives {
		s.add(named(c))
	}
	s.noise, s.ptime = a.ComfortNoise, a.PTime
	return s
}

func (s *sound) add(c codec.Codec) {
	if c.Valid() && !slices.Contains(s.codecs, c) {
		s.codecs = append(s.codecs, c)
	}
}

// encodable leaves out what the exchange could only pass on.
func (s sound) encodable() sound {
	s.codecs = slices.DeleteFunc(slices.Clone(s.codecs), func(c codec.Codec) bool { return !c.CanEncode() })
	return s
}

// arrange puts the codecs of a leg in order, for an offer or an answer of ours: those of whom it will talk to, the one it
// has, and the others that are spoken there. Opus that cannot be made here is left out, unless it need only be passed on.
// Of what is left after whom it will talk to, a telephone gets what the settings prefer. Another exchange decides itself:
// what it lists first, it need not translate either. l.describing is held.
func (l *leg) arrange(near sound, noise bool) {
	l.mu.Lock()
	wanted := append(slices.Clone(near.codecs), named(l.agreed.Codec))
	l.mu.Unlock()
	spoken, own := l.engine.spoken(l.party.Trunk)
	mine := sound{}
	for _, c := range wanted {
		if slices.Contains(spoken, c) {
			mine.add(c)
		}
	}
	preferred := len(mine.codecs)
	for _, c := range spoken {
		if c.CanEncode() {
			mine.add(c)
		}
	}
	l.list(mine.codecs, noise)
	if l.party.Line == "" && !own {
		l.local.Prefer = l.local.Prefer[:preferred]
	}
	l.local.PTime = near.ptime
}

// list makes codecs those of a leg, with comfort noise or without. l.describing is held.
func (l *leg) list(codecs []codec.Codec, noise bool) {
	l.local.Prefer, l.local.Codecs = l.engine.lists.of(codecs, noise)
}

// codecLists are the lists of codecs that legs have had: few legs differ in theirs.
type codecLists struct {
	mu    sync.Mutex
	known map[codecList][]sdp.Codec
}

// codecList says which one: n codecs, each of them once, and comfort noise.
type codecList struct {
	codecs [codec.Count]codec.Codec
	n      int
	noise  bool
}

// of gives the codecs of sound, and all formats of a description of them. Both are only read.
func (k *codecLists) of(codecs []codec.Codec, noise bool) (sound, all []sdp.Codec) {
	key := codecList{noise: noise}
	for _, c := range codecs {
		if c.Valid() && !slices.Contains(key.codecs[:key.n], c) {
			key.codecs[key.n] = c
			key.n++
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all, ok := k.known[key]
	if ok {
		return all[:key.n:key.n], all
	}
	for _, c := range key.codecs[:key.n] {
		all = append(all, inSDP[c])
	}
	all = sdp.WithEvents(all...)
	if noise {
		all = append(all, sdp.ComfortNoise)
	}
	if k.known == nil {
		k.known = map[codecList][]sdp.Codec{}
	}
	k.known[key] = all
	return all[:key.n:key.n], all
}

// format is what was agreed, in the media engine's terms.
func (l *leg) format(a sdp.Agreed) media.Format {
	f := media.Format{
		Remote: a.Remote, RemoteRTCP: a.RemoteRTCP, RTCPMux: a.RTCPMux,
		Codec: named(a.Codec), PayloadType: a.Codec.PayloadType, ComfortNoise: a.ComfortNoise,
		Send: a.Direction.Send(), Receive: a.Direction.Receive(), Learn: l.behindNAT(a.Remote.Addr()),
	}
	for _, c := range a.Receives {
		f.Receives = append(f.Receives, media.Payload{Type: c.PayloadType, Codec: named(c)})
	}
	if a.Event.Name == "" {
		f.Inband = true
	} else {
		f.EventPayloadType, f.EventClockRate, f.ReceivesEvent = a.Event.PayloadType, a.Event.ClockRate, a.ReceivesEvent.PayloadType
	}
	return f
}

// warning tells a phone's owner why its offer is refused (RFC 3261 section 20.43).
func (e *Engine) warning(l *leg, err error) sip.Header {
	text := `399 belfry "the description of sound cannot be used"`
	switch {
	case errors.Is(err, sdp.ErrNoCommonCodec):
		var names []string
		spoken, _ := e.spoken(l.party.Trunk)
		for _, c := range spoken {
			names = append(names, c.Name())
		}
		text = fmt.Sprintf(`305 belfry "no codec in common: there are %s"`, strings.Join(names, ", "))
	case errors.Is(err, sdp.ErrNoAudio):
		text = `304 belfry "no audio stream over plain RTP"`
	}
	return sip.Header{Name: "Warning", Value: text}
}

package sip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// minSessionExpires is the shortest session interval (RFC 4028 section 5), in seconds.
const minSessionExpires = 90

// sessionOffer is what a request says of the session timer.
type sessionOffer struct {
	interval     uint32 // seconds; 0: nothing
	uasRefreshes bool
}

// sessionRequest reads Session-Expires of a request that we serve. ok is false where it is too small, and is refused
// with 422 and Min-SE minSE.
func sessionRequest(req *sip.Request) (o sessionOffer, minSE uint32, ok bool) {
	minSE = minSessionExpires
	if m, has := headerUint(req, "Min-SE"); has {
		minSE = max(minSE, uint32(min(m, 1<<17)))
	}
	supports := hasToken(req, "Supported", "timer") || hasToken(req, "Require", "timer")
	o.uasRefreshes = true
	se, has := headerUint(req, "Session-Expires")
	if !has {
		return o, minSE, true
	}
	if se < minSessionExpires && supports {
		return o, minSessionExpires, false
	}
	o.interval = max(uint32(min(se, 1<<17)), minSE)
	refresher, _ := headerParam(headerValue(req, "Session-Expires"), "refresher")
	o.uasRefreshes = refresher == "uas" || !supports
	return o, minSE, true
}

// sessionResponse reads Session-Expires of a 2xx to our request.
func sessionResponse(res *sip.Response) (interval uint32, refresher string) {
	se, ok := headerUint(res, "Session-Expires")
	if !ok {
		return 0, ""
	}
	refresher, _ = headerParam(headerValue(res, "Session-Expires"), "refresher")
	return uint32(min(max(se, minSessionExpires), 1<<17)), refresher
}

// sessionHeaders go into our 2xx. The leg's lock is held.
func (d *Dialog) sessionHeaders(peerSupports bool) []Header {
	if d.SessionInterval == 0 {
		return nil
	}
	if d.Refresher {
		return []Header{{"Session-Expires", fmt.Sprintf("%d;refresher=uas", d.SessionInterval)}}
	}
	hs := []Header{{"Session-Expires", fmt.Sprintf("%d;refresher=uac", d.SessionInterval)}}
	if peerSupports {
		hs = append(hs, Header{"Require", "timer"})
	}
	return hs
}

// startSession sets the session timer afresh: at half the interval the refresher refreshes; the other side hangs up
// shortly before the interval ends (RFC 4028 section 10).
func (l *Leg) startSession() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session != nil {
		l.session.Stop()
		l.session = nil
	}
	if l.ended {
		return
	}
	if l.d.SessionInterval == 0 {
		// Nobody asked for a timer: we refresh by ourselves, so that a dead call is noticed.
		l.d.SessionInterval, l.d.Refresher = uint32(max(l.s.o.SessionExpires.Seconds(), minSessionExpires)), true
	}
	interval := time.Duration(l.d.SessionInterval) * time.Second
	wait, due := interval-min(32*time.Second, interval/3), l.expireSession
	if l.d.Refresher {
		wait, due = interval/2, l.refreshSession
	}
	l.session = l.s.clock.AfterFunc(wait, func() { l.s.spawn("session timer", due) })
}

func (l *Leg) expireSession() {
	l.log().Info("the session expired without refresh")
	l.bye(ErrSessionExpired)
}

// refreshSession sends UPDATE, or a re-INVITE with unchanged SDP to who does not take UPDATE.
func (l *Leg) refreshSession() {
	l.mu.Lock()
	update := l.d.allows("UPDATE") || len(l.d.LocalSDP) == 0
	sdp, interval, over := l.d.LocalSDP, time.Duration(l.d.SessionInterval)*time.Second, l.ended
	l.refreshing = !over
	if !over {
		// Should all attempts fail, the call ends as it would at the other side.
		l.session = l.s.clock.AfterFunc(interval/2-min(32*time.Second, interval/6), func() { l.s.spawn("session timer", l.expireSession) })
	}
	l.mu.Unlock()
	if over {
		return
	}
	defer func() {
		l.mu.Lock()
		l.refreshing = false
		l.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(l.s.ctx, 3*64*l.s.timers.T1)
	defer cancel()
	var err error
	if update {
		err = l.update(ctx)
	} else {
		_, err = l.Offer(ctx, sdp)
	}
	if err != nil {
		l.log().Warn("refreshing the session", "err", err)
		return
	}
	l.startSession()
}

// update refreshes by UPDATE without SDP (RFC 4028 section 7.4).
func (l *Leg) update(ctx context.Context) error {
	for range 3 {
		res, err := l.do(ctx, sip.UPDATE, nil, "", l.sessionRefresh()...)
		if err != nil {
			return err
		}
		switch {
		case res.StatusCode < 300:
			l.sessionAgreed(res)
			return nil
		case res.StatusCode == 422:
			m, _ := headerUint(res, "Min-SE")
			l.mu.Lock()
			l.d.SessionInterval = max(l.d.SessionInterval, uint32(min(m, 1<<17)))
			l.mu.Unlock()
		case res.StatusCode == 491:
			if err := l.glare(ctx); err != nil {
				return err
			}
		default:
			return statusError(res)
		}
	}
	return errors.New("sip: refreshed in vain")
}

// sessionRefresh is what a refreshing request says.
func (l *Leg) sessionRefresh() []Header {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.d.SessionInterval == 0 {
		return nil
	}
	refresher := "uas"
	if l.d.Refresher {
		refresher = "uac"
	}
	hs := []Header{{"Session-Expires", fmt.Sprintf("%d;refresher=%s", l.d.SessionInterval, refresher)}}
	if l.d.MinSE > minSessionExpires {
		hs = append(hs, Header{"Min-SE", fmt.Sprint(l.d.MinSE)})
	}
	return hs
}

// sessionAgreed takes the session timer from a 2xx to our refresh.
func (l *Leg) sessionAgreed(res *sip.Response) {
	interval, refresher := sessionResponse(res)
	if interval == 0 {
		return
	}
	l.mu.Lock()
	l.d.SessionInterval, l.d.Refresher = interval, refresher != "uas"
	l.mu.Unlock()
}

// sessionAsked takes the session timer from the peer's refresh, and gives the headers of our 2xx; ok is false where the
// interval is too small.
func (l *Leg) sessionAsked(req *sip.Request) (hs []Header, minSE uint32, ok bool) {
	o, minSE, ok := sessionRequest(req)
	if !ok {
		return nil, minSE, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.interval > 0 {
		l.d.SessionInterval, l.d.Refresher = o.interval, o.uasRefreshes
	}
	l.d.MinSE = minSE
	return l.d.sessionHeaders(hasToken(req, "Supported", "timer")), minSE, true
}

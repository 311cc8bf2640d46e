package scripts

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
)

// wait does something that blocks: it costs no steps.
func (sc *script) wait(fn func(ctx context.Context) error) error {
	var err error
	sc.s.Meter.Wait(sc.host.clock.Now, func() { err = fn(sc.ctx) })
	return err
}

// verb is a binding of a call's method that returns nothing.
func verb(fn func(ctx context.Context, c *engine.Call, a *args) error) binding {
	return result(func(ctx context.Context, c *engine.Call, a *args) (lua.LValue, error) { return nil, fn(ctx, c, a) })
}

// result is a binding of a call's method that returns something. The arguments' prompts must
// have been expanded before it waits, for that runs Lua.
func result(fn func(ctx context.Context, c *engine.Call, a *args) (lua.LValue, error)) binding {
	return func(sc *script, self any, a *args) (v lua.LValue, err error) {
		c := self.(*engine.Call)
		at := a.at
		if at == "" {
			at = sc.s.Where()
		}
		c.At(at)
		v, err = fn(sc.ctx, c, a)
		sc.log.Debug(a.fn, "at", at, "error", err)
		return v, err
	}
}

func callBindings() map[string]binding {
	return map[string]binding{
		"Call:ring":   verb(func(ctx context.Context, c *engine.Call, a *args) error { return a.sc.wait(c.Ring) }),
		"Call:answer": verb(func(ctx context.Context, c *engine.Call, a *args) error { return a.sc.wait(c.Answer) }),
		"Call:hangup": verb(func(ctx context.Context, c *engine.Call, a *args) error { return a.sc.wait(c.Hangup) }),
		"Call:unhold": verb(func(ctx context.Context, c *engine.Call, a *args) error { return a.sc.wait(c.Unhold) }),
		"Call:stopMusic": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(c.StopMusic)
		}),
		"Call:reject": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Reject(ctx, engine.Reason(arg[string](a, "reason"))) })
		}),
		"Call:hold": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Hold(ctx, a.music("music")) })
		}),
		"Call:transfer": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Transfer(ctx, arg[string](a, "number")) })
		}),
		"Call:redirect": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Redirect(ctx, arg[string](a, "number")) })
		}),
		"Call:sleep": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Sleep(ctx, a.lasting("time")) })
		}),
		"Call:echo": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Echo(ctx, a.lasting("time")) })
		}),
		"Call:sendDigits": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.SendDigits(ctx, arg[string](a, "digits")) })
		}),
		"Call:startMusic": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.StartMusic(ctx, a.music("music")) })
		}),
		"Call:tone": verb(func(ctx context.Context, c *engine.Call, a *args) error {
			return a.sc.wait(func(ctx context.Context) error { return c.Tone(ctx, arg[string](a, "name")) })
		}),
		"Call:setMuted": verb(func(_ context.Context, c *engine.Call, a *args) error { c.SetMuted(arg[bool](a, "muted")); return nil }),
		"Call:leave":    verb(func(_ context.Context, c *engine.Call, _ *args) error { c.LeaveConference(); return nil }),
		"Call:isMuted": result(func(_ context.Context, c *engine.Call, _ *args) (lua.LValue, error) {
			return lua.LBool(c.Muted()), nil
		}),
		"Call:playPrompt":      result(playPrompt),
		"Call:readDigits":      result(readDigits),
		"Call:record":          result(record),
		"Call:recordVoicemail": result(recordVoicemail),
		"Call:bridge":          result(bridge),
		"Call:conference":      result(conference),
		"Call:pickup": result(func(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
			return pickup(c, a, engine.PickupOptions{Line: arg[string](a, "number")})
		}),
		"Call:pickupGroup": result(func(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
			return pickup(c, a, engine.PickupOptions{Group: arg[string](a, "group")})
		}),
		"Call:startRecording": result(startRecording),
		"Call:stopRecording": result(func(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
			return lua.LTrue, a.sc.wait(c.StopRecording)
		}),
		"Call:on": watch,
		"Call:onHangup": func(sc *script, _ any, a *args) (lua.LValue, error) {
			sc.onHangup = append(sc.onHangup, arg[*lua.LFunction](a, "fn"))
			return nil, nil
		},
	}
}

func playPrompt(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	prompts := a.prompts("prompt")
	o := engine.PlayOptions{Interrupt: arg[string](a, "interrupt"), Volume: arg[float64](a, "volume"), Language: a.language(), Times: arg[int](a, "times"),
		Back: arg[string](a, "back"), Forward: arg[string](a, "forward"), Pause: arg[string](a, "pause"), Restart: arg[string](a, "restart"), Skip: a.lasting("skip")}
	var r engine.PlayResult
	err := a.sc.wait(func(ctx context.Context) (err error) { r, err = c.PlayPrompt(ctx, prompts, o); return err })
	if err != nil {
		return nil, err
	}
	return a.sc.record("PlayResult", map[string]lua.LValue{"outcome": lua.LString(r.Outcome), "digit": text(r.Digit)}), nil
}

func startRecording(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	o := engine.RecordingOptions{Format: arg[string](a, "format"), Name: arg[string](a, "name")}
	var file engine.RecordingFile
	err := a.sc.wait(func(ctx context.Context) (err error) { file, err = c.StartRecording(ctx, o); return err })
	return lua.LString(file.Path), err
}

func readDigits(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	o := engine.ReadDigitsOptions{
		Prompt: a.prompts("prompt"), Invalid: a.prompts("invalid"), Language: a.language(),
		Min: arg[int](a, "min"), Max: arg[int](a, "max"), Terminator: arg[string](a, "terminator"),
		Timeout: a.lasting("timeout"), Between: a.lasting("between"), Tries: arg[int](a, "tries"), Secret: arg[bool](a, "secret"),
	}
	var r engine.DigitsResult
	err := a.sc.wait(func(ctx context.Context) (err error) { r, err = c.ReadDigits(ctx, o); return err })
	if err != nil {
		return nil, err
	}
	return a.sc.record("DigitsResult", map[string]lua.LValue{"outcome": lua.LString(r.Outcome), "digits": lua.LString(r.Digits)}), nil
}

func record(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	o := engine.RecordOptions{
		Prompt: a.prompts("prompt"), Language: a.language(), MaxLength: a.lasting("maxLength"), Silence: a.lasting("silence"),
		Terminator: arg[string](a, "terminator"), NoBeep: !arg[bool](a, "beep"),
	}
	var r *engine.Recording
	err := a.sc.wait(func(ctx context.Context) (err error) { r, err = c.Record(ctx, o); return err })
	if err != nil {
		return nil, err
	}
	return a.sc.object("Recording", r), nil
}

func recordVoicemail(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	o := engine.VoicemailOptions{
		Greeting: a.prompts("greeting"), Busy: arg[bool](a, "busy"), Language: a.language(),
		MaxLength: a.lasting("maxLength"), Silence: a.lasting("silence"), Urgent: arg[bool](a, "urgent"),
	}
	var r engine.VoicemailResult
	err := a.sc.wait(func(ctx context.Context) (err error) {
		r, err = c.RecordVoicemail(ctx, arg[string](a, "mailbox"), o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.sc.record("VoicemailResult", map[string]lua.LValue{"outcome": lua.LString(r.Outcome), "message": text(r.Message)}), nil
}

func bridge(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	o := engine.BridgeOptions{
		Strategy: arg[string](a, "strategy"), Timeout: a.lasting("timeout"), RingFor: a.lasting("ringFor"),
		CallerName: arg[string](a, "callerName"), CallerNumber: arg[string](a, "callerNumber"),
		Announce: a.prompts("announce"), AnswerTo: arg[string](a, "answerTo"), Limit: a.lasting("limit"),
		Language: a.language(), Diversion: arg[*engine.Diversion](a, "diversion"),
	}
	if a.given("ringback") { // the engine's own default is the ringing that the caller's phone makes
		o.Ringback = a.prompts("ringback")
	}
	if !a.given("timeout") && o.Strategy == engine.Sequential {
		// One after another, each has its time: the default in all must not cut the last ones off.
		o.Timeout = time.Duration(len(arg[[]string](a, "targets"))) * o.RingFor
	}
	var r engine.BridgeResult
	err := a.sc.wait(func(ctx context.Context) (err error) {
		r, err = c.Bridge(ctx, arg[[]string](a, "targets"), o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.sc.record("BridgeResult", map[string]lua.LValue{
		"outcome": lua.LString(r.Outcome), "by": text(r.By), "seconds": lua.LNumber(r.Talked.Seconds())}), nil
}

func conference(_ context.Context, c *engine.Call, a *args) (lua.LValue, error) {
	o := engine.ConferenceOptions{
		Pin: arg[string](a, "pin"), Moderator: arg[bool](a, "moderator"), Muted: arg[bool](a, "muted"),
		WaitForModerator: arg[bool](a, "waitForModerator"), EndWithMe: arg[bool](a, "endWithMe"),
		MaxMembers: arg[int](a, "maxMembers"), Language: a.language(),
	}
	switch v := a.value("announce").(type) {
	case lua.LBool:
		o.Quiet = !bool(v)
	case lua.LValue:
		o.Announce = a.sc.expand(a, a.prompt(announceValue(), v), 0)
	}
	var r engine.ConferenceResult
	err := a.sc.wait(func(ctx context.Context) (err error) {
		r, err = c.Conference(ctx, arg[string](a, "room"), o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.sc.record("ConferenceResult", map[string]lua.LValue{"outcome": lua.LString(r.Outcome)}), nil
}

func pickup(c *engine.Call, a *args, o engine.PickupOptions) (lua.LValue, error) {
	var r engine.PickupResult
	err := a.sc.wait(func(ctx context.Context) (err error) { r, err = c.Pickup(ctx, o); return err })
	if err != nil {
		return nil, err
	}
	return a.sc.record("PickupResult", map[string]lua.LValue{"outcome": lua.LString(r.Outcome)}), nil
}

// watch is call:on.
func watch(sc *script, self any, a *args) (lua.LValue, error) {
	c, event := self.(*engine.Call), arg[string](a, "event")
	fn := arg[*lua.LFunction](a, "fn")
	if fn == nil {
		delete(sc.watching, event)
		c.On(event, nil)
		return nil, nil
	}
	if sc.watching == nil {
		sc.watching = map[string]*lua.LFunction{}
	}
	sc.watching[event] = fn
	c.On(event, func(e engine.Event) { sc.event(fn, e) })
	return nil, nil
}

func callFields() map[string]field {
	get := func(fn func(sc *script, c *engine.Call) lua.LValue) field {
		return func(sc *script, self any) (lua.LValue, error) { return fn(sc, self.(*engine.Call)), nil }
	}
	rec := func(fn func(r *engine.Recording) lua.LValue) field {
		return func(_ *script, self any) (lua.LValue, error) { return fn(self.(*engine.Recording)), nil }
	}
	return map[string]field{
		"Call.id":      get(func(_ *script, c *engine.Call) lua.LValue { return lua.LString(c.ID()) }),
		"Call.dialled": get(func(_ *script, c *engine.Call) lua.LValue { return lua.LString(c.Dialled()) }),
		"Call.matched": get(func(_ *script, c *engine.Call) lua.LValue { return lua.LString(c.Matched()) }),
		"Call.state":   get(func(_ *script, c *engine.Call) lua.LValue { return lua.LString(c.State()) }),
		"Call.from": get(func(sc *script, c *engine.Call) lua.LValue {
			p := c.From()
			return sc.record("Party", map[string]lua.LValue{"number": lua.LString(p.Number), "name": lua.LString(p.Name),
				"line": text(p.Line), "trunk": text(p.Trunk), "verified": lua.LBool(p.Verified)})
		}),
		"Call.diversion": get(func(sc *script, c *engine.Call) lua.LValue {
			d := c.Diversion()
			if d == nil {
				return nil
			}
			return sc.record("Diversion", map[string]lua.LValue{"number": lua.LString(d.Number), "reason": lua.LString(d.Reason)})
		}),
		"Recording.outcome": rec(func(r *engine.Recording) lua.LValue { return text(string(r.Outcome)) }),
		"Recording.length":  rec(func(r *engine.Recording) lua.LValue { return lua.LNumber(r.Length.Seconds()) }),
		"Error.code":        func(_ *script, self any) (lua.LValue, error) { return lua.LString(codeOf(self.(error))), nil },
		"Error.message":     func(_ *script, self any) (lua.LValue, error) { return lua.LString(self.(error).Error()), nil },
	}
}

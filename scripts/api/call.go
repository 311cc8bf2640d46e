package api

func callClass() Class {
	return Class{
		Name: "Call",
		Doc:  "One caller, and what happens to them. A handler is given it; its verbs block until they are done, and hang-up ends the handler wherever it is.",
		Fields: []Value{
			{Name: "id", Type: Text, Doc: "Unique; it stands in every log line and trace."},
			{Name: "from", Type: "Party", Doc: "Who calls."},
			{Name: "dialled", Type: Digits, Doc: "What was dialled, normalised."},
			{Name: "matched", Type: Text, Doc: "The part of it that x, z, n, sets and the final . matched."},
			{Name: "diversion", Type: "Diversion", Optional: true, Doc: "Who diverted the call here; nil if nobody did."},
			choice("state", "", "How far the call has come.", "ringing", "answered", "held", "ended"),
		},
		Methods: callMethods(),
	}
}

// language is the option of whatever speaks.
func language() Value {
	return opt("language", Text, "", "The language of prompts given by name. Default: the site's.")
}

func callMethods() []Func {
	return []Func{
		{Name: "ring", Doc: "Lets the caller hear that it rings (180).", Example: `call:ring()`},
		{Name: "answer", Doc: "Answers. Verbs that need an answered call do it by themselves.", Example: `call:answer()`},
		{Name: "reject", Ends: true, Doc: "Turns the caller away and ends the handler.", Example: `call:reject("busy")`,
			Params: []Value{{Name: "reason", Type: Text, Optional: true, Default: `"declined"`,
				OneOf: []string{"busy", "unavailable", "declined", "notFound", "forbidden", "congested"},
				Doc:   "busy 486, unavailable 480, declined 603, notFound 404, forbidden 403, congested 503."}}},
		{Name: "hangup", Ends: true, Doc: "Ends the call and the handler.", Example: `call:hangup()`},
		{Name: "playPrompt", Doc: "Plays to the caller and returns when it has been heard.",
			Example: `call:playPrompt("vm-intro", { interrupt = "#" })`,
			Params:  []Value{param("prompt", Prompt, "A name, a recording, a tone, or a list of them in a row.")},
			Options: []Value{
				opt("interrupt", Keys, "false", "The keys that end it; true: any key."),
				{Name: "volume", Type: Number, Default: "0", Min: -40, Max: 20, Doc: "In dB."},
				language(),
				{Name: "times", Type: Int, Default: "1", Min: 1, Max: 1000, Doc: "How often."},
				opt("back", Keys, "", "The keys that go back by skip."),
				opt("forward", Keys, "", "The keys that go forward by skip."),
				opt("pause", Keys, "", "The keys that pause and go on."),
				opt("restart", Keys, "", "The keys that begin again."),
				opt("skip", Duration, `"3s"`, "How far back and forward go."),
			},
			Returns: one("PlayResult", "")},
		{Name: "readDigits", Doc: "Plays a prompt and reads what the caller dials.",
			Example: `local r = call:readDigits { prompt = "enter-ext-of-person", max = 5 }`,
			Options: []Value{
				opt("prompt", Prompt, "", "What to ask. The first key ends it."),
				{Name: "min", Type: Int, Default: "1", Max: 64, Doc: "The fewest digits that will do."},
				{Name: "max", Type: Int, Default: "32", Min: 1, Max: 64, Doc: "This many end the reading."},
				opt("terminator", Keys, `"#"`, "The key that ends the number; false: none."),
				opt("timeout", Duration, `"5s"`, "To the first digit."),
				opt("between", Duration, `"3s"`, "From one digit to the next."),
				{Name: "tries", Type: Int, Default: "1", Min: 1, Max: 10, Doc: "How often to ask."},
				opt("invalid", Prompt, "", "What is said before another try."),
				opt("secret", Bool, "false", "A PIN is read: traces do not show the keys."),
				language(),
			},
			Returns: one("DigitsResult", "")},
		{Name: "record", Doc: "Records the caller.", Example: `local name = call:record { prompt = "vm-rec-name", maxLength = "5s" }`,
			Options: []Value{
				opt("prompt", Prompt, "", "What to say first."),
				opt("maxLength", Duration, `"3m"`, "The longest it may be."),
				opt("silence", Duration, `"5s"`, "This much of it ends the recording."),
				opt("terminator", Keys, `"#"`, "The key that ends it; true: any, false: none."),
				opt("beep", Bool, "true", "A tone before it begins."),
				language(),
			},
			Returns: one(Sound, "")},
		{Name: "recordVoicemail", Fails: true, Doc: "Plays the greeting, takes a message and lets the caller review it.",
			Example: `call:recordVoicemail("77513")`,
			Params:  []Value{param("mailbox", Digits, "Whose mailbox.")},
			Options: []Value{
				opt("greeting", Prompt, "", "Instead of the mailbox's own."),
				opt("busy", Bool, "false", "Prefer the greeting for when the line is busy."),
				opt("maxLength", Duration, `"3m"`, "The longest message."),
				opt("silence", Duration, `"8s"`, "This much of it ends the message."),
				opt("urgent", Bool, "false", "Mark it urgent."),
				language(),
			},
			Returns: one("VoicemailResult", "")},
		{Name: "bridge", Doc: "Calls somebody, joins the first who answers, and returns when either has hung up.",
			Example: `local r = call:bridge({ "77513", "77514" }, { strategy = "sequential", ringFor = "12s" })`,
			Params:  []Value{param("targets", Targets, `"77513" a line's devices, "trunk:NAME/NUMBER", "sip:user@host", or a list.`)},
			Options: []Value{
				choice("strategy", "simultaneous", "All at once, or one after another.", "simultaneous", "sequential"),
				{Name: "timeout", Type: Duration, Default: `"25s"`, Max: 3600, Doc: "In all. One after another, the default is ringFor for each of them."},
				{Name: "ringFor", Type: Duration, Default: `"15s"`, Max: 3600, Doc: "Each, one after another."},
				opt("ringback", Prompt, `"tone:ringing"`, "What the caller hears meanwhile."),
				opt("callerName", Text, "", "Shown instead of the caller's."),
				opt("callerNumber", Digits, "", "Presented instead of the caller's."),
				opt("announce", Prompt, "", "What the called person hears before being joined."),
				opt("answerTo", Keys, "", "The key the called person must press to take the call."),
				opt("limit", Duration, "", "The longest they may talk."),
				opt("diversion", Diverted, "", "On whose behalf the call comes: { number =, reason = }, the reason as in RFC 5806."),
				language(),
			},
			Returns: one("BridgeResult", "")},
		{Name: "hold", Doc: "Lets the other side of the bridge hear music.", Example: `call:hold { music = "bells" }`,
			Options: []Value{opt("music", Music, "", "Which. Default: the site's.")}},
		{Name: "unhold", Doc: "Takes the call back from hold.", Example: `call:unhold()`},
		{Name: "transfer", Ends: true, Doc: "Sends this call to a number, as the line that asks for it.", Example: `call:transfer("77513")`,
			Params: []Value{param("number", Digits, "Where to.")}},
		{Name: "redirect", Ends: true, Doc: "Routes this call afresh in the dialplan, as if that number had been dialled.", Example: `call:redirect("600")`,
			Params: []Value{param("number", Digits, "Which extension.")}},
		{Name: "pickup", Doc: "Takes a call that rings at the phones of a line: this call goes on in that one, and the handler ends. It returns only where nothing rings. To whoever rang it was answered elsewhere, not missed.",
			Example: `call:pickup("77513")`,
			Params:  []Value{param("number", Digits, "The line.")},
			Returns: one("PickupResult", "")},
		{Name: "pickupGroup", Doc: "Takes the call that has rung longest at a line of a pickup group, as pickup does.",
			Example: `call:pickupGroup("lodge")`,
			Params:  []Value{param("group", Text, "The pickup group's name: line.pickupGroup.")},
			Returns: one("PickupResult", "")},
		{Name: "conference", Doc: "Joins a room, and returns when the caller leaves it.", Example: `call:conference("physics", { announce = true })`,
			Params: []Value{param("room", Text, "Its name. The first to join makes it.")},
			Options: []Value{
				{Name: "pin", Type: Digits, Secret: true, Doc: "Asked for before joining."},
				opt("moderator", Bool, "false", "May mute and remove others."),
				opt("muted", Bool, "false", "Joins without being heard."),
				opt("announce", Any, "true", "Heard by the room when this caller comes and goes: a prompt, true for a tone, false for nothing."),
				opt("waitForModerator", Bool, "false", "Music until a moderator is there."),
				opt("endWithMe", Bool, "false", "The room ends when this caller leaves."),
				{Name: "maxMembers", Type: Int, Default: "1000", Min: 1, Max: 10000, Doc: "How many may be in it."},
				language(),
			},
			Returns: one("ConferenceResult", "")},
		{Name: "startRecording", Fails: true, Doc: "Records the conversation from now on, through transfers, to its end: the caller on the left channel, what the caller hears on the right. Tell people that they are recorded: the law asks for it nearly everywhere.",
			Example: `local file, err = call:startRecording { format = "wav" }`,
			Options: []Value{
				choice("format", "", "Of the file. Default: opus where the system has libopus, else wav.", "opus", "wav"),
				opt("name", Text, "", "Of the file, before its number and ending. Default: the call's id."),
			},
			Returns: one(Text, "The file, in the folder recordings of the data, in a folder for the day.")},
		{Name: "stopRecording", Fails: true, Doc: "Ends the recording, if there is one. Returns when the file is complete.", Example: `call:stopRecording()`,
			Returns: one(Bool, "")},
		{Name: "sleep", Doc: "Waits.", Example: `call:sleep("2s")`,
			Params: []Value{param("time", Duration, "How long.")}},
		{Name: "sendDigits", Doc: "Sends keys to the caller's side (RFC 4733).", Example: `call:sendDigits("12#")`,
			Params: []Value{param("digits", Text, "0-9, *, #, A-D.")}},
		{Name: "startMusic", Doc: "Music until stopMusic or the next thing to be heard.", Example: `call:startMusic()`,
			Params: []Value{optional("music", Music, "", "Which. Default: the site's.")}},
		{Name: "stopMusic", Doc: "Ends the music.", Example: `call:stopMusic()`},
		{Name: "tone", Doc: "A tone until the next thing to be heard.", Example: `call:tone("busy")`,
			Params: []Value{{Name: "name", Type: Text, OneOf: []string{"dial", "ringing", "busy", "congestion", "unobtainable", "beep"}, Doc: "UK cadences."}}},
		{Name: "echo", Doc: "Lets the caller hear themselves.", Example: `call:echo("30s")`,
			Params: []Value{{Name: "time", Type: Duration, Optional: true, Default: `"1m"`, Max: 3600, Doc: "How long."}}},
		{Name: "on", Doc: "Runs fn when something happens, between the steps of the handler: while a verb waits. A function replaces the one before; nil takes it away.",
			Example: `call:on("digit", function(event) log.info("pressed " .. event.digit) end)`,
			Params: []Value{{Name: "event", Type: Text, OneOf: []string{"digit", "answered", "held", "unheld"}, Doc: "What to watch."},
				optional("fn", Function, "", "It is given an Event.")}},
		{Name: "setMuted", Doc: "Mutes or unmutes the caller in the conference they are in.", Example: `call:setMuted(not call:isMuted())`, Params: []Value{param("muted", Bool, "")}},
		{Name: "isMuted", Doc: "Whether the caller is muted in their conference.", Example: `call:isMuted()`, Returns: one(Bool, "")},
		{Name: "leave", Doc: "Lets the caller leave their conference: conference returns.", Example: `call:leave()`},
		{Name: "onHangup", Doc: "Runs fn when the call is over: no media, five seconds.",
			Example: `call:onHangup(function() store("queue"):set(call.id, nil) end)`,
			Params:  []Value{param("fn", Function, "What to do.")}},
	}
}

func resultClasses() []Class {
	outcome := func(of ...string) Value { return choice("outcome", "", "What became of it.", of...) }
	return []Class{
		{Name: "Party", Doc: "Who calls.", Fields: []Value{
			{Name: "number", Type: Digits, Doc: "As dialled inside for a line, as presented for anybody else; \"\" when withheld."},
			{Name: "name", Type: Text, Doc: "\"\" when unknown."},
			{Name: "line", Type: Digits, Optional: true, Doc: "The authenticated line; nil for callers from outside."},
			{Name: "trunk", Type: Text, Optional: true, Doc: "The trunk they came by."},
			{Name: "verified", Type: Bool, Doc: "The number is known to be theirs."}}},
		{Name: "Diversion", Doc: "Who sent a call here.", Fields: []Value{
			{Name: "number", Type: Digits, Doc: "Whose number was dialled."}, {Name: "reason", Type: Text, Doc: "As in RFC 5806: user-busy, no-answer …"}}},
		{Name: "PlayResult", Doc: "What playPrompt returns.", Fields: []Value{
			outcome("played", "interrupted"), {Name: "digit", Type: Text, Optional: true, Doc: "The key that interrupted it."}}},
		{Name: "DigitsResult", Doc: "What readDigits returns.", Fields: []Value{
			outcome("digits", "timeout", "invalid"), {Name: "digits", Type: Digits, Doc: "What was dialled; \"\" for nothing."}}},
		{Name: string(Sound), Doc: "What record returns. It can stand wherever a prompt can.", Fields: []Value{
			outcome("recorded", "silence", "maxLength"), {Name: "length", Type: Number, Doc: "In seconds."}}},
		{Name: "VoicemailResult", Doc: "What recordVoicemail returns.", Fields: []Value{
			outcome("saved", "tooShort", "full", "failed"), {Name: "message", Type: Text, Optional: true, Doc: "The message's id."}}},
		{Name: "BridgeResult", Doc: "What bridge returns.", Fields: []Value{
			outcome("answered", "busy", "noAnswer", "rejected", "unreachable", "cancelled", "congested"),
			{Name: "by", Type: Text, Optional: true, Doc: "The target that answered."}, {Name: "seconds", Type: Number, Doc: "How long they talked."}}},
		{Name: "PickupResult", Doc: "What pickup and pickupGroup return where nothing rings.", Fields: []Value{outcome("noAnswer")}},
		{Name: "ConferenceResult", Doc: "What conference returns.", Fields: []Value{outcome("left", "kicked", "ended", "full", "wrongPin")}},
		{Name: "Event", Doc: "What a function registered with call:on is told.", Fields: []Value{
			choice("name", "", "", "digit", "answered", "held", "unheld"), {Name: "digit", Type: Text, Optional: true, Doc: "The key of a digit event."}}},
		{Name: "Error", Doc: "What the world denied: the second result after nil. tostring(err) is a sentence.", Fields: []Value{
			choice("code", "", "Stable, for scripts to compare.", "notFound", "exists", "invalid", "full", "locked", "tooShort", "conflict", "failed"),
			{Name: "message", Type: Text, Doc: "The sentence."}}},
	}
}

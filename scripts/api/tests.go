package api

// testClasses are what a test in x_test.lua is written with. Verbs that expect something let virtual time pass until it is
// so, an hour at most; all of them return what they were said to, so that they can stand in a row.
func testClasses() []Class {
	all := []Class{testClass(), phoneClass(), callerClass(), testMailboxClass(), lampClass(), testLineClass(), testListClass(), testGroupClass(),
		testRoomClass(), testLogClass(), testTrunkClass()}
	for i := range all {
		all[i].Tests = true
	}
	return all
}

func testClass() Class {
	return Class{
		Name: "Test", Called: "t",
		Doc: "A test: its phones, callers and clock. Phones exist, and ring unanswered unless told otherwise; time passes only while a verb waits for something.",
		Methods: []Func{
			{Name: "phone", Doc: "The phone of a line.", Example: `t:phone("201"):answersAfter("5s")`,
				Params: []Value{param("number", Digits, "The line's.")}, Returns: one("Phone", "")},
			{Name: "outside", Doc: "A phone out in the world, which a trunk leads to.", Example: `t:outside("07700900123"):answersAfter("3s")`,
				Params: []Value{param("number", Digits, "As it is sent to the trunk.")}, Returns: one("Phone", "")},
			{Name: "call", Doc: "Somebody calls.", Example: `local caller = t:call { from = "Joe <+447700900123>", to = "600" }`,
				Options: []Value{
					{Name: "from", Type: Text, Required: true, Doc: `A line's number; a number outside, with a name or without; "anonymous".`},
					{Name: "to", Type: Digits, Required: true, Doc: "What they dial."},
					opt("trunk", Text, "", "By which trunk a caller from outside comes. Default: the first one."),
					opt("diversion", Diverted, "", "Who diverted the call here before it came to this exchange: { number =, reason = }."),
				},
				Returns: one("Caller", "")},
			{Name: "at", Doc: `Sets the clock: "sat 14:00" is the next such time, "14:00" the next one, "2026-12-25 09:00" that very one.`,
				Example: `t:at("sat 14:00")`,
				Params:  []Value{param("time", Text, "When.")},
				Options: []Value{opt("zone", Text, "", "The time zone. Default: the machine's.")}, Returns: one("Test", "")},
			{Name: "wait", Doc: "Lets time pass.", Example: `t:wait("30m")`,
				Params: []Value{{Name: "time", Type: Duration, Max: 86400, Doc: "How much."}}, Returns: one("Test", "")},
			{Name: "elapsed", Doc: "The test has taken exactly so long, since it began or the clock was set.", Example: `t:elapsed("36s")`,
				Params: []Value{param("time", Duration, "How long.")}, Options: []Value{opt("within", Duration, "0", "How far off it may be.")},
				Returns: one("Test", "")},
			{Name: "line", Doc: "A line's settings. With options it is made, if there is none of the number.", Example: `t:line("77513"):setForward("busy", "77514")`,
				Params: []Value{param("number", Digits, "The line's.")},
				Options: []Value{
					opt("name", Text, "", "Whose."), opt("permissions", Texts, `"internal"`, "What it may dial."), opt("voicemail", Bool, "true", "It has a mailbox."),
					opt("pickupGroup", Text, "", "Whose calls it may pick up."), opt("department", Text, "", "Where."),
				}, Returns: one("TestLine", "")},
			{Name: "mailbox", Doc: "A mailbox.", Example: `t:mailbox("201"):has { from = "+447700900123", length = "7s" }`,
				Params: []Value{param("number", Digits, "Whose.")}, Returns: one("TestMailbox", "")},
			{Name: "lamp", Doc: "The message lamp of a line's phone.", Example: `t:lamp("201"):isOn()`,
				Params: []Value{param("number", Digits, "The line's.")}, Returns: one("Lamp", "")},
			{Name: "list", Doc: "A list of numbers.", Example: `t:list("whitelist-77600"):add("+447700900123")`,
				Params: []Value{param("name", Text, "Its name.")}, Returns: one("TestList", "")},
			{Name: "group", Doc: "A group's members.", Example: `t:group("15000"):logout("77610")`,
				Params: []Value{param("number", Digits, "Its number.")}, Returns: one("TestGroup", "")},
			{Name: "room", Doc: "A conference room.", Example: `t:room("faculty"):has("77513")`,
				Params: []Value{param("name", Text, "As given to call:conference.")}, Returns: one("TestRoom", "")},
			{Name: "log", Doc: "A line's call log.", Example: `t:log("201"):has { kind = "missed", number = "202" }`,
				Params: []Value{param("number", Digits, "Whose.")}, Returns: one("TestLog", "")},
			{Name: "trunk", Doc: "A way to the public network.", Example: `t:trunk("pstn"):isDown()`,
				Params: []Value{param("name", Text, "As in the settings.")}, Returns: one("TestTrunk", "")},
			{Name: "scriptFails", Doc: "The dialplan raises an error with this in its message. Without that, an error of a handler fails the test.",
				Example: `t:scriptFails("no such room")`, Params: []Value{param("text", Text, "A part of the message.")}, Returns: one("Test", "")},
		},
	}
}

// partyMethods are what a phone on a call and a caller have in common.
func partyMethods(class Type, example string) []Func {
	say := func(verb string) string { return example + ":" + verb }
	self := one(class, "")
	during := []Value{opt("during", Duration, "0", "For how much longer; 0: up to now.")}
	return []Func{
		{Name: "hears", Doc: "Hears a prompt, or several in a row, from where the last match ended; what else is heard before is skipped. It is so as soon as the last begins.",
			Example: say(`hears("vm-goodbye")`), Params: []Value{param("prompt", Prompt, "A name or a list of them.")}, Returns: self},
		{Name: "doesNotHear", Doc: "Has not heard a prompt since the last match, nor does so for a while.", Example: say(`doesNotHear("vm-intro", { during = "10s" })`),
			Params: []Value{param("prompt", Prompt, "A name.")}, Options: during, Returns: self},
		{Name: "hearsMusic", Doc: "Hears music.", Example: say(`hearsMusic()`), Params: []Value{optional("name", Text, "", "Which. Default: any.")}, Returns: self},
		{Name: "hearsRecording", Doc: "Hears something that was recorded: a message, a greeting, a name.", Example: say(`hearsRecording()`), Returns: self},
		{Name: "hearsNothing", Doc: "Hears silence: whatever was playing is over.", Example: say(`hearsNothing()`), Returns: self},
		{Name: "presses", Doc: "Presses keys, one after another.", Example: say(`presses("1")`), Params: []Value{param("keys", Digits, "Digits, * and #.")}, Returns: self},
		{Name: "speaksFor", Doc: "Waits until nothing is played any more, speaks, and is silent again.", Example: say(`speaksFor("7s")`),
			Params: []Value{{Name: "time", Type: Duration, Max: 3600, Doc: "How long."}}, Returns: self},
		{Name: "hangsUp", Doc: "Hangs up.", Example: say(`hangsUp()`), Returns: self},
		{Name: "holds", Doc: "Puts the call on hold.", Example: say(`holds()`), Returns: self},
		{Name: "unholds", Doc: "Takes the call back.", Example: say(`unholds()`), Returns: self},
		{Name: "transfersTo", Doc: "Transfers who they talk to.", Example: say(`transfersTo("202")`), Params: []Value{param("number", Digits, "Where to.")},
			Options: []Value{opt("consult", Bool, "false", "Call there first, and transfer when that is answered.")}, Returns: self},
		{Name: "isTalkingTo", Doc: "Talks to somebody.", Example: say(`isTalkingTo("202")`), Params: []Value{param("number", Digits, "Their number.")}, Returns: self},
		{Name: "isOnHold", Doc: "Has been put on hold by the other side.", Example: say(`isOnHold()`), Returns: self},
		{Name: "hasEnded", Doc: "The call is over.", Example: say(`hasEnded()`),
			Params: []Value{{Name: "status", Type: Int, Optional: true, Max: 699, Doc: "With this SIP status. Default: any."}}, Returns: self},
	}
}

func phoneClass() Class {
	self := one("Phone", "")
	when := func(name, doc string) Func {
		return Func{Name: name, Doc: doc, Example: `t:phone("201"):` + name + `()`, Returns: self}
	}
	return Class{
		Name: "Phone",
		Doc:  "A telephone, and who sits by it. What it does with a call may be said before the call comes, and then holds for every call.",
		Methods: append([]Func{
			{Name: "answersAfter", Doc: "Answers calls that have rung so long.", Example: `t:phone("201"):answersAfter("5s")`,
				Params: []Value{{Name: "time", Type: Duration, Max: 3600, Doc: "How long."}}, Returns: self},
			when("answers", "Answers the call that rings, and waits until one does."),
			when("isBusy", "Is busy: calls get 486."),
			{Name: "rejects", Doc: "Turns calls away.", Example: `t:phone("201"):rejects()`, Params: []Value{{Name: "status", Type: Int, Optional: true, Default: "603", Min: 400, Max: 699, Doc: "The SIP status."}}, Returns: self},
			when("isOffline", "Is not registered."),
			when("isOnline", "Is registered again."),
			when("rings", "Rings and is not answered, as at the beginning."),
			{Name: "redirects", Doc: "Sends calls elsewhere (302).", Example: `t:phone("201"):redirects("202")`, Params: []Value{param("number", Digits, "Where to.")}, Returns: self},
			{Name: "calls", Doc: "Calls somebody.", Example: `local ana = t:phone("201"):calls("600")`, Params: []Value{param("number", Digits, "What is dialled.")}, Returns: one("Caller", "")},
			when("isRinging", "Rings."),
			when("isNotRinging", "Does not ring now."),
			{Name: "shows", Doc: "Shows who calls.", Example: `t:phone("201"):shows { number = "+447700900123", name = "Joe" }`,
				Options: []Value{opt("number", Text, "", "The number."), opt("name", Text, "", "The name."), opt("diversion", Text, "", "The number that diverted the call here.")}, Returns: self},
		}, partyMethods("Phone", `t:phone("201")`)...),
	}
}

func callerClass() Class {
	self := one("Caller", "")
	now := func(name, doc string) Func {
		return Func{Name: name, Doc: doc, Example: "caller:" + name + "()", Returns: self}
	}
	return Class{
		Name: "Caller",
		Doc:  "Somebody who calls.",
		Methods: append([]Func{
			now("hearsRinging", "Hears that it rings: from their own phone or from the exchange."),
			now("isAnswered", "The call has been answered."),
			{Name: "isRejected", Doc: "Is turned away.", Example: `caller:isRejected("busy")`,
				Params: []Value{{Name: "reason", Type: Text, Optional: true, OneOf: []string{"busy", "unavailable", "declined", "notFound", "forbidden", "congested"},
					Doc: "As given to call:reject. Default: any."}}, Returns: self},
		}, partyMethods("Caller", "caller")...),
	}
}

func testMailboxClass() Class {
	self := one("TestMailbox", "")
	return Class{
		Name: "TestMailbox", Called: "mailbox",
		Doc: "A mailbox, as a test sees it.",
		Methods: []Func{
			{Name: "has", Doc: "Has a message like this; each message is found once.", Example: `t:mailbox("201"):has { from = "202", length = "7s" }`,
				Options: []Value{opt("from", Text, "", "Whose number."), opt("name", Text, "", "Whose name."),
					opt("length", Duration, "", "How long it is, to the second."), opt("urgent", Bool, "", "Whether it is urgent."), opt("heard", Bool, "", "Whether it has been heard."),
					choice("folder", "", "Where it is. Default: anywhere but among the deleted.", "new", "saved", "deleted")}, Returns: self},
			{Name: "isEmpty", Doc: "Has no message, deleted ones aside.", Example: `t:mailbox("201"):isEmpty()`, Returns: self},
			{Name: "count", Doc: "Has so many messages, deleted ones aside.", Example: `t:mailbox("201"):count(2)`, Params: []Value{param("messages", Int, "How many.")}, Returns: self},
			{Name: "add", Doc: "Puts a message in.", Example: `t:mailbox("201"):add { from = "202", length = "7s" }`,
				Options: []Value{opt("from", Text, "", "Whose number."), opt("name", Text, "", "Whose name."), opt("length", Duration, `"5s"`, "How long it is."), opt("urgent", Bool, "false", "It is urgent.")}, Returns: self},
			{Name: "setPin", Doc: "Gives it this PIN, in force at once.", Example: `t:mailbox("201"):setPin("274951")`, Params: []Value{param("pin", Digits, "Six digits.")}, Returns: self},
			{Name: "isLocked", Doc: "Too many wrong PINs have locked it.", Example: `t:mailbox("201"):isLocked()`, Returns: self},
			{Name: "hasGreeting", Doc: "Has a greeting of its own.", Example: `t:mailbox("201"):hasGreeting("busy")`,
				Params: []Value{choice("kind", "", "Which.", "unavailable", "busy", "temporary", "name")}, Returns: self},
			{Name: "setGreeting", Doc: "Gives it a greeting.", Example: `t:mailbox("201"):setGreeting("name")`,
				Params:  []Value{choice("kind", "", "Which.", "unavailable", "busy", "temporary", "name")},
				Options: []Value{opt("length", Duration, `"2s"`, "How long it is.")}, Returns: self},
		},
	}
}

func lampClass() Class {
	self := one("Lamp", "")
	return Class{
		Name: "Lamp",
		Doc:  "The message lamp of a phone: what the exchange told it last.",
		Methods: []Func{
			{Name: "isOn", Doc: "Is lit: there are new messages.", Example: `t:lamp("201"):isOn()`, Returns: self},
			{Name: "isOff", Doc: "Is dark.", Example: `t:lamp("201"):isOff()`, Returns: self},
			{Name: "shows", Doc: "Shows how many messages there are.", Example: `t:lamp("201"):shows { new = 1, old = 0 }`,
				Options: []Value{opt("new", Int, "", "New ones."), opt("old", Int, "", "Those that have been heard."), opt("urgent", Int, "", "Urgent ones among the new.")}, Returns: self},
		},
	}
}

func testLineClass() Class {
	self := one("TestLine", "")
	forward := func(kind string) Value {
		return opt(kind, Any, "", "Where calls are forwarded to; false: they are not.")
	}
	return Class{
		Name: "TestLine", Called: "line",
		Doc: "A line's settings, as a test sets and sees them.",
		Methods: []Func{
			{Name: "setDnd", Doc: "Do not disturb, on or off.", Example: `t:line("201"):setDnd(true)`, Params: []Value{param("on", Bool, "")}, Returns: self},
			{Name: "setForward", Doc: "Forwards calls; without a number no more.", Example: `t:line("201"):setForward("busy", "202")`,
				Params: []Value{choice("kind", "", "When it applies.", "always", "busy", "noAnswer", "unregistered"), optional("number", Digits, "", "Where to.")}, Returns: self},
			{Name: "setPermissions", Doc: "What it may dial.", Example: `t:line("201"):setPermissions("national")`, Params: []Value{param("permissions", Texts, "")}, Returns: self},
			{Name: "has", Doc: "Is set like this.", Example: `t:line("201"):has { dnd = true, busy = "202", always = false }`,
				Options: []Value{opt("dnd", Bool, "", "Do not disturb."), forward("always"), forward("busy"), forward("noAnswer"), forward("unregistered")}, Returns: self},
		},
	}
}

func testListClass() Class {
	self := one("TestList", "")
	method := func(name, doc string) Func {
		return Func{Name: name, Doc: doc, Example: `t:list("vips"):` + name + `("+447700900123")`, Params: []Value{param("number", Text, "")}, Returns: self}
	}
	return Class{
		Name: "TestList", Called: "list",
		Doc: "A list of numbers, as a test sets and sees it.",
		Methods: []Func{method("add", "Adds a number, a range or a pattern."), method("remove", "Removes an entry."),
			method("includes", "Has the number in it."), method("doesNotInclude", "Does not have the number in it.")},
	}
}

func testGroupClass() Class {
	self := one("TestGroup", "")
	method := func(name, doc string) Func {
		return Func{Name: name, Doc: doc, Example: `t:group("15000"):` + name + `("77610")`, Params: []Value{param("number", Digits, "The member's.")}, Returns: self}
	}
	return Class{
		Name: "TestGroup", Called: "group",
		Doc: "A group's members, as a test sets and sees them.",
		Methods: []Func{method("login", "The member takes calls."), method("logout", "The member takes no calls."),
			method("hasLoggedIn", "The member takes calls now."), method("hasLoggedOut", "The member takes no calls now.")},
	}
}

func testRoomClass() Class {
	self := one("TestRoom", "")
	return Class{
		Name: "TestRoom", Called: "room",
		Doc: "A conference room, as a test sees it.",
		Methods: []Func{
			{Name: "has", Doc: "Somebody is in it.", Example: `t:room("faculty"):has("77513")`, Params: []Value{param("number", Digits, "Their number.")},
				Options: []Value{opt("moderator", Bool, "", "Whether they are a moderator."), opt("muted", Bool, "", "Whether they are muted.")}, Returns: self},
			{Name: "count", Doc: "So many are in it.", Example: `t:room("faculty"):count(2)`, Params: []Value{param("members", Int, "How many.")}, Returns: self},
			{Name: "isEmpty", Doc: "Nobody is in it.", Example: `t:room("faculty"):isEmpty()`, Returns: self},
			{Name: "isLocked", Doc: "Only moderators may come in.", Example: `t:room("faculty"):isLocked()`, Returns: self},
		},
	}
}

func testLogClass() Class {
	return Class{
		Name: "TestLog", Called: "log",
		Doc: "A line's call log, as a test sees it.",
		Methods: []Func{
			{Name: "has", Doc: "Has an entry like this.", Example: `t:log("201"):has { kind = "missed", number = "202" }`,
				Options: []Value{choice("kind", "", "Which.", "missed", "dialled", "received", "forwarded"), opt("number", Text, "", "With whom."), opt("name", Text, "", "Their name."),
					opt("length", Duration, "", "How long they talked, to the second.")}, Returns: one("TestLog", "")},
			{Name: "isEmpty", Doc: "Has no entry.", Example: `t:log("201"):isEmpty()`, Returns: one("TestLog", "")},
		},
	}
}

func testTrunkClass() Class {
	self := one("TestTrunk", "")
	return Class{
		Name: "TestTrunk", Called: "trunk",
		Doc: "A way to the public network, as a test sets it.",
		Methods: []Func{
			{Name: "isDown", Doc: "Does not answer at all.", Example: `t:trunk("pstn"):isDown()`, Returns: self},
			{Name: "isUp", Doc: "Works, as at the beginning.", Example: `t:trunk("pstn"):isUp()`, Returns: self},
			{Name: "rejects", Doc: "Refuses calls.", Example: `t:trunk("pstn"):rejects(503)`, Params: []Value{{Name: "status", Type: Int, Min: 400, Max: 699, Doc: "The SIP status."}}, Returns: self},
		},
	}
}

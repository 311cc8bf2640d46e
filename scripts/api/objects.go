package api

func functions() []Func {
	return []Func{
		{Name: "extension", AtLoad: true, Doc: "Registers who answers a number. The most specific pattern wins, place by place.",
			Example: `extension("7xxxx", { name = "lines" }, function(call) call:bridge(call.dialled) end)`,
			Params:  []Value{param("pattern", Text, "Digits * # + as they are; x any digit, z 1-9, n 2-9, [2-5] a set, a final . one or more of anything.")},
			Options: []Value{
				opt("from", Texts, `"lines"`, `Who may reach it: "lines", "any", "trunk:NAME", or a list.`),
				opt("needs", Text, "", `A permission the calling line must hold: "national", "international" …`),
				opt("refused", Prompt, "", "What a line without that permission hears before it is rejected. Default: that the code is restricted."),
				opt("name", Text, "", "For traces, logs and the portal."),
				opt("emergency", Bool, "false", "Never refused, whatever the caller may not do; each call is audited."),
			},
			Returns: nil},
		{Name: "line", Doc: "A line of this exchange, or nil.", AtLoad: true, Example: `local owner = line("77513")`,
			Params: []Value{param("number", Digits, "Its number.")}, Returns: []Value{{Type: "Line", Optional: true}}},
		{Name: "group", AtLoad: true, Doc: "A group. With options, while the dialplan is loaded, it declares one; with the number alone it reads one.",
			Example: `group("600", { kind = "hunt", strategy = "sequential", members = { "77513", "77514" }, ringFor = "12s" })`,
			Params:  []Value{param("number", Digits, "Its number.")}, Options: groupOptions(), Returns: []Value{{Type: "Group", Optional: true}}},
		{Name: "mailbox", Doc: "A mailbox, or nil.", AtLoad: true, Example: `local box = mailbox(call.from.line)`,
			Params: []Value{param("number", Digits, "Whose.")}, Returns: []Value{{Type: "Mailbox", Optional: true}}},
		{Name: "room", Doc: "A conference that somebody is in, or nil.", Example: `local here = room("physics")`,
			Params: []Value{param("name", Text, "As given to call:conference.")}, Returns: []Value{{Type: "Room", Optional: true}}},
		{Name: "list", Doc: "A list of numbers by its name; it need not exist yet.", AtLoad: true, Example: `local vips = list("vips/77513")`,
			Params: []Value{param("name", Text, "Its name.")}, Returns: one("List", "")},
		{Name: "store", Doc: "Values that outlive calls and reloads, by name.", AtLoad: true, Example: `local turns = store("turns")`,
			Params: []Value{param("name", Text, "Its name.")}, Returns: one("Store", "")},
		{Name: "schedule", AtLoad: true, Free: true, Doc: "Hours: a list of texts such as \"mon-fri 09:00-17:30\", \"sat 10:00-13:00\", \"sun\".",
			Example: `local hours = schedule { "mon-fri 09:00-17:30", zone = "Europe/London", closedOn = { "12-25", "2026-08-31" } }`,
			Options: []Value{
				opt("zone", Text, "", "The time zone. Default: the machine's."),
				opt("closedOn", Texts, "", `Days that are closed: "2026-12-25", or "12-25" every year.`)},
			Returns: one("Schedule", "")},
		{Name: "now", Doc: "The time.", AtLoad: true, Example: `local today = date(now()).weekday`, Returns: one(Time, "")},
		{Name: "date", Doc: "Takes a time apart.", AtLoad: true, Example: `if date().hour < 12 then call:playPrompt("good-morning") end`,
			Params:  []Value{optional("time", Time, "now()", "Which.")},
			Options: []Value{opt("zone", Text, "", "The time zone. Default: the machine's.")}, Returns: one("Date", "")},
		{Name: "test", AtLoad: true, Doc: "A test of the dialplan, in a file x_test.lua. It runs under belfry test and is ignored elsewhere.",
			Example: `test("the second person answers", function(t) t:phone("77513"):isBusy() end)`,
			Params:  []Value{param("name", Text, "What is true."), param("fn", Function, "Shows it.")}},
		{Name: "check", AtLoad: true, Doc: "For modules: checks an options table as the built-in verbs do, at the caller's line, and returns it with defaults filled in.",
			Example: `local o = check("menu", options, { prompt = "", timeout = "5s", tries = 3 })`,
			Params: []Value{param("what", Text, "Whose options."), {Name: "given", Type: Any, Optional: true, Doc: "What the caller gave; nil: nothing."},
				param("known", Table, "Every option with its default; false for one that has none.")},
			Returns: one(Table, "")},
		{Name: "choose", Doc: "What digits stand for in a table of choices: exactly those digits, or else the most specific pattern they fit; nil if there is none. " +
			"belfry test --cover tells which choices no test makes.",
			Example: `local what = choose("my menu", { ["1"] = "600", ["7xxxx"] = "dialled" }, r.digits)`,
			Params: []Value{param("name", Text, "What people call the menu."), param("choices", Table, "By digits or patterns, as for extension."),
				param("digits", Text, "What was dialled.")},
			Returns: []Value{{Type: Any, Optional: true}}},
		{Name: "require", AtLoad: true, Doc: "A module: a file of the dialplan's folder, or of the standard library.", Example: `local menu = require "menu"`,
			Params: []Value{param("name", Text, "Without .lua; folders by dots or slashes.")}, Returns: one(Any, "")},
	}
}

func groupOptions() []Value {
	return []Value{
		choice("kind", "hunt", "What it is for.", "hunt", "pickup", "assistant"),
		opt("name", Text, "", "For people."),
		choice("strategy", "sequential", "In which order members ring.", "sequential", "simultaneous", "circular", "longestIdle", "random", "weighted"),
		opt("members", Members, "", "Numbers, or tables { number, ringFor =, weight = }."),
		opt("ringFor", Duration, `"15s"`, "Each member."),
		opt("timeout", Duration, "", "In all."),
		opt("overflow", Digits, "", "Where a call goes that nobody takes."),
		opt("overflowNobody", Digits, "", "… because no member could be rung."),
		opt("overflowLoggedOut", Digits, "", "… because all members are logged out."),
		opt("overflowBusy", Digits, "", "… because all members are busy."),
		opt("overflowNoAnswer", Digits, "", "… because nobody answered."),
		opt("mailbox", Digits, "", "Where a message goes that nobody takes."),
		opt("manager", Digits, "", "Of an assistant group: whose calls the members take."),
		opt("fallback", Text, "", "Of an assistant group: who takes calls while no member is there."),
		opt("music", Prompt, "", "What callers hear while members ring."),
		opt("announce", Prompt, "", "What a member hears before being joined."),
	}
}

// groupFields are what a group's options look like when it is read.
func groupFields() []Value {
	fields := groupOptions()
	for i := range fields {
		fields[i].Optional = fields[i].Default == "" && fields[i].Name != "members"
		fields[i].Default = ""
		switch fields[i].Name {
		case "members":
			fields[i].Doc = "As declared. Who of them takes calls now: isLoggedIn."
		case "ringFor", "timeout":
			fields[i].Type, fields[i].Doc = Number, fields[i].Doc+" In seconds."
		case "music", "announce":
			fields[i].Type = Texts
		}
	}
	return fields
}

func logModule() Module {
	level := func(name, doc string) Func {
		return Func{Name: name, AtLoad: true, Doc: doc, Example: `log.` + name + `("nobody was free", { team = "sales" })`,
			Params: []Value{param("text", Any, "What to say.")}, Options: []Value{}, Free: true}
	}
	return Module{Name: "log", Doc: "Writes to the exchange's log, with the call's id and the line in the script.",
		Funcs: []Func{level("info", "Something happened."), level("warn", "Something is not as it should be."), level("error", "Something is wrong.")}}
}

func objectClasses() []Class {
	folder := choice("folder", "new", "Which.", "new", "saved", "deleted")
	folder.Optional = true
	greeting := choice("kind", "", "Which.", "unavailable", "busy", "temporary", "name")
	kind := choice("kind", "always", "When it applies.", "always", "busy", "noAnswer", "unregistered")
	kind.Optional = true
	required := kind
	required.Optional, required.Default = false, ""
	return []Class{
		{Name: "Line", Doc: "A line as it stood when line(number) was called.", Fields: []Value{
			{Name: "number", Type: Digits}, {Name: "name", Type: Text}, choice("kind", "", "", "person", "nonPerson"),
			{Name: "person", Type: Text, Doc: "The account it belongs to."}, {Name: "department", Type: Text},
			{Name: "permissions", Type: Texts, Doc: "What it may dial."}, {Name: "dnd", Type: Bool, Doc: "Do not disturb."},
			{Name: "forward", Type: Table, Doc: "Where calls go: .always, .busy, .noAnswer, .unregistered; nil where it is off."},
			{Name: "voicemail", Type: Bool, Doc: "It has a mailbox."}, {Name: "pickupGroup", Type: Text}, {Name: "email", Type: Text},
			{Name: "registered", Type: Bool, Doc: "Some phone is there."}, {Name: "busy", Type: Bool, Doc: "It has a call."},
		}, Methods: []Func{
			{Name: "setDnd", Fails: true, Doc: "Do not disturb, on or off.", Example: `line(call.from.line):setDnd(true)`, Params: []Value{param("on", Bool, "")}, Returns: one(Bool, "")},
			{Name: "setForward", Fails: true, Doc: "Forwards calls; nil switches it off and remembers where it went.", Example: `line("77513"):setForward("busy", "77514")`,
				Params: []Value{required, optional("number", Digits, "", "Where to.")}, Returns: one(Bool, "")},
			{Name: "lastForward", Fails: true, Doc: "Where calls were last forwarded to; nil if never.", Example: `line("77513"):lastForward()`,
				Params: []Value{kind}, Returns: []Value{{Type: Digits, Optional: true}}},
			{Name: "hasPermission", Doc: "Whether it may dial such numbers. The ladder internal, local, national, mobile, international, premium includes what is below.",
				Example: `line("77513"):hasPermission("national")`, Params: []Value{param("permission", Text, "")}, Returns: one(Bool, "")},
			{Name: "calls", Fails: true, Doc: "The line's call log, latest first.", Example: `local last = line(call.from.line):calls({ limit = 1 })[1]`,
				Options: []Value{choice("kind", "", "Only these.", "missed", "dialled", "received", "forwarded"), {Name: "limit", Type: Int, Default: "20", Min: 1, Max: 100}},
				Returns: one("LogEntry[]", "")},
		}},
		{Name: "LogEntry", Doc: "One entry of a call log.", Fields: []Value{
			{Name: "id", Type: Text}, choice("kind", "", "", "missed", "dialled", "received", "forwarded"), {Name: "number", Type: Digits}, {Name: "name", Type: Text},
			{Name: "time", Type: Time}, {Name: "length", Type: Number, Doc: "In seconds."}}},
		{Name: "Group", Doc: "A group as it stood when group(number) was called.", Fields: append([]Value{{Name: "number", Type: Digits}}, groupFields()...),
			Methods: []Func{
				{Name: "login", Fails: true, Doc: "A member takes calls again.", Example: `group("600"):login(call.from.line)`, Params: []Value{param("number", Digits, "")}, Returns: one(Bool, "")},
				{Name: "logout", Fails: true, Doc: "A member takes no calls for now.", Example: `group("600"):logout(call.from.line)`, Params: []Value{param("number", Digits, "")}, Returns: one(Bool, "")},
				{Name: "isLoggedIn", Doc: "Whether a member takes calls now.", Example: `group("600"):isLoggedIn("77513")`, Params: []Value{param("number", Digits, "")}, Returns: one(Bool, "")},
				{Name: "isMember", Doc: "Whether the number is a member, logged in or not.", Example: `group("600"):isMember("77513")`, Params: []Value{param("number", Digits, "")}, Returns: one(Bool, "")},
			}},
		{Name: "Mailbox", Doc: "Somebody's messages.", Fields: []Value{{Name: "number", Type: Digits}},
			Methods: []Func{
				{Name: "checkPin", Fails: true, Doc: "Three wrong ones lock the mailbox for 30 minutes.", Example: `if box:checkPin(r.digits) == "ok" then … end`,
					Params: []Value{{Name: "pin", Type: Digits, Secret: true}}, Returns: []Value{{Type: Text, OneOf: []string{"ok", "wrong", "locked", "notReady"}}}},
				{Name: "setPin", Fails: true, Doc: "Six digits, not trivial; it is active in ten minutes.", Example: `box:setPin("294857")`, Params: []Value{{Name: "pin", Type: Digits, Secret: true}}, Returns: one(Bool, "")},
				{Name: "mustChangePin", Fails: true, Doc: "Whether the PIN is a default one that the owner has to replace.", Example: `if box:mustChangePin() then … end`, Returns: one(Bool, "")},
				{Name: "messages", Fails: true, Doc: "Its messages, oldest first.", Example: `for _, m in ipairs(box:messages("new")) do … end`, Params: []Value{folder}, Returns: one("Message[]", "")},
				{Name: "purge", Fails: true, Doc: "Removes what was deleted from it for good.", Example: `box:purge()`, Returns: one(Bool, "")},
				{Name: "greeting", Fails: true, Doc: "A greeting, or nil.", Example: `box:greeting("busy")`, Params: []Value{greeting}, Returns: []Value{{Type: Sound, Optional: true}}},
				{Name: "setGreeting", Fails: true, Doc: "Keeps a recording as a greeting; nil erases it.", Example: `box:setGreeting("name", call:record { maxLength = "5s" })`,
					Params: []Value{greeting, optional("recording", Sound, "", "")}, Returns: one(Bool, "")},
			}},
		{Name: "Message", Doc: "A voicemail message.", Fields: []Value{
			{Name: "id", Type: Text}, {Name: "from", Type: Digits}, {Name: "name", Type: Text}, {Name: "time", Type: Time},
			{Name: "length", Type: Number, Doc: "In seconds."}, {Name: "sound", Type: Sound, Doc: "To play."},
			{Name: "urgent", Type: Bool}, {Name: "heard", Type: Bool}, choice("folder", "", "", "new", "saved", "deleted"),
			{Name: "interrupted", Type: Bool, Doc: "It was being recorded when the exchange stopped."},
			{Name: "forwardedBy", Type: Digits, Optional: true, Doc: "The mailbox that forwarded it."}},
			Methods: []Func{
				{Name: "markHeard", Fails: true, Doc: "It has been listened to: the lamp goes out with the last.", Example: `message:markHeard()`, Returns: one(Bool, "")},
				{Name: "save", Fails: true, Doc: "Keeps it.", Example: `message:save()`, Returns: one(Bool, "")},
				{Name: "delete", Fails: true, Doc: "Deletes it; undelete brings it back.", Example: `message:delete()`, Returns: one(Bool, "")},
				{Name: "undelete", Fails: true, Doc: "Brings it back.", Example: `message:undelete()`, Returns: one(Bool, "")},
				{Name: "forward", Fails: true, Doc: "Sends a copy to another mailbox.", Example: `message:forward("77514", { introduction = rec })`,
					Params: []Value{param("to", Digits, "")}, Options: []Value{opt("introduction", Sound, "", "Heard before it.")}, Returns: one(Bool, "")},
			}},
		{Name: "Room", Doc: "A conference as it stood when room(name) was called.", Fields: []Value{{Name: "name", Type: Text},
			{Name: "locked", Type: Bool, Doc: "Only moderators may come in."}, {Name: "members", Type: "RoomMember[]", Doc: "In the order they came."}},
			Methods: []Func{
				{Name: "play", Doc: "Lets everybody in it hear a prompt; does not wait for its end.", Example: `room("physics"):play("beep")`,
					Params: []Value{param("prompt", Prompt, "")}, Options: []Value{opt("language", Text, "", "The language of prompts given by name. Default: the site's.")}},
				{Name: "muteAll", Doc: "Mutes or unmutes everybody but moderators, those who come later too.", Example: `room("physics"):muteAll(true)`, Params: []Value{param("muted", Bool, "")}},
				{Name: "lock", Doc: "Keeps everybody but moderators from coming in.", Example: `room("physics"):lock(true)`, Params: []Value{param("locked", Bool, "")}},
				{Name: "kick", Doc: "Sends one away; whether they were there.", Example: `room("physics"):kick(member.call)`, Params: []Value{param("call", Text, "The id of their call.")}, Returns: one(Bool, "")},
				{Name: "kickLast", Doc: "Sends away who came last and is no moderator; whether there was one.", Example: `room("physics"):kickLast()`, Returns: one(Bool, "")},
				{Name: "close", Doc: "Sends everybody away.", Example: `room("physics"):close()`},
			}},
		{Name: "RoomMember", Doc: "Who is in a conference.", Fields: []Value{{Name: "call", Type: Text, Doc: "The id of their call."}, {Name: "number", Type: Digits}, {Name: "name", Type: Text},
			{Name: "moderator", Type: Bool}, {Name: "muted", Type: Bool}, {Name: "talking", Type: Bool}, {Name: "seconds", Type: Number, Doc: "How long they have been there."}}},
		{Name: "List", Doc: "Numbers, ranges and patterns: a whitelist or blocklist.", Fields: []Value{{Name: "name", Type: Text}},
			Methods: []Func{
				{Name: "includes", Fails: true, Doc: "Whether a number is in it.", Example: `if vips:includes(call.from.number) then … end`, Params: []Value{param("number", Text, "")}, Returns: one(Bool, "")},
				{Name: "add", Fails: true, Doc: `Adds a number, a range "77500-77599", a pattern, or "internal".`, Example: `vips:add(call.from.number)`, Params: []Value{param("entry", Text, "")}, Returns: one(Bool, "")},
				{Name: "remove", Fails: true, Doc: "Removes an entry.", Example: `vips:remove("77513")`, Params: []Value{param("entry", Text, "")}, Returns: one(Bool, "")},
				{Name: "entries", Fails: true, Doc: "What is in it.", Example: `local n = #vips:entries()`, Returns: one(Texts, "")},
			}},
		{Name: "Store", Doc: "Values by key: texts, numbers, booleans, and tables of them.", Fields: []Value{{Name: "name", Type: Text}},
			Methods: []Func{
				{Name: "get", Fails: true, Doc: "The value of a key; nil if there is none.", Example: `store("turns"):get("600")`, Params: []Value{param("key", Text, "")}, Returns: one(Any, "")},
				{Name: "set", Fails: true, Doc: "Sets a key; nil deletes it.", Example: `store("guests"):set(pin, true, { ttl = "24h" })`,
					Params: []Value{param("key", Text, ""), optional("value", Any, "", "")}, Options: []Value{{Name: "ttl", Type: Duration, Max: 10 * 366 * 86400, Doc: "How long it lasts. Default: for ever."}}, Returns: one(Bool, "")},
				{Name: "update", Fails: true, Doc: "Sets a key to fn(old value), whoever else writes at the same time; fn may run more than once.",
					Example: `local turn = store("turns"):update("600", function(n) return (n or 0) % 3 + 1 end)`,
					Params:  []Value{param("key", Text, ""), param("fn", Function, "")}, Returns: one(Any, "The new value.")},
			}},
		{Name: "Schedule", Doc: "Hours.", Methods: []Func{
			{Name: "isOpen", AtLoad: true, Doc: "Whether it is open, now or at a time.", Example: `if not hours:isOpen() then … end`,
				Params: []Value{optional("time", Time, "now()", "")}, Returns: one(Bool, "")}}},
		{Name: "Date", Doc: "A time taken apart.", Fields: []Value{
			{Name: "year", Type: Int}, {Name: "month", Type: Int}, {Name: "day", Type: Int}, {Name: "hour", Type: Int}, {Name: "minute", Type: Int}, {Name: "second", Type: Int},
			choice("weekday", "", "", "mon", "tue", "wed", "thu", "fri", "sat", "sun"), {Name: "yearday", Type: Int}}},
	}
}

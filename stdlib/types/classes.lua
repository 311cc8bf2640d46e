---@meta
-- Generated from scripts/api. Do not edit.

--- One caller, and what happens to them. A handler is given it; its verbs block until they are done, and hang-up ends the handler wherever it is.
---@class Call
---@field id string Unique; it stands in every log line and trace.
---@field from Party Who calls.
---@field dialled Digits What was dialled, normalised.
---@field matched string The part of it that x, z, n, sets and the final . matched.
---@field diversion? Diversion Who diverted the call here; nil if nobody did.
---@field state "ringing"|"answered"|"held"|"ended" How far the call has come.
local Call = {}

--- Lets the caller hear that it rings (180).
---
--- ```lua
--- call:ring()
--- ```
function Call:ring() end

--- Answers. Verbs that need an answered call do it by themselves.
---
--- ```lua
--- call:answer()
--- ```
function Call:answer() end

--- Turns the caller away and ends the handler.
---
--- ```lua
--- call:reject("busy")
--- ```
---@param reason? "busy"|"unavailable"|"declined"|"notFound"|"forbidden"|"congested" busy 486, unavailable 480, declined 603, notFound 404, forbidden 403, congested 503.
function Call:reject(reason) end

--- Ends the call and the handler.
---
--- ```lua
--- call:hangup()
--- ```
function Call:hangup() end

---@class Call.playPrompt.Options
---@field interrupt? Keys The keys that end it; true: any key. Default: false.
---@field volume? number In dB. Default: 0.
---@field language? string The language of prompts given by name. Default: the site's.
---@field times? integer How often. Default: 1.
---@field back? Keys The keys that go back by skip.
---@field forward? Keys The keys that go forward by skip.
---@field pause? Keys The keys that pause and go on.
---@field restart? Keys The keys that begin again.
---@field skip? Duration How far back and forward go. Default: "3s".

--- Plays to the caller and returns when it has been heard.
---
--- ```lua
--- call:playPrompt("vm-intro", { interrupt = "#" })
--- ```
---@param prompt Prompt A name, a recording, a tone, or a list of them in a row.
---@param options? Call.playPrompt.Options
---@return PlayResult
function Call:playPrompt(prompt, options) end

---@class Call.readDigits.Options
---@field prompt? Prompt What to ask. The first key ends it.
---@field min? integer The fewest digits that will do. Default: 1.
---@field max? integer This many end the reading. Default: 32.
---@field terminator? Keys The key that ends the number; false: none. Default: "#".
---@field timeout? Duration To the first digit. Default: "5s".
---@field between? Duration From one digit to the next. Default: "3s".
---@field tries? integer How often to ask. Default: 1.
---@field invalid? Prompt What is said before another try.
---@field secret? boolean A PIN is read: traces do not show the keys. Default: false.
---@field language? string The language of prompts given by name. Default: the site's.

--- Plays a prompt and reads what the caller dials.
---
--- ```lua
--- local r = call:readDigits { prompt = "enter-ext-of-person", max = 5 }
--- ```
---@param options? Call.readDigits.Options
---@return DigitsResult
function Call:readDigits(options) end

---@class Call.record.Options
---@field prompt? Prompt What to say first.
---@field maxLength? Duration The longest it may be. Default: "3m".
---@field silence? Duration This much of it ends the recording. Default: "5s".
---@field terminator? Keys The key that ends it; true: any, false: none. Default: "#".
---@field beep? boolean A tone before it begins. Default: true.
---@field language? string The language of prompts given by name. Default: the site's.

--- Records the caller.
---
--- ```lua
--- local name = call:record { prompt = "vm-rec-name", maxLength = "5s" }
--- ```
---@param options? Call.record.Options
---@return Recording
function Call:record(options) end

---@class Call.recordVoicemail.Options
---@field greeting? Prompt Instead of the mailbox's own.
---@field busy? boolean Prefer the greeting for when the line is busy. Default: false.
---@field maxLength? Duration The longest message. Default: "3m".
---@field silence? Duration This much of it ends the message. Default: "8s".
---@field urgent? boolean Mark it urgent. Default: false.
---@field language? string The language of prompts given by name. Default: the site's.

--- Plays the greeting, takes a message and lets the caller review it.
---
--- ```lua
--- call:recordVoicemail("77513")
--- ```
---@param mailbox Digits Whose mailbox.
---@param options? Call.recordVoicemail.Options
---@return VoicemailResult?
---@return Error? err
function Call:recordVoicemail(mailbox, options) end

---@class Call.bridge.Options
---@field strategy? "simultaneous"|"sequential" All at once, or one after another. Default: "simultaneous".
---@field timeout? Duration In all. One after another, the default is ringFor for each of them. Default: "25s".
---@field ringFor? Duration Each, one after another. Default: "15s".
---@field ringback? Prompt What the caller hears meanwhile. Default: "tone:ringing".
---@field callerName? string Shown instead of the caller's.
---@field callerNumber? Digits Presented instead of the caller's.
---@field announce? Prompt What the called person hears before being joined.
---@field answerTo? Keys The key the called person must press to take the call.
---@field limit? Duration The longest they may talk.
---@field diversion? Diverted On whose behalf the call comes: { number =, reason = }, the reason as in RFC 5806.
---@field language? string The language of prompts given by name. Default: the site's.

--- Calls somebody, joins the first who answers, and returns when either has hung up.
---
--- ```lua
--- local r = call:bridge({ "77513", "77514" }, { strategy = "sequential", ringFor = "12s" })
--- ```
---@param targets Targets "77513" a line's devices, "trunk:NAME/NUMBER", "sip:user@host", or a list.
---@param options? Call.bridge.Options
---@return BridgeResult
function Call:bridge(targets, options) end

---@class Call.hold.Options
---@field music? Music Which. Default: the site's.

--- Lets the other side of the bridge hear music.
---
--- ```lua
--- call:hold { music = "bells" }
--- ```
---@param options? Call.hold.Options
function Call:hold(options) end

--- Takes the call back from hold.
---
--- ```lua
--- call:unhold()
--- ```
function Call:unhold() end

--- Sends this call to a number, as the line that asks for it.
---
--- ```lua
--- call:transfer("77513")
--- ```
---@param number Digits Where to.
function Call:transfer(number) end

--- Routes this call afresh in the dialplan, as if that number had been dialled.
---
--- ```lua
--- call:redirect("600")
--- ```
---@param number Digits Which extension.
function Call:redirect(number) end

--- Takes a call that rings at the phones of a line: this call goes on in that one, and the handler ends. It returns only where nothing rings. To whoever rang it was answered elsewhere, not missed.
---
--- ```lua
--- call:pickup("77513")
--- ```
---@param number Digits The line.
---@return PickupResult
function Call:pickup(number) end

--- Takes the call that has rung longest at a line of a pickup group, as pickup does.
---
--- ```lua
--- call:pickupGroup("lodge")
--- ```
---@param group string The pickup group's name: line.pickupGroup.
---@return PickupResult
function Call:pickupGroup(group) end

---@class Call.conference.Options
---@field pin? Digits Asked for before joining.
---@field moderator? boolean May mute and remove others. Default: false.
---@field muted? boolean Joins without being heard. Default: false.
---@field announce? any Heard by the room when this caller comes and goes: a prompt, true for a tone, false for nothing. Default: true.
---@field waitForModerator? boolean Music until a moderator is there. Default: false.
---@field endWithMe? boolean The room ends when this caller leaves. Default: false.
---@field maxMembers? integer How many may be in it. Default: 1000.
---@field language? string The language of prompts given by name. Default: the site's.

--- Joins a room, and returns when the caller leaves it.
---
--- ```lua
--- call:conference("physics", { announce = true })
--- ```
---@param room string Its name. The first to join makes it.
---@param options? Call.conference.Options
---@return ConferenceResult
function Call:conference(room, options) end

---@class Call.startRecording.Options
---@field format? "opus"|"wav" Of the file. Default: opus where the system has libopus, else wav.
---@field name? string Of the file, before its number and ending. Default: the call's id.

--- Records the conversation from now on, through transfers, to its end: the caller on the left channel, what the caller hears on the right. Tell people that they are recorded: the law asks for it nearly everywhere.
---
--- ```lua
--- local file, err = call:startRecording { format = "wav" }
--- ```
---@param options? Call.startRecording.Options
---@return string? The file, in the folder recordings of the data, in a folder for the day.
---@return Error? err
function Call:startRecording(options) end

--- Ends the recording, if there is one. Returns when the file is complete.
---
--- ```lua
--- call:stopRecording()
--- ```
---@return boolean?
---@return Error? err
function Call:stopRecording() end

--- Waits.
---
--- ```lua
--- call:sleep("2s")
--- ```
---@param time Duration How long.
function Call:sleep(time) end

--- Sends keys to the caller's side (RFC 4733).
---
--- ```lua
--- call:sendDigits("12#")
--- ```
---@param digits string 0-9, *, #, A-D.
function Call:sendDigits(digits) end

--- Music until stopMusic or the next thing to be heard.
---
--- ```lua
--- call:startMusic()
--- ```
---@param music? Music Which. Default: the site's.
function Call:startMusic(music) end

--- Ends the music.
---
--- ```lua
--- call:stopMusic()
--- ```
function Call:stopMusic() end

--- A tone until the next thing to be heard.
---
--- ```lua
--- call:tone("busy")
--- ```
---@param name "dial"|"ringing"|"busy"|"congestion"|"unobtainable"|"beep" UK cadences.
function Call:tone(name) end

--- Lets the caller hear themselves.
---
--- ```lua
--- call:echo("30s")
--- ```
---@param time? Duration How long.
function Call:echo(time) end

--- Runs fn when something happens, between the steps of the handler: while a verb waits. A function replaces the one before; nil takes it away.
---
--- ```lua
--- call:on("digit", function(event) log.info("pressed " .. event.digit) end)
--- ```
---@param event "digit"|"answered"|"held"|"unheld" What to watch.
---@param fn? function It is given an Event.
function Call:on(event, fn) end

--- Mutes or unmutes the caller in the conference they are in.
---
--- ```lua
--- call:setMuted(not call:isMuted())
--- ```
---@param muted boolean
function Call:setMuted(muted) end

--- Whether the caller is muted in their conference.
---
--- ```lua
--- call:isMuted()
--- ```
---@return boolean
function Call:isMuted() end

--- Lets the caller leave their conference: conference returns.
---
--- ```lua
--- call:leave()
--- ```
function Call:leave() end

--- Runs fn when the call is over: no media, five seconds.
---
--- ```lua
--- call:onHangup(function() store("queue"):set(call.id, nil) end)
--- ```
---@param fn function What to do.
function Call:onHangup(fn) end

--- Who calls.
---@class Party
---@field number Digits As dialled inside for a line, as presented for anybody else; "" when withheld.
---@field name string "" when unknown.
---@field line? Digits The authenticated line; nil for callers from outside.
---@field trunk? string The trunk they came by.
---@field verified boolean The number is known to be theirs.

--- Who sent a call here.
---@class Diversion
---@field number Digits Whose number was dialled.
---@field reason string As in RFC 5806: user-busy, no-answer …

--- What playPrompt returns.
---@class PlayResult
---@field outcome "played"|"interrupted" What became of it.
---@field digit? string The key that interrupted it.

--- What readDigits returns.
---@class DigitsResult
---@field outcome "digits"|"timeout"|"invalid" What became of it.
---@field digits Digits What was dialled; "" for nothing.

--- What record returns. It can stand wherever a prompt can.
---@class Recording
---@field outcome "recorded"|"silence"|"maxLength" What became of it.
---@field length number In seconds.

--- What recordVoicemail returns.
---@class VoicemailResult
---@field outcome "saved"|"tooShort"|"full"|"failed" What became of it.
---@field message? string The message's id.

--- What bridge returns.
---@class BridgeResult
---@field outcome "answered"|"busy"|"noAnswer"|"rejected"|"unreachable"|"cancelled"|"congested" What became of it.
---@field by? string The target that answered.
---@field seconds number How long they talked.

--- What pickup and pickupGroup return where nothing rings.
---@class PickupResult
---@field outcome "noAnswer" What became of it.

--- What conference returns.
---@class ConferenceResult
---@field outcome "left"|"kicked"|"ended"|"full"|"wrongPin" What became of it.

--- What a function registered with call:on is told.
---@class Event
---@field name "digit"|"answered"|"held"|"unheld"
---@field digit? string The key of a digit event.

--- What the world denied: the second result after nil. tostring(err) is a sentence.
---@class Error
---@field code "notFound"|"exists"|"invalid"|"full"|"locked"|"tooShort"|"conflict"|"failed" Stable, for scripts to compare.
---@field message string The sentence.

--- A line as it stood when line(number) was called.
---@class Line
---@field number Digits
---@field name string
---@field kind "person"|"nonPerson"
---@field person string The account it belongs to.
---@field department string
---@field permissions Texts What it may dial.
---@field dnd boolean Do not disturb.
---@field forward table Where calls go: .always, .busy, .noAnswer, .unregistered; nil where it is off.
---@field voicemail boolean It has a mailbox.
---@field pickupGroup string
---@field email string
---@field registered boolean Some phone is there.
---@field busy boolean It has a call.
local Line = {}

--- Do not disturb, on or off.
---
--- ```lua
--- line(call.from.line):setDnd(true)
--- ```
---@param on boolean
---@return boolean?
---@return Error? err
function Line:setDnd(on) end

--- Forwards calls; nil switches it off and remembers where it went.
---
--- ```lua
--- line("77513"):setForward("busy", "77514")
--- ```
---@param kind "always"|"busy"|"noAnswer"|"unregistered" When it applies.
---@param number? Digits Where to.
---@return boolean?
---@return Error? err
function Line:setForward(kind, number) end

--- Where calls were last forwarded to; nil if never.
---
--- ```lua
--- line("77513"):lastForward()
--- ```
---@param kind? "always"|"busy"|"noAnswer"|"unregistered" When it applies.
---@return Digits?
---@return Error? err
function Line:lastForward(kind) end

--- Whether it may dial such numbers. The ladder internal, local, national, mobile, international, premium includes what is below.
---
--- ```lua
--- line("77513"):hasPermission("national")
--- ```
---@param permission string
---@return boolean
function Line:hasPermission(permission) end

---@class Line.calls.Options
---@field kind? "missed"|"dialled"|"received"|"forwarded" Only these.
---@field limit? integer Default: 20.

--- The line's call log, latest first.
---
--- ```lua
--- local last = line(call.from.line):calls({ limit = 1 })[1]
--- ```
---@param options? Line.calls.Options
---@return LogEntry[]?
---@return Error? err
function Line:calls(options) end

--- One entry of a call log.
---@class LogEntry
---@field id string
---@field kind "missed"|"dialled"|"received"|"forwarded"
---@field number Digits
---@field name string
---@field time Time
---@field length number In seconds.

--- A group as it stood when group(number) was called.
---@class Group
---@field number Digits
---@field kind "hunt"|"pickup"|"assistant" What it is for.
---@field name? string For people.
---@field strategy "sequential"|"simultaneous"|"circular"|"longestIdle"|"random"|"weighted" In which order members ring.
---@field members Members As declared. Who of them takes calls now: isLoggedIn.
---@field ringFor number Each member. In seconds.
---@field timeout? number In all. In seconds.
---@field overflow? Digits Where a call goes that nobody takes.
---@field overflowNobody? Digits … because no member could be rung.
---@field overflowLoggedOut? Digits … because all members are logged out.
---@field overflowBusy? Digits … because all members are busy.
---@field overflowNoAnswer? Digits … because nobody answered.
---@field mailbox? Digits Where a message goes that nobody takes.
---@field manager? Digits Of an assistant group: whose calls the members take.
---@field fallback? string Of an assistant group: who takes calls while no member is there.
---@field music? Texts What callers hear while members ring.
---@field announce? Texts What a member hears before being joined.
local Group = {}

--- A member takes calls again.
---
--- ```lua
--- group("600"):login(call.from.line)
--- ```
---@param number Digits
---@return boolean?
---@return Error? err
function Group:login(number) end

--- A member takes no calls for now.
---
--- ```lua
--- group("600"):logout(call.from.line)
--- ```
---@param number Digits
---@return boolean?
---@return Error? err
function Group:logout(number) end

--- Whether a member takes calls now.
---
--- ```lua
--- group("600"):isLoggedIn("77513")
--- ```
---@param number Digits
---@return boolean
function Group:isLoggedIn(number) end

--- Whether the number is a member, logged in or not.
---
--- ```lua
--- group("600"):isMember("77513")
--- ```
---@param number Digits
---@return boolean
function Group:isMember(number) end

--- Somebody's messages.
---@class Mailbox
---@field number Digits
local Mailbox = {}

--- Three wrong ones lock the mailbox for 30 minutes.
---
--- ```lua
--- if box:checkPin(r.digits) == "ok" then … end
--- ```
---@param pin Digits
---@return "ok"|"wrong"|"locked"|"notReady"?
---@return Error? err
function Mailbox:checkPin(pin) end

--- Six digits, not trivial; it is active in ten minutes.
---
--- ```lua
--- box:setPin("294857")
--- ```
---@param pin Digits
---@return boolean?
---@return Error? err
function Mailbox:setPin(pin) end

--- Whether the PIN is a default one that the owner has to replace.
---
--- ```lua
--- if box:mustChangePin() then … end
--- ```
---@return boolean?
---@return Error? err
function Mailbox:mustChangePin() end

--- Its messages, oldest first.
---
--- ```lua
--- for _, m in ipairs(box:messages("new")) do … end
--- ```
---@param folder? "new"|"saved"|"deleted" Which.
---@return Message[]?
---@return Error? err
function Mailbox:messages(folder) end

--- Removes what was deleted from it for good.
---
--- ```lua
--- box:purge()
--- ```
---@return boolean?
---@return Error? err
function Mailbox:purge() end

--- A greeting, or nil.
---
--- ```lua
--- box:greeting("busy")
--- ```
---@param kind "unavailable"|"busy"|"temporary"|"name" Which.
---@return Recording?
---@return Error? err
function Mailbox:greeting(kind) end

--- Keeps a recording as a greeting; nil erases it.
---
--- ```lua
--- box:setGreeting("name", call:record { maxLength = "5s" })
--- ```
---@param kind "unavailable"|"busy"|"temporary"|"name" Which.
---@param recording? Recording
---@return boolean?
---@return Error? err
function Mailbox:setGreeting(kind, recording) end

--- A voicemail message.
---@class Message
---@field id string
---@field from Digits
---@field name string
---@field time Time
---@field length number In seconds.
---@field sound Recording To play.
---@field urgent boolean
---@field heard boolean
---@field folder "new"|"saved"|"deleted"
---@field interrupted boolean It was being recorded when the exchange stopped.
---@field forwardedBy? Digits The mailbox that forwarded it.
local Message = {}

--- It has been listened to: the lamp goes out with the last.
---
--- ```lua
--- message:markHeard()
--- ```
---@return boolean?
---@return Error? err
function Message:markHeard() end

--- Keeps it.
---
--- ```lua
--- message:save()
--- ```
---@return boolean?
---@return Error? err
function Message:save() end

--- Deletes it; undelete brings it back.
---
--- ```lua
--- message:delete()
--- ```
---@return boolean?
---@return Error? err
function Message:delete() end

--- Brings it back.
---
--- ```lua
--- message:undelete()
--- ```
---@return boolean?
---@return Error? err
function Message:undelete() end

---@class Message.forward.Options
---@field introduction? Recording Heard before it.

--- Sends a copy to another mailbox.
---
--- ```lua
--- message:forward("77514", { introduction = rec })
--- ```
---@param to Digits
---@param options? Message.forward.Options
---@return boolean?
---@return Error? err
function Message:forward(to, options) end

--- A conference as it stood when room(name) was called.
---@class Room
---@field name string
---@field locked boolean Only moderators may come in.
---@field members RoomMember[] In the order they came.
local Room = {}

---@class Room.play.Options
---@field language? string The language of prompts given by name. Default: the site's.

--- Lets everybody in it hear a prompt; does not wait for its end.
---
--- ```lua
--- room("physics"):play("beep")
--- ```
---@param prompt Prompt
---@param options? Room.play.Options
function Room:play(prompt, options) end

--- Mutes or unmutes everybody but moderators, those who come later too.
---
--- ```lua
--- room("physics"):muteAll(true)
--- ```
---@param muted boolean
function Room:muteAll(muted) end

--- Keeps everybody but moderators from coming in.
---
--- ```lua
--- room("physics"):lock(true)
--- ```
---@param locked boolean
function Room:lock(locked) end

--- Sends one away; whether they were there.
---
--- ```lua
--- room("physics"):kick(member.call)
--- ```
---@param call string The id of their call.
---@return boolean
function Room:kick(call) end

--- Sends away who came last and is no moderator; whether there was one.
---
--- ```lua
--- room("physics"):kickLast()
--- ```
---@return boolean
function Room:kickLast() end

--- Sends everybody away.
---
--- ```lua
--- room("physics"):close()
--- ```
function Room:close() end

--- Who is in a conference.
---@class RoomMember
---@field call string The id of their call.
---@field number Digits
---@field name string
---@field moderator boolean
---@field muted boolean
---@field talking boolean
---@field seconds number How long they have been there.

--- Numbers, ranges and patterns: a whitelist or blocklist.
---@class List
---@field name string
local List = {}

--- Whether a number is in it.
---
--- ```lua
--- if vips:includes(call.from.number) then … end
--- ```
---@param number string
---@return boolean?
---@return Error? err
function List:includes(number) end

--- Adds a number, a range "77500-77599", a pattern, or "internal".
---
--- ```lua
--- vips:add(call.from.number)
--- ```
---@param entry string
---@return boolean?
---@return Error? err
function List:add(entry) end

--- Removes an entry.
---
--- ```lua
--- vips:remove("77513")
--- ```
---@param entry string
---@return boolean?
---@return Error? err
function List:remove(entry) end

--- What is in it.
---
--- ```lua
--- local n = #vips:entries()
--- ```
---@return Texts?
---@return Error? err
function List:entries() end

--- Values by key: texts, numbers, booleans, and tables of them.
---@class Store
---@field name string
local Store = {}

--- The value of a key; nil if there is none.
---
--- ```lua
--- store("turns"):get("600")
--- ```
---@param key string
---@return any?
---@return Error? err
function Store:get(key) end

---@class Store.set.Options
---@field ttl? Duration How long it lasts. Default: for ever.

--- Sets a key; nil deletes it.
---
--- ```lua
--- store("guests"):set(pin, true, { ttl = "24h" })
--- ```
---@param key string
---@param value? any
---@param options? Store.set.Options
---@return boolean?
---@return Error? err
function Store:set(key, value, options) end

--- Sets a key to fn(old value), whoever else writes at the same time; fn may run more than once.
---
--- ```lua
--- local turn = store("turns"):update("600", function(n) return (n or 0) % 3 + 1 end)
--- ```
---@param key string
---@param fn function
---@return any? The new value.
---@return Error? err
function Store:update(key, fn) end

--- Hours.
---@class Schedule
local Schedule = {}

--- Whether it is open, now or at a time.
---
--- ```lua
--- if not hours:isOpen() then … end
--- ```
---@param time? Time
---@return boolean
function Schedule:isOpen(time) end

--- A time taken apart.
---@class Date
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field minute integer
---@field second integer
---@field weekday "mon"|"tue"|"wed"|"thu"|"fri"|"sat"|"sun"
---@field yearday integer

--- A test: its phones, callers and clock. Phones exist, and ring unanswered unless told otherwise; time passes only while a verb waits for something.
---@class Test
local Test = {}

--- The phone of a line.
---
--- ```lua
--- t:phone("201"):answersAfter("5s")
--- ```
---@param number Digits The line's.
---@return Phone
function Test:phone(number) end

--- A phone out in the world, which a trunk leads to.
---
--- ```lua
--- t:outside("07700900123"):answersAfter("3s")
--- ```
---@param number Digits As it is sent to the trunk.
---@return Phone
function Test:outside(number) end

---@class Test.call.Options
---@field from string A line's number; a number outside, with a name or without; "anonymous".
---@field to Digits What they dial.
---@field trunk? string By which trunk a caller from outside comes. Default: the first one.
---@field diversion? Diverted Who diverted the call here before it came to this exchange: { number =, reason = }.

--- Somebody calls.
---
--- ```lua
--- local caller = t:call { from = "Joe <+447700900123>", to = "600" }
--- ```
---@param options? Test.call.Options
---@return Caller
function Test:call(options) end

---@class Test.at.Options
---@field zone? string The time zone. Default: the machine's.

--- Sets the clock: "sat 14:00" is the next such time, "14:00" the next one, "2026-12-25 09:00" that very one.
---
--- ```lua
--- t:at("sat 14:00")
--- ```
---@param time string When.
---@param options? Test.at.Options
---@return Test
function Test:at(time, options) end

--- Lets time pass.
---
--- ```lua
--- t:wait("30m")
--- ```
---@param time Duration How much.
---@return Test
function Test:wait(time) end

---@class Test.elapsed.Options
---@field within? Duration How far off it may be. Default: 0.

--- The test has taken exactly so long, since it began or the clock was set.
---
--- ```lua
--- t:elapsed("36s")
--- ```
---@param time Duration How long.
---@param options? Test.elapsed.Options
---@return Test
function Test:elapsed(time, options) end

---@class Test.line.Options
---@field name? string Whose.
---@field permissions? Texts What it may dial. Default: "internal".
---@field voicemail? boolean It has a mailbox. Default: true.
---@field pickupGroup? string Whose calls it may pick up.
---@field department? string Where.

--- A line's settings. With options it is made, if there is none of the number.
---
--- ```lua
--- t:line("77513"):setForward("busy", "77514")
--- ```
---@param number Digits The line's.
---@param options? Test.line.Options
---@return TestLine
function Test:line(number, options) end

--- A mailbox.
---
--- ```lua
--- t:mailbox("201"):has { from = "+447700900123", length = "7s" }
--- ```
---@param number Digits Whose.
---@return TestMailbox
function Test:mailbox(number) end

--- The message lamp of a line's phone.
---
--- ```lua
--- t:lamp("201"):isOn()
--- ```
---@param number Digits The line's.
---@return Lamp
function Test:lamp(number) end

--- A list of numbers.
---
--- ```lua
--- t:list("whitelist-77600"):add("+447700900123")
--- ```
---@param name string Its name.
---@return TestList
function Test:list(name) end

--- A group's members.
---
--- ```lua
--- t:group("15000"):logout("77610")
--- ```
---@param number Digits Its number.
---@return TestGroup
function Test:group(number) end

--- A conference room.
---
--- ```lua
--- t:room("faculty"):has("77513")
--- ```
---@param name string As given to call:conference.
---@return TestRoom
function Test:room(name) end

--- A line's call log.
---
--- ```lua
--- t:log("201"):has { kind = "missed", number = "202" }
--- ```
---@param number Digits Whose.
---@return TestLog
function Test:log(number) end

--- A way to the public network.
---
--- ```lua
--- t:trunk("pstn"):isDown()
--- ```
---@param name string As in the settings.
---@return TestTrunk
function Test:trunk(name) end

--- The dialplan raises an error with this in its message. Without that, an error of a handler fails the test.
---
--- ```lua
--- t:scriptFails("no such room")
--- ```
---@param text string A part of the message.
---@return Test
function Test:scriptFails(text) end

--- A telephone, and who sits by it. What it does with a call may be said before the call comes, and then holds for every call.
---@class Phone
local Phone = {}

--- Answers calls that have rung so long.
---
--- ```lua
--- t:phone("201"):answersAfter("5s")
--- ```
---@param time Duration How long.
---@return Phone
function Phone:answersAfter(time) end

--- Answers the call that rings, and waits until one does.
---
--- ```lua
--- t:phone("201"):answers()
--- ```
---@return Phone
function Phone:answers() end

--- Is busy: calls get 486.
---
--- ```lua
--- t:phone("201"):isBusy()
--- ```
---@return Phone
function Phone:isBusy() end

--- Turns calls away.
---
--- ```lua
--- t:phone("201"):rejects()
--- ```
---@param status? integer The SIP status.
---@return Phone
function Phone:rejects(status) end

--- Is not registered.
---
--- ```lua
--- t:phone("201"):isOffline()
--- ```
---@return Phone
function Phone:isOffline() end

--- Is registered again.
---
--- ```lua
--- t:phone("201"):isOnline()
--- ```
---@return Phone
function Phone:isOnline() end

--- Rings and is not answered, as at the beginning.
---
--- ```lua
--- t:phone("201"):rings()
--- ```
---@return Phone
function Phone:rings() end

--- Sends calls elsewhere (302).
---
--- ```lua
--- t:phone("201"):redirects("202")
--- ```
---@param number Digits Where to.
---@return Phone
function Phone:redirects(number) end

--- Calls somebody.
---
--- ```lua
--- local ana = t:phone("201"):calls("600")
--- ```
---@param number Digits What is dialled.
---@return Caller
function Phone:calls(number) end

--- Rings.
---
--- ```lua
--- t:phone("201"):isRinging()
--- ```
---@return Phone
function Phone:isRinging() end

--- Does not ring now.
---
--- ```lua
--- t:phone("201"):isNotRinging()
--- ```
---@return Phone
function Phone:isNotRinging() end

---@class Phone.shows.Options
---@field number? string The number.
---@field name? string The name.
---@field diversion? string The number that diverted the call here.

--- Shows who calls.
---
--- ```lua
--- t:phone("201"):shows { number = "+447700900123", name = "Joe" }
--- ```
---@param options? Phone.shows.Options
---@return Phone
function Phone:shows(options) end

--- Hears a prompt, or several in a row, from where the last match ended; what else is heard before is skipped. It is so as soon as the last begins.
---
--- ```lua
--- t:phone("201"):hears("vm-goodbye")
--- ```
---@param prompt Prompt A name or a list of them.
---@return Phone
function Phone:hears(prompt) end

---@class Phone.doesNotHear.Options
---@field during? Duration For how much longer; 0: up to now. Default: 0.

--- Has not heard a prompt since the last match, nor does so for a while.
---
--- ```lua
--- t:phone("201"):doesNotHear("vm-intro", { during = "10s" })
--- ```
---@param prompt Prompt A name.
---@param options? Phone.doesNotHear.Options
---@return Phone
function Phone:doesNotHear(prompt, options) end

--- Hears music.
---
--- ```lua
--- t:phone("201"):hearsMusic()
--- ```
---@param name? string Which. Default: any.
---@return Phone
function Phone:hearsMusic(name) end

--- Hears something that was recorded: a message, a greeting, a name.
---
--- ```lua
--- t:phone("201"):hearsRecording()
--- ```
---@return Phone
function Phone:hearsRecording() end

--- Hears silence: whatever was playing is over.
---
--- ```lua
--- t:phone("201"):hearsNothing()
--- ```
---@return Phone
function Phone:hearsNothing() end

--- Presses keys, one after another.
---
--- ```lua
--- t:phone("201"):presses("1")
--- ```
---@param keys Digits Digits, * and #.
---@return Phone
function Phone:presses(keys) end

--- Waits until nothing is played any more, speaks, and is silent again.
---
--- ```lua
--- t:phone("201"):speaksFor("7s")
--- ```
---@param time Duration How long.
---@return Phone
function Phone:speaksFor(time) end

--- Hangs up.
---
--- ```lua
--- t:phone("201"):hangsUp()
--- ```
---@return Phone
function Phone:hangsUp() end

--- Puts the call on hold.
---
--- ```lua
--- t:phone("201"):holds()
--- ```
---@return Phone
function Phone:holds() end

--- Takes the call back.
---
--- ```lua
--- t:phone("201"):unholds()
--- ```
---@return Phone
function Phone:unholds() end

---@class Phone.transfersTo.Options
---@field consult? boolean Call there first, and transfer when that is answered. Default: false.

--- Transfers who they talk to.
---
--- ```lua
--- t:phone("201"):transfersTo("202")
--- ```
---@param number Digits Where to.
---@param options? Phone.transfersTo.Options
---@return Phone
function Phone:transfersTo(number, options) end

--- Talks to somebody.
---
--- ```lua
--- t:phone("201"):isTalkingTo("202")
--- ```
---@param number Digits Their number.
---@return Phone
function Phone:isTalkingTo(number) end

--- Has been put on hold by the other side.
---
--- ```lua
--- t:phone("201"):isOnHold()
--- ```
---@return Phone
function Phone:isOnHold() end

--- The call is over.
---
--- ```lua
--- t:phone("201"):hasEnded()
--- ```
---@param status? integer With this SIP status. Default: any.
---@return Phone
function Phone:hasEnded(status) end

--- Somebody who calls.
---@class Caller
local Caller = {}

--- Hears that it rings: from their own phone or from the exchange.
---
--- ```lua
--- caller:hearsRinging()
--- ```
---@return Caller
function Caller:hearsRinging() end

--- The call has been answered.
---
--- ```lua
--- caller:isAnswered()
--- ```
---@return Caller
function Caller:isAnswered() end

--- Is turned away.
---
--- ```lua
--- caller:isRejected("busy")
--- ```
---@param reason? "busy"|"unavailable"|"declined"|"notFound"|"forbidden"|"congested" As given to call:reject. Default: any.
---@return Caller
function Caller:isRejected(reason) end

--- Hears a prompt, or several in a row, from where the last match ended; what else is heard before is skipped. It is so as soon as the last begins.
---
--- ```lua
--- caller:hears("vm-goodbye")
--- ```
---@param prompt Prompt A name or a list of them.
---@return Caller
function Caller:hears(prompt) end

---@class Caller.doesNotHear.Options
---@field during? Duration For how much longer; 0: up to now. Default: 0.

--- Has not heard a prompt since the last match, nor does so for a while.
---
--- ```lua
--- caller:doesNotHear("vm-intro", { during = "10s" })
--- ```
---@param prompt Prompt A name.
---@param options? Caller.doesNotHear.Options
---@return Caller
function Caller:doesNotHear(prompt, options) end

--- Hears music.
---
--- ```lua
--- caller:hearsMusic()
--- ```
---@param name? string Which. Default: any.
---@return Caller
function Caller:hearsMusic(name) end

--- Hears something that was recorded: a message, a greeting, a name.
---
--- ```lua
--- caller:hearsRecording()
--- ```
---@return Caller
function Caller:hearsRecording() end

--- Hears silence: whatever was playing is over.
---
--- ```lua
--- caller:hearsNothing()
--- ```
---@return Caller
function Caller:hearsNothing() end

--- Presses keys, one after another.
---
--- ```lua
--- caller:presses("1")
--- ```
---@param keys Digits Digits, * and #.
---@return Caller
function Caller:presses(keys) end

--- Waits until nothing is played any more, speaks, and is silent again.
---
--- ```lua
--- caller:speaksFor("7s")
--- ```
---@param time Duration How long.
---@return Caller
function Caller:speaksFor(time) end

--- Hangs up.
---
--- ```lua
--- caller:hangsUp()
--- ```
---@return Caller
function Caller:hangsUp() end

--- Puts the call on hold.
---
--- ```lua
--- caller:holds()
--- ```
---@return Caller
function Caller:holds() end

--- Takes the call back.
---
--- ```lua
--- caller:unholds()
--- ```
---@return Caller
function Caller:unholds() end

---@class Caller.transfersTo.Options
---@field consult? boolean Call there first, and transfer when that is answered. Default: false.

--- Transfers who they talk to.
---
--- ```lua
--- caller:transfersTo("202")
--- ```
---@param number Digits Where to.
---@param options? Caller.transfersTo.Options
---@return Caller
function Caller:transfersTo(number, options) end

--- Talks to somebody.
---
--- ```lua
--- caller:isTalkingTo("202")
--- ```
---@param number Digits Their number.
---@return Caller
function Caller:isTalkingTo(number) end

--- Has been put on hold by the other side.
---
--- ```lua
--- caller:isOnHold()
--- ```
---@return Caller
function Caller:isOnHold() end

--- The call is over.
---
--- ```lua
--- caller:hasEnded()
--- ```
---@param status? integer With this SIP status. Default: any.
---@return Caller
function Caller:hasEnded(status) end

--- A mailbox, as a test sees it.
---@class TestMailbox
local TestMailbox = {}

---@class TestMailbox.has.Options
---@field from? string Whose number.
---@field name? string Whose name.
---@field length? Duration How long it is, to the second.
---@field urgent? boolean Whether it is urgent.
---@field heard? boolean Whether it has been heard.
---@field folder? "new"|"saved"|"deleted" Where it is. Default: anywhere but among the deleted.

--- Has a message like this; each message is found once.
---
--- ```lua
--- t:mailbox("201"):has { from = "202", length = "7s" }
--- ```
---@param options? TestMailbox.has.Options
---@return TestMailbox
function TestMailbox:has(options) end

--- Has no message, deleted ones aside.
---
--- ```lua
--- t:mailbox("201"):isEmpty()
--- ```
---@return TestMailbox
function TestMailbox:isEmpty() end

--- Has so many messages, deleted ones aside.
---
--- ```lua
--- t:mailbox("201"):count(2)
--- ```
---@param messages integer How many.
---@return TestMailbox
function TestMailbox:count(messages) end

---@class TestMailbox.add.Options
---@field from? string Whose number.
---@field name? string Whose name.
---@field length? Duration How long it is. Default: "5s".
---@field urgent? boolean It is urgent. Default: false.

--- Puts a message in.
---
--- ```lua
--- t:mailbox("201"):add { from = "202", length = "7s" }
--- ```
---@param options? TestMailbox.add.Options
---@return TestMailbox
function TestMailbox:add(options) end

--- Gives it this PIN, in force at once.
---
--- ```lua
--- t:mailbox("201"):setPin("274951")
--- ```
---@param pin Digits Six digits.
---@return TestMailbox
function TestMailbox:setPin(pin) end

--- Too many wrong PINs have locked it.
---
--- ```lua
--- t:mailbox("201"):isLocked()
--- ```
---@return TestMailbox
function TestMailbox:isLocked() end

--- Has a greeting of its own.
---
--- ```lua
--- t:mailbox("201"):hasGreeting("busy")
--- ```
---@param kind "unavailable"|"busy"|"temporary"|"name" Which.
---@return TestMailbox
function TestMailbox:hasGreeting(kind) end

---@class TestMailbox.setGreeting.Options
---@field length? Duration How long it is. Default: "2s".

--- Gives it a greeting.
---
--- ```lua
--- t:mailbox("201"):setGreeting("name")
--- ```
---@param kind "unavailable"|"busy"|"temporary"|"name" Which.
---@param options? TestMailbox.setGreeting.Options
---@return TestMailbox
function TestMailbox:setGreeting(kind, options) end

--- The message lamp of a phone: what the exchange told it last.
---@class Lamp
local Lamp = {}

--- Is lit: there are new messages.
---
--- ```lua
--- t:lamp("201"):isOn()
--- ```
---@return Lamp
function Lamp:isOn() end

--- Is dark.
---
--- ```lua
--- t:lamp("201"):isOff()
--- ```
---@return Lamp
function Lamp:isOff() end

---@class Lamp.shows.Options
---@field new? integer New ones.
---@field old? integer Those that have been heard.
---@field urgent? integer Urgent ones among the new.

--- Shows how many messages there are.
---
--- ```lua
--- t:lamp("201"):shows { new = 1, old = 0 }
--- ```
---@param options? Lamp.shows.Options
---@return Lamp
function Lamp:shows(options) end

--- A line's settings, as a test sets and sees them.
---@class TestLine
local TestLine = {}

--- Do not disturb, on or off.
---
--- ```lua
--- t:line("201"):setDnd(true)
--- ```
---@param on boolean
---@return TestLine
function TestLine:setDnd(on) end

--- Forwards calls; without a number no more.
---
--- ```lua
--- t:line("201"):setForward("busy", "202")
--- ```
---@param kind "always"|"busy"|"noAnswer"|"unregistered" When it applies.
---@param number? Digits Where to.
---@return TestLine
function TestLine:setForward(kind, number) end

--- What it may dial.
---
--- ```lua
--- t:line("201"):setPermissions("national")
--- ```
---@param permissions Texts
---@return TestLine
function TestLine:setPermissions(permissions) end

---@class TestLine.has.Options
---@field dnd? boolean Do not disturb.
---@field always? any Where calls are forwarded to; false: they are not.
---@field busy? any Where calls are forwarded to; false: they are not.
---@field noAnswer? any Where calls are forwarded to; false: they are not.
---@field unregistered? any Where calls are forwarded to; false: they are not.

--- Is set like this.
---
--- ```lua
--- t:line("201"):has { dnd = true, busy = "202", always = false }
--- ```
---@param options? TestLine.has.Options
---@return TestLine
function TestLine:has(options) end

--- A list of numbers, as a test sets and sees it.
---@class TestList
local TestList = {}

--- Adds a number, a range or a pattern.
---
--- ```lua
--- t:list("vips"):add("+447700900123")
--- ```
---@param number string
---@return TestList
function TestList:add(number) end

--- Removes an entry.
---
--- ```lua
--- t:list("vips"):remove("+447700900123")
--- ```
---@param number string
---@return TestList
function TestList:remove(number) end

--- Has the number in it.
---
--- ```lua
--- t:list("vips"):includes("+447700900123")
--- ```
---@param number string
---@return TestList
function TestList:includes(number) end

--- Does not have the number in it.
---
--- ```lua
--- t:list("vips"):doesNotInclude("+447700900123")
--- ```
---@param number string
---@return TestList
function TestList:doesNotInclude(number) end

--- A group's members, as a test sets and sees them.
---@class TestGroup
local TestGroup = {}

--- The member takes calls.
---
--- ```lua
--- t:group("15000"):login("77610")
--- ```
---@param number Digits The member's.
---@return TestGroup
function TestGroup:login(number) end

--- The member takes no calls.
---
--- ```lua
--- t:group("15000"):logout("77610")
--- ```
---@param number Digits The member's.
---@return TestGroup
function TestGroup:logout(number) end

--- The member takes calls now.
---
--- ```lua
--- t:group("15000"):hasLoggedIn("77610")
--- ```
---@param number Digits The member's.
---@return TestGroup
function TestGroup:hasLoggedIn(number) end

--- The member takes no calls now.
---
--- ```lua
--- t:group("15000"):hasLoggedOut("77610")
--- ```
---@param number Digits The member's.
---@return TestGroup
function TestGroup:hasLoggedOut(number) end

--- A conference room, as a test sees it.
---@class TestRoom
local TestRoom = {}

---@class TestRoom.has.Options
---@field moderator? boolean Whether they are a moderator.
---@field muted? boolean Whether they are muted.

--- Somebody is in it.
---
--- ```lua
--- t:room("faculty"):has("77513")
--- ```
---@param number Digits Their number.
---@param options? TestRoom.has.Options
---@return TestRoom
function TestRoom:has(number, options) end

--- So many are in it.
---
--- ```lua
--- t:room("faculty"):count(2)
--- ```
---@param members integer How many.
---@return TestRoom
function TestRoom:count(members) end

--- Nobody is in it.
---
--- ```lua
--- t:room("faculty"):isEmpty()
--- ```
---@return TestRoom
function TestRoom:isEmpty() end

--- Only moderators may come in.
---
--- ```lua
--- t:room("faculty"):isLocked()
--- ```
---@return TestRoom
function TestRoom:isLocked() end

--- A line's call log, as a test sees it.
---@class TestLog
local TestLog = {}

---@class TestLog.has.Options
---@field kind? "missed"|"dialled"|"received"|"forwarded" Which.
---@field number? string With whom.
---@field name? string Their name.
---@field length? Duration How long they talked, to the second.

--- Has an entry like this.
---
--- ```lua
--- t:log("201"):has { kind = "missed", number = "202" }
--- ```
---@param options? TestLog.has.Options
---@return TestLog
function TestLog:has(options) end

--- Has no entry.
---
--- ```lua
--- t:log("201"):isEmpty()
--- ```
---@return TestLog
function TestLog:isEmpty() end

--- A way to the public network, as a test sets it.
---@class TestTrunk
local TestTrunk = {}

--- Does not answer at all.
---
--- ```lua
--- t:trunk("pstn"):isDown()
--- ```
---@return TestTrunk
function TestTrunk:isDown() end

--- Works, as at the beginning.
---
--- ```lua
--- t:trunk("pstn"):isUp()
--- ```
---@return TestTrunk
function TestTrunk:isUp() end

--- Refuses calls.
---
--- ```lua
--- t:trunk("pstn"):rejects(503)
--- ```
---@param status integer The SIP status.
---@return TestTrunk
function TestTrunk:rejects(status) end

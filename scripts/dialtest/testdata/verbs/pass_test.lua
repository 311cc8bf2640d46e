-- Every verb as it succeeds.

test("phone: answersAfter, isTalkingTo, elapsed, hangsUp, hasEnded", function(t)
  t:phone("202"):answersAfter("5s")
  local ana = t:phone("201"):calls("202")
  ana:hearsRinging():isTalkingTo("202")
  t:elapsed("5s"):wait("10s"):elapsed("16s", { within = "2s" })
  t:phone("202"):isTalkingTo("201"):hangsUp():hasEnded()
  ana:hasEnded(200)
end)

test("phone: rings, isRinging, answers, isNotRinging, shows", function(t)
  local ben = t:phone("202")
  ben:isBusy():rings()
  local ana = t:phone("201"):calls("202")
  ben:isRinging():shows { number = "201", name = "Ana" }
  t:wait("3s")
  ben:answers():isNotRinging()
  t:elapsed("3s")
  ana:isTalkingTo("202")
end)

test("phone: isBusy, rejects, isOffline, isOnline", function(t)
  local ana, ben = t:phone("201"), t:phone("202")
  ben:isBusy()
  ana:calls("202"):isRejected("busy"):hasEnded(486)
  ben:rejects():isOffline()
  ana:calls("202"):hears("vm-goodbye")
  ben:isOnline():answersAfter("1s")
  ana:calls("202"):isAnswered()
end)

test("phone: redirects", function(t)
  t:phone("202"):redirects("203")                   -- which the exchange does not follow
  t:phone("201"):calls("202"):hears("vm-intro")
end)

test("caller: from outside, as the phone shows him", function(t)
  t:phone("202"):answersAfter("2s")
  local joe = t:call { from = "Joe <+447700900123>", to = "202", diversion = { number = "+441865277513", reason = "no-answer" } }
  t:phone("202"):shows { number = "+447700900123", name = "Joe", diversion = "+441865277513" }
  joe:isTalkingTo("202"):hangsUp()
  t:phone("202"):hasEnded()
end)

test("phone: shows, when it is called again", function(t)
  t:phone("201"):calls("202"):hearsRinging():hangsUp()
  t:phone("203"):calls("202")
  t:phone("202"):shows { number = "203" }
end)

test("caller: who withholds the number, and by a trunk", function(t)
  t:call { from = "anonymous", to = "202", trunk = "pstn" }:hearsRinging()
  t:phone("202"):shows { name = "Anonymous" }
end)

test("outside: answers out in the world", function(t)
  t:outside("07700900123"):answersAfter("3s")
  t:phone("201"):calls("07700900123"):isTalkingTo("07700900123")
  t:elapsed("3s")
end)

test("trunk: isDown, rejects, isUp", function(t)
  t:trunk("pstn"):rejects(503)
  t:phone("201"):calls("07700900123"):isRejected("congested")
  t:trunk("pstn"):isDown()
  t:phone("201"):calls("07700900123"):isRejected()
  t:trunk("pstn"):isUp()
  t:outside("07700900123"):answersAfter("1s")
  t:phone("201"):calls("07700900123"):isAnswered()
end)

test("hears: skips, several in a row, numbers; presses; doesNotHear", function(t)
  local ana = t:phone("201"):calls("300")
  ana:doesNotHear("vm-goodbye"):hears { "vm-youhave", "number:12" }:presses("42")
  ana:hears("number:42"):doesNotHear("vm-goodbye", { during = "10s" }):hasEnded()
end)

test("hearsMusic, isOnHold", function(t)
  t:phone("201"):calls("301"):hearsMusic():hearsMusic("bells")
  t:phone("202"):answersAfter("1s")
  local cay = t:phone("203"):calls("202"):isTalkingTo("202")
  t:phone("202"):holds()
  cay:isOnHold()
  t:phone("202"):unholds()
  cay:isTalkingTo("202")
end)

test("speaksFor, hearsRecording, hearsNothing", function(t)
  t:phone("201"):calls("302"):speaksFor("3s"):hearsRecording():hearsNothing()
end)

test("transfersTo: blind", function(t)
  t:phone("202"):answersAfter("1s")
  t:phone("203"):answersAfter("1s")
  local ana = t:phone("201"):calls("202"):isTalkingTo("202")
  t:phone("202"):transfersTo("203")
  ana:isTalkingTo("203")
  t:phone("202"):hasEnded()
end)

test("transfersTo: after a consultation", function(t)
  t:phone("202"):answersAfter("1s")
  t:phone("203"):answersAfter("1s")
  local ana = t:phone("201"):calls("202"):isTalkingTo("202")
  t:phone("202"):transfersTo("203", { consult = true })
  ana:isTalkingTo("203")
end)

test("mailbox: has, isEmpty, count, lamp", function(t)
  t:mailbox("202"):isEmpty():count(0)
  t:lamp("202"):isOff()
  local ana = t:phone("201"):calls("202")
  ana:hears("vm-intro"):speaksFor("4s"):hangsUp()
  t:mailbox("202"):has { from = "201", name = "Ana", length = "4s", urgent = false, heard = false, folder = "new" }:count(1)
  t:lamp("202"):isOn():shows { new = 1, old = 0 }
end)

test("mailbox: add, setGreeting, hasGreeting, setPin, isLocked", function(t)
  t:mailbox("202"):add { from = "201", name = "Ana", length = "4s", urgent = true }:has { from = "201", length = "4s", urgent = true }
  t:mailbox("202"):setGreeting("name"):hasGreeting("name"):setPin("274951")
  for _ = 1, 3 do mailbox("202"):checkPin("111222") end
  t:mailbox("202"):isLocked()
  t:lamp("202"):shows { urgent = 1 }
end)

test("line, list, group: set and seen", function(t)
  t:list("vips"):remove("202"):doesNotInclude("202")
  t:group("400"):login("202"):hasLoggedIn("202")
  t:phone("204"):calls("305"):isAnswered()
  t:line("201"):has { dnd = true, busy = "202", always = false }
  t:list("vips"):includes("202")
  t:group("400"):hasLoggedOut("202")
  t:line("201"):setDnd(false):setForward("busy"):setPermissions { "national" }:has { dnd = false, busy = false }
  t:list("vips"):add("203"):includes("203")
  t:group("400"):logout("201"):hasLoggedOut("201")
end)

test("line: made for the test", function(t)
  t:line("209", { name = "Eve", permissions = { "national" }, pickupGroup = "office", department = "Sales" })
  t:phone("209"):answersAfter("1s")
  t:phone("201"):calls("209"):isTalkingTo("209")
  t:mailbox("209"):isEmpty()
end)

test("room: has, count, isEmpty", function(t)
  t:room("hall"):isEmpty():count(0)
  local ana = t:phone("201"):calls("303"):isAnswered()
  t:phone("202"):calls("303"):isTalkingTo("201")
  t:room("hall"):has("201", { moderator = true }):has("202", { moderator = false, muted = false }):count(2)
  room("hall"):lock(true)
  t:room("hall"):isLocked()
  ana:hangsUp()
  t:room("hall"):count(1)
end)

test("log: has, isEmpty", function(t)
  t:log("201"):isEmpty()
  t:phone("202"):answersAfter("1s")
  t:phone("201"):calls("202"):isTalkingTo("202")
  t:wait("10s")
  t:phone("202"):hangsUp()
  t:log("201"):has { kind = "dialled", number = "202", name = "Ben", length = "10s" }
end)

test("at: a day, an hour, a date; later it lets time pass", function(t)
  t:at("sat 14:00", { zone = "Europe/London" })
  assert(date(now(), { zone = "Europe/London" }).weekday == "sat")
  t:at("2026-12-25 09:00")
  assert(date().month == 12 and date().day == 25)
  t:phone("201"):calls("304"):hearsRinging()
  t:at("09:10"):elapsed("0s")
  t:phone("201"):isNotRinging()
end)

test("scriptFails: an error that is expected", function(t)
  t:scriptFails("has no fields")
  t:phone("201"):calls("306"):hasEnded()
end)

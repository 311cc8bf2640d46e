-- What the executive and the assistants do from their telephones: *84 *85 the filter, *86 calls on behalf, *87 *88 the
-- whitelist.

local say = require "say"

-- The filter.

test("*85 by Dana: her telephone rings; *84: the assistants' again", function(t)
  t:phone("77600"):calls("*85"):hears("belfry/assistant-filter-off"):hasEnded()
  t:phone("77513"):calls("77600"):hearsRinging()
  t:phone("77600"):isRinging()

  t:phone("77600"):calls("*84"):hears("belfry/assistant-filter-on"):hasEnded()
  t:phone("77514"):calls("77600"):hearsRinging()
  t:phone("77601"):isRinging()
end)

for _, code in ipairs { "*85", "*8577600" } do
  test(code .. " by Sam: Dana's telephone rings, and whose it is is said", function(t)
    t:phone("77601"):calls(code):hears(say.join("belfry/assistant-filter-off-for", say.digits "77600")):hasEnded()

    t:phone("77513"):calls("77600"):hearsRinging()

    t:phone("77600"):isRinging()
  end)
end

for _, code in ipairs { "*84", "*8477600" } do
  test(code .. " by Priya: the assistants' telephones ring again", function(t)
    t:phone("77600"):calls("*85"):hasEnded()

    t:phone("77602"):calls(code):hears(say.join("belfry/assistant-filter-on-for", say.digits "77600")):hasEnded()

    t:phone("77513"):calls("77600"):hearsRinging()
    t:phone("77601"):isRinging()
  end)
end

test("*8577513 by Sam: Ada is not one of his executives", function(t)
  t:phone("77601"):calls("*8577513"):hears("belfry/assistant-not-yours"):hasEnded()
end)

for _, code in ipairs { "*84", "*85", "*8577600", "*8607700900123", "*8777513", "*8877513" } do
  test(code .. " by Ben, who is nobody's assistant", function(t)
    t:phone("77514"):calls(code):hears("belfry/assistant-none"):hasEnded()

    t:phone("77513"):calls("77600"):hearsRinging()
    t:phone("77601"):isRinging()
  end)
end

-- Calls on behalf.

test("*86 and Ada's number: she sees Dana, and talks to Sam", function(t)
  t:phone("77513"):answersAfter("2s")

  t:phone("77601"):calls("*8677513"):isTalkingTo("77513")

  t:phone("77513"):shows { number = "77600", name = "Dana Whitfield" }
end)

test("*86 and a mobile: Dana's number is seen there", function(t)
  t:outside("+447700900123"):answersAfter("2s")

  t:phone("77601"):calls("*8607700900123"):isTalkingTo("+447700900123")

  t:outside("+447700900123"):shows { number = "+441865277600", name = "Dana Whitfield" }
end)

test("*86 and a number abroad: Dana may, so Sam may for her", function(t)
  t:outside("+33142685300"):answersAfter("2s")

  t:phone("77601"):calls("*860033142685300"):isTalkingTo("+33142685300")

  t:outside("+33142685300"):shows { number = "+441865277600" }
end)

test("*86 and what Dana may not call", function(t)
  t:phone("77601"):calls("*8609061234567"):hears("belfry/not-authorised-premium"):hasEnded()

  t:outside("+449061234567"):isNotRinging()
end)

test("*86 and what cannot exist", function(t)
  t:phone("77601"):calls("*860770090012"):hears("belfry/number-unobtainable"):hasEnded()
end)

test("*86 alone asks for the number", function(t)
  t:phone("77513"):answersAfter("2s")

  t:phone("77601"):calls("*86"):hears("belfry/enter-number"):presses("77513#"):isTalkingTo("77513")

  t:phone("77513"):shows { number = "77600" }
end)

test("*86 and a number that is engaged", function(t)
  t:outside("+447700900123"):isBusy()

  t:phone("77601"):calls("*8607700900123"):isRejected("busy")
end)

test("*86 and the help desk: the group is called", function(t)
  t:phone("77610"):answersAfter("2s")

  t:phone("77601"):calls("*8615000"):isTalkingTo("77610")
end)

test("*86 and the conferences", function(t)
  t:phone("77601"):calls("*8689000"):hears("belfry/room-welcome")
end)

test("*86 and 999 is an emergency call like any other: Sam's own number is seen, where help is needed", function(t)
  t:phone("77601"):calls("*86999"):hearsRinging():hears("belfry/emergency-trying-again")

  t:outside("999"):isRinging():shows { number = "+441865277601" }
end)

-- The whitelist.

test("*8777513 by Dana: Ada gets through; *8877513: no more", function(t)
  t:phone("77600"):calls("*8777513"):hears("belfry/list-added"):hasEnded()
  t:list("whitelist-77600"):includes("77513")
  t:phone("77513"):calls("77600"):hearsRinging()
  t:phone("77600"):isRinging()

  t:phone("77600"):calls("*8877513"):hears("belfry/list-removed"):hasEnded()
  t:list("whitelist-77600"):doesNotInclude("77513")
  t:phone("77513"):calls("77600"):hearsRinging()
  t:phone("77601"):isRinging()
end)

for _, number in ipairs { "07700900123", "+447700900123", "00447700900123" } do
  test("*87" .. number .. " by Sam: that mobile gets through", function(t)
    t:phone("77601"):calls("*87" .. number):hears("belfry/list-added"):hasEnded()

    t:call { from = "+447700900123", to = "01865277600" }:hearsRinging()

    t:phone("77600"):isRinging()
  end)
end

test("*8701865277513: our number in full is Ada's extension", function(t)
  t:phone("77600"):calls("*8701865277513"):hears("belfry/list-added"):hasEnded()

  t:list("whitelist-77600"):includes("77513")
end)

for code, words in pairs { ["*87"] = "belfry/list-added", ["*88"] = "belfry/list-removed" } do
  test(code .. " alone asks for the number", function(t)
    t:phone("77600"):calls(code):hears("belfry/list-enter-number"):presses("77513#"):hears(words):hasEnded()
  end)

  test(code .. " alone, and then nothing: the list stays as it is", function(t)
    t:phone("77600"):calls(code):hears("belfry/list-enter-number"):doesNotHear(words):hasEnded()
  end)
end

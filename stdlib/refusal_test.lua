-- *911 … are calls that end before they are answered, *921 … in the middle of something.

local before = {                                    -- what the phone is told, in the order of main.lua
  "busy", "unavailable", "unavailable", "unavailable", "unavailable", "declined", "congested", "notFound",
}
local words = {
  "belfry/number-engaged", "belfry/no-answer", "belfry/no-answer", "belfry/person-unavailable", "belfry/line-not-connected",
  "belfry/call-declined", "belfry/lines-busy", "belfry/number-unobtainable",
}

test("who is not answered yet is told the reason by their own phone, for nothing", function(t)
  for i, reason in ipairs(before) do
    t:phone("77501"):calls("*91" .. i):isRejected(reason)
  end
end)

test("in the middle of a call it is said in words", function(t)
  for i, prompt in ipairs(words) do
    t:phone("77501"):calls("*92" .. i):hears(prompt):hasEnded(200)
  end
end)

test("all lines are busy: a tone first, for four seconds", function(t)
  t:phone("77501"):calls("*917"):hears("tone:congestion"):isRejected("congested")
  t:elapsed("4s")
end)

test("no such number: a tone first", function(t)
  t:phone("77501"):calls("*918"):hears("tone:unobtainable"):isRejected("notFound")
end)

test("who may not make a call is told why", function(t)
  t:phone("77501"):calls("*930"):hears("belfry/restricted-code"):hasEnded()
  t:phone("77501"):calls("*931"):hears("belfry/not-authorised-premium"):hasEnded()
end)

-- Emergency calls. The trunks are pstn and backup.

test("999 and 112 are answered, and see the line's own number", function(t)
  for _, number in ipairs { "999", "112" } do
    t:outside(number):answersAfter("1s")
    t:phone("77503"):calls(number):isTalkingTo(number)
    t:outside(number):shows { number = "+441865277503" }
    t:phone("77503"):hangsUp()
  end
end)

test("neither do not disturb nor a forward stands in the way", function(t)
  t:line("77503"):setDnd(true):setForward("always", "77501")
  t:outside("999"):answersAfter("1s")
  t:phone("77503"):calls("999"):isTalkingTo("999")
end)

test("when one trunk fails the other takes the call", function(t)
  t:trunk("pstn"):isDown()
  t:outside("999"):answersAfter("1s")
  t:phone("77503"):calls("999"):isTalkingTo("999")
end)

test("even a refusal is no reason not to try the next trunk", function(t)
  t:outside("999"):rejects(486)
  local cay = t:phone("77503"):calls("999"):hears("belfry/emergency-trying-again")
  t:outside("999"):answersAfter("1s")
  cay:isTalkingTo("999")
end)

test("all trunks fail: they are tried three times over, and the caller is told throughout", function(t)
  t:trunk("pstn"):rejects(503)
  t:trunk("backup"):rejects(503)
  local cay = t:phone("77503"):calls("999")
  cay:hears { "belfry/emergency-trying-again", "belfry/emergency-trying-again", "belfry/emergency-failed" }:hasEnded()
end)

test("nobody answers: each trunk is given two minutes", function(t)
  t:phone("77503"):calls("999"):hears("belfry/emergency-trying-again")
  t:elapsed("4m")
end)

test("when the services hang up nobody is called again", function(t)
  t:outside("999"):answersAfter("1s")
  local cay = t:phone("77503"):calls("999"):isTalkingTo("999")
  t:outside("999"):hangsUp()
  cay:hasEnded()
  t:elapsed("1s")
end)

test("a trunk that comes back in the second round takes the call", function(t)
  t:trunk("pstn"):rejects(503)
  t:trunk("backup"):rejects(503)
  local cay = t:phone("77503"):calls("999"):hears("belfry/emergency-trying-again")
  t:trunk("backup"):isUp()
  t:outside("999"):answersAfter("1s")
  cay:isTalkingTo("999")
end)

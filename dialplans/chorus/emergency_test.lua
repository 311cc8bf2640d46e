-- 999 and 112: nothing stands in their way.

for _, number in ipairs { "999", "112" } do
  test(number .. " is answered, and sees the telephone's own number", function(t)
    t:outside(number):answersAfter("2s")

    local ada = t:phone("77513"):calls(number)

    ada:isTalkingTo(number)
    t:outside(number):shows { number = "+441865277513" }
  end)

  test(number .. " needs no permission", function(t)
    t:line("77621"):setPermissions("none")
    t:outside(number):answersAfter("2s")

    t:phone("77621"):calls(number):isTalkingTo(number)
  end)

  test(number .. " does not care for do not disturb or forwards", function(t)
    t:line("77514"):setDnd(true):setForward("always", "77513")
    t:outside(number):answersAfter("2s")

    t:phone("77514"):calls(number):isTalkingTo(number)
  end)
end

test("nobody answers 999: it is called again after two minutes, three times in all", function(t)
  local ada = t:phone("77513"):calls("999")

  ada:hearsRinging():hears("belfry/emergency-trying-again")
  t:elapsed("2m")
  ada:hears("belfry/emergency-trying-again"):hears("belfry/emergency-failed"):hasEnded()
end)

test("999 is engaged at first", function(t)
  t:outside("999"):isBusy()
  local ada = t:phone("77513"):calls("999")
  ada:hears("belfry/emergency-trying-again")

  t:outside("999"):answersAfter("1s")

  ada:isTalkingTo("999")
end)

test("the trunk is down at first", function(t)
  t:trunk("pstn"):isDown()
  local ada = t:phone("77513"):calls("999")
  ada:hears("belfry/emergency-trying-again")

  t:trunk("pstn"):isUp()
  t:outside("999"):answersAfter("1s")

  ada:isTalkingTo("999")
end)

test("whoever hangs up is not called back by the exchange", function(t)
  local ada = t:phone("77513"):calls("999"):hearsRinging():hangsUp()

  ada:hasEnded()
  t:outside("999"):isNotRinging()
end)

test("nobody's calls can be forwarded to 999", function(t)
  local ada = t:phone("77513"):calls("*72999")

  ada:hears("belfry/forwarding-not-allowed"):hasEnded()
  t:line("77513"):has { always = false }
end)

test("nor does a forward that was set some other way ring it", function(t)
  t:line("77513"):setForward("always", "999")

  t:phone("77514"):calls("77513"):hearsRinging()

  t:phone("77513"):isRinging()
  t:outside("999"):isNotRinging()
end)

test("999 is for our telephones: nobody reaches it through us", function(t)
  t:call { from = "+447700900123", to = "999" }:isRejected("notFound")
end)

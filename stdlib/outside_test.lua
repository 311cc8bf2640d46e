-- Calls to the rest of the world, over the trunk pstn and, if that cannot, backup.

test("the full number of the caller is shown there", function(t)
  t:outside("+441865202020"):answersAfter("3s")
  t:phone("77501"):calls("01865202020"):isTalkingTo("+441865202020")
  t:outside("+441865202020"):shows { number = "+441865277501", name = "Ada" }
end)

test("nobody answers there", function(t)
  t:phone("77501"):calls("01865202020"):isRejected("unavailable")
  t:elapsed("2m")
end)

test("busy there", function(t)
  t:outside("+441865202020"):isBusy()
  t:phone("77501"):calls("01865202020"):isRejected("busy")
end)

test("declined there", function(t)
  t:outside("+441865202020"):rejects(603)
  t:phone("77501"):calls("01865202020"):isRejected("declined")
end)

test("there is no such number there", function(t)
  t:outside("+441865202020"):rejects(404)
  t:phone("77501"):calls("01865202020"):isRejected()
end)

test("a number that cannot exist is not even tried", function(t)
  t:phone("77501"):calls("0186520202"):hears("tone:unobtainable"):isRejected("notFound")
end)

test("the trunk has no line free: the other one takes the call", function(t)
  t:trunk("pstn"):rejects(503)
  t:outside("+441865202020"):answersAfter("3s")
  t:phone("77501"):calls("01865202020"):isTalkingTo("+441865202020")
end)

test("the trunk does not answer at all: the other one takes the call", function(t)
  t:trunk("pstn"):isDown()
  t:outside("+441865202020"):answersAfter("3s")
  t:phone("77501"):calls("01865202020"):isTalkingTo("+441865202020")
end)

test("a busy number is not tried by the other trunk", function(t)
  t:trunk("backup"):isDown()
  t:outside("+441865202020"):isBusy()
  t:phone("77501"):calls("01865202020"):isRejected("busy")
  t:elapsed("0s")
end)

test("no trunk can: all lines are busy", function(t)
  t:trunk("pstn"):rejects(503)
  t:trunk("backup"):rejects(503)
  t:phone("77501"):calls("01865202020"):hears("tone:congestion"):isRejected("congested")
end)
